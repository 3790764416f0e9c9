// What is on the disk when the writer is killed, the disk is full, or somebody looks while it writes.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <set>

#include "child.hpp"
#include "orchestration/release/database_image.hpp"
#include "store_fixture.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr const char* id = "20261121T105501Z-00000a";

class StoreCrash : public store_test {};

// Every step that the child said was recorded is; and so is nothing that was never begun.
TEST_F(StoreCrash, LosesNoAcknowledgedStepWhenKilled) {
  open().begin(sample_attempt(id));
  int acknowledged = 0;
  for (int round = 0; round < 5; ++round) {
    child writer([&](const child::report& report) {
      store s = open();
      for (int step = acknowledged + 1;; ++step) {
        s.intend(id, "plan", step, "t1");
        s.done(id, "plan", step, "t2", docker::json(step));
        report(step);
      }
    });
    const int target = acknowledged + 30 + round * 17;
    int said = 0;
    while (said < target) ASSERT_NE(said = writer.next(), -1);
    acknowledged = writer.kill(said);

    const store s = open();
    const std::vector<journal_step> steps = s.journal(id);
    ASSERT_GE(steps.size(), static_cast<std::size_t>(acknowledged));
    ASSERT_LE(steps.size(), static_cast<std::size_t>(acknowledged) + 1);
    for (int i = 0; i < acknowledged; ++i) {
      ASSERT_EQ(steps[static_cast<std::size_t>(i)].number, i + 1);
      ASSERT_EQ(steps[static_cast<std::size_t>(i)].detail, docker::json(i + 1));
    }
  }
}

TEST_F(StoreCrash, HasAllOfACommitOrNothingWhenKilled) {
  for (int round = 0; round < 10; ++round) {
    int next = open().next_release_number();
    child writer([&](const child::report& report) {
      store s = open();
      for (int number = next;; ++number) {
        const std::string attempt_id = std::to_string(round) + "-" + std::to_string(number);
        s.begin(sample_attempt(attempt_id));
        s.commit(attempt_id, "committed", sample_release(number));
        s.end(attempt_id, "done", "", "t");
        report(number);
      }
    });
    int said = 0;
    while (said < next + round) ASSERT_NE(said = writer.next(), -1);
    said = writer.kill(said);

    store s = open();
    ASSERT_GE(s.next_release_number(), said + 1);
    ASSERT_EQ(s.current_release()->number, s.next_release_number() - 1);
    if (const std::optional<attempt> left = s.open_attempt()) {
      const bool recorded = s.find_release(std::stoi(left->id.substr(2))).has_value();
      ASSERT_EQ(left->state, recorded ? "committed" : "prepared");
      s.end(left->id, "abandoned", "killed", "t");
    }
  }
}

TEST_F(StoreCrash, CanBeLookedAtAfterAKillBeforeAnybodyMendedIt) {
  child writer([&](const child::report& report) {
    store s = open();
    s.begin(sample_attempt(id));
    s.set_state(id, "verifying", true, "");
    report(1);
    report(s.journal(id).empty() ? 2 : 3);
    for (;;) ::pause();
  });
  ASSERT_EQ(writer.next(), 1);
  writer.kill();
  const std::string log = bytes_of(file().string() + "-wal");
  ASSERT_FALSE(log.empty());
  EXPECT_EQ(look().open_attempt()->state, "verifying");
  EXPECT_EQ(bytes_of(file().string() + "-wal"), log);
  EXPECT_EQ(open().open_attempt()->state, "verifying");
}

TEST_F(StoreCrash, LetsOthersLookWhileAWriterHoldsIt) {
  child writer([&](const child::report& report) {
    store s = open();
    s.begin(sample_attempt(id));
    s.add_release(sample_release(1));
    s.set_current_release(1);
    s.set_state(id, "verifying", true, "");
    report(1);
    for (;;) ::pause();
  });
  ASSERT_EQ(writer.next(), 1);
  const store s = look();
  EXPECT_EQ(s.open_attempt()->state, "verifying");
  EXPECT_EQ(s.current_release(), sample_release(1));
  // It still holds it: the look took nothing from it.
  EXPECT_EQ(error_of([&] { open(); }).why, store_error::kind::busy);
}

