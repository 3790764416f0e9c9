#include "orchestration/files/ballast.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "orchestration/files/disk_space.hpp"
#include "tests/files/temporary_directory.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using test::temporary_directory;

constexpr std::uint64_t size = 1 << 20;

struct stat status_of(const fs::path& file) {
  struct stat status {};
  ::lstat(file.c_str(), &status);
  return status;
}

TEST(Ballast, KeepsItsSizeInAllocatedBlocksThatOnlyItsOwnerReads) {
  const temporary_directory directory;
  ballast kept(size);
  kept.add(directory / "ballast");
  EXPECT_EQ(kept.missing().size(), 1U);
  EXPECT_TRUE(kept.fill(0).empty());
  EXPECT_TRUE(kept.missing().empty());
  const struct stat status = status_of(directory / "ballast");
  EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, size);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(Ballast, IsMadeOnceAndLeftAloneWhileItIsWhole) {
  const temporary_directory directory;
  ballast kept(size);
  kept.add(directory / "ballast");
  kept.fill(0);
  const ino_t first = status_of(directory / "ballast").st_ino;
  EXPECT_TRUE(kept.fill(0).empty());
  EXPECT_EQ(status_of(directory / "ballast").st_ino, first);
}

TEST(Ballast, MakesAnewWhatAKillLeftHalfMade) {
  const temporary_directory directory;
  std::ofstream(directory / "ballast") << "a part of it";
  ballast kept(size);
  kept.add(directory / "ballast");
  EXPECT_EQ(kept.missing().size(), 1U);
  EXPECT_TRUE(kept.fill(0).empty());
  EXPECT_TRUE(kept.missing().empty());
}

TEST(Ballast, IsNoHoleOfItsSize) {
  const temporary_directory directory;
  std::ofstream(directory / "ballast") << "";
  fs::resize_file(directory / "ballast", size);
  ballast kept(size);
  kept.add(directory / "ballast");
  EXPECT_EQ(kept.missing().size(), 1U);
}

TEST(Ballast, ServesForAllPlacesOnOneFileSystem) {
  const temporary_directory directory;
  fs::create_directory(directory / "a");
  fs::create_directory(directory / "b");
  ballast kept(size);
  kept.add(directory / "a/ballast");
  kept.add(directory / "b/ballast");
  kept.add(directory / "a/ballast");
  ASSERT_EQ(kept.places().size(), 1U);
  EXPECT_EQ(kept.places().front(), directory / "a/ballast");
}

TEST(Ballast, GivesItsRoomBackOnce) {
  const temporary_directory directory;
  ballast kept(size);
  kept.add(directory / "ballast");
  kept.fill(0);
  ASSERT_EQ(kept.release().size(), 1U);
  EXPECT_FALSE(fs::exists(directory / "ballast"));
  EXPECT_TRUE(kept.release().empty());
}

TEST(Ballast, IsNotMadeWhereTooLittleWouldBeLeft) {
  const temporary_directory directory;
  ballast kept(size);
  kept.add(directory / "ballast");
  const std::vector<std::string> problems = kept.fill(disk_space_at(directory.path()).total_bytes);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("are free in " + directory.path().string()), std::string::npos) << problems.front();
  EXPECT_FALSE(fs::exists(directory / "ballast"));
}

TEST(Ballast, SaysWhereItCannotBe) {
  const temporary_directory directory;
  ballast kept(size);
  kept.add(directory / "no/such/directory/ballast");
  const std::vector<std::string> problems = kept.fill(0);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_NE(problems.front().find("no/such/directory/ballast"), std::string::npos) << problems.front();
  EXPECT_TRUE(kept.release().empty());
}

TEST(Ballast, FollowsNoLinkThatSomebodyPutInItsPlace) {
  const temporary_directory directory;
  std::ofstream(directory / "precious") << "of somebody else";
  fs::create_symlink(directory / "precious", directory / "ballast");
  ballast kept(size);
  kept.add(directory / "ballast");
  EXPECT_TRUE(kept.release().empty());
  EXPECT_TRUE(kept.fill(0).empty());
  EXPECT_FALSE(fs::is_symlink(directory / "ballast"));
  EXPECT_EQ(fs::file_size(directory / "precious"), 16U);
}

TEST(Ballast, KeepsNothingBackWithoutAPlace) {
  const ballast kept;
  EXPECT_TRUE(kept.missing().empty());
  EXPECT_TRUE(kept.fill(0).empty());
  EXPECT_TRUE(kept.release().empty());
}

}  // namespace
}  // namespace orchestration
