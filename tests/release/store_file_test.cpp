// The file itself: who may read it, what it is when it is damaged, older, newer or somebody else's.
#include <sqlite3.h>
#include <unistd.h>

#include "orchestration/release/schema.hpp"
#include "orchestration/release/store.hpp"
#include "store_fixture.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

constexpr const char* id = "20261121T105501Z-00000a";

class StoreFile : public store_test {
 protected:
  void sql(const std::string& text) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
  int number(const std::string& pragma) const {
    sqlite3* database = nullptr;
    sqlite3_stmt* statement = nullptr;
    sqlite3_open(file().c_str(), &database);
    sqlite3_prepare_v2(database, ("PRAGMA " + pragma).c_str(), -1, &statement, nullptr);
    const int found = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return found;
  }
  void fill() const {
    store s = open();
    for (int i = 1; i <= 40; ++i) s.add_release(sample_release(i));
    s.begin(sample_attempt(id));
  }
  // Both ways of opening say the same, and leave the file as it is.
  void expect_refused(store_error::kind why, const std::string& part) const {
    const std::string before = bytes_of(file());
    for (const open_mode mode : {open_mode::read_write, open_mode::read_only}) {
      const caught error = error_of([&] { store::open(directory, mode).releases(); });
      EXPECT_EQ(static_cast<int>(error.why), static_cast<int>(why)) << error.text;
      EXPECT_TRUE(error.says(part)) << error.text;
      EXPECT_TRUE(error.says(file().string())) << error.text;
      EXPECT_EQ(bytes_of(file()), before);
    }
  }
};

TEST_F(StoreFile, BelongsToItsOwnerAloneWithAllThatLiesBesideIt) {
  const mode_t old_mask = ::umask(0);
  store s = open();
  s.begin(sample_attempt(id));
  ::umask(old_mask);
  EXPECT_EQ(mode_of(file()), 0600U);
  EXPECT_TRUE(fs::exists(file().string() + "-wal"));
  for (const fs::directory_entry& entry : fs::directory_iterator(directory))
    EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
}

TEST_F(StoreFile, NeedsNoSharedMemoryWhichAFullDiskCouldTakeAway) {
  store s = open();
  s.begin(sample_attempt(id));
  s.reserve_space();
  EXPECT_FALSE(fs::exists(file().string() + "-shm"));
}

TEST_F(StoreFile, LeavesNothingBesideItWhenClosed) {
  open().begin(sample_attempt(id));
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  EXPECT_EQ(names, std::vector<std::string>{"state.db"});
}

TEST_F(StoreFile, SaysWhatItIs) {
  fill();
  EXPECT_EQ(number("application_id"), 0x64636b64);
  EXPECT_EQ(number("user_version"), schema::newest);
  EXPECT_EQ(bytes_of(file())[18], 2);  // in WAL mode
}

TEST_F(StoreFile, RefusesASymlink) {
  const fs::path elsewhere = directory / "elsewhere.db";
  fill();
  fs::rename(file(), elsewhere);
  fs::create_symlink(elsewhere, file());
  expect_refused(store_error::kind::unsafe, "it is a symlink");
  EXPECT_FALSE(fs::exists(elsewhere.string() + "-wal"));
}

TEST_F(StoreFile, RefusesASymlinkToNowhereAndMakesNothingThere) {
  const fs::path nowhere = directory / "nowhere";
  fs::create_symlink(nowhere, file());
  EXPECT_EQ(error_of([&] { open(); }).why, store_error::kind::unsafe);
  EXPECT_FALSE(fs::exists(nowhere));
}

TEST_F(StoreFile, RefusesASymlinkInThePlaceOfTheLog) {
  fill();
  fs::create_symlink(directory / "nowhere", file().string() + "-wal");
  expect_refused(store_error::kind::unsafe, "it is a symlink");
}

TEST_F(StoreFile, OverwritesNothingThatWasPlantedUnderTheNameOfAnUnfinishedOne) {
  write_bytes(directory / "precious", "precious");
  fs::create_symlink(directory / "precious", file().string() + ".new");
  open().begin(sample_attempt(id));
  EXPECT_EQ(bytes_of(directory / "precious"), "precious");
  EXPECT_TRUE(look().open_attempt());
}

TEST_F(StoreFile, RefusesAFileThatOthersMayRead) {
  fill();
  for (const unsigned mode : {0640U, 0604U, 0660U, 0601U}) {
    fs::permissions(file(), static_cast<fs::perms>(mode));
    expect_refused(store_error::kind::unsafe, "chmod 600 " + file().string());
  }
  fs::permissions(file(), static_cast<fs::perms>(0600));
  EXPECT_TRUE(open().open_attempt());
}

TEST_F(StoreFile, RefusesAFileOfAnotherUser) {
  ASSERT_EQ(::geteuid(), 0U) << "only root can give a file away";
  fill();
  ASSERT_EQ(::chown(file().c_str(), 4711, 4711), 0);
  expect_refused(store_error::kind::unsafe, "it belongs to user 4711");
}

