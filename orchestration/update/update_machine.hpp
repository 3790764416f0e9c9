// The update machine: where an attempt stands, what may follow, and what a run that finds it interrupted does.
// A table of values; no I/O. States are stored by their text, so texts never change.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/plan/plan.hpp"

namespace orchestration {

enum class update_state {
  prepared,         // planned, checked, fetched; what runs is untouched
  cut_over,         // old containers are being stopped, archived and set aside; their data is untouched
  restoring_target, // rollback by an operator: volumes are being replaced by the target's snapshot
  starting,         // new containers may run and write
  verifying,        // all started; proof and pin
  committed,        // the new release is the live one; only cleaning up is left
  done,             // terminal
  rolling_back,     // the way back: stop the new, safety copy, names
  restoring,        // the way back: volumes are being replaced
  restarting_old,   // the way back: data is in place; old containers are started and proven
  rolled_back,      // terminal: the old release runs, proven
  abandoned,        // terminal: given up before anything of the new version started
  needs_attention   // terminal: a person is needed
};

std::string_view to_text(update_state state);
update_state update_state_from_text(std::string_view text);  // std::invalid_argument

bool is_terminal(update_state state);

/// What is executed in a state: phases of the plan, or of the undo plan.
enum class which_plan { plan, undo, none };
struct state_work {
  which_plan of = which_plan::none;
  std::vector<phase> phases;
};
state_work work_of(update_state state);

enum class event { finished, failed, interrupted };
/// The state after an event. nullopt: that event cannot happen there (a defect). `kind_is_rollback`: an operator's
/// rollback is never rolled back; its failures after the cut-over need a person.
std::optional<update_state> next(update_state state, event what, bool kind_is_rollback, bool has_restore_phase);

/// What recovery does with an attempt found in this state.
enum class resume_way { undo, forward, finish_undo, finish, nothing };
resume_way resume(update_state state);

}  // namespace orchestration
