#include "orchestration/update/update_machine.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <tuple>

namespace orchestration {
namespace {

using enum update_state;

constexpr update_state all_states[] = {prepared,    cut_over,   restoring_target, starting,       verifying,
                                       committed,   done,       rolling_back,     restoring,      restarting_old,
                                       rolled_back, abandoning, abandoned,        needs_attention};
constexpr event all_events[] = {event::finished, event::failed, event::interrupted};

enum class kind { update, rollback };

std::string after(update_state state, event what, kind of, bool restores = false) {
  const auto following = next(state, what, of == kind::rollback, restores);
  return following ? std::string(to_text(*following)) : "-";
}

TEST(UpdateMachine, GoesOnAsTheTableSays) {
  struct expectation {
    update_state state;
    const char* finished;
    const char* update_failed;
    const char* rollback_failed;
    const char* update_interrupted;
    const char* rollback_interrupted;
  };
  const expectation table[] = {
      {prepared, "cut_over", "abandoning", "abandoning", "abandoning", "abandoning"},
      {cut_over, "starting", "abandoning", "abandoning", "abandoning", "abandoning"},
      {restoring_target, "starting", "needs_attention", "needs_attention", "restoring_target", "restoring_target"},
      {starting, "verifying", "rolling_back", "needs_attention", "rolling_back", "starting"},
      {verifying, "committed", "rolling_back", "needs_attention", "rolling_back", "starting"},
      {committed, "done", "done", "done", "committed", "committed"},
      {done, "-", "-", "-", "-", "-"},
      {rolling_back, "restoring", "needs_attention", "needs_attention", "rolling_back", "rolling_back"},
      {restoring, "restarting_old", "needs_attention", "needs_attention", "restoring", "restoring"},
      {restarting_old, "rolled_back", "needs_attention", "needs_attention", "restarting_old", "restarting_old"},
      {rolled_back, "-", "-", "-", "-", "-"},
      {abandoning, "abandoned", "needs_attention", "needs_attention", "abandoning", "abandoning"},
      {abandoned, "-", "-", "-", "-", "-"},
      {needs_attention, "-", "-", "-", "-", "-"},
  };
  ASSERT_EQ(std::size(table), std::size(all_states));
  for (const expectation& e : table) {
    SCOPED_TRACE(to_text(e.state));
    EXPECT_EQ(after(e.state, event::finished, kind::update), e.finished);
    EXPECT_EQ(after(e.state, event::finished, kind::rollback), e.finished);
    EXPECT_EQ(after(e.state, event::failed, kind::update), e.update_failed);
    EXPECT_EQ(after(e.state, event::failed, kind::rollback), e.rollback_failed);
    EXPECT_EQ(after(e.state, event::interrupted, kind::update), e.update_interrupted);
    EXPECT_EQ(after(e.state, event::interrupted, kind::rollback), e.rollback_interrupted);
  }
}

TEST(UpdateMachine, ReplacesVolumesBetweenCutOverAndStartOnlyWhenThePlanDoes) {
  EXPECT_EQ(after(cut_over, event::finished, kind::rollback, true), "restoring_target");
  EXPECT_EQ(after(cut_over, event::finished, kind::rollback, false), "starting");
  for (const update_state state : all_states) {
    if (state == cut_over) continue;
    EXPECT_EQ(after(state, event::finished, kind::rollback, true),
              after(state, event::finished, kind::rollback, false));
  }
}

TEST(UpdateMachine, EndsWhateverFails) {
  for (const update_state from : all_states)
    for (const kind of : {kind::update, kind::rollback}) {
      update_state state = from;
      int steps = 0;
      while (const auto following = next(state, event::failed, of == kind::rollback, true)) {
        state = *following;
        ASSERT_LT(++steps, 10) << to_text(from);
      }
      EXPECT_TRUE(is_terminal(state));
    }
}

TEST(UpdateMachine, NeverStartsAWayBackFromAWayBack) {
  for (const update_state state : {rolling_back, restoring, restarting_old, abandoning})
    EXPECT_EQ(after(state, event::failed, kind::update), "needs_attention");
}

TEST(UpdateMachine, RecoversAsTheTableSays) {
  const std::pair<update_state, resume_way> table[] = {{prepared, resume_way::undo},
                                                       {cut_over, resume_way::undo},
                                                       {restoring_target, resume_way::forward},
                                                       {starting, resume_way::forward},
                                                       {verifying, resume_way::forward},
                                                       {committed, resume_way::finish},
                                                       {done, resume_way::nothing},
                                                       {rolling_back, resume_way::finish_undo},
                                                       {restoring, resume_way::finish_undo},
                                                       {restarting_old, resume_way::finish_undo},
                                                       {rolled_back, resume_way::nothing},
                                                       {abandoning, resume_way::undo},
                                                       {abandoned, resume_way::nothing},
                                                       {needs_attention, resume_way::nothing}};
  ASSERT_EQ(std::size(table), std::size(all_states));
  for (const auto& [state, way] : table) EXPECT_EQ(resume(state), way) << to_text(state);
}

TEST(UpdateMachine, ComesBackFromAnInterruptionWhereverRecoveryUndoes) {
  for (const update_state state : all_states) {
    if (resume(state) != resume_way::undo) continue;
    EXPECT_EQ(after(state, event::interrupted, kind::update), "abandoning") << to_text(state);
  }
}

TEST(UpdateMachine, ExecutesEveryPhaseOfThePlanOnceOnTheWayForward) {
  std::vector<phase> executed;
  update_state state = prepared;
  while (!is_terminal(state)) {
    const state_work work = work_of(state);
    EXPECT_EQ(work.of, which_plan::plan);
    executed.insert(executed.end(), work.phases.begin(), work.phases.end());
    state = *next(state, event::finished, true, true);
  }
  EXPECT_EQ(state, done);
  EXPECT_EQ(executed, (std::vector<phase>{phase::pull, phase::create, phase::cut_over, phase::restore, phase::start,
                                          phase::verify, phase::pin, phase::commit}));
}

TEST(UpdateMachine, ExecutesTheUndoOnBothWaysBackAndTouchesDataOnOneOnly) {
  const auto phases_from = [](update_state state) {
    std::vector<phase> executed;
    while (!is_terminal(state)) {
      const state_work work = work_of(state);
      EXPECT_EQ(work.of, which_plan::undo);
      executed.insert(executed.end(), work.phases.begin(), work.phases.end());
      state = *next(state, event::finished, false, true);
    }
    return executed;
  };
  EXPECT_EQ(phases_from(rolling_back), (std::vector<phase>{phase::cut_over, phase::restore, phase::start, phase::verify,
                                                           phase::pin, phase::commit}));
  EXPECT_EQ(phases_from(abandoning),
            (std::vector<phase>{phase::cut_over, phase::start, phase::verify, phase::pin, phase::commit}));
}

TEST(UpdateMachine, TerminalStatesHaveNoWorkAndNothingFollows) {
  const std::set<update_state> terminal = {done, rolled_back, abandoned, needs_attention};
  for (const update_state state : all_states) {
    EXPECT_EQ(is_terminal(state), terminal.contains(state)) << to_text(state);
    EXPECT_EQ(work_of(state).phases.empty(), terminal.contains(state));
    for (const event what : all_events) {
      EXPECT_EQ(next(state, what, false, false).has_value(), !terminal.contains(state));
    }
  }
}

// Stored in every state database: a change here orphans open attempts.
TEST(UpdateMachine, StatesKeepTheirTexts) {
  const char* texts[] = {"prepared",    "cut_over",   "restoring_target", "starting",       "verifying",
                         "committed",   "done",       "rolling_back",     "restoring",      "restarting_old",
                         "rolled_back", "abandoning", "abandoned",        "needs_attention"};
  for (std::size_t i = 0; i < std::size(all_states); ++i) {
    EXPECT_EQ(to_text(all_states[i]), texts[i]);
    EXPECT_EQ(update_state_from_text(texts[i]), all_states[i]);
  }
  EXPECT_THROW(update_state_from_text("paused"), std::invalid_argument);
  EXPECT_THROW(update_state_from_text(""), std::invalid_argument);
}

}  // namespace
}  // namespace orchestration
