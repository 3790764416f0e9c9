#include "orchestration/run/updater.hpp"

#include <algorithm>
#include <chrono>

#include "docker_client/error.hpp"
#include "orchestration/files/failpoint.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/photograph.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/run/bring_up.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/left_over.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/mend_way_back.hpp"
#include "orchestration/run/observe.hpp"
#include "orchestration/run/placed_files.hpp"
#include "orchestration/run/preflight.hpp"
#include "orchestration/run/prune.hpp"
#include "orchestration/run/take_up.hpp"

namespace orchestration {
namespace {

/// A run that is interrupted again and again while recovering is a person's business.
constexpr int most_recoveries = 6;

bool has_phase(const plan& p, phase when) {
  return std::any_of(p.operations.begin(), p.operations.end(), [when](const operation& o) { return o.when == when; });
}

const snapshot_volumes* snapshot_of(const plan& p) {
  for (const operation& o : p.operations)
    if (const auto* snapshot = std::get_if<snapshot_volumes>(&o.what)) return snapshot;
  return nullptr;
}

bool runs_a_migration(const plan& p) {
  return std::any_of(p.operations.begin(), p.operations.end(), [](const operation& o) {
    const auto* start = std::get_if<start_container>(&o.what);
    return start != nullptr && start->until == goal::completed;
  });
}

/// What was proven to run and went down with the daemon since is to run all the same: recover goes by the release.
void expect_what_was_proven(release& r, const plan& p) {
  for (const operation& o : p.operations) {
    const auto* proven = std::get_if<verify_container>(&o.what);
    if (proven == nullptr || proven->expected != run_state::running) continue;
    for (released_container& c : r.containers)
      if (c.service + "." + std::to_string(c.number) == proven->target.subject) c.should_run = true;
  }
}

/// Whether somebody stopped it or it went down with dockerd, nothing tells: it stays as it is, and a person hears of
/// it.
void note_what_is_down(std::vector<std::string>& notes, const release& live, const observed_state& observed) {
  for (const observed_container& found : observed.containers) {
    if (is_up(found)) continue;
    const auto recorded = std::find_if(live.containers.begin(), live.containers.end(),
                                       [&](const released_container& c) { return c.container_id == found.id; });
    if (recorded == live.containers.end() || !recorded->should_run || recorded->completes) continue;
    notes.push_back(found.name + " is down, and release r" + std::to_string(live.number) +
                    " has it running: it stays down. If nobody has stopped it (when dockerd died, say), first: dockupd "
                    "recover -p " +
                    live.project);
  }
}

bool is_down(const verify_container& proof, const observed_state& observed) {
  return proof.expected == run_state::running &&
         std::any_of(observed.containers.begin(), observed.containers.end(),
                     [&](const observed_container& c) { return c.name == proof.name && !is_up(c); });
}

/// Whether one that has to run by now is down. While the engine does not answer, nobody knows: false.
docker::task<bool> has_gone_down(engine& e, plan p) {
  bool any = false;
  try {
    observe_request wanted(p.project);
    const observed_state observed = co_await observe(e, std::move(wanted));
    for (const operation& o : p.operations)
      if (const auto* proof = std::get_if<verify_container>(&o.what)) any |= is_down(*proof, observed);
  } catch (const docker::error&) {
    any = false;
  }
  co_return any;
}

state_work from_the_starts(update_state state) {
  state_work out = work_of(state);
  if (std::find(out.phases.begin(), out.phases.end(), phase::start) == out.phases.end())
    out.phases.insert(out.phases.begin(), phase::start);
  return out;
}

docker::json settings_of(const std::string& engine_id) { return docker::json::object({{"engine", engine_id}}); }

void add_pins(docker::json& settings, const update_request& request) {
  if (const auto& pin = request.pin)
    settings["pin"] = docker::json::object({{"file", pin->file}, {"variable", pin->variable}, {"value", pin->value}});
  if (!request.image_pins) return;
  docker::json images = docker::json::make_array();
  for (const pinned_image& each : request.image_pins->images)
    images.push_back(docker::json::object({{"file", request.image_pins->file},
                                           {"service", each.service},
                                           {"image", each.image},
                                           {"previous", each.previous}}));
  settings["images"] = std::move(images);
}

std::vector<released_pin> pins_of(const docker::json& settings) {
  std::vector<released_pin> pins;
  if (const docker::json* pin = settings.find("pin"))
    pins.push_back({pin->string_at({"file"}), pin->string_at({"variable"}), pin->string_at({"value"}), "", ""});
  if (const docker::json* images = settings.find("images"); images != nullptr && images->is_array())
    for (const docker::json& each : images->elements())
      pins.push_back({each.string_at({"file"}), "", each.string_at({"image"}), each.string_at({"service"}),
                      each.string_at({"previous"})});
  return pins;
}

/// Of the containers that were planned with: those that another state directory made.
std::vector<std::string> made_by_others(const observed_state& observed, const std::string& store_id) {
  std::vector<std::string> out;
  for (const observed_container& c : observed.containers) {
    const std::string store = c.inspect.string_at({"Config", "Labels", "io.dockupd.store"});
    if (!store.empty() && store != store_id) out.push_back(c.id);
  }
  return out;
}

std::set<std::string> volumes_made_by(const plan& p) {
  std::set<std::string> out;
  for (const operation& o : p.operations)
    if (const auto* made = std::get_if<ensure_volume>(&o.what)) out.insert(made->name);
  return out;
}

bool all_left_over(const observed_state& observed) {
  return std::all_of(observed.containers.begin(), observed.containers.end(),
                     [](const observed_container& c) { return belongs_to_attempt(c.name); });
}

attempt new_attempt(const char* kind, const reconcile_options& options, int release_before) {
  attempt a;
  a.id = options.attempt_id;
  a.kind = kind;
  a.state = std::string(to_text(update_state::prepared));
  a.from_release = release_before;
  a.started_at = now_text();
  return a;
}

ending ending_before_cut_over(std::optional<operation_error::cause> why) {
  if (why == operation_error::cause::pull) return ending::pull_failed;
  if (why == operation_error::cause::snapshot) return ending::snapshot_failed;
  return ending::abandoned;
}

}  // namespace

void updater::say_phase(const std::string& text) {
  progress_event event;
  event.what = progress_event::kind::phase;
  event.phase = text;
  event.text = text;
  workspace_.progress(event);
}

void updater::say_notes(const plan& p) {
  progress_event event;
  event.what = progress_event::kind::note;
  for (const std::string& note : p.notes) {
    event.text = note;
    workspace_.progress(event);
  }
}

docker::task<plan> updater::plan_for(update_request request) {
  prepared_plan ready = co_await prepare(request, adopt_found::no);
  co_return std::move(ready.value);
}

docker::task<plan> updater::plan_for(rollback_request request) {
  prepared_plan ready = co_await prepare(request);
  co_return std::move(ready.value);
}

// --- update ----------------------------------------------------------------------------------------------------

docker::task<updater::prepared_plan> updater::prepare(update_request& request, adopt_found adopting) {
  prepared_plan ready;
  observe_request wanted = request_for(request.desired);
  ready.observed = co_await observe(workspace_.engine, std::move(wanted));
  refuse_another_engine(workspace_.records, ready.observed.engine_id, ending::refused);
  std::vector<std::string> notes;
  if (request.without_files) notes = co_await make_desired(request, ready.observed);
  ready.release_before = co_await live_release(ready.observed, request, adopting);
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
  if (const std::optional<release> live = workspace_.records.current_release())
    note_what_is_down(ready.value.notes, *live, ready.observed);
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

docker::task<run_result> updater::update(update_request request) {
  guard_request by = guard_for(request.desired.name, full_disk::gives_up);
  auto run = update_held(std::move(request));
  co_return co_await guarded(std::move(by), std::move(run));
}

docker::task<run_result> updater::update_held(update_request request) {
  say_phase("plan");
  prepared_plan ready = co_await prepare(request, adopt_found::yes);
  say_notes(ready.value);
  if (ready.value.empty()) {
    run_result result;
    result.release_before = result.release_now = ready.release_before;
    result.executed = std::move(ready.value);
    co_return result;
  }
  say_phase("preflight");
  co_await check_before(workspace_, ready.value, ready.observed, way::forward);

  attempt a = new_attempt("update", request.options, ready.release_before);
  a.to_release = workspace_.records.next_release_number();
  a.tag = request.tag;
  a.who = request.who;
  a.why = request.why;
  a.plan = to_json(ready.value);
  a.settings = settings_of(ready.observed.engine_id);
  add_pins(a.settings, request);
  a.settings["others"] = docker::json::array_of(made_by_others(ready.observed, workspace_.records.store_id()));
  begin(a);
  co_return co_await drive(std::move(a));
}

void updater::fill_identity(reconcile_options& options, int release_before) {
  options.attempt_id = new_id();
  options.snapshot_id = options.attempt_id;
  options.store_id = workspace_.records.store_id();
  options.from_release = needs_a_person(workspace_.records) ? 0 : release_before;
}

/// What inspect does not show: the secrets and configs that were written into the containers.
docker::task<> updater::read_files(release& found, const project& p) {
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
    const std::vector<placed_file> files = co_await files_found(workspace_.engine, c.container_id, wanted);
    c.files = to_json(files);
  }
}

docker::task<int> updater::live_release(const observed_state& observed, const update_request& request,
                                        adopt_found adopting) {
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
  co_await read_files(found, request.desired);
  // What a failed way back left is no version that anybody wanted.
  const bool whole = !current || covers(observed, *current);
  if (whole && runs_well(observed) && !needs_a_person(workspace_.records)) found.verdict = release_verdict::verified;
  found.previous = known;
  if (request.without_files) found.tag = request.tag_before;
  if (request.pin && !request.pin->previous.empty()) {
    found.tag = request.pin->previous;
    found.pins.push_back({request.pin->file, request.pin->variable, request.pin->previous, "", ""});
  }
  if (request.image_pins) {
    if (found.tag.empty()) found.tag = request.tag_before;
    for (const pinned_image& each : request.image_pins->images)
      found.pins.push_back({request.image_pins->file, "", each.previous, each.service, each.previous});
  }
  workspace_.records.add_release(found);
  workspace_.records.set_current_release(number);
  co_return number;
}

// --- rollback --------------------------------------------------------------------------------------------------

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
  image_pins_back pins = image_pins_for(workspace_.records, target, present);
  options.image_pins = std::move(pins.operations);
  request.options = options;
  ready.value = plan_rollback(target, ready.observed, options);
  ready.value.notes.insert(ready.value.notes.end(), pins.notes.begin(), pins.notes.end());
  co_return ready;
}

