#include "orchestration/run/bring_up.hpp"

#include <algorithm>
#include <set>

#include "docker_client/error.hpp"
#include "orchestration/plan/body_volumes.hpp"
#include "orchestration/plan/bring_up_plan.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/plan/went_down.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/guard.hpp"
#include "orchestration/run/left_over.hpp"
#include "orchestration/run/observe.hpp"
#include "orchestration/run/pause.hpp"
#include "orchestration/run/targets.hpp"
#include "orchestration/update/update_machine.hpp"

namespace orchestration {
namespace {

using std::chrono::milliseconds;

/// The executor writes down what it does; here nobody will read it.
class forgotten_journal {
 public:
  forgotten_journal(const workspace& w, const std::string& attempt_id)
      : records_(store::in_memory()), workspace_(w.engine, records_, w.snapshots, w.pool) {
    workspace_.evidence = w.evidence;
    workspace_.ballast = w.ballast;
    workspace_.progress = w.progress;
    workspace_.interrupted = w.interrupted;
    workspace_.between_looks = w.between_looks;
    workspace_.between_looks_for_a_task = w.between_looks_for_a_task;
    attempt a;
    a.id = attempt_id;
    a.kind = "bring up";
    a.state = std::string(to_text(update_state::starting));
    records_.begin(a);
  }
  forgotten_journal(const forgotten_journal&) = delete;
  forgotten_journal& operator=(const forgotten_journal&) = delete;
  workspace& place() { return workspace_; }

 private:
  store records_;
  workspace workspace_;
};

bool has_phase(const plan& p, phase when) {
  return std::any_of(p.operations.begin(), p.operations.end(), [when](const operation& o) { return o.when == when; });
}

void say_phase(const workspace& w, const std::string& text) {
  progress_event event;
  event.what = progress_event::kind::phase;
  event.phase = text;
  event.text = text;
  w.progress(event);
}

/// operation_error when it could not be made so.
docker::task<> carry_out(workspace& w, plan p, std::vector<phase> phases) {
  co_await place_ballast(w);
  release_ballast_when_full(w);
  forgotten_journal journal(w, p.attempt_id);
  executor e(journal.place(), p.attempt_id, "plan", p, full_disk::uses_ballast);
  for (const phase when : phases) {
    if (has_phase(p, when)) say_phase(w, std::string(to_text(when)));
    co_await e.run(when, true);
  }
}

/// Why it is not made so, and proven; empty: it is. An engine that does not answer, and an interruption, are
/// operation_error.
docker::task<std::string> start_and_prove(workspace& w, plan p) {
  std::vector<phase> phases;
  phases.push_back(phase::create);    // networks
  phases.push_back(phase::cut_over);  // stops what joins a container that is down
  phases.push_back(phase::start);
  phases.push_back(phase::verify);
  std::string failure;
  try {
    co_await carry_out(w, std::move(p), std::move(phases));
  } catch (const operation_error& error) {
    if (error.why() == operation_error::cause::unreachable || error.why() == operation_error::cause::interrupted) throw;
    failure = error.what();
  }
  co_return failure;
}

/// Only the starts, and what they need.
docker::task<> try_to_start(workspace& w, plan p, std::vector<phase> only_starts) {
  progress_event event;
  event.what = progress_event::kind::warning;
  try {
    co_await carry_out(w, std::move(p), std::move(only_starts));
  } catch (const operation_error& error) {
    event.text = error.what();
  }
  if (!event.text.empty()) w.progress(event);
}

void add_new(std::vector<std::string>& to, const std::vector<std::string>& more) {
  for (const std::string& each : more)
    if (std::find(to.begin(), to.end(), each) == to.end()) to.push_back(each);
}

std::set<std::string> subjects_of(const plan& p) {
  std::set<std::string> out;
  for (const operation& o : p.operations)
    if (!std::holds_alternative<verify_container>(o.what)) out.insert(subject_of(o.what));
  return out;
}

/// Real names: archived, or put back.
std::set<std::string> volumes_copied_by(const plan& p) {
  std::set<std::string> out;
  const auto add = [&](const std::vector<volume_target>& volumes) {
    for (const volume_target& v : volumes) out.insert(v.name);
  };
  for (const operation& o : p.operations) {
    if (const auto* taken = std::get_if<snapshot_volumes>(&o.what)) add(taken->volumes);
    if (const auto* put_back = std::get_if<restore_volumes>(&o.what)) add(put_back->volumes);
  }
  return out;
}

}  // namespace

docker::task<> start_again(workspace& w, release live, await_health waiting) {
  if (live.containers.empty()) co_return;
  observe_request wanted = request_for(live);
  const observed_state observed = co_await observe(w.engine, std::move(wanted));
  reconcile_options waits;
  waits.attempt_id = new_id();
  waits.steady_for = waits.healthy_for = std::chrono::milliseconds(0);  // no proof: what comes next has its own
  bring_up_plan next = plan_bring_up(live, observed, waits);
  if (next.value.empty()) co_return;
  std::vector<phase> phases;
  phases.push_back(phase::create);
  phases.push_back(phase::cut_over);
  phases.push_back(phase::start);
  if (waiting == await_health::yes) phases.push_back(phase::verify);
  co_await try_to_start(w, std::move(next.value), std::move(phases));
}

namespace {

/// The engine's guard, taken once there is something to do and held to the end: another state directory may be at work,
/// and what it has stopped must not be started.
class guarded_bring_up {
 public:
  guarded_bring_up(workspace& w, bring_up_options options) : w_(w), options_(std::move(options)) {}