TEST_F(StoreFile, IsFoundThroughASymlinkedStateDirectory) {
  fill();
  const fs::path link = directory.string() + "-link";
  fs::create_directory_symlink(directory, link);
  EXPECT_TRUE(store::open(link, open_mode::read_write).open_attempt());
  EXPECT_TRUE(store::open(link, open_mode::read_only).open_attempt());
  fs::remove(link);
}

TEST_F(StoreFile, SaysThatNothingIsRecordedYetAndMakesNothingWhenOnlyLookedAt) {
  const caught error = error_of([&] { look(); });
  EXPECT_EQ(error.why, store_error::kind::missing);
  EXPECT_TRUE(error.says(file().string())) << error.text;
  EXPECT_TRUE(fs::is_empty(directory));
}

TEST_F(StoreFile, BeginsAnewAfterACreationThatWasCutShort) {
  write_bytes(file().string() + ".new", "half made");
  write_bytes(file().string() + ".new-wal", "its log");
  EXPECT_FALSE(store::exists(directory));
  open().begin(sample_attempt(id));
  EXPECT_TRUE(look().open_attempt());
}

TEST_F(StoreFile, SaysWhatToDoWhenTheHeaderIsZeroed) {
  fill();
  std::string bytes = bytes_of(file());
  bytes.replace(0, 100, 100, '\0');
  write_bytes(file(), bytes);
  expect_refused(store_error::kind::damaged, "the file is damaged");
  const caught error = error_of([&] { open(); });
  EXPECT_TRUE(error.says("the snapshots stay in")) << error.text;
  EXPECT_TRUE(error.says("dockupd recover --rebuild -p ")) << error.text;
  EXPECT_TRUE(error.says("It was left as it is")) << error.text;
}

TEST_F(StoreFile, SaysWhatWasGoingOnWhenItIsDamagedOrGone) {
  fill();
  const fs::path left = directory / "attempts" / "20261121T105501Z-000001";
  fs::create_directories(left);
  write_bytes(left / "plan.json", "{}");
  write_bytes(left / "rescue.sh", "");
  write_bytes(left / "attempt.json", R"({"kind":"update","tag":"v2","who":"alice@shop","started_at":"today"})");
  write_bytes(file(), std::string(8192, '\0'));
  for (int look = 0; look < 2; ++look) {
    const caught error = error_of([&] { open(); });
    EXPECT_EQ(error.why, look == 0 ? store_error::kind::damaged : store_error::kind::lost) << error.text;
    EXPECT_TRUE(error.says("update 20261121T105501Z-000001 to v2 by alice@shop, since today")) << error.text;
    EXPECT_TRUE(error.says("sh " + (left / "rescue.sh").string())) << error.text;
    EXPECT_TRUE(error.says("dockupd recover --rebuild")) << error.text;
    fs::remove(file());
    EXPECT_TRUE(store::is_lost(directory));
  }
  EXPECT_FALSE(store::exists(directory)) << "an empty record would be a false one";
}

TEST_F(StoreFile, IsBegunAnewWithTheDamagedOneKeptAside) {
  fill();
  const std::string damaged(8192, '\0');
  write_bytes(file(), damaged);
  const std::vector<fs::path> kept = store::rebuild(directory, "T1");
  ASSERT_FALSE(kept.empty());
  EXPECT_EQ(kept.back(), fs::path(file().string() + ".damaged-T1"));
  EXPECT_EQ(bytes_of(kept.back()), damaged);
  EXPECT_TRUE(open().releases().empty());
}

TEST_F(StoreFile, IsNotBegunAnewWhileItIsWhole) {
  fill();
  EXPECT_TRUE(store::rebuild(directory, "T1").empty());
  EXPECT_TRUE(open().open_attempt());
}

TEST_F(StoreFile, IsNotBegunAnewWhenItsModeOrItsAgeIsTheTrouble) {
  fill();
  fs::permissions(file(), static_cast<fs::perms>(0644));
  EXPECT_EQ(error_of([&] { store::rebuild(directory, "T1"); }).why, store_error::kind::unsafe);
  fs::permissions(file(), static_cast<fs::perms>(0600));
  sql("PRAGMA user_version = 9999");
  sql("UPDATE meta SET min_reader = 9999");
  EXPECT_EQ(error_of([&] { store::rebuild(directory, "T1"); }).why, store_error::kind::newer);
}

TEST_F(StoreFile, NoticesThatItIsGarbage) {
  write_bytes(file(), std::string(20000, 'x'));
  fs::permissions(file(), static_cast<fs::perms>(0600));
  expect_refused(store_error::kind::damaged, "the file is damaged");
}

TEST_F(StoreFile, NeverTakesAnEmptyFileForABeginning) {
  write_bytes(file(), "");
  fs::permissions(file(), static_cast<fs::perms>(0600));
  expect_refused(store_error::kind::damaged, "it has only 0 bytes");
}

