#include "orchestration/release/store.hpp"

#include <sqlite3.h>

#include "store_fixture.hpp"

namespace orchestration {
namespace {

using docker::json;

constexpr const char* first = "20261121T105501Z-00000a";
constexpr const char* second = "20261121T105501Z-000001";  // of the same second, and before `first` as text
constexpr const char* now = "2026-11-21T10:56:00Z";

class Store : public store_test {
 protected:
  // Behind the store's back.
  void sql(const std::string& text) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
    sqlite3_close(database);
  }
};

TEST_F(Store, MakesItsIdOnceAndKeepsIt) {
  EXPECT_FALSE(store::exists(directory));
  const std::string id = open().store_id();
  EXPECT_EQ(id.size(), 36U);
  EXPECT_TRUE(store::exists(directory));
  EXPECT_EQ(open().store_id(), id);
  EXPECT_EQ(look().store_id(), id);
}

TEST_F(Store, HasNothingAtFirst) {
  const store s = open();
  EXPECT_FALSE(s.open_attempt());
  EXPECT_FALSE(s.current_release());
  EXPECT_FALSE(s.find_attempt(first));
  EXPECT_FALSE(s.find_release(1));
  EXPECT_EQ(s.next_release_number(), 1);
  EXPECT_TRUE(s.attempts().empty() && s.releases().empty() && s.snapshots().empty() && s.holds().empty());
}

TEST_F(Store, GivesBackAnAttemptAsItWasBegun) {
  open().begin(sample_attempt(first));
  const std::optional<attempt> found = open().open_attempt();
  ASSERT_TRUE(found);
  const attempt wanted = sample_attempt(first);
  EXPECT_EQ(found->id, wanted.id);
  EXPECT_EQ(found->kind, wanted.kind);
  EXPECT_EQ(found->state, wanted.state);
  EXPECT_FALSE(found->dirty);
  EXPECT_EQ(found->from_release, 1);
  EXPECT_EQ(found->to_release, 2);
  EXPECT_EQ(found->tag, wanted.tag);
  EXPECT_EQ(found->who, wanted.who);
  EXPECT_EQ(found->why, wanted.why);
  EXPECT_EQ(found->started_at, wanted.started_at);
  EXPECT_EQ(found->ended_at, "");
  EXPECT_EQ(found->recoveries, 0);
  EXPECT_EQ(found->plan, wanted.plan);
  EXPECT_TRUE(found->undo.is_null());
  EXPECT_EQ(found->settings, wanted.settings);
}

TEST_F(Store, AllowsOneOpenAttemptOnly) {
  store s = open();
  s.begin(sample_attempt(first));
  s.set_state(first, "verifying", true, "");
  const caught error = error_of([&] { s.begin(sample_attempt(second)); });
  EXPECT_TRUE(error.says("update " + std::string(first) + " is still open (verifying)")) << error.text;
  EXPECT_TRUE(error.says("dockupd recover")) << error.text;
  s.end(first, "rolled_back", "unhealthy", now);
  s.begin(sample_attempt(second));
  EXPECT_EQ(s.open_attempt()->id, second);
}

TEST_F(Store, ShowsEveryStepOfAnAttemptAfterOpeningAgain) {
  open().begin(sample_attempt(first));
  open().set_state(first, "starting", true, "slow");
  EXPECT_EQ(open().open_attempt()->state, "starting");
  EXPECT_TRUE(open().open_attempt()->dirty);
  EXPECT_EQ(open().open_attempt()->reason, "slow");
  open().set_undo(first, json::parse(R"({"operations":[]})"));
  EXPECT_EQ(open().open_attempt()->undo.to_text(), R"({"operations":[]})");
  open().count_recovery(first);
  open().count_recovery(first);
  EXPECT_EQ(open().open_attempt()->recoveries, 2);
  open().end(first, "rolled_back", "unhealthy", now);
  EXPECT_FALSE(open().open_attempt());
  const std::optional<attempt> ended = open().find_attempt(first);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->state, "rolled_back");
  EXPECT_EQ(ended->reason, "unhealthy");
  EXPECT_EQ(ended->ended_at, now);
}

TEST_F(Store, ListsAttemptsNewestFirstWithoutTheirPlans) {
  store s = open();
  for (const char* id : {first, second}) {
    s.begin(sample_attempt(id));
    s.end(id, "done", "", now);
  }
  const std::vector<attempt> all = s.attempts();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].id, second);
  EXPECT_EQ(all[1].id, first);
  EXPECT_TRUE(all[0].plan.is_null());
}