// The writer checkpoints and begins its log anew many times meanwhile.
TEST_F(StoreCrash, ShowsWholeTransactionsOnlyToThoseWhoLookWhileItWrites) {
  constexpr int last = 150;
  open().begin(sample_attempt("attempt-0"));
  child writer([&](const child::report& report) {
    store s = open();
    s.reserve_space();
    for (int number = 1; number <= last; ++number) {
      // One transaction: the release, the current release, and the attempt's state.
      s.commit("attempt-0", "committed-" + std::to_string(number), sample_release(number));
      report(number);
    }
    for (;;) ::pause();
  });
  std::set<std::string> logs;
  for (int said = 0; said < last;) {
    ASSERT_NE(said = writer.next(), -1);
    const store s = look();
    const int seen = s.current_release()->number;
    EXPECT_GE(seen, said);
    EXPECT_EQ(s.next_release_number(), seen + 1);
    EXPECT_EQ(s.open_attempt()->state, "committed-" + std::to_string(seen));
    logs.insert(bytes_of(file().string() + "-wal").substr(12, 12));  // counter and salts
  }
  EXPECT_GT(logs.size(), 2U);
}

TEST_F(StoreCrash, SeesEachTransactionOfTheLogOnceItsLastByteIsThere) {
  open().begin(sample_attempt(id));
  child writer([&](const child::report& report) {
    store s = open();
    for (int step = 1; step <= 3; ++step) s.intend(id, "plan", step, "t");
    report(1);
    for (;;) ::pause();
  });
  ASSERT_EQ(writer.next(), 1);
  writer.kill();
  const std::string base = bytes_of(file());
  const std::string log = bytes_of(file().string() + "-wal");
  const std::string all = apply_write_ahead_log(base, log);
  std::string before = apply_write_ahead_log(base, "");
  int changes = 0;
  // Cut at each offset near the ends of frames (a header of 32 bytes, then 24 + 4096 each), and here and there within.
  for (std::size_t size = 0; size <= log.size(); ++size) {
    const bool near_an_end = (size + 4120 - 32 + 30) % 4120 < 60;
    if (!near_an_end && size % 97 != 0) continue;
    const std::string here = apply_write_ahead_log(base, log.substr(0, size));
    if (here == before) continue;
    EXPECT_EQ((size - 32) % 4120, 0U);
    ++changes;
    before = here;
  }
  EXPECT_EQ(changes, 3);
  EXPECT_EQ(before, all);
  // One bit anywhere in the log's header or its first frame: none of it counts.
  for (const std::size_t at : {std::size_t{0}, std::size_t{9}, std::size_t{17}, std::size_t{30}, std::size_t{33},
                               std::size_t{45}, std::size_t{50}, std::size_t{1000}}) {
    std::string broken = log;
    broken[at] = static_cast<char>(broken[at] ^ 0x10);
    EXPECT_EQ(apply_write_ahead_log(base, broken), apply_write_ahead_log(base, "")) << at;
  }
}

// --- other file systems ------------------------------------------------------------------------------------------

// From here on mounts are the calling process's own, and end with it.
void own_mounts() {
  if (::unshare(CLONE_NEWNS) != 0) throw std::runtime_error("these tests mount file systems: run them as root");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw std::runtime_error("cannot make / private");
}

void mount_tmpfs(const fs::path& where, const std::string& options) {
  if (::mount("tmpfs", where.c_str(), "tmpfs", 0, options.c_str()) != 0) throw std::runtime_error("cannot mount tmpfs");
}

