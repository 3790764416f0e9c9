#include "orchestration/update/update_machine.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <stdexcept>

namespace orchestration {
namespace {

using enum update_state;

constexpr std::array work_prepared = {phase::pull, phase::create};
constexpr std::array work_cut_over = {phase::cut_over};
constexpr std::array work_restore = {phase::restore};
constexpr std::array work_start = {phase::start};
constexpr std::array work_verify = {phase::verify, phase::pin};
constexpr std::array work_commit = {phase::commit};
constexpr std::array work_restart_old = {phase::start, phase::verify, phase::pin, phase::commit};
constexpr std::array work_abandon = {phase::cut_over, phase::start, phase::verify, phase::pin, phase::commit};

struct ways {
  update_state of_update;
  update_state of_rollback;
};
constexpr ways both(update_state to) { return {to, to}; }
constexpr ways kinds(update_state of_update, update_state of_rollback) { return {of_update, of_rollback}; }

struct row {
  update_state state;
  std::string_view text;  // stored: never changes
  which_plan of;
  std::span<const phase> phases;
  update_state finished;  // without a restore phase
  ways failed;
  ways interrupted;
  resume_way found;
};

// Terminal states lead to themselves; next() answers nullopt for them.
constexpr row terminal(update_state state, std::string_view text) {
  return {state, text, which_plan::none, {}, state, both(state), both(state), resume_way::nothing};
}

constexpr std::array table = {
    // Nothing has run yet: a failure costs nothing but the way back.
    row{prepared, "prepared", which_plan::plan, work_prepared, cut_over, both(abandoning), both(abandoning),
        resume_way::undo},
    row{cut_over, "cut_over", which_plan::plan, work_cut_over, starting, both(abandoning), both(abandoning),
        resume_way::undo},
    // Volumes may be half replaced: only forward helps, from the wipe on.
    row{restoring_target, "restoring_target", which_plan::plan, work_restore, starting, both(needs_attention),
        both(restoring_target), resume_way::forward},
    // The new version may have written. Found dead: adopt it, it may well be sound.
    row{starting, "starting", which_plan::plan, work_start, verifying, kinds(rolling_back, needs_attention),
        kinds(rolling_back, starting), resume_way::forward},
    row{verifying, "verifying", which_plan::plan, work_verify, committed, kinds(rolling_back, needs_attention),
        kinds(rolling_back, starting), resume_way::forward},
    row{committed, "committed", which_plan::plan, work_commit, done, both(done), both(committed), resume_way::finish},
    terminal(done, "done"),
    row{rolling_back, "rolling_back", which_plan::undo, work_cut_over, restoring, both(needs_attention),
        both(rolling_back), resume_way::finish_undo},
    row{restoring, "restoring", which_plan::undo, work_restore, restarting_old, both(needs_attention), both(restoring),
        resume_way::finish_undo},
    row{restarting_old, "restarting_old", which_plan::undo, work_restart_old, rolled_back, both(needs_attention),
        both(restarting_old), resume_way::finish_undo},
    terminal(rolled_back, "rolled_back"),
    row{abandoning, "abandoning", which_plan::undo, work_abandon, abandoned, both(needs_attention), both(abandoning),
        resume_way::undo},
    terminal(abandoned, "abandoned"),
    terminal(needs_attention, "needs_attention"),
};

constexpr const row& row_of(update_state state) { return table[static_cast<std::size_t>(state)]; }

constexpr bool ends(update_state state) { return row_of(state).found == resume_way::nothing; }

constexpr bool is_indexed_by_state() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (static_cast<std::size_t>(table[i].state) != i) return false;
  return table.size() == static_cast<std::size_t>(needs_attention) + 1;
}
static_assert(is_indexed_by_state());

constexpr bool terminal_states_have_no_work() {
  for (const row& r : table)
    if (ends(r.state) != r.phases.empty()) return false;
  return true;
}
static_assert(terminal_states_have_no_work());

// The order of the enumeration is the order of both ways, so a way that never steps back must end.
constexpr bool finishing_always_goes_on() {
  for (const row& r : table)
    if (!ends(r.state) && r.finished <= r.state) return false;
  return true;
}
static_assert(finishing_always_goes_on());

constexpr bool the_way_back_is_never_rolled_back() {
  for (const row& r : table)
    if (r.of == which_plan::undo && (r.failed.of_update != needs_attention || r.failed.of_rollback != needs_attention))
      return false;
  return true;
}
static_assert(the_way_back_is_never_rolled_back());

// Found dead where the new version has not run, the old one is brought back; where it may have, never blindly.
constexpr bool only_what_has_not_run_is_undone() {
  for (const row& r : table)
    if ((r.found == resume_way::undo) != (r.interrupted.of_update == abandoning)) return false;
  return true;
}
static_assert(only_what_has_not_run_is_undone());

constexpr bool texts_differ() {
  for (const row& a : table)
    for (const row& b : table)
      if (a.state != b.state && a.text == b.text) return false;
  return true;
}
static_assert(texts_differ());

}  // namespace

std::string_view to_text(update_state state) { return row_of(state).text; }

update_state update_state_from_text(std::string_view text) {
  const auto found = std::find_if(table.begin(), table.end(), [text](const row& r) { return r.text == text; });
  if (found == table.end())
    throw std::invalid_argument("no state of an update is called \"" + std::string(text) + "\"");
  return found->state;
}

bool is_terminal(update_state state) { return ends(state); }

state_work work_of(update_state state) {
  const row& r = row_of(state);
  state_work work;
  work.of = r.of;
  work.phases.assign(r.phases.begin(), r.phases.end());
  return work;
}

std::optional<update_state> next(update_state state, event what, bool kind_is_rollback, bool has_restore_phase) {
  if (is_terminal(state)) return std::nullopt;
  const row& r = row_of(state);
  const auto for_kind = [&](const ways& w) { return kind_is_rollback ? w.of_rollback : w.of_update; };
  switch (what) {
    case event::finished:
      break;
    case event::failed:
      return for_kind(r.failed);
    case event::interrupted:
      return for_kind(r.interrupted);
  }
  if (state == cut_over && has_restore_phase) return restoring_target;
  return r.finished;
}

resume_way resume(update_state state) { return row_of(state).found; }

}  // namespace orchestration