docker::task<run_result> updater::rollback(rollback_request request) {
  const std::optional<release> present = workspace_.records.current_release();
  auto run = rollback_held(std::move(request));
  if (!present) co_return co_await std::move(run);  // which says that there is nothing to go back to
  guard_request by = guard_for(present->project, full_disk::uses_ballast);
  co_return co_await guarded(std::move(by), std::move(run));
}

docker::task<run_result> updater::rollback_held(rollback_request request) {
  say_phase("plan");
  prepared_plan ready = co_await prepare(request);
  say_notes(ready.value);
  say_phase("preflight");
  co_await check_before(workspace_, ready.value, ready.observed, way::back);
  // So that all of it can be recorded, and the engine does not stop half-way.
  release_ballast_when_full(workspace_);
  const ballast_for_records room(workspace_);

  attempt a = new_attempt("rollback", request.options, ready.release_before);
  a.to_release = ready.target;
  a.tag = ready.tag;
  a.who = request.who;
  a.why = request.why;
  a.plan = to_json(ready.value);
  a.settings = settings_of(ready.observed.engine_id);
  a.settings["others"] = docker::json::array_of(made_by_others(ready.observed, workspace_.records.store_id()));
  begin(a);
  co_return co_await drive(std::move(a));
}

// --- the guard -------------------------------------------------------------------------------------------------

