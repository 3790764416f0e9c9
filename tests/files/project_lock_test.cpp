#include "orchestration/files/project_lock.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "orchestration/files/file_error.hpp"
#include "tests/files/child_process.hpp"
#include "tests/files/temporary_directory.hpp"

namespace orchestration {
namespace {

lock_holder updating() {
  lock_holder out;
  out.who = "maria@web1";
  out.operation = "update --tag v2";
  out.since = "2026-11-21T10:55:01Z";
  out.phase = "pull";
  return out;
}

bool taken(const std::variant<project_lock, lock_holder>& result) {
  return std::holds_alternative<project_lock>(result);
}

TEST(ProjectLock, TheSecondSeesWhoHoldsIt) {
  test::temporary_directory place;
  const auto first = project_lock::try_take(place.path(), updating());
  ASSERT_TRUE(taken(first));
  const auto second = project_lock::try_take(place.path(), {});
  ASSERT_FALSE(taken(second));
  const lock_holder& holder = std::get<lock_holder>(second);
  EXPECT_EQ(holder.who, "maria@web1");
  EXPECT_EQ(holder.operation, "update --tag v2");
  EXPECT_EQ(holder.since, "2026-11-21T10:55:01Z");
  EXPECT_EQ(holder.phase, "pull");
  EXPECT_EQ(holder.pid, ::getpid());
  EXPECT_FALSE(holder.host.empty());
}

TEST(ProjectLock, IsFreeAgainWhenItsObjectIsGone) {
  test::temporary_directory place;
  { const auto first = project_lock::try_take(place.path(), updating()); }
  EXPECT_FALSE(project_lock::holder(place.path()));
  EXPECT_TRUE(taken(project_lock::try_take(place.path(), {})));
}

TEST(ProjectLock, IsFreedByKillNine) {
  test::temporary_directory place;
  std::array<int, 2> ready{};
  ASSERT_EQ(::pipe(ready.data()), 0);
  const pid_t child = test::start_child([&] {
    const auto held = project_lock::try_take(place.path(), updating());
    if (!taken(held) || ::write(ready[1], "x", 1) != 1) return 2;
    while (true) ::pause();
  });
  ::close(ready[1]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::close(ready[0]);
  const auto meanwhile = project_lock::try_take(place.path(), {});
  ASSERT_FALSE(taken(meanwhile));
  EXPECT_EQ(std::get<lock_holder>(meanwhile).pid, child);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  EXPECT_EQ(test::end_of(child), -SIGKILL);
  EXPECT_TRUE(taken(project_lock::try_take(place.path(), {})));
}

TEST(ProjectLock, TellsItsPhaseAsItMoves) {
  test::temporary_directory place;
  auto held = project_lock::try_take(place.path(), updating());
  for (const char* phase : {"a much longer phase than before", "x", ""}) {
    std::get<project_lock>(held).set_phase(phase);
    const std::optional<lock_holder> seen = project_lock::holder(place.path());
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->phase, phase);
    EXPECT_EQ(seen->operation, "update --tag v2");
  }
}

TEST(ProjectLock, LookingDoesNotTake) {
  test::temporary_directory place;
  EXPECT_FALSE(project_lock::holder(place.path()));
  EXPECT_FALSE(std::filesystem::exists(place / "lock"));
  const auto held = project_lock::try_take(place.path(), updating());
  EXPECT_TRUE(project_lock::holder(place.path()));
  EXPECT_TRUE(project_lock::holder(place.path()));
}

TEST(ProjectLock, IsForUsAlone) {
  test::temporary_directory place;
  const auto held = project_lock::try_take(place.path(), updating());
  struct stat status {};
  ASSERT_EQ(::stat((place / "lock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
}

TEST(ProjectLock, RefusesAPlantedSymlinkAndAPlantedHardLink) {
  test::temporary_directory place;
  test::put(place / "victim", "untouched");
  std::filesystem::create_symlink("victim", place / "lock");
  EXPECT_THROW(project_lock::try_take(place.path(), {}), file_error);
  std::filesystem::remove(place / "lock");
  std::filesystem::create_hard_link(place / "victim", place / "lock");
  EXPECT_THROW(project_lock::try_take(place.path(), {}), file_error);
  EXPECT_EQ(test::text_of(place / "victim"), "untouched");
}

TEST(ProjectLock, SaysWhatIsKnownOfTheHolder) {
  lock_holder holder = updating();
  holder.pid = 4711;
  holder.host = "web1";
  EXPECT_EQ(to_text(holder), "update --tag v2 (maria@web1, pid 4711 on web1, since 2026-11-21T10:55:01Z, pull)");
  EXPECT_EQ(to_text(lock_holder()), "another run");
}

}  // namespace
}  // namespace orchestration