  docker::task<bring_up_result> run() {
    const std::optional<guard_info> other = co_await find_guard(w_.engine, w_.project);
    if (other) co_await hold();
    co_await give_names_back(w_, w_.project);
    std::optional<release> live = w_.records.current_release();
    if (live) {
      out_.release = live->number;
      out_.tag = live->tag;
      co_await start(std::move(*live));
    } else {
      co_await start_gone();
      if (!out_.started.empty()) out_.how = ending::done;
      if (!out_.reason.empty() || !out_.lost.empty()) out_.how = ending::needs_person;
    }
    co_return std::move(out_);
  }

  docker::task<> let_go() {
    if (!held_) co_return;
    guard_info guard = held_->guard;
    held_.reset();
    try {
      co_await remove_guard(w_.engine, std::move(guard));
    } catch (const docker::error&) {
      // The next run finds that it is its own.
    }
  }

 private:
  docker::task<> hold() {
    if (held_) co_return;
    guard_request by;
    by.project = w_.project;
    by.op = new_id();
    by.who = w_.who;
    by.what = w_.what;
    by.at_full = full_disk::uses_ballast;
    by.wait = w_.guard_wait;
    held_ = co_await take_guard(w_, std::move(by));
  }

  docker::task<observed_state> look(observe_request wanted) {
    options_.waits.attempt_id = new_id();
    return observe(w_.engine, std::move(wanted));
  }

  /// What went down with the daemon, whatever else is recorded.
  docker::task<> start_gone() {
    while (true) {
      observe_request wanted(w_.project);
      const observed_state observed = co_await look(std::move(wanted));
      const release gone = co_await find_gone(w_, observed);
      if (gone.containers.empty()) co_return;
      bring_up_plan next = plan_bring_up(gone, observed, options_.waits);
      if (next.value.empty() || held_) {
        add_new(out_.started, next.down);
        add_new(out_.lost, next.lost);
        if (!next.value.empty()) out_.reason = co_await start_and_prove(w_, std::move(next.value));
        co_return;
      }
      co_await hold();
    }
  }

