// A private directory for a store, and what the store's tests say often.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "orchestration/release/store.hpp"
#include "sample_release.hpp"

namespace orchestration {

class store_test : public testing::Test {
 protected:
  store_test() {
    std::string name = (std::filesystem::temp_directory_path() / "store-test-XXXXXX").string();
    directory = ::mkdtemp(name.data());  // 0700
  }
  ~store_test() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
  }

  store open() const { return store::open(directory, open_mode::read_write); }
  store look() const { return store::open(directory, open_mode::read_only); }
  std::filesystem::path file() const { return directory / "state.db"; }

  std::filesystem::path directory;
};

inline attempt sample_attempt(const std::string& id) {
  attempt a;
  a.id = id;
  a.kind = "update";
  a.state = "prepared";
  a.from_release = 1;
  a.to_release = 2;
  a.tag = "v2";
  a.who = "alice";
  a.why = "CVE";
  a.started_at = "2026-11-21T10:55:01Z";
  a.plan = docker::json::parse(R"({"operations":[{"body":{"Env":["TOKEN=canary-5813"]}}]})");
  a.settings = docker::json::parse(R"({"pin":{"file":"/opt/shop/.env"}})");
  return a;
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline unsigned mode_of(const std::filesystem::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
}

/// What `act` throws: "kind: text"; "no error" when it does not.
struct caught {
  store_error::kind why = store_error::kind::failed;
  std::string text = "no error";
  bool says(const std::string& part) const { return text.find(part) != std::string::npos; }
};

template <class Act>
caught error_of(Act act) {
  caught out;
  try {
    act();
  } catch (const store_error& error) {
    out.why = error.why();
    out.text = error.what();
  }
  return out;
}

}  // namespace orchestration