TEST_F(Store, ChangesNoAttemptThatIsNotOpen) {
  store s = open();
  s.begin(sample_attempt(first));
  EXPECT_NE(error_of([&] { s.end(first, "done", "", ""); }).text, "no error");
  EXPECT_TRUE(s.open_attempt());
  s.end(first, "done", "", now);
  for (const char* id : {first, "unknown"}) {
    const std::string expected = std::string("there is no open attempt ") + id;
    EXPECT_TRUE(error_of([&] { s.set_state(id, "starting", true, ""); }).says(expected));
    EXPECT_TRUE(error_of([&] { s.set_undo(id, json()); }).says(expected));
    EXPECT_TRUE(error_of([&] { s.count_recovery(id); }).says(expected));
    EXPECT_TRUE(error_of([&] { s.end(id, "done", "", now); }).says(expected));
    EXPECT_TRUE(error_of([&] { s.commit(id, "committed", sample_release(9)); }).says(expected));
  }
  EXPECT_EQ(s.find_attempt(first)->state, "done");
  EXPECT_FALSE(s.find_release(9));
}

TEST_F(Store, KeepsTheJournalInTheOrderOfIntents) {
  open().begin(sample_attempt(first));
  open().intend(first, "plan", 2, "t1");
  open().done(first, "plan", 2, "t2", json::parse(R"({"container_id":"abc"})"));
  open().intend(first, "plan", 1, "t3");
  open().intend(first, "undo", 1, "t4");
  const std::vector<journal_step> steps = open().journal(first);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[0].attempt_id, first);
  EXPECT_EQ(steps[0].plan, "plan");
  EXPECT_EQ(steps[0].number, 2);
  EXPECT_EQ(steps[0].intended_at, "t1");
  EXPECT_EQ(steps[0].done_at, "t2");
  EXPECT_EQ(steps[0].detail.to_text(), R"({"container_id":"abc"})");
  EXPECT_EQ(steps[1].number, 1);
  EXPECT_EQ(steps[1].done_at, "");
  EXPECT_TRUE(steps[1].detail.is_null());
  EXPECT_EQ(steps[2].plan, "undo");
  EXPECT_TRUE(open().journal(second).empty());
}

TEST_F(Store, MayRecordAnIntentTwice) {
  store s = open();
  s.begin(sample_attempt(first));
  s.intend(first, "plan", 1, "t1");
  s.done(first, "plan", 1, "t2", json("kept"));
  s.intend(first, "plan", 1, "t3");
  const std::vector<journal_step> steps = s.journal(first);
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].intended_at, "t1");
  EXPECT_EQ(steps[0].done_at, "t2");
}

TEST_F(Store, LosesNothingOfTheFirstRunsDetailWhenAStepIsRepeated) {
  store s = open();
  s.begin(sample_attempt(first));
  s.intend(first, "plan", 1, "t1");
  s.done(first, "plan", 1, "t2", json::parse(R"({"evidence":"web.log","said":"removed"})"));
  s.done(first, "plan", 1, "t3", json::parse(R"({"said":"already gone"})"));
  s.done(first, "plan", 1, "t4", json());
  const journal_step step = s.journal(first).at(0);
  EXPECT_EQ(step.done_at, "t4");
  EXPECT_EQ(step.detail.string_at({"evidence"}), "web.log");
  EXPECT_EQ(step.detail.string_at({"said"}), "already gone");
}

TEST_F(Store, RefusesAnEndWithoutAnIntentAndAnIntentWithoutAnAttempt) {
  store s = open();
  s.begin(sample_attempt(first));
  EXPECT_TRUE(error_of([&] { s.done(first, "plan", 3, now, json()); }).says("it was never intended"));
  EXPECT_NE(error_of([&] { s.intend("unknown", "plan", 1, now); }).text, "no error");
  EXPECT_NE(error_of([&] { s.intend(first, "elsewhere", 1, now); }).text, "no error");
  EXPECT_TRUE(s.journal(first).empty());
}

TEST_F(Store, CommitsReleaseStateAndCurrentReleaseAtOnce) {
  open().begin(sample_attempt(first));
  open().commit(first, "committed", sample_release(1));
  const store s = open();
  EXPECT_EQ(s.open_attempt()->state, "committed");
  EXPECT_EQ(s.current_release(), sample_release(1));
  EXPECT_EQ(s.find_release(1), sample_release(1));
}

TEST_F(Store, CommitsNothingWhenAnyPartOfItFails) {
  open().add_release(sample_release(1));
  open().set_current_release(1);
  open().begin(sample_attempt(first));
  for (const char* part : {"BEFORE INSERT ON release", "BEFORE UPDATE ON meta", "BEFORE UPDATE ON attempt"}) {
    sql(std::string("CREATE TRIGGER broken ") + part + " BEGIN SELECT RAISE(ABORT, 'broken on purpose'); END");
    const caught error = error_of([&] { open().commit(first, "committed", sample_release(2)); });
    EXPECT_TRUE(error.says("broken on purpose")) << part << ": " << error.text;
    sql("DROP TRIGGER broken");
    EXPECT_FALSE(open().find_release(2)) << part;
    EXPECT_EQ(open().current_release()->number, 1) << part;
    EXPECT_EQ(open().open_attempt()->state, "prepared") << part;
  }
  open().commit(first, "committed", sample_release(2));
  EXPECT_EQ(open().current_release()->number, 2);
}

