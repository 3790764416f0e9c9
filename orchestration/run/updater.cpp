#include "orchestration/run/updater.hpp"

#include <algorithm>

#include "docker_client/error.hpp"
#include "orchestration/files/failpoint.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/photograph.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/observe.hpp"
#include "orchestration/run/preflight.hpp"
#include "orchestration/run/prune.hpp"
#include "orchestration/run/recorded_pins.hpp"

namespace orchestration {
namespace {

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

/// Of the containers that were planned with: those that another state directory made.
std::vector<std::string> made_by_others(const observed_state& observed, const std::string& store_id) {
  std::vector<std::string> out;
  for (const observed_container& c : observed.containers) {
    const std::string store = c.inspect.string_at({"Config", "Labels", "io.dockupd.store"});
    if (!store.empty() && store != store_id) out.push_back(c.id);
  }
  return out;
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

/// Whether the recorded way back has come past its restore, or found that there was nothing to put back.
bool was_put_back(const store& records, const std::string& attempt_id) {
  const std::optional<attempt> recorded = records.find_attempt(attempt_id);
  if (!recorded || recorded->undo.is_null()) return false;
  const plan back = plan_from_json(recorded->undo);
  const std::vector<journal_step> journal = records.journal(attempt_id);
  return std::all_of(back.operations.begin(), back.operations.end(), [&](const operation& o) {
    return !std::holds_alternative<restore_volumes>(o.what) ||
           std::any_of(journal.begin(), journal.end(), [&](const journal_step& step) {
             return step.plan == "undo" && step.number == o.number && !step.done_at.empty();
           });
  });
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

// --- update ----------------------------------------------------------------------------------------------------

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
  add_pins(a.settings, request.pin, request.image_pins);
  a.settings["others"] = docker::json::array_of(made_by_others(ready.observed, workspace_.records.store_id()));
  begin(a);
  co_return co_await drive(std::move(a));
}

// --- rollback --------------------------------------------------------------------------------------------------

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

docker::task<> updater::tidy_up(const attempt& a, std::string project) {
  const bool is_done = a.state == to_text(update_state::done);
  if (!is_done && a.state != to_text(update_state::rolled_back)) co_return;
  progress_event event;
  event.what = progress_event::kind::warning;
  try {
    // What was left by a rollback may be wanted again: its images stay until the next update has gone well.
    if (is_done && a.kind == "update")
      co_await prune(workspace_, std::move(project));
    else
      prune_snapshots(workspace_);
  } catch (const std::exception& error) {
    event.text = std::string("old snapshots or images could not be removed: ") + error.what();
  }
  if (!event.text.empty()) workspace_.progress(event);
}

docker::task<run_result> updater::drive(attempt a) {
  failures seen;
  tried before;
  const ballast_for_records room(workspace_);
  const plan forward = plan_from_json(a.plan);
  const bool is_rollback = a.kind == "rollback";
  const bool has_restore = has_phase(forward, phase::restore);
  for (update_state state = update_state_from_text(a.state); !is_terminal(state);) {
    const std::string others = co_await fenced(a);
    if (!others.empty()) co_return left_open(a, others);
    setback met = co_await mend(a);
    state = update_state_from_text(a.state);
    if (!met) met = co_await work(a, state, work_of(state));
    if (met && next(state, event::failed, is_rollback, has_restore) == update_state::needs_attention) {
      auto trying = once_more(a, std::move(met), before);
      std::optional<setback> left = co_await std::move(trying);
      if (!left) {
        state = update_state_from_text(a.state);
        continue;
      }
      met = std::move(*left);
    }
    if (met && !seen.first) seen.first = met.why;
    if (met) seen.last = met.why;
    if (met.is(operation_error::cause::unreachable)) co_return left_open(a, met.text);
    const event what = met ? event::failed : event::finished;
    const std::optional<update_state> following = next(state, what, is_rollback, has_restore);
    if (!following) throw std::logic_error("no state follows " + std::string(to_text(state)));
    if (met) {
      progress_event event;
      event.what = progress_event::kind::warning;
      event.phase = std::string(to_text(state));
      event.text = met.text;
      workspace_.progress(event);
    }
    // The first reason is the one that matters; a failing way back adds its own.
    std::string reason = a.reason;
    if (met) reason += (reason.empty() ? "" : "\nand on the way back: ") + met.text;
    const auto entering = [&] { return enter(a, *following, reason); };
    auto entered = setback_of(entering);
    if (const setback lost = co_await std::move(entered)) co_return left_open(a, lost.text);
    state = *following;
  }
  co_await tidy_up(a, forward.project);
  run_result result = result_of(a, seen);
  for (std::string& warning : refill_ballast(workspace_)) result.warnings.push_back(std::move(warning));
  co_return result;
}

docker::task<std::optional<setback>> updater::once_more(attempt& a, setback met, tried& before) {
  const update_state state = update_state_from_text(a.state);
  // dockerd may have died under this process, and what it had started went down with it: it is started once more, as
  // recovery would if this process had died too.
  if (met.is(operation_error::cause::verification) && !before.starts) {
    plan proven = plan_from_json(work_of(state).of == which_plan::undo ? a.undo : a.plan);
    auto looking = has_gone_down(workspace_.engine, std::move(proven));
    before.starts = co_await std::move(looking);
    if (before.starts) {
      state_work again = from_the_starts(state);
      met = co_await work(a, state, std::move(again));
    }
  }
  // What it counts on may have been pruned since the state began: then it is made anew, and the way back goes on.
  if (met && !met.is(operation_error::cause::unreachable) && !before.mending) {
    before.mending = true;
    const std::string counted_on = a.undo.to_text();
    const setback unmended = co_await mend(a);
    if (!unmended && a.undo.to_text() != counted_on) co_return std::nullopt;
  }
  auto looking = or_dead_disk(std::move(met));
  co_return co_await std::move(looking);
}

docker::task<setback> updater::or_dead_disk(setback met) {
  if (!met || met.is(operation_error::cause::unreachable)) co_return met;
  const std::string disk = co_await dead_disk_of(workspace_.engine);
  if (!disk.empty()) {
    met.text += ". The engine's disk at " + disk + " takes no writes: mend it (a reboot may), then: dockupd recover";
    met.why = operation_error::cause::unreachable;
  }
  co_return met;
}

run_result updater::left_open(const attempt& a, const std::string& because) const {
  run_result result = result_of(a, failures());
  result.how = ending::left_open;
  result.reason = because;
  return result;
}

docker::task<setback> updater::work(const attempt& a, update_state state, state_work todo) {
  const bool undoing = todo.of == which_plan::undo;
  // The way back, cleaning up, and a rollback whose data may be half replaced go on to their end.
  const bool early = state == update_state::prepared || state == update_state::cut_over;
  const bool interruptible = early || (a.kind == "update" && !undoing && state != update_state::committed);
  const plan p = plan_from_json(undoing ? a.undo : a.plan);
  const bool must_go_on = a.kind == "rollback" || undoing || state == update_state::committed;
  executor e(workspace_, a.id, undoing ? "undo" : "plan", p,
             must_go_on ? full_disk::uses_ballast : full_disk::gives_up);
  const auto all = [&]() -> docker::task<> {
    for (const phase when : todo.phases) {
      if (has_phase(p, when)) say_phase(std::string(undoing ? "undo: " : "") + std::string(to_text(when)));
      co_await e.run(when, interruptible);
    }
  };
  auto doing = setback_of(all);
  setback met = co_await std::move(doing);
  // On the way back an image is pulled only when it was pruned; when the registry is there again, it goes on.
  if (undoing && met.is(operation_error::cause::pull)) met.why = operation_error::cause::unreachable;
  co_return met;
}

void updater::plan_the_way_back(attempt& a) {
  const plan forward = plan_from_json(a.plan);
  undo_options options;
  const snapshot_volumes* archived = snapshot_of(forward);
  const bool has_archive = archived != nullptr && workspace_.snapshots.contains(archived->snapshot_id);
  // To what has been put back, by hand or by the way back before this one, the old version may have written since.
  const bool in_place =
      rescue_progress_of(workspace_.rescue, a.id) == rescue_progress::done || was_put_back(workspace_.records, a.id);
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

std::optional<rescue_data> updater::new_rescue(const attempt& a, update_state entered) const {
  using enum update_state;
  switch (entered) {
    case starting:
    case restoring_target:
      return rescue_data::from_archives;
    case restarting_old:
      return rescue_data::untouched;
    case abandoning:
      // Written for what was not entered then: the old version starts, and writes to what the script would replace.
      if (rescue_puts_data_back(workspace_.rescue, a.id)) return rescue_data::untouched;
      break;
    case rolling_back:
      // For what was pruned since, and is put back now.
      if (has_phase(plan_from_json(a.undo), phase::restore) && !rescue_puts_data_back(workspace_.rescue, a.id))
        return rescue_data::from_archives;
      break;
    default:
      break;
  }
  return std::nullopt;
}

void updater::renew_rescue(const attempt& a, update_state entered) {
  // While there is a script, what was before is still there, and wanted.
  if (entered == update_state::committed) remove_rescue_files(workspace_.rescue);
  const std::optional<rescue_data> data = new_rescue(a, entered);
  if (!data) return;
  progress_event event;
  event.what = progress_event::kind::warning;
  try {
    with_ballast(workspace_, [&] { write_rescue_files(workspace_.rescue, a, workspace_.snapshots, *data); });
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
  if (before) carry_pins(r, *before);
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
    const std::string warning = step.detail.string_at({"warning"});
    if (warning.empty()) continue;
    result.warnings.push_back(warning);
    if (step.plan == "plan") result.with_warning.insert(step.number);
  }
  return result;
}

}  // namespace orchestration
