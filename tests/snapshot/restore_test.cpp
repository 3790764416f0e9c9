#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <map>
#include <utility>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/files/child_process.hpp"
#include "tests/snapshot/archive_fixture.hpp"
#include "tests/snapshot/picture.hpp"

namespace orchestration {
namespace {

using test::picture;
using test::put;

class restore : public test::archive_test {
 protected:
  restore() {
    for (int i = 0; i < 300; ++i) {
      const std::filesystem::path directory = volume / ("d" + std::to_string(i % 10));
      std::filesystem::create_directories(directory);
      put(directory / std::to_string(i), std::string(static_cast<std::size_t>(i) * 10, 'x'));
    }
    good = archive();
    wanted = picture(volume);
  }
  expected_archive good;
  std::map<std::string, std::string> wanted;
};

TEST_F(restore, RemovesWhatTheArchiveDoesNotHold) {
  put(back / "app.db-wal", "left over");
  std::filesystem::create_directories(back / "old/deep/er");
  put(back / "old/deep/er/file", "x");
  std::filesystem::create_symlink(volume, back / "link to a directory");
  ASSERT_EQ(::mkfifo((back / "fifo").c_str(), 0600), 0);
  restore_volume(good, back, options);
  EXPECT_EQ(picture(back), wanted);
  EXPECT_EQ(picture(volume), wanted) << "the wipe must not follow the symlink";
}

TEST_F(restore, KeepsTheDirectoryItself) {
  struct stat before {};
  ASSERT_EQ(::stat(back.c_str(), &before), 0);
  restore_volume(good, back, options);
  struct stat after {};
  ASSERT_EQ(::stat(back.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
}

TEST_F(restore, CanBeDoneAgainAndAgain) {
  restore_volume(good, back, options);
  restore_volume(good, back, options);
  EXPECT_EQ(picture(back), wanted);
}

TEST_F(restore, TreesMayBeDeeperThanTheNumberOfFilesThatMayBeOpen) {
  std::filesystem::path at = volume;
  for (int depth = 0; depth < 300; ++depth) at /= "d";
  std::filesystem::create_directories(at);
  put(at / "bottom", "x");
  wanted = picture(volume);
  const int end = test::in_child([&] {
    const rlimit few{150, 150};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 2;
    const expected_archive deep = archive();
    restore_volume(deep, back, options);
    restore_volume(deep, back, options);  // wipes a deep one
    return made.findings.empty() ? 0 : 3;
  });
  EXPECT_EQ(end, 0);
  EXPECT_EQ(picture(back), wanted);
}

TEST_F(restore, WhatIsThereBesidesAtTheEndIsAnError) {
  options.progress = [&](const snapshot_progress& p) {
    if (p.at == snapshot_progress::stage::proving) put(back / "somebody's", "x");
  };
  try {
    restore_volume(good, back, options);
    ADD_FAILURE() << "was proven";
  } catch (const snapshot_error& error) {
    EXPECT_STREQ(error.what(), "restored, but the volume has 312 entries instead of 311");
  }
}

TEST_F(restore, WhatBecomesDifferentBeforeTheEndIsAnError) {
  bool changed = false;
  options.progress = [&](const snapshot_progress& p) {
    if (p.at != snapshot_progress::stage::proving || std::exchange(changed, true)) return;
    const auto time = std::filesystem::last_write_time(back / "d9/9");
    put(back / "d9/9", std::string(90, 'y'));  // same size, same time: only its bytes tell
    std::filesystem::last_write_time(back / "d9/9", time);
  };
  try {
    restore_volume(good, back, options);
    ADD_FAILURE() << "was proven";
  } catch (const snapshot_error& error) {
    EXPECT_STREQ(error.what(), "restored, but d9/9 has another content");
  }
}

TEST_F(restore, KilledAtAnyStageCanBeStartedAgain) {
  using stage = snapshot_progress::stage;
  for (const stage at : {stage::verifying, stage::wiping, stage::restoring, stage::proving}) {
    for (int calls : {1, 2, 4}) {
      const int end = test::in_child([&] {
        options.progress = [&](const snapshot_progress& p) {
          if (p.at == at && --calls == 0) ::raise(SIGKILL);
        };
        restore_volume(good, back, options);
        return 0;
      });
      ASSERT_EQ(end, -SIGKILL) << static_cast<int>(at);
      restore_volume(good, back, options);
      EXPECT_EQ(picture(back), wanted);
    }
  }
}

TEST_F(restore, AStopRequestDuringVerificationChangesNothing) {
  put(back / "present", "x");
  std::stop_source stop;
  options.stop = stop.get_token();
  options.progress = [&](const snapshot_progress&) { stop.request_stop(); };
  EXPECT_THROW(restore_volume(good, back, options), snapshot_cancelled);
  EXPECT_TRUE(std::filesystem::exists(back / "present"));
}

TEST_F(restore, RefusesATargetWithAMountBeneathBeforeTheWipe) {
  std::filesystem::create_directories(back / "has a space/mounted");
  put(back / "present", "x");
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(back / "has a space/mounted", "size=64k");
    put(back / "has a space/mounted/inside", "x");
    try {
      restore_volume(good, back, options);
    } catch (const snapshot_error& error) {
      if (std::string(error.what()).find("has a space/mounted is mounted beneath it") == std::string::npos) return 2;
      return std::filesystem::exists(back / "present") && std::filesystem::exists(back / "has a space/mounted/inside")
                 ? 0
                 : 3;
    }
    return 4;
  });
  EXPECT_EQ(end, 0);
}

TEST_F(restore, AFullTargetSaysSoAndCanBeStartedAgain) {
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(back, "size=128k");
    try {
      restore_volume(good, back, options);
    } catch (const file_error& error) {
      return error.out_of_space() && std::string(error.what()).find("no space left on device") != std::string::npos ? 0
                                                                                                                    : 2;
    }
    return 3;
  });
  EXPECT_EQ(end, 0);
  restore_volume(good, back, options);
  EXPECT_EQ(picture(back), wanted);
}

TEST_F(restore, RefusesATargetThatIsMissingOrASymlink) {
  EXPECT_THROW(restore_volume(good, place / "none", options), file_error);
  std::filesystem::create_symlink(volume, place / "link");
  EXPECT_THROW(restore_volume(good, place / "link", options), file_error);
  EXPECT_EQ(picture(volume), wanted);
}

}  // namespace
}  // namespace orchestration