TEST_F(Store, GoesOnWithTheSameConnectionAfterAFailedCommit) {
  store s = open();
  s.add_release(sample_release(1));
  s.begin(sample_attempt(first));
  EXPECT_NE(error_of([&] { s.commit(first, "committed", sample_release(1)); }).text, "no error");
  EXPECT_EQ(s.open_attempt()->state, "prepared");
  s.commit(first, "committed", sample_release(2));
  EXPECT_EQ(s.current_release()->number, 2);
}

TEST_F(Store, CommitsARollbackAtOnce) {
  open().add_release(sample_release(1));
  open().add_release(sample_release(2));
  open().set_current_release(2);
  open().begin(sample_attempt(first));
  EXPECT_NE(error_of([&] { open().commit_rollback(first, "committed", 1, 77); }).text, "no error");
  EXPECT_EQ(open().current_release()->number, 2);
  open().commit_rollback(first, "committed", 1, 2);
  EXPECT_EQ(open().current_release()->number, 1);
  EXPECT_EQ(open().find_release(2)->verdict, release_verdict::rolled_back);
  EXPECT_EQ(open().open_attempt()->state, "committed");
}

TEST_F(Store, OrdersReleasesByNumberPast255And65535) {
  store s = open();
  for (const int number : {255, 65536, 9, 256, 65535, 10, 2'000'000'000}) s.add_release(sample_release(number));
  std::vector<int> numbers;
  for (const release& r : s.releases()) numbers.push_back(r.number);
  EXPECT_EQ(numbers, (std::vector<int>{2'000'000'000, 65536, 65535, 256, 255, 10, 9}));
  EXPECT_EQ(s.next_release_number(), 2'000'000'001);
  EXPECT_EQ(s.find_release(256)->previous, 255);
}

TEST_F(Store, ChangesAVerdictAndNothingElse) {
  open().add_release(sample_release(1));
  open().set_verdict(1, release_verdict::rolled_back);
  release expected = sample_release(1);
  expected.verdict = release_verdict::rolled_back;
  EXPECT_EQ(open().find_release(1), expected);
  EXPECT_TRUE(error_of([&] { open().set_verdict(2, release_verdict::verified); }).says("there is no such release"));
}

TEST_F(Store, NeverOverwritesARelease) {
  store s = open();
  s.add_release(sample_release(1));
  release other = sample_release(1);
  other.tag = "v9";
  EXPECT_NE(error_of([&] { s.add_release(other); }).text, "no error");
  EXPECT_EQ(s.find_release(1)->tag, "v2");
}

TEST_F(Store, MakesOnlyAReleaseThatExistsTheCurrentOne) {
  store s = open();
  s.add_release(sample_release(1));
  s.set_current_release(1);
  EXPECT_TRUE(error_of([&] { s.set_current_release(2); }).says("there is no such release"));
  EXPECT_EQ(s.current_release()->number, 1);
}

snapshot_row sample_snapshot(const std::string& id, const std::string& created_at) {
  snapshot_row s;
  s.id = id;
  s.of_release = 3;
  s.attempt_id = first;
  s.reason = "before v2";
  s.created_at = created_at;
  s.bytes = 5'000'000'000;
  s.manifest_sha256 = std::string(64, 'a');
  return s;
}

TEST_F(Store, ListsSnapshotsTheLastRecordedFirstWhateverTheClockSaid) {
  open().add_snapshot(sample_snapshot("c", "2036-11-21T09:00:00Z"));
  open().add_snapshot(sample_snapshot("b", "2026-11-21T11:00:00Z"));
  open().add_snapshot(sample_snapshot("a", "2026-11-21T10:00:00Z"));
  open().mark_snapshot_verified("a", now);
  const std::vector<snapshot_row> all = open().snapshots();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].id, "a");
  EXPECT_EQ(all[1].id, "b");
  EXPECT_EQ(all[2].id, "c");
  EXPECT_EQ(all[0].verified_at, now);
  EXPECT_EQ(all[1].verified_at, "");
  EXPECT_EQ(all[0].of_release, 3);
  EXPECT_EQ(all[0].attempt_id, first);
  EXPECT_EQ(all[0].reason, "before v2");
  EXPECT_EQ(all[0].bytes, 5'000'000'000);
  EXPECT_EQ(all[0].manifest_sha256, std::string(64, 'a'));
}

TEST_F(Store, CountsNoStepOfAnotherWayBackAsDone) {
  store s = open();
  s.begin(sample_attempt(first));
  for (const char* plan : {"plan", "undo"}) {
    s.intend(first, plan, 1, now);
    s.done(first, plan, 1, now, docker::json());
  }
  s.set_undo(first, docker::json::parse(R"({"operations":[]})"));
  const std::vector<journal_step> steps = s.journal(first);
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0].done_at, now);
  EXPECT_EQ(steps[1].done_at, "");
}

TEST_F(Store, GoesOnWithAnAttemptThatHadEndedWhenNoneIsOpen) {
  store s = open();
  s.begin(sample_attempt(first));
  s.set_undo(first, docker::json::parse(R"({"operations":[]})"));
  EXPECT_TRUE(error_of([&] { s.reopen(first, "rolling_back"); }).says("has ended"));
  s.count_recovery(first);
  s.end(first, "needs_attention", "web is not healthy", now);
  s.reopen(first, "rolling_back");
  const std::optional<attempt> again = s.open_attempt();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->id, first);
  EXPECT_EQ(again->state, "rolling_back");
  EXPECT_EQ(again->recoveries, 0);
  EXPECT_FALSE(again->undo.is_null()) << "it tells whether the data was put back";
  EXPECT_TRUE(error_of([&] { s.reopen("none", "rolling_back"); }).says("has ended"));
}

TEST_F(Store, ReplacesASnapshotOfTheSameIdAndForgetsOne) {
  store s = open();
  s.add_snapshot(sample_snapshot("a", now));
  snapshot_row again = sample_snapshot("a", now);
  again.bytes = 7;
  s.add_snapshot(again);
  ASSERT_EQ(s.snapshots().size(), 1U);
  EXPECT_EQ(s.snapshots()[0].bytes, 7);
  s.remove_snapshot("a");
  s.remove_snapshot("a");
  EXPECT_TRUE(s.snapshots().empty());
  EXPECT_TRUE(error_of([&] { s.mark_snapshot_verified("a", now); }).says("there is no such snapshot"));
}

hold sample_hold(const std::string& digest, const std::string& reason) {
  hold h;
  h.reference = "shop:v3";
  h.digest = digest;
  h.reason = reason;
  h.since = now;
  return h;
}

TEST_F(Store, HoldsAReferenceUntilLifted) {
  open().add_hold(sample_hold("sha256:1", "unhealthy"));
  open().add_hold(sample_hold("sha256:2", "unhealthy"));
  open().add_hold(sample_hold("sha256:1", "again"));
  const std::vector<hold> all = open().holds();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].digest, "sha256:1");
  EXPECT_EQ(all[0].reason, "again");
  EXPECT_EQ(all[1].since, now);
  EXPECT_TRUE(open().remove_hold("shop:v3"));
  EXPECT_FALSE(open().remove_hold("shop:v3"));
  EXPECT_TRUE(open().holds().empty());
}

