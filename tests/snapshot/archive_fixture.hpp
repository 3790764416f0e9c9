// A volume to archive, a place for the archive, a volume to restore into.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "orchestration/snapshot/volume_archive.hpp"
#include "tests/files/temporary_directory.hpp"

namespace orchestration::test {

class archive_test : public testing::Test {
 protected:
  archive_test() {
    for (const char* name : {"volume", "back", "store"}) std::filesystem::create_directory(place / name);
    options.volume = "shop-data";
  }

  expected_archive archive() {
    made = archive_volume(volume, store / "a.tar.zst", store / "a.files.jsonl.zst", options);
    return expected();
  }

  expected_archive expected() const {
    expected_archive out;
    out.volume = "shop-data";
    out.archive = store / "a.tar.zst";
    out.file_list = store / "a.files.jsonl.zst";
    out.sha256 = made.sha256;
    out.file_list_sha256 = made.file_list_sha256;
    out.entries = made.entries;
    out.bytes = made.bytes;
    return out;
  }

  temporary_directory place;
  std::filesystem::path volume = place / "volume";
  std::filesystem::path back = place / "back";
  std::filesystem::path store = place / "store";
  archive_options options;
  archived made;
};

}  // namespace orchestration::test
