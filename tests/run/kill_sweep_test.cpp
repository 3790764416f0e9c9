// dockupd is killed before and after every call to the engine and at every step that its journal knows; then it is
// started anew. Whatever was going on: the old or the new version runs afterwards, whole, with its data, and the next
// update works.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/run/kill_points.hpp"
#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

struct scenario {
  std::function<void(shop_run&)> prepare;
  std::function<run_result(shop_run&)> act;
  ending how = ending::done;
  std::string before;  // the version that runs before
  std::string after;   // that runs when nothing is killed
  kept_in where = kept_in::env_file;
};

run_result must(run_result result, ending how) {
  if (result.how != how) throw std::runtime_error("the run ended otherwise: " + result.reason);
  return result;
}

void deploy_v1(shop_run& shop) {
  for (const char* version : {"v1", "v2", "v9"}) shop.publish(version);
  must(shop.update("v1"), ending::done);
  put(shop.data() / "rows", "a row written under v1\n");
}

scenario an_update() {
  scenario out;
  out.prepare = deploy_v1;
  out.act = [](shop_run& shop) { return shop.update("v2"); };
  out.before = "v1";
  out.after = "v2";
  return out;
}

scenario an_update_that_fails() {
  scenario out;
  out.prepare = [](shop_run& shop) {
    deploy_v1(shop);
    image_behaviour broken = shop.web_behaviour();
    broken.health = health_script::becomes_unhealthy;
    shop.publish_web("v2", broken);
  };
  out.act = [](shop_run& shop) { return shop.update("v2"); };
  out.how = ending::rolled_back;
  out.before = "v1";
  out.after = "v1";
  return out;
}

scenario a_rollback() {
  scenario out;
  out.prepare = [](shop_run& shop) {
    deploy_v1(shop);
    must(shop.update("v2"), ending::done);
  };
  out.act = [](shop_run& shop) {
    rollback_request asked;
    asked.data = data_choice::restore;
    return shop.rollback(std::move(asked));
  };
  out.before = "v2";
  out.after = "v1";
  return out;
}

// Before a call is as after the change or event before it: only reads lie between, so not every call is taken.
constexpr int every_nth_read = 7;

std::vector<kill_point> points_of(const run_length& l) {
  using moment = kill_point::moment;
  std::vector<kill_point> out;
  for (int n = 1; n <= l.calls; n += every_nth_read) out.push_back({moment::before_call, n});
  for (int n = 1; n <= l.changes; ++n) out.push_back({moment::after_change, n});
  for (int n = 1; n <= l.events; ++n) out.push_back({moment::at_event, n});
  return out;
}

// The next update costs as much as what is tested, and hardly depends on where exactly the one before was killed.
constexpr int every_nth_update = 3;

std::string open_state(shop_run& shop) {
  const auto open = shop.records().open_attempt();
  return open ? open->state : "";
}

/// Versions that may run after recovery from `state`.
std::vector<std::string> allowed_from(const std::string& state, const scenario& s) {
  static const std::set<std::string> back = {"prepared",  "cut_over",       "abandoning", "rolling_back",
                                             "restoring", "restarting_old", "abandoned",  "rolled_back"};
  if (back.contains(state)) return {s.before};
  if (state == "committed") return {s.after};
  return {s.before, s.after};
}

bool ended_well(ending how) { return how == ending::done || how == ending::rolled_back || how == ending::abandoned; }

void expect_sound(shop_run& shop, const std::vector<std::string>& versions, const std::string& context) {
  ASSERT_EQ(shop.problems(versions), "") << context;
  EXPECT_LE(shop.migrations_of("v2"), 1) << context;
  static int asked = 0;
  if (asked++ % every_nth_update != 0) return;
  const run_result next = shop.update("v9");
  ASSERT_EQ(next.how, ending::done) << context << ": the next update: " << next.reason;
  ASSERT_EQ(shop.problems({"v9"}), "") << context << ", then updated";
}