  docker::task<> start(release live) {
    const milliseconds deadline = boot_time() + options_.patience;
    milliseconds rest = std::chrono::seconds(1);
    bool was_well = false;
    while (true) {
      observe_request wanted = request_for(live);
      const observed_state observed = co_await look(std::move(wanted));
      refuse_another_engine(w_.records, observed.engine_id, ending::refused);
      bring_up_plan next = plan_bring_up(live, observed, options_.waits);
      out_.lost = std::move(next.lost);
      out_.replaced = std::move(next.replaced);
      out_.reason.clear();
      const bool unsettled = needs_a_person(w_.records);
      // Nobody knows what the volumes hold. What somebody has brought back by hand is only proven.
      if (unsettled && (!next.down.empty() || !out_.lost.empty() || !out_.replaced.empty())) {
        out_.how = ending::needs_person;
        out_.reason = w_.records.attempts().front().reason;
        co_return;
      }
      if (!out_.replaced.empty()) {
        co_await start_beside_others();
        co_return;
      }
      if (next.value.empty() && unsettled && !was_well) {
        was_well = true;
        co_await pause_for(std::max(options_.waits.steady_for, options_.waits.healthy_for));
        continue;
      }
      if (next.value.empty()) {
        if (!out_.started.empty() || !out_.rearmed.empty() || unsettled) out_.how = ending::done;
        break;
      }
      if (!held_) {
        co_await hold();
        continue;
      }
      out_.reason = co_await start_and_prove(w_, std::move(next.value));
      add_new(out_.started, next.down);
      add_new(out_.rearmed, next.rearmed);
      if (out_.reason.empty()) {
        out_.how = ending::done;
        break;
      }
      if (boot_time() + rest > deadline) {
        out_.how = ending::needs_person;
        break;
      }
      co_await pause_for(rest);
      rest *= 2;
    }
    if (!out_.lost.empty()) out_.how = ending::needs_person;
    if (out_.how == ending::done) settle();
  }

  /// Somebody has made some containers anew: those are theirs. What else went down with the daemon is not.
  docker::task<> start_beside_others() {
    co_await start_gone();
    observe_request wanted(w_.project);
    const observed_state observed = co_await look(std::move(wanted));
    if (!out_.started.empty()) out_.how = ending::done;
    if (!out_.reason.empty() || !out_.lost.empty() || !runs_well(observed)) out_.how = ending::needs_person;
  }

  /// What a person was needed for: the release that is recorded runs, proven.
  void settle() {
    if (!needs_a_person(w_.records)) return;
    const attempt last = w_.records.attempts().front();
    w_.records.settle(last.id, std::string(to_text(update_state::rolled_back)),
                      last.reason + "\nbrought back by hand since");
  }

  workspace& w_;
  bring_up_options options_;
  bring_up_result out_;
  std::optional<held_guard> held_;
};

}  // namespace

docker::task<bring_up_result> bring_up(workspace& w, bring_up_options options) {
  guarded_bring_up work(w, std::move(options));
  std::exception_ptr failed;
  bring_up_result out;
  try {
    out = co_await work.run();
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  co_await work.let_go();
  if (failed) std::rethrow_exception(failed);
  co_return out;
}

docker::task<bool> start_what_is_safe(workspace& w, attempt given_up) {
  const update_state state = update_state_from_text(given_up.state);
  const bool is_proven = state == update_state::committed;
  const bool old_may_run = state == update_state::restarting_old || !given_up.dirty;
  if (!is_proven && !old_may_run) co_return false;
  plan way = plan_from_json(given_up.plan);
  if (!is_proven) way = given_up.undo.is_null() ? plan_undo(way, undo_options()) : plan_from_json(given_up.undo);
  // What the plan of an attempt creates is there or not: only networks are made here.
  std::erase_if(way.operations, [](const operation& o) {
    return o.when == phase::create && !std::holds_alternative<ensure_network>(o.what);
  });
  std::vector<phase> phases;
  phases.push_back(phase::create);
  phases.push_back(phase::start);
  co_await try_to_start(w, std::move(way), std::move(phases));
  co_return true;
}

docker::task<> bring_up_bystanders(workspace& w, plan interrupted) {
  std::optional<release> live = w.records.current_release();
  if (!live) co_return;
  const std::set<std::string> touched = subjects_of(interrupted);
  const std::set<std::string> copied = volumes_copied_by(interrupted);
  std::erase_if(live->containers, [&](const released_container& c) {
    const std::vector<body_volume> mounts = volumes_in(c.body);
    const auto is_copied = [&](const body_volume& m) { return copied.contains(m.volume); };
    return touched.contains(c.service + "." + std::to_string(c.number)) ||
           std::any_of(mounts.begin(), mounts.end(), is_copied);
  });
  co_await start_again(w, std::move(*live), await_health::no);
}

docker::task<release> find_gone(workspace& w, const observed_state& observed) {
  const std::optional<release> live = w.records.current_release();
  const std::optional<docker::json> bridge = co_await w.engine.inspect_network("bridge");
  co_return went_down_with_daemon(live, observed, bridge ? bridge->string_at({"Created"}) : std::string());
}

}  // namespace orchestration