TEST_F(StoreFile, NoticesEveryTruncation) {
  fill();
  const std::string whole = bytes_of(file());
  ASSERT_GT(whole.size(), 10U * 4096U);
  for (std::size_t size = 1; size < whole.size(); size += 2999) {
    write_bytes(file(), whole.substr(0, size));
    const caught error = error_of([&] {
      const store s = open();
      s.releases();
      s.open_attempt();
    });
    EXPECT_EQ(error.why, store_error::kind::damaged) << size << ": " << error.text;
    EXPECT_EQ(bytes_of(file()).size(), size);
  }
  write_bytes(file(), whole);
  EXPECT_TRUE(open().open_attempt());
}

TEST_F(StoreFile, NeverCrashesOnATruncatedFileThatIsOnlyLookedAt) {
  fill();
  const std::string whole = bytes_of(file());
  for (std::size_t size = 1; size < whole.size(); size += 1501) {
    write_bytes(file(), whole.substr(0, size));
    const caught error = error_of([&] {
      const store s = look();
      s.releases();
      s.open_attempt();
    });
    EXPECT_EQ(error.why, store_error::kind::damaged) << size << ": " << error.text;
  }
}

TEST_F(StoreFile, NoticesAnOverwrittenPage) {
  fill();
  std::string bytes = bytes_of(file());
  bytes.replace(2 * 4096, 4096, 4096, '\xff');
  write_bytes(file(), bytes);
  EXPECT_EQ(error_of([&] { open(); }).why, store_error::kind::damaged);
}

TEST_F(StoreFile, RefusesTheDatabaseOfAnotherProgram) {
  sql("CREATE TABLE bookmarks (url TEXT)");
  fs::permissions(file(), static_cast<fs::perms>(0600));
  expect_refused(store_error::kind::unsafe, "another program's SQLite database");
}

TEST_F(StoreFile, OfANewerSchemaMayBeLookedAtWhenItSaysSo) {
  fill();
  sql("PRAGMA user_version = 99; UPDATE meta SET written_by = '9.9.9'; ALTER TABLE attempt ADD COLUMN mood TEXT");
  const std::string before = bytes_of(file());
  const caught error = error_of([&] { open(); });
  EXPECT_EQ(error.why, store_error::kind::newer);
  EXPECT_TRUE(error.says("dockupd 9.9.9")) << error.text;
  EXPECT_EQ(bytes_of(file()), before);
  EXPECT_EQ(look().open_attempt()->id, id);
  EXPECT_EQ(look().releases().size(), 40U);
}

TEST_F(StoreFile, OfANewerSchemaIsRefusedWhenOlderProgramsWouldMisreadIt) {
  fill();
  sql("PRAGMA user_version = 99; UPDATE meta SET written_by = '9.9.9', min_reader = 98");
  expect_refused(store_error::kind::newer, "dockupd 9.9.9");
}

// As the version before manifest_sha256 left it.
TEST_F(StoreFile, OfTheFirstSchemaIsLookedAtAsItIsAndBroughtUpToDateWhenWrittenTo) {
  fill();
  open().add_snapshot(snapshot_row{"S1", 1, id, "before v2", "then", "then", 7, std::string(64, 'b')});
  sql("ALTER TABLE snapshot DROP COLUMN manifest_sha256; PRAGMA user_version = 1");
  const std::string before = bytes_of(file());
  ASSERT_EQ(look().snapshots().size(), 1U);
  EXPECT_EQ(look().snapshots()[0].manifest_sha256, "");
  EXPECT_EQ(bytes_of(file()), before);
  store s = open();
  EXPECT_EQ(s.open_attempt()->id, id);
  ASSERT_EQ(s.snapshots().size(), 1U);
  EXPECT_EQ(s.snapshots()[0].manifest_sha256, "") << "unknown";
  EXPECT_EQ(s.snapshots()[0].bytes, 7);
  s.add_snapshot(snapshot_row{"S2", 1, id, "before v3", "now", "now", 8, std::string(64, 'c')});
  EXPECT_EQ(s.snapshots()[0].manifest_sha256, std::string(64, 'c'));
}

TEST_F(StoreFile, TakesOneWriterOnlyAndSaysWhenAnotherProgramIsThere) {
  fill();
  const store holder = open();
  const caught error = error_of([&] { open(); });
  EXPECT_EQ(error.why, store_error::kind::busy);
  EXPECT_TRUE(error.says("another program has it open")) << error.text;
}

TEST_F(StoreFile, ChangesNothingWhenOnlyLookedAt) {
  fill();
  const std::string before = bytes_of(file());
  EXPECT_NE(error_of([&] { look().end(id, "done", "", "now"); }).text, "no error");
  EXPECT_NE(error_of([&] { look().add_release(sample_release(77)); }).text, "no error");
  EXPECT_EQ(bytes_of(file()), before);
  EXPECT_FALSE(fs::exists(file().string() + "-wal"));
}

}  // namespace
}  // namespace orchestration