void expect_recovered(shop_run& shop, const scenario& s, const std::string& context) {
  const std::string state = open_state(shop);
  const std::string where = context + " in state \"" + state + "\"";
  const std::optional<run_result> result = shop.recover();
  ASSERT_EQ(result.has_value(), !state.empty()) << where;
  ASSERT_TRUE(!result || ended_well(result->how)) << where << ": " << result->reason;
  expect_sound(shop, allowed_from(state, s), where);
}

class KillSweep : public testing::Test {
 protected:
  /// The points of the whole run, of which every `step`-th is taken.
  std::vector<kill_point> points(const scenario& s, std::size_t step = 1) {
    shop_run whole(s.where);
    s.prepare(whole);
    run_result result;
    const run_length l = length_of(whole, [&] { result = s.act(whole); });
    EXPECT_EQ(result.how, s.how) << result.reason;
    EXPECT_EQ(whole.problems({s.after}), "");
    EXPECT_GT(l.changes, 15);
    std::vector<kill_point> out;
    const std::vector<kill_point> all = points_of(l);
    for (std::size_t i = 0; i < all.size(); i += step) out.push_back(all[i]);
    return out;
  }

  void sweep(const scenario& s) {
    for (const kill_point& point : points(s)) {
      if (HasFailure()) return;
      shop_run shop(s.where);
      s.prepare(shop);
      ASSERT_TRUE(killed_at(shop, point, [&] { s.act(shop); })) << to_text(point);
      expect_recovered(shop, s, to_text(point) + ": " + last_of(shop, point));
    }
  }

  // The whole machine goes down with dockupd: the engine brings back what its restart policies say.
  void sweep_with_reboot(const scenario& s) {
    for (const kill_point& point : points(s, 4)) {
      if (HasFailure()) return;
      shop_run shop(s.where);
      s.prepare(shop);
      ASSERT_TRUE(killed_at(shop, point, [&] { s.act(shop); })) << to_text(point);
      const std::string context = to_text(point) + " and rebooted: " + last_of(shop, point);
      const bool open = !open_state(shop).empty();
      shop.engine().restart_engine(engine_stop::killed);
      if (open) expect_recovered(shop, s, context);
    }
  }

  // Every few steps of the recovery is killed as well, until one gets to its end.
  void sweep_twice(const scenario& s) {
    constexpr int step = 5;
    for (const kill_point& first : points(s, 11)) {
      for (int second = 1;; second += step) {
        if (HasFailure()) return;
        shop_run shop(s.where);
        s.prepare(shop);
        ASSERT_TRUE(killed_at(shop, first, [&] { s.act(shop); })) << to_text(first);
        const std::string state = open_state(shop);
        const kill_point again{second % 2 == 0 ? kill_point::moment::after_change : kill_point::moment::at_event,
                               second};
        const bool killed = killed_at(shop, again, [&] { shop.recover(); });
        const std::string context = to_text(first) + ", in state \"" + state + "\" again " + to_text(again);
        if (killed) expect_recovered(shop, s, context);
        if (!killed) expect_sound(shop, allowed_from(state, s), context);
        if (!killed) break;
      }
    }
  }

  static std::string last_of(shop_run& shop, const kill_point& point) {
    if (point.when == kill_point::moment::at_event) return shop.events().back();
    return shop.engine().calls().empty() ? "" : shop.engine().calls().back();
  }
};

