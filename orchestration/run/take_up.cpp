#include "orchestration/run/take_up.hpp"

#include "orchestration/plan/reconcile.hpp"
#include "orchestration/run/targets.hpp"
#include "orchestration/update/update_machine.hpp"

namespace orchestration {
namespace {

bool has_archive(const workspace& w, const plan& forward) {
  for (const operation& o : forward.operations)
    if (const auto* taken = std::get_if<snapshot_volumes>(&o.what)) return w.snapshots.contains(taken->snapshot_id);
  return false;
}

docker::json undo_of(const workspace& w, const attempt_left& left) {
  const plan forward = plan_from_json(left.value.plan);
  undo_options options;
  options.data = !left.data_is_back && has_archive(w, forward) ? restore_data::yes : restore_data::no;
  options.ran = new_version_ran::maybe;
  options.safety_snapshot_id = left.value.id + "-safety";
  return to_json(plan_undo(forward, options));
}

// The identity of the state directory when the attempt began: the engine's guard and the new containers bear it.
std::string store_of(const plan& forward) {
  for (const operation& o : forward.operations)
    if (const auto* create = std::get_if<create_container>(&o.what))
      return create->body.string_at({"Labels", "io.dockupd.store"});
  return {};
}

}  // namespace

std::optional<attempt> take_up_lost_attempt(workspace& w) {
  std::optional<attempt_left> left = newest_attempt_left(w.rescue);
  if (!left || w.records.find_attempt(left->value.id)) return std::nullopt;
  attempt a = std::move(left->value);
  if (!w.records.find_release(a.from_release)) a.from_release = 0;
  const bool is_new = w.records.attempts().empty() && w.records.releases().empty();
  const plan forward = plan_from_json(a.plan);
  if (const std::string id = store_of(forward); is_new && !id.empty()) w.records.adopt_identity(id);
  a.reason = "interrupted, and its records were lost";
  // Without the new version having run, recover() plans the way back itself.
  update_state state = update_state::cut_over;
  if (a.dirty) state = left->data_is_back ? update_state::restarting_old : update_state::rolling_back;
  a.state = std::string(to_text(state));
  left->value = a;
  if (a.dirty) a.undo = undo_of(w, *left);
  w.records.begin(a);
  return a;
}

std::optional<attempt> take_up_rescued_attempt(workspace& w) {
  if (!needs_a_person(w.records)) return std::nullopt;
  const std::string id = w.records.attempts().front().id;
  if (rescue_progress_of(w.rescue, id) == rescue_progress::none) return std::nullopt;
  const bool dirty = w.records.find_attempt(id)->dirty;
  const update_state back = dirty ? update_state::rolling_back : update_state::abandoning;
  w.records.reopen(id, std::string(to_text(back)));
  return w.records.open_attempt();
}

}  // namespace orchestration