TEST_F(Store, KeepsTextsWithQuotesNewlinesAndZeroBytes) {
  const std::string reason("it's\n\"broken\"\0;DROP TABLE x", 27);
  store s = open();
  s.begin(sample_attempt(first));
  s.set_state(first, "rolling_back", true, reason);
  EXPECT_EQ(s.open_attempt()->reason, reason);
}

TEST_F(Store, NamesNoRecordedValueInAnError) {
  store s = open();
  s.begin(sample_attempt(first));
  s.add_release(sample_release(1));
  s.end(first, "done", "", now);
  for (const caught& error :
       {error_of([&] { s.begin(sample_attempt(first)); }), error_of([&] { s.add_release(sample_release(1)); }),
        error_of([&] { s.commit(first, "committed", sample_release(2)); }),
        error_of([&] { look().add_release(sample_release(3)); })}) {
    EXPECT_NE(error.text, "no error");
    EXPECT_FALSE(error.says("canary-5813")) << error.text;
  }
}

TEST_F(Store, NamesNoRecordedValueWhenARecordIsDamaged) {
  open().add_release(sample_release(1));
  for (const char* change :
       {"replace(document, '\"Image\":', '\"Image\"')", "replace(document, '\"image_id\"', '\"x\"')"}) {
    sql(std::string("UPDATE release SET document = ") + change);
    const caught error = error_of([&] { open().releases(); });
    EXPECT_EQ(error.why, store_error::kind::damaged) << error.text;
    EXPECT_TRUE(error.says(file().string())) << error.text;
    EXPECT_FALSE(error.says("canary-5813")) << error.text;
  }
}

}  // namespace
}  // namespace orchestration
