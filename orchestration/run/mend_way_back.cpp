#include "orchestration/run/mend_way_back.hpp"

#include <algorithm>

#include "orchestration/plan/mend_undo.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/observe.hpp"

namespace orchestration {
namespace {

docker::task<bool> has_its_networks(workspace& w, docker::json container) {
  const docker::json* networks = container.path({"NetworkSettings", "Networks"});
  if (container.bool_at({"State", "Running"}) || networks == nullptr || !networks->is_object()) co_return true;
  for (const auto& [name, endpoint] : networks->object_members()) {
    const std::optional<docker::json> found = co_await w.engine.inspect_network(name);
    if (!found) co_return false;
  }
  co_return true;
}

/// And can be started, as far as its networks go.
docker::task<bool> is_there(workspace& w, std::string id) {
  const auto make = [&] { return w.engine.inspect_container(id); };
  auto look = again_when_lost(make);
  std::optional<docker::json> found = co_await std::move(look);
  if (!found) co_return false;
  co_return co_await has_its_networks(w, std::move(*found));
}

docker::task<bool> is_made(workspace& w, std::string attempt_id, std::string subject) {
  std::vector<std::string> labels;
  labels.push_back("io.dockupd.attempt=" + attempt_id);
  labels.push_back("io.dockupd.subject=" + subject);
  const auto make = [&] { return w.engine.list_containers(labels); };
  auto look = again_when_lost(make);
  const std::vector<docker::json> found = co_await std::move(look);
  co_return !found.empty();
}

struct lookout {
  bool has_lost = false;    // what was there before is gone
  bool has_unmade = false;  // what is to be made anew is not made
};

docker::task<lookout> look_for(workspace& w, std::string attempt_id, undo_targets targets) {
  lookout out;
  for (const std::string& id : targets.ids)
    if (!co_await is_there(w, id)) out.has_lost = true;
  for (const std::string& subject : targets.made_anew)
    if (!co_await is_made(w, attempt_id, subject)) out.has_unmade = true;
  co_return out;
}

/// The archive of the data as it was when the old version stopped.
void add_snapshot(mend_options& options, const workspace& w, const plan& forward) {
  for (const operation& o : forward.operations) {
    const auto* taken = std::get_if<snapshot_volumes>(&o.what);
    if (taken == nullptr || !w.snapshots.contains(taken->snapshot_id)) continue;
    options.snapshot_id = taken->snapshot_id;
    try {
      for (const archived_volume& v : w.snapshots.read(taken->snapshot_id).volumes) options.archived.insert(v.name);
    } catch (const snapshot_error&) {
      // It holds nothing then: that matters only when a volume is gone, and is said there.
    }
  }
}

docker::task<plan> made_anew(workspace& w, attempt a, plan undo, release before) {
  mend_options options;
  options.store_id = w.records.store_id();
  options.data_is_back =
      a.state == to_text(update_state::restarting_old) || rescue_progress_of(w.rescue, a.id) == rescue_progress::done;
  const plan forward = plan_from_json(a.plan);
  add_snapshot(options, w, forward);
  for (const released_container& c : before.containers) {
    const std::optional<docker::json> image = co_await w.engine.inspect_image(c.image_id);
    if (image) options.local_images.insert(c.image_id);
  }
  observe_request wanted = request_for(before);
  const observed_state observed = co_await observe(w.engine, std::move(wanted));
  co_return mend_undo(undo, before, observed, options);
}

bool restores(const plan& p) {
  return std::any_of(p.operations.begin(), p.operations.end(),
                     [](const operation& o) { return o.when == phase::restore; });
}

}  // namespace

docker::task<way_back> mend_way_back(workspace& w, attempt a) {
  way_back out;
  out.undo = plan_from_json(a.undo);
  out.begin_again = update_state_from_text(a.state);
  undo_targets targets = targets_of_undo(out.undo);
  const lookout seen = co_await look_for(w, a.id, std::move(targets));
  const std::optional<release> before = w.records.find_release(a.from_release);
  if (seen.has_lost && before) {
    const std::string as_it_was = to_text(out.undo);
    out.undo = co_await made_anew(w, a, out.undo, *before);
    out.is_mended = to_text(out.undo) != as_it_was;
  }
  // Containers are made at the cut-over, and only that way leads through a restore of the data.
  const bool has_to_make = out.is_mended || seen.has_unmade;
  const bool past_cut_over =
      out.begin_again == update_state::restoring || out.begin_again == update_state::restarting_old;
  if ((has_to_make && past_cut_over) || (out.begin_again == update_state::abandoning && restores(out.undo)))
    out.begin_again = update_state::rolling_back;
  co_return out;
}

}  // namespace orchestration
