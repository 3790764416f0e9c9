// Damaged archives are found, and found before anything is wiped.
#include <map>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/snapshot/archive_fixture.hpp"
#include "tests/snapshot/picture.hpp"

namespace orchestration {
namespace {

using test::put;
using test::text_of;

class damaged_archive : public test::archive_test {
 protected:
  damaged_archive() {
    std::string noise;  // does not compress, so that the archive has some length
    unsigned state = 1;
    for (int i = 0; i < 6000; ++i) noise.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
    put(volume / "noise", noise);
    put(volume / "text", "rows");
    std::filesystem::create_directory(volume / "d");
    good = archive();
    put(back / "present", "the data of now");
    before = test::picture(back);
  }

  void expect_found(const std::string& what) {
    EXPECT_FALSE(verify_archive(good, options).good()) << what;
    EXPECT_THROW(restore_volume(good, back, options), snapshot_error) << what;
    EXPECT_EQ(test::picture(back), before) << what;
  }

  expected_archive good;
  std::map<std::string, std::string> before;
};

TEST_F(damaged_archive, IsGoodWhileNothingIsDamaged) {
  const verification result = verify_archive(good, options);
  EXPECT_TRUE(result.good());
  EXPECT_EQ(result.entries, 4U);
  EXPECT_EQ(result.bytes, 6004U);
}

TEST_F(damaged_archive, AFlippedBitAtAnyPlaceIsFound) {
  for (const std::filesystem::path& file : {good.archive, good.file_list}) {
    const std::string bytes = text_of(file);
    for (std::size_t at = 0; at < bytes.size(); at += 23) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
      put(file, flipped);
      expect_found(file.filename().string() + " at " + std::to_string(at));
    }
    put(file, bytes);
  }
  EXPECT_TRUE(verify_archive(good, options).good());
}

TEST_F(damaged_archive, CutAtAnyPlaceIsFound) {
  for (const std::filesystem::path& file : {good.archive, good.file_list}) {
    const std::string bytes = text_of(file);
    for (std::size_t length = 0; length < bytes.size(); length += 512) {
      put(file, bytes.substr(0, length));
      expect_found(file.filename().string() + " cut at " + std::to_string(length));
    }
    put(file, bytes.substr(0, bytes.size() - 1));
    expect_found("without its last byte");
    put(file, bytes);
  }
}

TEST_F(damaged_archive, BytesAfterItsEndAreFound) {
  put(good.archive, text_of(good.archive) + "x");
  expect_found("one byte more");
}

// A skippable frame (RFC 8878 §3.1.2): zstd and tar pass over it, only the hash of the whole tells.
TEST_F(damaged_archive, BytesThatZstdPassesOverAreFound) {
  for (const std::filesystem::path& file : {good.archive, good.file_list}) {
    const std::string bytes = text_of(file);
    put(file, bytes + std::string("\x50\x2a\x4d\x18\1\0\0\0x", 9));
    expect_found(file.filename().string());
    put(file, bytes);
  }
}

TEST_F(damaged_archive, AMissingFileIsFound) {
  std::filesystem::remove(good.file_list);
  expect_found("no list");
  std::filesystem::remove(good.archive);
  expect_found("no archive");
}

TEST_F(damaged_archive, AnArchiveOfSomethingElseIsFoundThoughItsHashIsRight) {
  put(volume / "text", "ROWS");
  const archived other = archive_volume(volume, store / "b.tar.zst", store / "b.files.jsonl.zst", options);
  good.archive = store / "b.tar.zst";
  good.sha256 = other.sha256;
  expect_found("the list is of another archive");
  EXPECT_NE(verify_archive(good, options).problems.front().find("text: its content is not what"), std::string::npos);
}

TEST_F(damaged_archive, AnotherNumberOfEntriesOrBytesThanRecordedIsFound) {
  ++good.entries;
  expect_found("entries");
  --good.entries;
  ++good.bytes;
  expect_found("bytes");
}

}  // namespace
}  // namespace orchestration
