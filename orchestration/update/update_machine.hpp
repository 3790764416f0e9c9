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
  prepared,          // planned, checked, fetched; what runs is untouched
  cut_over,          // old containers are being stopped, archived and set aside; their data is untouched
  restoring_target,  // rollback by an operator: volumes are being replaced by the target's snapshot
  starting,          // new containers may run and write
  verifying,         // all started; proof and pin
  committed,         // the new release is the live one; only cleaning up is left
  done,              // terminal
  rolling_back,      // the way back: stop the new, safety copy, names
  restoring,         // the way back: volumes are being replaced
  restarting_old,    // the way back: data is in place; old containers are started and proven
  rolled_back,       // terminal: the old release runs, proven
  abandoning,        // the way back when nothing of the new version has run: names, start, proof; no data
  abandoned,         // terminal: given up before anything of the new version started
  needs_attention    // terminal: a person is needed
};

std::string_view to_text(update_state state);
update_state update_state_from_text(std::string_view text);  // std::invalid_argument

bool is_terminal(update_state state);

/// What is executed in a state: phases of the plan, or of the undo plan, in order.
enum class which_plan { plan, undo, none };
struct state_work {
  which_plan of = which_plan::none;
  std::vector<phase> phases;
};
state_work work_of(update_state state);

/// How the work of a state ended. interrupted: the run was asked to stop, or died and recovery does not go on with it.
/// Where a stop is not honoured (the way back, cleaning up, a rollback whose data may be half replaced) the state
/// stays, and its work is repeated.
enum class event { finished, failed, interrupted };
/// The state after an event; nullopt: that event cannot happen there, which is so for terminal states alone.
/// `kind_is_rollback`: an operator's rollback is never rolled back; its failures after the cut-over need a person.
/// Cleaning up that fails after the commit is no failure of the update: what is left over is named by the next plan.
std::optional<update_state> next(update_state state, event what, bool kind_is_rollback, bool has_restore_phase);

/// What recovery does with an attempt found in this state.
enum class resume_way {
  undo,         // back to the old version: nothing of the new one has run
  forward,      // adopt: repeat the work of the state (of `starting` when found verifying), then commit or roll back
  finish_undo,  // go on with the way back; a restore begins again at its beginning
  finish,       // the commit stands: clean up
  nothing       // terminal
};
resume_way resume(update_state state);

}  // namespace orchestration