guard_request updater::guard_for(std::string project, full_disk at_full) const {
  guard_request by;
  by.project = std::move(project);
  by.op = new_id();
  by.who = workspace_.who;
  by.what = workspace_.what;
  by.at_full = at_full;
  return by;
}

docker::task<run_result> updater::guarded(guard_request by, docker::task<run_result> run) {
  // Nothing is made on an engine that the records are not about.
  const engine_facts facts = co_await workspace_.engine.facts();
  refuse_another_engine(workspace_.records, facts.id, ending::refused);
  held_ = co_await take_guard(workspace_, std::move(by));
  std::exception_ptr failed;
  std::optional<run_result> result;
  try {
    result = co_await std::move(run);
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  // While the attempt is open, half of what is there is old: nobody else is to plan from it.
  std::string kept;
  if (held_ && !workspace_.records.open_attempt()) kept = co_await let_go();
  if (failed) std::rethrow_exception(failed);
  if (!kept.empty()) result->warnings.push_back(kept);
  co_return std::move(*result);
}

docker::task<> updater::sweep() {
  if (workspace_.project.empty()) co_return;
  progress_event event;
  event.what = progress_event::kind::warning;
  try {
    co_await sweep_guard(workspace_, workspace_.project);
    co_await remove_left_over(workspace_, workspace_.project);
  } catch (const docker::error& error) {
    // What is silent, the next question shows as well.
    if (error.kind() != docker::error_kind::not_connected)
      event.text = std::string("what a run had left could not be removed: ") + error.what();
  }
  if (!event.text.empty()) workspace_.progress(event);
}

docker::task<std::string> updater::let_go() {
  guard_info guard = held_->guard;
  held_.reset();
  std::string failure;
  try {
    co_await remove_guard(workspace_.engine, std::move(guard));
  } catch (const docker::error& error) {
    failure = std::string("the guard could not be removed, the next run does it: ") + error.what();
  }
  co_return failure;
}

docker::task<std::string> updater::fenced(const attempt& a) {
  // One look a state, not one a call. A change that comes too late finds nothing to act on: each names the full id of
  // what it changes, or finds it by the attempt's own label. What must not begin is a state, above all one that puts
  // data back, when somebody else took over while this process was stopped. A look costs 2 to 5 ms.
  const plan p = plan_from_json(a.plan);
  std::string failure;
  try {
    const std::optional<guard_info> now = co_await find_guard(workspace_.engine, p.project);
    if (now && now->id == held_->guard.id) co_return std::string();
    guard_request again = guard_for(p.project, full_disk::uses_ballast);
    again.op = a.id;
    again.volumes_to_leave = volumes_made_by(p);
    held_.reset();
    held_ = co_await take_guard(workspace_, std::move(again));
    // A prune took it, or an unlock for somebody who then did nothing.
    failure = co_await acted_meanwhile(a);
  } catch (const refusal& other) {
    failure = std::string("the guard was taken from this run: ") + other.what();
  } catch (const docker::error&) {
    // Whether the engine can be worked with, the work itself finds out.
  }
  co_return failure;
}

docker::task<std::string> updater::acted_meanwhile(const attempt& a) {
  const docker::json* known = a.settings.find("others");
  if (known == nullptr) co_return std::string();  // begun by a version that kept no such list
  std::set<std::string> before;
  for (const docker::json& id : known->elements()) before.insert(id.as_string());
  const plan p = plan_from_json(a.plan);
  const std::vector<std::string> now = co_await made_by_others(workspace_, p.project);
  const auto is_new = [&](const std::string& id) { return !before.contains(id); };
  const auto found = std::find_if(now.begin(), now.end(), is_new);
  if (found == now.end()) co_return std::string();
  // That one is right about what runs; ours is out of date, and must not lock it out.
  const std::string kept = co_await let_go();
  co_return "another dockupd, with another state directory, has changed project " + p.project + " since: container " +
      found->substr(0, 12) +
      " is its. Nothing more was changed here. Go on from that state directory, and move this "
      "one away" +
      (kept.empty() ? "" : "; " + kept);
}

// --- the machine -----------------------------------------------------------------------------------------------

void updater::begin(const attempt& a) {
  std::string failure;
  try {
    const auto write = [&] { write_rescue_files(workspace_.rescue, a, workspace_.snapshots, rescue_data::untouched); };
    if (a.kind == "rollback")
      with_ballast(workspace_, write);
    else
      write();
  } catch (const file_error& error) {
    failure = error.what();
  }
  if (!failure.empty()) throw refusal(ending::refused, failure + ". Nothing was changed");
  workspace_.records.reserve_space();
  failpoint("state:prepared:before");
  workspace_.records.begin(a);
  failpoint("state:prepared:after");
}

docker::task<std::optional<run_result>> updater::recover() {
  std::optional<attempt> open = workspace_.records.open_attempt();
  if (!open) open = take_up_lost_attempt(workspace_);
  if (!open) open = take_up_rescued_attempt(workspace_);
  if (!open) {
    // Of a run that was killed right after its end, or right before its beginning.
    if (!needs_a_person(workspace_.records)) remove_rescue_files(workspace_.rescue);
    co_await sweep();
    co_return std::nullopt;
  }
  // While it does not answer, nothing is tried, and no try is counted.
  const engine_facts facts = co_await workspace_.engine.facts();
  refuse_another_engine(workspace_.records, facts.id, ending::left_open);
  const plan interrupted = plan_from_json(open->plan);
  guard_request by = guard_for(interrupted.project, full_disk::uses_ballast);
  by.op = open->id;
  by.volumes_to_leave = volumes_made_by(interrupted);
  auto run = recover_held(std::move(open));
  co_return co_await guarded(std::move(by), std::move(run));
}

docker::task<run_result> updater::recover_held(std::optional<attempt> open) {
  if (held_->how == held_guard::found::made) {
    const std::string others = co_await acted_meanwhile(*open);
    if (!others.empty()) co_return left_open(*open, others);
  }
  co_await place_ballast(workspace_);
  release_ballast_when_full(workspace_);
  const ballast_for_records room(workspace_);
  const update_state found = update_state_from_text(open->state);
  workspace_.records.count_recovery(open->id);
  if (open->recoveries >= most_recoveries) {
    const attempt as_found = *open;
    std::string reason = "recovery was interrupted " + std::to_string(open->recoveries) + " times while " + open->state;
    // First: should even a start end this process, the next one must not try it again.
    co_await enter(*open, update_state::needs_attention, reason);
    const bool started = co_await start_what_is_safe(workspace_, as_found);
    open->reason =
        reason + (started ? "; what ran before was started, and is not proven"
                          : "; nothing was started, as the volumes hold another version's data or half of it");
    co_return result_of(*open, failures());
  }
  say_phase("recover: " + open->kind + " " + open->id + " was interrupted while " + open->state);
  // What the run leaves alone may have gone down with the machine, and what it starts may depend on it.
  plan interrupted = plan_from_json(open->plan);
  co_await bring_up_bystanders(workspace_, std::move(interrupted));
  // Somebody has decided for the old version, and it may run: going forward would start a second writer beside it.
  if (found != update_state::committed && rescue_progress_of(workspace_.rescue, open->id) != rescue_progress::none) {
    open->undo = docker::json();
    const update_state back = open->dirty ? update_state::rolling_back : update_state::abandoning;
    co_await enter(*open, back, "brought back by rescue.sh");
    co_return co_await drive(std::move(*open));
  }
  const std::string silent = co_await work_again(*open, found);
  if (!silent.empty()) co_return left_open(*open, silent);
  switch (resume(found)) {
    case resume_way::undo: {
      const std::optional<update_state> back = next(found, event::interrupted, open->kind == "rollback", false);
      const std::string cause = open->reason.empty() ? "interrupted" : open->reason;
      co_await enter(*open, *back, cause);
      break;
    }
    case resume_way::forward:
      // A container that was started may have gone down with the machine, so the proof begins with the starts.
      if (found == update_state::verifying) co_await enter(*open, update_state::starting, open->reason);
      break;
    case resume_way::finish: {
      // What was proven may have gone down with the machine since. While it does not run, nothing old is removed.
      state_work again;
      again.of = which_plan::plan;
      again.phases = {phase::start, phase::verify};
      std::optional<operation_error::cause> why;
      const std::string failure = co_await work(*open, found, std::move(again), why);
      if (why == operation_error::cause::unreachable) co_return left_open(*open, failure);
      if (failure.empty()) break;
      co_await enter(*open, update_state::needs_attention, failure);
      co_return result_of(*open, failures());
    }
    case resume_way::finish_undo:
    case resume_way::nothing:
      break;
  }
  co_return co_await drive(std::move(*open));
}

docker::task<> updater::tidy_up(std::string project) {
  progress_event event;
  event.what = progress_event::kind::warning;
  try {
    co_await prune(workspace_, std::move(project));
  } catch (const std::exception& error) {
    event.text = std::string("old snapshots or images could not be removed: ") + error.what();
  }
  if (!event.text.empty()) workspace_.progress(event);
}

docker::task<run_result> updater::drive(attempt a) {
  failures seen;
  bool is_started_again = false;
  bool is_mended_again = false;
  const ballast_for_records room(workspace_);
  const plan forward = plan_from_json(a.plan);
  const bool is_rollback = a.kind == "rollback";
  const bool has_restore = has_phase(forward, phase::restore);
  for (update_state state = update_state_from_text(a.state); !is_terminal(state);) {
    const std::string others = co_await fenced(a);
    if (!others.empty()) co_return left_open(a, others);
    std::optional<operation_error::cause> why;
    std::string failure = co_await mend(a, why);
    state = update_state_from_text(a.state);
    if (failure.empty()) failure = co_await work(a, state, work_of(state), why);
    // dockerd may have died under this process, and what it had started went down with it. Before a person is called,
    // it is started once more, as recovery would if this process had died too.
    const bool for_a_person = next(state, event::failed, is_rollback, has_restore) == update_state::needs_attention;
    if (why == operation_error::cause::verification && for_a_person && !is_started_again) {
      plan proven = plan_from_json(work_of(state).of == which_plan::undo ? a.undo : a.plan);
      auto looking = has_gone_down(workspace_.engine, std::move(proven));
      is_started_again = co_await std::move(looking);
      if (is_started_again) {
        why.reset();
        state_work again = from_the_starts(state);
        failure = co_await work(a, state, std::move(again), why);
      }
    }
    // What it counts on may have been pruned since the state began: then it is made anew, and the way back goes on.
    if (why && why != operation_error::cause::unreachable && for_a_person && !is_mended_again) {
      is_mended_again = true;
      const std::string counted_on = a.undo.to_text();
      std::optional<operation_error::cause> unused;
      const std::string unmended = co_await mend(a, unused);
      if (unmended.empty() && a.undo.to_text() != counted_on) {
        state = update_state_from_text(a.state);
        continue;
      }
    }
    if (why && !seen.first) seen.first = why;
    if (why) seen.last = why;
    if (why == operation_error::cause::unreachable) co_return left_open(a, failure);
    const event what = failure.empty() ? event::finished : event::failed;
    const std::optional<update_state> following = next(state, what, is_rollback, has_restore);
    if (!following) throw std::logic_error("no state follows " + std::string(to_text(state)));
    if (!failure.empty()) {
      progress_event event;
      event.what = progress_event::kind::warning;
      event.phase = std::string(to_text(state));
      event.text = failure;
      workspace_.progress(event);
    }
    // The first reason is the one that matters; a failing way back adds its own.
    std::string reason = a.reason;
    if (!failure.empty()) reason += (reason.empty() ? "" : "\nand on the way back: ") + failure;
    const std::string lost = co_await try_to_enter(a, *following, reason);
    if (!lost.empty()) co_return left_open(a, lost);
    state = *following;
  }
  if (a.kind == "update" && a.state == to_text(update_state::done)) co_await tidy_up(forward.project);
  run_result result = result_of(a, seen);
  for (std::string& warning : refill_ballast(workspace_)) result.warnings.push_back(std::move(warning));
  co_return result;
}

docker::task<std::string> updater::mend(attempt& a, std::optional<operation_error::cause>& why) {
  const update_state state = update_state_from_text(a.state);
  if (work_of(state).of != which_plan::undo) co_return std::string();
  std::string failure;
  try {
    const auto look = [this, &a] { return mend_way_back(workspace_, a); };
    auto looking = again_when_lost(look);
    const way_back found = co_await std::move(looking);
    if (found.is_mended) {
      a.undo = to_json(found.undo);
      workspace_.records.set_undo(a.id, a.undo);
    }
    if (found.begin_again != state) co_await enter(a, found.begin_again, a.reason);
  } catch (const docker::error& error) {
    failure = error.what();
    why = error.kind() == docker::error_kind::not_connected ? operation_error::cause::unreachable
                                                            : operation_error::cause::engine;
  } catch (const store_error& error) {
    failure = error.what();
    why = operation_error::cause::unreachable;
  } catch (const plan_error& error) {
    failure = error.what();
    why = operation_error::cause::engine;
  }
  co_return failure;
}

docker::task<std::string> updater::try_to_enter(attempt& a, update_state state, std::string reason) {
  std::string failure;
  try {
    co_await enter(a, state, std::move(reason));
  } catch (const docker::error& error) {
    failure = error.what();
  } catch (const store_error& error) {
    failure = error.what();
  }
  co_return failure;
}

run_result updater::left_open(const attempt& a, const std::string& because) const {
  run_result result = result_of(a, failures());
  result.how = ending::left_open;
  result.reason = because;
  return result;
}

docker::task<std::string> updater::work_again(const attempt& a, update_state found) {
  const which_plan of = work_of(found).of;
  const bool is_way_back = found == update_state::restoring || found == update_state::restarting_old;
  if (!is_way_back && resume(found) != resume_way::forward && resume(found) != resume_way::finish)
    co_return std::string();
  const plan p = plan_from_json(of == which_plan::undo ? a.undo : a.plan);
  executor e(workspace_, a.id, of == which_plan::undo ? "undo" : "plan", p, full_disk::uses_ballast);
  std::string silent;
  try {
    co_await e.run_again(phase::create);
    co_await e.run_again(phase::cut_over);
  } catch (const operation_error& error) {
    // What else cannot be done, the work of the state fails of, and knows what follows from it.
    if (error.why() == operation_error::cause::unreachable) silent = error.what();
  } catch (const docker::error& error) {
    if (error.kind() == docker::error_kind::not_connected) silent = error.what();
  } catch (const store_error& error) {
    silent = error.what();
  }
  co_return silent;
}

docker::task<std::string> updater::work(attempt& a, update_state state, state_work todo,
                                        std::optional<operation_error::cause>& why) {
  const bool undoing = todo.of == which_plan::undo;
  // The way back, cleaning up, and a rollback whose data may be half replaced go on to their end.
  const bool early = state == update_state::prepared || state == update_state::cut_over;
  const bool interruptible = early || (a.kind == "update" && !undoing && state != update_state::committed);
  const plan p = plan_from_json(undoing ? a.undo : a.plan);
  const bool must_go_on = a.kind == "rollback" || undoing || state == update_state::committed;
  executor e(workspace_, a.id, undoing ? "undo" : "plan", p,
             must_go_on ? full_disk::uses_ballast : full_disk::gives_up);
  std::string failure;
  try {
    for (const phase when : todo.phases) {
      if (has_phase(p, when)) say_phase(std::string(undoing ? "undo: " : "") + std::string(to_text(when)));
      co_await e.run(when, interruptible);
    }
  } catch (const operation_error& error) {
    failure = error.what();
    why = error.why();
    // On the way back an image is pulled only when it was pruned; when the registry is there again, it goes on.
    if (undoing && why == operation_error::cause::pull) why = operation_error::cause::unreachable;
  } catch (const docker::error& error) {
    failure = error.what();
    why = error.kind() == docker::error_kind::not_connected ? operation_error::cause::unreachable
                                                            : operation_error::cause::engine;
  } catch (const store_error& error) {
    // Nothing is done that could not be recorded first: it stays where it is until there is room again.
    failure = error.what();
    why = operation_error::cause::unreachable;
  }
  co_return failure;
}

void updater::plan_the_way_back(attempt& a) {
  const plan forward = plan_from_json(a.plan);
  undo_options options;
  const snapshot_volumes* archived = snapshot_of(forward);
  const bool has_archive = archived != nullptr && workspace_.snapshots.contains(archived->snapshot_id);
  // What has been put back by hand, the old version may have written to since.
  const bool in_place = rescue_progress_of(workspace_.rescue, a.id) == rescue_progress::done;
  options.data = a.dirty && has_archive && !in_place ? restore_data::yes : restore_data::no;
  options.ran = a.dirty ? new_version_ran::maybe : new_version_ran::no;
  options.safety_snapshot_id = a.id + "-safety";
  const plan back = plan_undo(forward, options);
  say_notes(back);
  a.undo = to_json(back);
  workspace_.records.set_undo(a.id, a.undo);
}

docker::task<> updater::enter(attempt& a, update_state state, std::string reason) {
  const std::string text(to_text(state));
  failpoint("state:" + text + ":before");
  a.reason = reason;
  if (state == update_state::starting || state == update_state::restoring_target) a.dirty = true;
  const bool goes_back = state == update_state::rolling_back || state == update_state::abandoning;
  if (goes_back) release_ballast_when_full(workspace_);
  if (goes_back && a.undo.is_null()) plan_the_way_back(a);
  renew_rescue(a, state);
  // Before the end is recorded: afterwards nobody would come back for it.
  if (is_terminal(state)) hold_what_was_left(a, state);
  if (state == update_state::committed)
    co_await record(a);
  else if (is_terminal(state))
    workspace_.records.end(a.id, text, reason, now_text());
  else
    workspace_.records.set_state(a.id, text, a.dirty, reason);
  a.state = text;
  failpoint("state:" + text + ":after");
  if (is_terminal(state) && state != update_state::needs_attention) remove_rescue_files(workspace_.rescue);
}

void updater::renew_rescue(const attempt& a, update_state entered) {
  using enum update_state;
  // While there is a script, what was before is still there, and wanted.
  if (entered == committed) remove_rescue_files(workspace_.rescue);
  if (entered != starting && entered != restoring_target && entered != restarting_old) return;
  progress_event event;
  event.what = progress_event::kind::warning;
  try {
    const rescue_data data = entered == restarting_old ? rescue_data::untouched : rescue_data::from_archives;
    with_ballast(workspace_, [&] { write_rescue_files(workspace_.rescue, a, workspace_.snapshots, data); });
  } catch (const std::runtime_error& error) {
    // The run itself is worth more than the way around it.
    event.text = std::string("there is no rescue.sh for this run: ") + error.what();
  }
  if (!event.text.empty()) workspace_.progress(event);
}

docker::task<> updater::record(attempt& a) {
  const std::string committed(to_text(update_state::committed));
  if (a.kind == "rollback") {
    const int left = a.from_release > a.to_release ? a.from_release : 0;
    workspace_.records.commit_rollback(a.id, committed, a.to_release, left);
    co_return;
  }
  const plan p = plan_from_json(a.plan);
  const auto look = [&] { return observe(workspace_.engine, observe_request(p.project)); };
  auto looking = again_when_lost(look);
  const observed_state observed = co_await std::move(looking);
  release r = release_from_observed(observed, a.to_release, now_text());
  const std::optional<release> before = workspace_.records.find_release(a.from_release);
  remember_unseen(r, observed, &p, before ? &*before : nullptr);
  expect_what_was_proven(r, p);
  r.project = p.project;
  r.tag = a.tag;
  r.created_by = a.who;
  r.reason = a.why;
  r.verdict = release_verdict::verified;
  r.previous = a.from_release;
  r.ran_migration = runs_a_migration(p);
  r.attempt_id = a.id;
  r.pins = pins_of(a.settings);
  workspace_.records.commit(a.id, committed, r);
}

// --- afterwards ------------------------------------------------------------------------------------------------

void updater::hold_what_was_left(const attempt& a, update_state ended) {
  // A release that was left for an older one is not to be redeployed by CI or a colleague until somebody says so.
  // Ctrl-C and a killed run say nothing about the image.
  if (a.reason.starts_with("interrupted")) return;
  const std::string since = now_text();
  const auto add = [&](const std::string& reference, const std::string& digest) {
    workspace_.records.add_hold({reference, digest, "rolled back by " + a.id, since});
  };
  if (a.kind == "update" && ended == update_state::rolled_back && a.dirty)
    for (const operation& o : plan_from_json(a.plan).operations)
      if (const auto* pull = std::get_if<pull_image>(&o.what)) add(pull->reference, pull->digest);
  if (a.kind == "rollback" && ended == update_state::done)
    for (const released_container& c : left_behind(workspace_.records, a.from_release, a.to_release))
      add(c.image_reference, c.image_digest.substr(c.image_digest.find('@') + 1));
}

run_result updater::result_of(const attempt& a, const failures& seen) const {
  run_result result;
  result.attempt_id = a.id;
  result.reason = a.reason;
  result.release_before = a.from_release;
  const update_state ended = update_state_from_text(a.state);
  if (ended == update_state::done) result.how = ending::done;
  if (ended == update_state::rolled_back) result.how = ending::rolled_back;
  if (ended == update_state::abandoned) result.how = ending_before_cut_over(seen.first);
  if (ended == update_state::needs_attention) {
    // Started but not proven is another matter than not started.
    const bool unproven = !a.undo.is_null() && seen.last == operation_error::cause::verification;
    result.how = unproven ? ending::rolled_back_unproven : ending::needs_person;
  }

  const std::optional<release> before = workspace_.records.find_release(a.from_release);
  const std::optional<release> now = workspace_.records.current_release();
  if (before) result.tag_before = before->tag;
  if (now) result.tag_now = now->tag;
  if (now) result.release_now = now->number;
  result.executed = plan_from_json(a.plan);
  result.rescue_script = find_rescue_script(workspace_.rescue.attempts, a.id).string();
  for (const snapshot_row& row : workspace_.records.snapshots())
    if (row.attempt_id == a.id) (row.id == a.id ? result.snapshot_id : result.safety_snapshot_id) = row.id;
  for (const journal_step& step : workspace_.records.journal(a.id)) {
    if (const std::string file = step.detail.string_at({"evidence"}); !file.empty()) result.evidence.push_back(file);
    if (const std::string text = step.detail.string_at({"warning"}); !text.empty()) result.warnings.push_back(text);
  }
  return result;
}

}  // namespace orchestration