TEST_F(KillSweep, AnUpdateEndsWholeWhereverItIsKilled) { sweep(an_update()); }
TEST_F(KillSweep, AnUpdateThatRollsBackEndsWholeWhereverItIsKilled) { sweep(an_update_that_fails()); }
TEST_F(KillSweep, ARollbackWithDataEndsWholeWhereverItIsKilled) { sweep(a_rollback()); }
TEST_F(KillSweep, AnUpdateEndsWholeAfterAReboot) { sweep_with_reboot(an_update()); }
TEST_F(KillSweep, AnUpdateThatRollsBackEndsWholeAfterAReboot) { sweep_with_reboot(an_update_that_fails()); }
TEST_F(KillSweep, ARollbackWithDataEndsWholeAfterAReboot) { sweep_with_reboot(a_rollback()); }
TEST_F(KillSweep, AnUpdateEndsWholeWhenItsRecoveryIsKilledToo) { sweep_twice(an_update()); }
TEST_F(KillSweep, AnUpdateThatRollsBackEndsWholeWhenItsRecoveryIsKilledToo) { sweep_twice(an_update_that_fails()); }
TEST_F(KillSweep, ARollbackWithDataEndsWholeWhenItsRecoveryIsKilledToo) { sweep_twice(a_rollback()); }

// The same with the images in compose's override file, which is made, edited and put back.
scenario in_the_override_file(scenario s) {
  s.where = kept_in::override_file;
  return s;
}
TEST_F(KillSweep, AnUpdateInTheOverrideFileEndsWholeWhereverItIsKilled) { sweep(in_the_override_file(an_update())); }
TEST_F(KillSweep, ARollbackInTheOverrideFileEndsWholeWhereverItIsKilled) { sweep(in_the_override_file(a_rollback())); }
TEST_F(KillSweep, AFailureInTheOverrideFileEndsWholeWhereverItIsKilled) {
  sweep(in_the_override_file(an_update_that_fails()));
}

// --- replies that get lost ---------------------------------------------------------------------------------------

struct loss {
  failing when = failing::before;
  int nth = 1;
  failure_kind kind = failure_kind::lost;  // refused: the engine, or a proxy, answers 500 to what it has done or not
};

std::string to_text(const loss& l) {
  return std::string(l.kind == failure_kind::lost ? "lost " : "500 ") +
         (l.when == failing::before ? "before call " : "after change ") + std::to_string(l.nth);
}

class LossSweep : public testing::Test {
 protected:
  void sweep(const scenario& s) {
    shop_run whole(s.where);
    s.prepare(whole);
    const run_length l = length_of(whole, [&] { s.act(whole); });
    for (const failure_kind kind : {failure_kind::lost, failure_kind::refused}) {
      for (int n = 1; n <= l.calls; n += every_nth_read) lose(s, {failing::before, n, kind});
      for (int n = 1; n <= l.changes; ++n) lose(s, {failing::after, n, kind});
    }
  }

  void lose(const scenario& s, const loss& l) {
    if (HasFatalFailure()) return;
    shop_run shop(s.where);
    s.prepare(shop);
    shop.engine().forget_calls();
    scripted_failure lost;
    lost.kind = l.kind;
    lost.passes = true;
    lost.call = l.when == failing::before ? every_call : "";
    lost.when = l.when;
    lost.nth = l.nth;
    shop.engine().fail(lost);
    std::optional<run_result> result;
    std::string thrown;
    try {
      result = s.act(shop);
    } catch (const std::runtime_error& error) {
      thrown = error.what();
    }
    const std::string context = to_text(l) + (thrown.empty() ? "" : ", threw " + thrown);
    ASSERT_EQ(result ? result->how : s.how, s.how) << context << ": " << result->reason;
    // Only where nothing was changed yet may it give up with the engine's words.
    ASSERT_EQ(result ? "" : open_state(shop), "") << context;
    expect_sound(shop, {s.before, s.after}, context);
  }
};

TEST_F(LossSweep, AnUpdateSurvivesTheLossOfAnyReply) { sweep(an_update()); }
TEST_F(LossSweep, AnUpdateThatRollsBackSurvivesTheLossOfAnyReply) { sweep(an_update_that_fails()); }
TEST_F(LossSweep, ARollbackSurvivesTheLossOfAnyReply) { sweep(a_rollback()); }

}  // namespace
}  // namespace orchestration::test
