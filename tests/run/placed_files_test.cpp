// What is read back of the files that compose wrote into a container.
#include "orchestration/run/placed_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/support/fake_engine.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

using testing::ElementsAre;

placed_file file_at(const std::string& path, const std::string& content) {
  placed_file out;
  out.path = path;
  out.content = content;
  return out;
}

std::string tar_of(entry_type type, const std::string& path) {
  std::string out;
  tar_writer writer([&out](std::string_view bytes) { out += bytes; });
  tar_entry entry;
  entry.path = path;
  entry.type = type;
  entry.mode = 0755;
  if (type == entry_type::symlink) entry.target = "../elsewhere";
  writer.begin(entry);
  if (type == entry_type::directory) {
    tar_entry below;
    below.path = path + "/below";
    below.size = 1;
    writer.begin(below);
    writer.write("x");
  }
  writer.finish();
  return out;
}

/// Answers with these, by path.
class answering_engine : public fake_engine {
 public:
  std::map<std::string, std::string> tars;
  docker::task<std::optional<std::string>> get_archive(std::string, std::string path) override {
    const auto found = tars.find(path);
    if (found == tars.end()) co_return std::nullopt;
    co_return found->second;
  }
};

TEST(PlacedFiles, AreFoundBesideWhatIsNoFile) {
  answering_engine engine;
  engine.tars["/run/secrets/token"] = orchestration::tar_of(file_at("/run/secrets/token", "t"), 0);
  engine.tars["/etc/link.conf"] = tar_of(entry_type::symlink, "link.conf");
  engine.tars["/etc/app"] = tar_of(entry_type::directory, "app");
  std::vector<placed_file> wanted;
  for (const char* path : {"/etc/app", "/etc/link.conf", "/etc/missing", "/run/secrets/token"})
    wanted.push_back(file_at(path, ""));
  const found_files found = run_task(files_found(engine, "a container", wanted));
  ASSERT_EQ(found.files.size(), 1U);
  EXPECT_EQ(found.files.front().path, "/run/secrets/token");
  EXPECT_EQ(found.files.front().content, "t");
  EXPECT_THAT(found.no_files, ElementsAre("/etc/app", "/etc/link.conf"));
}

TEST(PlacedFiles, OfADirectoryAreNotTheOnesBelowIt) {
  EXPECT_THROW(file_in(tar_of(entry_type::directory, "app")), snapshot_error);
}

}  // namespace
}  // namespace orchestration::test
