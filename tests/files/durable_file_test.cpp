#include "orchestration/files/durable_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "orchestration/files/disk_space.hpp"
#include "orchestration/files/file_error.hpp"
#include "tests/files/child_process.hpp"
#include "tests/files/temporary_directory.hpp"

namespace orchestration {
namespace {

using test::put;
using test::text_of;

std::size_t names_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

struct stat status_of(const std::filesystem::path& path) {
  struct stat out {};
  EXPECT_EQ(::lstat(path.c_str(), &out), 0);
  return out;
}

template <class Work>
std::string failure_of(Work work) {
  try {
    work();
  } catch (const file_error& error) {
    return error.what();
  }
  return "nothing failed";
}

TEST(DurableFile, ReplacesTheContentAndLeavesNothingElse) {
  test::temporary_directory place;
  put(place / "state", "old");
  write_durably(place / "state", "new");
  EXPECT_EQ(text_of(place / "state"), "new");
  EXPECT_EQ(names_in(place.path()), 1U);
}

TEST(DurableFile, HasTheModeAskedForWhateverTheUmask) {
  test::temporary_directory place;
  const mode_t before = ::umask(077);
  write_durably(place / "a", "x", 0644);
  ::umask(0);
  write_durably(place / "b", "x");
  ::umask(before);
  EXPECT_EQ(status_of(place / "a").st_mode & 07777, 0644U);
  EXPECT_EQ(status_of(place / "b").st_mode & 07777, 0600U);
}

TEST(DurableFile, GivesUpWithoutCommit) {
  test::temporary_directory place;
  put(place / "state", "old");
  {
    durable_file file(place / "state");
    file.write("half");
    EXPECT_EQ(names_in(place.path()), 2U);
  }
  EXPECT_EQ(text_of(place / "state"), "old");
  EXPECT_EQ(names_in(place.path()), 1U);
}

TEST(DurableFile, KilledBetweenWriteAndRenameLeavesTheOldContent) {
  test::temporary_directory place;
  put(place / "state", "old");
  const int end = test::in_child([&] {
    durable_file file(place / "state");
    file.write("new");
    return ::raise(SIGKILL);
  });
  EXPECT_EQ(end, -SIGKILL);
  EXPECT_EQ(text_of(place / "state"), "old");
}

TEST(DurableFile, RemovesWhatKilledRunsLeftOfTheSameFileAndNothingElse) {
  test::temporary_directory place;
  put(place / ".state.0123456789abcdef.tmp", "left");
  for (const char* name : {".state.0123.tmp", ".state.0123456789abcdeg.tmp", ".state.x.0123456789abcdef.tmp", "state"})
    put(place / name, "keep");
  write_durably(place / "state", "new");
  EXPECT_EQ(names_in(place.path()), 4U);
  EXPECT_FALSE(std::filesystem::exists(place / ".state.0123456789abcdef.tmp"));
}

TEST(DurableFile, ReplacesASymlinkInsteadOfWritingThroughIt) {
  test::temporary_directory place;
  put(place / "victim", "untouched");
  std::filesystem::create_symlink(place / "victim", place / "state");
  write_durably(place / "state", "new");
  EXPECT_EQ(text_of(place / "victim"), "untouched");
  EXPECT_FALSE(std::filesystem::is_symlink(place / "state"));
}

TEST(DurableFile, TakesATargetWhoseNameHasTheFullLength) {
  test::temporary_directory place;
  const std::string name(255, 'n');
  write_durably(place / name, "x");
  EXPECT_EQ(text_of(place / name), "x");
}

TEST(DurableFile, NamesTheFileAndTheReason) {
  test::temporary_directory place;
  const std::filesystem::path path = place / "missing/state";
  EXPECT_EQ(failure_of([&] { write_durably(path, "x"); }),
            "cannot write " + path.string() + ": no such file or directory");
}

TEST(DurableFile, AFullDiskLeavesTheOldContentAndSaysSo) {
  test::temporary_directory place;
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(place.path(), "size=64k");
    put(place / "state", "old");
    try {
      write_durably(place / "state", std::string(1 << 20, 'x'));
    } catch (const file_error& error) {
      const std::string expected = "cannot write " + (place / "state").string() + ": no space left on device";
      if (!error.out_of_space() || error.what() != expected) return 2;
      return text_of(place / "state") == "old" && names_in(place.path()) == 1 ? 0 : 3;
    }
    return 4;
  });
  EXPECT_EQ(end, 0);
}

