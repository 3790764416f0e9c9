// What the updater plans with: what runs as a release of its own, and what is wanted.
#include <algorithm>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/photograph.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/run/bring_up.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/observe.hpp"
#include "orchestration/run/placed_files.hpp"
#include "orchestration/run/preflight.hpp"
#include "orchestration/run/recorded_pins.hpp"
#include "orchestration/run/updater.hpp"

namespace orchestration {
namespace {

bool all_left_over(const observed_state& observed) {
  return std::all_of(observed.containers.begin(), observed.containers.end(),
                     [](const observed_container& c) { return belongs_to_attempt(c.name); });
}

void note_what_is_started(std::vector<std::string>& notes, const release& gone) {
  for (const released_container& c : gone.containers)
    notes.push_back(c.name + " went down when the daemon died, and is started first");
}

/// Somebody may have stopped it: it stays as it is, and a person hears of it. `gone`: that is started first.
void note_what_is_down(std::vector<std::string>& notes, const release& live, const observed_state& observed,
                       const release& gone) {
  for (const observed_container& found : observed.containers) {
    const bool is_gone = std::any_of(gone.containers.begin(), gone.containers.end(),
                                     [&](const released_container& c) { return c.container_id == found.id; });
    if (is_up(found) || is_gone) continue;
    const auto recorded = std::find_if(live.containers.begin(), live.containers.end(),
                                       [&](const released_container& c) { return c.container_id == found.id; });
    if (recorded == live.containers.end() || !recorded->should_run || recorded->completes) continue;
    notes.push_back(found.name + " is down, and release r" + std::to_string(live.number) +
                    " has it running: it stays down. If nobody has stopped it (when dockerd died, say), first: dockupd "
                    "recover -p " +
                    live.project);
  }
}

std::set<std::string> volumes_in(const snapshot_store& snapshots, const std::string& id) {
  std::set<std::string> out;
  try {
    for (const archived_volume& v : snapshots.read(id).volumes) out.insert(v.name);
  } catch (const snapshot_error& error) {
    throw refusal(ending::refused, std::string(error.what()) +
                                       ". Nothing was changed. To go back and keep the present "
                                       "data: --no-data");
  }
  return out;
}

}  // namespace

docker::task<plan> updater::plan_for(update_request request) {
  prepared_plan ready = co_await prepare(request, adopt_found::no);
  co_return std::move(ready.value);
}

docker::task<plan> updater::plan_for(rollback_request request) {
  prepared_plan ready = co_await prepare(request);
  co_return std::move(ready.value);
}

docker::task<updater::prepared_plan> updater::prepare(update_request& request, adopt_found adopting) {
  prepared_plan ready;
  // Read before the engine was held: whoever held it then may have written there.
  if (adopting == adopt_found::yes && request.pin) refuse_changed(*request.pin);
  if (adopting == adopt_found::yes && request.image_pins) refuse_changed(*request.image_pins);
  observe_request wanted = request_for(request.desired);
  ready.observed = co_await observe(workspace_.engine, wanted);
  refuse_another_engine(workspace_.records, ready.observed.engine_id, ending::refused);
  release gone;
  if (!needs_a_person(workspace_.records)) gone = co_await find_gone(workspace_, ready.observed);
  if (!gone.containers.empty() && adopting == adopt_found::yes) {
    co_await start_again(workspace_, gone, await_health::yes);
    ready.observed = co_await observe(workspace_.engine, wanted);
  }
  std::vector<std::string> notes;
  if (request.without_files) notes = co_await make_desired(request, ready.observed);
  ready.release_before = co_await live_release(ready.observed, request, adopting, notes);
  fill_identity(request.options, ready.release_before);
  request.options.pin = request.pin;
  // What stands there already is recorded with the release, and not written again.
  if (request.image_pins && request.image_pins->old_text != request.image_pins->new_text)
    request.options.image_pins.push_back(*request.image_pins);
  request.options.digests =
      co_await resolve_images(workspace_.engine, request.desired, request.options.services, ready.observed,
                              request.retagged, request.tag_given && !request.without_files);
  ready.value = plan_update(request.desired, ready.observed, request.options);
  ready.value.notes.insert(ready.value.notes.begin(), notes.begin(), notes.end());
  ready.value.notes.insert(ready.value.notes.end(), request.notes.begin(), request.notes.end());
  note_what_is_started(ready.value.notes, gone);
  if (const std::optional<release> live = workspace_.records.current_release())
    note_what_is_down(ready.value.notes, *live, ready.observed, gone);
  co_return ready;
}

docker::task<std::vector<std::string>> updater::make_desired(update_request& request, observed_state& observed) {
  found_project found = project_from_containers(request.desired.name, observed, *request.without_files);
  request.desired = std::move(found.value);
  request.options.services = std::move(found.services);
  request.tag_before = std::move(found.tag_before);
  request.retagged = std::move(found.moved);
  std::set<std::string> wanted = request_for(request.desired).images;
  observed = co_await with_images(workspace_.engine, std::move(observed), std::move(wanted));
  co_return std::move(found.notes);
}

docker::task<updater::prepared_plan> updater::prepare(rollback_request& request) {
  const release target = choose_target(workspace_.records, request.to);
  const release present = *workspace_.records.current_release();
  prepared_plan ready;
  ready.target = target.number;
  ready.release_before = present.number;
  ready.tag = target.tag;
  ready.observed = co_await observe(workspace_.engine, request_for(target));
  refuse_another_engine(workspace_.records, ready.observed.engine_id, ending::refused);
  rollback_options options;
  static_cast<reconcile_options&>(options) = request.options;
  fill_identity(options, present.number);
  options.data_from = choose_data(workspace_.records, target, present, request.data);
  if (!options.data_from.empty()) options.archived = volumes_in(workspace_.snapshots, options.data_from);
  pins_back pins = pins_to_go_back(workspace_.records, target, present);
  options.tag_lines = std::move(pins.lines);
  options.image_pins = std::move(pins.images);
  request.options = options;
  ready.value = plan_rollback(target, ready.observed, options);
  ready.value.notes.insert(ready.value.notes.end(), pins.notes.begin(), pins.notes.end());
  co_return ready;
}

void updater::fill_identity(reconcile_options& options, int release_before) {
  options.attempt_id = new_id();
  options.snapshot_id = options.attempt_id;
  options.store_id = workspace_.records.store_id();
  options.from_release = needs_a_person(workspace_.records) ? 0 : release_before;
}

docker::task<int> updater::live_release(const observed_state& observed, const update_request& request,
                                        adopt_found adopting, std::vector<std::string>& notes) {
  const std::optional<release> current = workspace_.records.current_release();
  const int known = current ? current->number : 0;
  if (all_left_over(observed) || (current && describes(*current, observed))) co_return known;
  const int number = workspace_.records.next_release_number();
  if (adopting == adopt_found::no) co_return number;
  // What runs is not what was recorded (compose deployed it, or somebody changed it by hand): it becomes a release of
  // its own, so that there is something to come back to.
  release found = release_from_observed(observed, number, now_text());
  found.project = request.desired.name;
  found.created_by = request.who;
  found.reason = "found running";
  remember_unseen(found, observed, nullptr, current ? &*current : nullptr);
  recall_hashed(found, observed, request.desired);
  co_await read_files(found, request.desired, notes);
  // What a failed way back left is no version that anybody wanted.
  const bool whole = !current || covers(observed, *current);
  if (whole && runs_well(observed) && !needs_a_person(workspace_.records)) found.verdict = release_verdict::verified;
  found.previous = known;
  if (request.without_files) found.tag = request.tag_before;
  if (request.pin) {
    if (!request.pin->previous.empty()) found.tag = request.pin->previous;
    found.pins.push_back(found_pin(*request.pin));
  }
  if (request.image_pins) {
    if (found.tag.empty()) found.tag = request.tag_before;
    for (const pinned_image& each : request.image_pins->images)
      found.pins.push_back({request.image_pins->file, "", each.previous, each.service, each.previous});
  }
  if (current) carry_pins(found, *current);
  workspace_.records.add_release(found);
  workspace_.records.set_current_release(number);
  co_return number;
}

/// What inspect does not show: the secrets and configs that were written into the containers.
docker::task<> updater::read_files(release& found, const project& p, std::vector<std::string>& notes) {
  for (released_container& c : found.containers) {
    const auto s = p.services.find(c.service);
    if (!c.files.is_null() || s == p.services.end()) continue;
    std::vector<placed_file> wanted;
    try {
      wanted = placed_files_of(p, s->second);
    } catch (const create_body_error&) {
      // Whether it can be made as the files say, the plan finds out.
    }
    if (wanted.empty()) continue;
    const found_files there = co_await files_found(workspace_.engine, c.container_id, wanted);
    c.files = to_json(there.files);
    for (const std::string& path : there.no_files)
      notes.push_back("service " + c.service + ": " + path + " is no file in the container that runs (a link or a " +
                      "directory), so it is not kept with r" + std::to_string(found.number) +
                      ", and going back does not write it");
  }
}

}  // namespace orchestration
