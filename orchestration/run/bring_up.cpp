#include "orchestration/run/bring_up.hpp"

#include <algorithm>
#include <set>

#include "orchestration/plan/bring_up_plan.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/plan/went_down.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/full_disk.hpp"
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

docker::task<bring_up_result> bring_up(workspace& w, bring_up_options options) {
  bring_up_result out;
  co_await give_names_back(w, w.project);
  const std::optional<release> live = w.records.current_release();
  if (!live) {
    observe_request wanted(w.project);
    const observed_state observed = co_await observe(w.engine, std::move(wanted));
    const release gone = co_await find_gone(w, observed);
    if (gone.containers.empty()) co_return out;
    options.waits.attempt_id = new_id();
    bring_up_plan next = plan_bring_up(gone, observed, options.waits);
    out.started = std::move(next.down);
    out.lost = std::move(next.lost);
    if (!next.value.empty()) out.reason = co_await start_and_prove(w, std::move(next.value));
    out.how = out.reason.empty() && out.lost.empty() ? ending::done : ending::needs_person;
    co_return out;
  }
  out.release = live->number;
  out.tag = live->tag;
  if (needs_a_person(w.records)) {
    out.how = ending::needs_person;
    out.reason = w.records.attempts().front().reason;
    co_return out;
  }
  const milliseconds deadline = boot_time() + options.patience;
  for (milliseconds rest = std::chrono::seconds(1);; rest *= 2) {
    observe_request wanted = request_for(*live);
    const observed_state observed = co_await observe(w.engine, std::move(wanted));
    refuse_another_engine(w.records, observed.engine_id, ending::refused);
    options.waits.attempt_id = new_id();
    bring_up_plan next = plan_bring_up(*live, observed, options.waits);
    out.lost = std::move(next.lost);
    out.replaced = std::move(next.replaced);
    out.reason.clear();
    if (next.value.empty()) {
      const bool is_well = out.lost.empty() && (out.replaced.empty() || runs_well(observed));
      if (!is_well)
        out.how = ending::needs_person;
      else if (!out.started.empty() || !out.rearmed.empty())
        out.how = ending::done;
      co_return out;
    }
    out.reason = co_await start_and_prove(w, std::move(next.value));
    add_new(out.started, next.down);
    add_new(out.rearmed, next.rearmed);
    if (out.reason.empty()) {
      out.how = out.lost.empty() ? ending::done : ending::needs_person;
      co_return out;
    }
    if (boot_time() + rest > deadline) break;
    co_await pause_for(rest);
  }
  out.how = ending::needs_person;
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
  std::erase_if(live->containers, [&](const released_container& c) {
    return touched.contains(c.service + "." + std::to_string(c.number));
  });
  co_await start_again(w, std::move(*live), await_health::no);
}

docker::task<release> find_gone(workspace& w, const observed_state& observed) {
  const std::optional<release> live = w.records.current_release();
  const std::optional<docker::json> bridge = co_await w.engine.inspect_network("bridge");
  co_return went_down_with_daemon(live, observed, bridge ? bridge->string_at({"Created"}) : std::string());
}

}  // namespace orchestration