TEST(ReplaceText, KeepsModeOwnerGroupAndAttributes) {
  test::temporary_directory place;
  const std::filesystem::path path = place / ".env";
  put(path, "TAG=v1\n");
  ASSERT_EQ(::chown(path.c_str(), 1234, 5678), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  ASSERT_EQ(::setxattr(path.c_str(), "user.note", "kept", 4, 0), 0);
  // user::rw- user:1000:r-- group::r-- mask::r-- other::---, as the kernel writes it.
  const std::string acl(
      "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\4\0\350\3\0\0\4\0\4\0\377\377\377\377\20\0\4\0\377\377\377\377"
      "\40\0\0\0\377\377\377\377",
      44);
  ASSERT_EQ(::setxattr(path.c_str(), "system.posix_acl_access", acl.data(), acl.size(), 0), 0);

  EXPECT_EQ(replace_text_keeping_attributes(path, "TAG=v2\n"), replacement::renamed);

  EXPECT_EQ(text_of(path), "TAG=v2\n");
  const struct stat after = status_of(path);
  EXPECT_EQ(after.st_mode & 07777, 0640U);
  EXPECT_EQ(after.st_uid, 1234U);
  EXPECT_EQ(after.st_gid, 5678U);
  std::string value(100, '\0');
  EXPECT_EQ(::getxattr(path.c_str(), "user.note", value.data(), value.size()), 4);
  EXPECT_EQ(value.substr(0, 4), "kept");
  EXPECT_EQ(::getxattr(path.c_str(), "system.posix_acl_access", value.data(), value.size()), 44);
  EXPECT_EQ(value.substr(0, 44), acl);
  EXPECT_EQ(names_in(place.path()), 1U);
}

TEST(ReplaceText, FollowsASymlinkAndKeepsIt) {
  test::temporary_directory place;
  std::filesystem::create_directory(place / "shared");
  put(place / "shared/real.env", "TAG=v1\n");
  std::filesystem::create_symlink("shared/real.env", place / ".env");
  EXPECT_EQ(replace_text_keeping_attributes(place / ".env", "TAG=v2\n"), replacement::renamed);
  EXPECT_TRUE(std::filesystem::is_symlink(place / ".env"));
  EXPECT_EQ(text_of(place / "shared/real.env"), "TAG=v2\n");
}

TEST(ReplaceText, OverwritesInPlaceWhenTheFileIsAMountPoint) {
  test::temporary_directory place;
  put(place / "real", "TAG=v1-and-longer\n");
  put(place / ".env", "");
  const int end = test::in_child([&] {
    test::own_mounts();
    if (::mount((place / "real").c_str(), (place / ".env").c_str(), nullptr, MS_BIND, nullptr) != 0) return 2;
    if (replace_text_keeping_attributes(place / ".env", "TAG=v2\n") != replacement::in_place) return 3;
    return names_in(place.path()) == 2 ? 0 : 4;
  });
  EXPECT_EQ(end, 0);
  EXPECT_EQ(text_of(place / "real"), "TAG=v2\n");
}

/// `real` as a file of a directory that is read-only, so that it can be written in place alone.
int fails_in_place(const std::filesystem::path& project, const std::filesystem::path& real, int error,
                   const std::function<void()>& before) {
  const std::filesystem::path file = project / ".env";
  if (::mount(project.c_str(), project.c_str(), nullptr, MS_BIND, nullptr) != 0) return 2;
  if (::mount(nullptr, project.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) return 3;
  if (::mount(real.c_str(), file.c_str(), nullptr, MS_BIND, nullptr) != 0) return 4;
  const std::string old = text_of(real);
  before();
  try {
    replace_text_keeping_attributes(file, std::string(40'000, 'x'));
  } catch (const file_error& failed) {
    if (failed.error_number() != error) return 5;
    return text_of(real) == old ? 0 : 6;
  }
  return 7;
}

TEST(ReplaceText, LeavesTheOldTextInPlaceWhenTheDiskIsFull) {
  test::temporary_directory place;
  for (const char* name : {"small", "project"}) std::filesystem::create_directory(place / name);
  put(place / "project/.env", "");
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(place / "small", "size=16k");
    put(place / "small/real", std::string(5'000, 'o'));
    return fails_in_place(place / "project", place / "small/real", ENOSPC, [] {});
  });
  EXPECT_EQ(end, 0);
}

TEST(ReplaceText, PutsTheOldTextBackInPlaceWhenWritingFailsHalfWay) {
  test::temporary_directory place;
  std::filesystem::create_directory(place / "project");
  put(place / "project/.env", "");
  put(place / "real", "TAG=v1\n" + std::string(10'000, 'o'));
  const int end = test::in_child([&] {
    test::own_mounts();
    return fails_in_place(place / "project", place / "real", EFBIG, [] {
      // Of 40000 bytes the first 20000 are taken.
      ::signal(SIGXFSZ, SIG_IGN);
      const struct rlimit most { 20'000, 20'000 };
      ::setrlimit(RLIMIT_FSIZE, &most);
    });
  });
  EXPECT_EQ(end, 0);
}

TEST(ReplaceText, OverwritesInPlaceWhereTheDirectoryIsReadOnlyAndTheFileIsNot) {
  test::temporary_directory place;
  std::filesystem::create_directory(place / "project");
  put(place / "real", "TAG=v1\n");
  put(place / "project/.env", "");
  const int end = test::in_child([&] {
    test::own_mounts();
    const std::filesystem::path project = place / "project";
    const std::filesystem::path file = project / ".env";
    if (::mount(project.c_str(), project.c_str(), nullptr, MS_BIND, nullptr) != 0) return 2;
    if (::mount(nullptr, project.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0) return 3;
    if (failure_of([&] { check_text_can_be_written(file); }).find("read-only file system") == std::string::npos) return 4;
    if (failure_of([&] { replace_text_keeping_attributes(file, "x"); }).find("read-only") == std::string::npos) return 5;
    if (failure_of([&] { check_text_can_be_written(project / "new"); }).find("read-only") == std::string::npos) return 6;
    if (::mount((place / "real").c_str(), file.c_str(), nullptr, MS_BIND, nullptr) != 0) return 7;
    check_text_can_be_written(file);
    return replace_text_keeping_attributes(file, "TAG=v2\n") == replacement::in_place ? 0 : 8;
  });
  EXPECT_EQ(end, 0);
  EXPECT_EQ(text_of(place / "real"), "TAG=v2\n");
  EXPECT_EQ(text_of(place / "project/.env"), "");
}

TEST(ReplaceText, OverwritesInPlaceWhatIsAnothersAndMayBeWritten) {
  test::temporary_directory place;
  put(place / ".env", "TAG=v1\n");
  ASSERT_EQ(::chmod((place / ".env").c_str(), 0666), 0);
  ASSERT_EQ(::chmod(place.path().c_str(), 0777), 0);
  const int end = test::in_child([&] {
    if (::setgid(4321) != 0 || ::setuid(4321) != 0) return 2;
    check_text_can_be_written(place / ".env");
    return replace_text_keeping_attributes(place / ".env", "TAG=v2\n") == replacement::in_place ? 0 : 3;
  });
  EXPECT_EQ(end, 0);
  EXPECT_EQ(text_of(place / ".env"), "TAG=v2\n");
  EXPECT_EQ(status_of(place / ".env").st_uid, 0U);
  EXPECT_EQ(names_in(place.path()), 1U);
}

TEST(ReplaceText, TakesAFileThatIsReadOnlyByItsModeAndKeepsThat) {
  test::temporary_directory place;
  put(place / ".env", "TAG=v1\n");
  ASSERT_EQ(::chmod((place / ".env").c_str(), 0444), 0);
  ASSERT_EQ(::chown((place / ".env").c_str(), 4321, 4321), 0);
  ASSERT_EQ(::chown(place.path().c_str(), 4321, 4321), 0);
  const int end = test::in_child([&] {
    if (::setgid(4321) != 0 || ::setuid(4321) != 0) return 2;
    return replace_text_keeping_attributes(place / ".env", "TAG=v2\n") == replacement::renamed ? 0 : 3;
  });
  EXPECT_EQ(end, 0);
  EXPECT_EQ(status_of(place / ".env").st_mode & 07777, 0444U);
}

TEST(ReplaceText, GivesItNoAclOfItsDirectory) {
  test::temporary_directory place;
  put(place / ".env", "TAG=v1\n");
  ASSERT_EQ(::chmod((place / ".env").c_str(), 0640), 0);
  // user::rwx, user:1000:rwx, group::r-x, mask::rwx, other::r-x
  const std::string acl("\2\0\0\0\1\0\7\0\377\377\377\377\2\0\7\0\350\3\0\0\4\0\5\0\377\377\377\377"
                        "\20\0\7\0\377\377\377\377\40\0\5\0\377\377\377\377", 44);
  ASSERT_EQ(::setxattr(place.path().c_str(), "system.posix_acl_default", acl.data(), acl.size(), 0), 0) << strerror(errno);
  replace_text_keeping_attributes(place / ".env", "TAG=v2\n");
  EXPECT_LT(::getxattr((place / ".env").c_str(), "system.posix_acl_access", nullptr, 0), 0);
  EXPECT_EQ(status_of(place / ".env").st_mode & 07777, 0640U);
}

TEST(CreateText, IsOwnedAsTheDirectoryWithTheModeOfAnyNewFile) {
  test::temporary_directory place;
  ASSERT_EQ(::chown(place.path().c_str(), 1234, 5678), 0);
  const mode_t before = ::umask(027);
  check_text_can_be_written(place / ".env");
  EXPECT_EQ(names_in(place.path()), 0U);
  create_text_of_the_directory(place / ".env", "TAG=v1\n");
  ::umask(before);
  const struct stat made = status_of(place / ".env");
  EXPECT_EQ(made.st_mode & 07777, 0640U);
  EXPECT_EQ(made.st_uid, 1234U);
  EXPECT_EQ(made.st_gid, 5678U);
  EXPECT_NE(failure_of([&] { create_text_of_the_directory(place / ".env", "x"); }), "");
  remove_durably(place / ".env");
  remove_durably(place / ".env");
  EXPECT_EQ(names_in(place.path()), 0U);
}

TEST(CreateText, FollowsASymlinkToWhatIsNotThereYet) {
  test::temporary_directory place;
  std::filesystem::create_directory(place / "shared");
  std::filesystem::create_symlink("shared/real.env", place / ".env");
  create_text_of_the_directory(place / ".env", "TAG=v1\n");
  EXPECT_TRUE(std::filesystem::is_symlink(place / ".env"));
  EXPECT_EQ(text_of(place / "shared/real.env"), "TAG=v1\n");
}

TEST(ReplaceText, RefusesWhatIsMissingOrNoFile) {
  test::temporary_directory place;
  EXPECT_EQ(failure_of([&] { replace_text_keeping_attributes(place / ".env", "x"); }),
            "cannot replace " + (place / ".env").string() + ": no such file or directory");
  EXPECT_EQ(failure_of([&] { replace_text_keeping_attributes(place.path(), "x"); }),
            "cannot replace " + place.path().string() + ": it is not a regular file");
  EXPECT_EQ(names_in(place.path()), 0U);
}

TEST(ReplaceText, ChangesNothingWhenTheOwnerCannotBeKept) {
  test::temporary_directory place;
  put(place / ".env", "TAG=v1\n");
  ASSERT_EQ(::chmod((place / ".env").c_str(), 0644), 0);
  ASSERT_EQ(::chmod(place.path().c_str(), 0777), 0);
  const int end = test::in_child([&] {
    if (::setgid(4321) != 0 || ::setuid(4321) != 0) return 2;
    const std::string said = failure_of([&] { replace_text_keeping_attributes(place / ".env", "TAG=v2\n"); });
    return said.starts_with("cannot keep the owner of") ? 0 : 3;
  });
  EXPECT_EQ(end, 0);
  EXPECT_EQ(text_of(place / ".env"), "TAG=v1\n");
  EXPECT_EQ(names_in(place.path()), 1U);
}

TEST(ReadFile, GivesEveryByteAndRefusesMoreThanAllowed) {
  test::temporary_directory place;
  const std::string bytes("a\0b\xff\n", 5);
  put(place / "f", bytes);
  EXPECT_EQ(read_file(place / "f"), bytes);
  EXPECT_EQ(read_file(place / "f", 5), bytes);
  EXPECT_EQ(failure_of([&] { read_file(place / "f", 4); }),
            "cannot read " + (place / "f").string() + ": it is longer than 4 bytes");
}

TEST(ReadFile, RefusesDirectoriesAndDoesNotHangOnAFifo) {
  test::temporary_directory place;
  ASSERT_EQ(::mkfifo((place / "fifo").c_str(), 0600), 0);
  EXPECT_NE(failure_of([&] { read_file(place / "fifo"); }).find("not a regular file"), std::string::npos);
  EXPECT_NE(failure_of([&] { read_file(place.path()); }).find("is a directory"), std::string::npos);
  EXPECT_NE(failure_of([&] { read_file(place / "none"); }).find("no such file"), std::string::npos);
}

TEST(PrivateDirectory, IsMadeWithItsParentsForUsAlone) {
  test::temporary_directory place;
  const mode_t before = ::umask(0);
  ensure_private_directory(place / "a/b/c");
  ::umask(before);
  EXPECT_EQ(status_of(place / "a").st_mode & 07777, 0700U);
  EXPECT_EQ(status_of(place / "a/b/c").st_mode & 07777, 0700U);
  EXPECT_NO_THROW(ensure_private_directory(place / "a/b/c/"));
}

TEST(PrivateDirectory, RefusesOneThatOthersMayWriteTo) {
  test::temporary_directory place;
  ASSERT_EQ(::chmod(place.path().c_str(), 0770), 0);
  EXPECT_EQ(failure_of([&] { ensure_private_directory(place.path()); }),
            "cannot use the directory " + place.path().string() + ": group or others may write to it; run: chmod 700 " +
                place.path().string());
}

TEST(PrivateDirectory, RefusesAForeignOwnerAFileAndASymlink) {
  test::temporary_directory place;
  std::filesystem::create_directory(place / "foreign");
  ASSERT_EQ(::chown((place / "foreign").c_str(), 1234, 1234), 0);
  put(place / "file", "");
  std::filesystem::create_directory(place / "real");
  std::filesystem::create_symlink("real", place / "link");
  EXPECT_NE(failure_of([&] { ensure_private_directory(place / "foreign"); }).find("belongs to user 1234"),
            std::string::npos);
  EXPECT_NE(failure_of([&] { ensure_private_directory(place / "file"); }).find("not a directory"), std::string::npos);
  EXPECT_NE(failure_of([&] { ensure_private_directory(place / "link"); }).find("not a directory"), std::string::npos);
}

TEST(DiskSpace, IsThatOfTheFileSystemThatWouldHoldThePath) {
  test::temporary_directory place;
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(place.path(), "size=1m,nr_inodes=100");
    const disk_space room = disk_space_at(place / "not/yet/there");
    if (room.total_bytes != 1 << 20 || room.free_bytes > room.total_bytes) return 2;
    if (!room.free_inodes || *room.free_inodes > 100) return 3;
    put(place / "f", std::string(512 * 1024, 'x'));
    if (disk_space_at(place.path()).free_bytes > room.free_bytes - 512 * 1024) return 4;
    return disk_space_at("/").file_system != room.file_system ? 0 : 5;
  });
  EXPECT_EQ(end, 0);
}

}  // namespace
}  // namespace orchestration