// To the last byte.
void fill_up(const fs::path& directory) {
  const int file = ::open((directory / "ballast").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  const std::string block(4096, 'x');
  while (::write(file, block.data(), block.size()) > 0) {
  }
  ::close(file);
}

int steps_that_fit_on_a_full_disk(const fs::path& directory, bool reserve) {
  child writer([&](const child::report& report) {
    own_mounts();
    mount_tmpfs(directory, "size=4m,mode=0700");
    store s = store::open(directory, open_mode::read_write);
    s.begin(sample_attempt(id));
    if (reserve) s.reserve_space();
    fill_up(directory);
    int recorded = 0;
    try {
      for (int step = 1; step <= 200; ++step) {
        s.intend(id, "plan", step, "t1");
        s.done(id, "plan", step, "t2", docker::json());
        recorded = step;
      }
    } catch (const store_error& error) {
      const bool clear = error.why() == store_error::kind::out_of_space &&
                         std::string(error.what()).find("no space left on the state disk") != std::string::npos;
      if (!clear) throw;
    }
    // What was acknowledged is there for whoever looks, on the full disk too.
    const store seen = store::open(directory, open_mode::read_only);
    int done = 0;
    for (const journal_step& step : seen.journal(id)) done += step.done_at.empty() ? 0 : 1;
    if (done != recorded) throw std::runtime_error("a recorded step is not there");
    report(recorded);
  });
  const int recorded = writer.next();
  EXPECT_EQ(writer.exit_code(), 0);
  return recorded;
}

TEST_F(StoreCrash, GoesOnForHundredsOfStepsOnAFullDiskWithItsReserve) {
  EXPECT_EQ(steps_that_fit_on_a_full_disk(directory, true), 200);
}

TEST_F(StoreCrash, SaysThatTheStateDiskIsFullWithoutAReserve) {
  EXPECT_LT(steps_that_fit_on_a_full_disk(directory, false), 20);
}

TEST_F(StoreCrash, RecordsAWholeReleaseOnAFullDiskWithItsReserve) {
  child writer([&](const child::report& report) {
    own_mounts();
    mount_tmpfs(directory, "size=4m,mode=0700");
    store s = open();
    s.begin(sample_attempt(id));
    s.reserve_space();
    fill_up(directory);
    release r = sample_release(1);
    for (int i = 0; i < 30; ++i) r.containers.push_back(r.containers[0]);
    s.set_undo(id, docker::json(std::string(60'000, 'u')));
    s.commit(id, "committed", r);
    s.end(id, "done", "", "t");
    report(s.current_release()->number);
  });
  EXPECT_EQ(writer.next(), 1);
  EXPECT_EQ(writer.exit_code(), 0);
}

TEST_F(StoreCrash, GoesOnOnceThereIsRoomAgain) {
  child writer([&](const child::report& report) {
    own_mounts();
    mount_tmpfs(directory, "size=4m,mode=0700");
    store s = open();
    s.begin(sample_attempt(id));
    fill_up(directory);
    bool refused = false;
    try {
      s.set_undo(id, docker::json(std::string(100'000, 'u')));
    } catch (const store_error&) {
      refused = true;
    }
    fs::remove(directory / "ballast");
    s.set_undo(id, docker::json(std::string(100'000, 'u')));
    report(refused && s.open_attempt()->undo.as_string().size() == 100'000 ? 1 : 0);
  });
  EXPECT_EQ(writer.next(), 1);
  EXPECT_EQ(writer.exit_code(), 0);
}

TEST_F(StoreCrash, DoesWithoutALogWhereOneIsNotSafeAndCanStillBeLookedAt) {
  child writer([&](const child::report& report) {
    own_mounts();
    mount_tmpfs(directory, "mode=0700");
    for (const char* name : {"lower", "upper", "work", "state"}) fs::create_directory(directory / name);
    const std::string options = "lowerdir=" + (directory / "lower").string() +
                                ",upperdir=" + (directory / "upper").string() +
                                ",workdir=" + (directory / "work").string();
    const fs::path state = directory / "state";
    if (::mount("overlay", state.c_str(), "overlay", 0, options.c_str()) != 0)
      throw std::runtime_error("cannot mount overlay");
    fs::permissions(state, static_cast<fs::perms>(0700));
    store s = store::open(state, open_mode::read_write);
    s.begin(sample_attempt(id));
    s.reserve_space();
    const bool has_log = fs::exists(state / "state.db-wal");
    const char journal_kind = bytes_of(state / "state.db")[18];
    child reader([&](const child::report& tell) {
      tell(store::open(state, open_mode::read_only).open_attempt()->id == id ? 1 : 0);
    });
    const bool seen = reader.next() == 1;
    s.set_state(id, "starting", true, "");  // the look did not stay in the way
    report(!has_log && journal_kind == 1 && seen ? 1 : 0);
  });
  EXPECT_EQ(writer.next(), 1);
  EXPECT_EQ(writer.exit_code(), 0);
}

TEST_F(StoreCrash, CanBeLookedAtOnAFileSystemThatIsReadOnly) {
  open().begin(sample_attempt(id));
  child reader([&](const child::report& report) {
    own_mounts();
    const bool mounted = ::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                         ::mount(nullptr, directory.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0;
    if (!mounted) throw std::runtime_error("cannot mount read-only");
    report(look().open_attempt()->id == id ? 1 : 0);
  });
  EXPECT_EQ(reader.next(), 1);
  EXPECT_EQ(reader.exit_code(), 0);
}

}  // namespace
}  // namespace orchestration
