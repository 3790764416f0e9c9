// What the updater does with an attempt that a killed run left open.
#include "docker_client/error.hpp"
#include "orchestration/plan/stand_in.hpp"
#include "orchestration/run/bring_up.hpp"
#include "orchestration/run/full_disk.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/mend_way_back.hpp"
#include "orchestration/run/observe.hpp"
#include "orchestration/run/take_up.hpp"
#include "orchestration/run/updater.hpp"

namespace orchestration {
namespace {

/// A run that is interrupted again and again while recovering is a person's business.
constexpr int most_recoveries = 6;

}  // namespace

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
  guard_request by = guard_of(*open);
  auto run = recover_held(std::move(open));
  run_result result = co_await guarded(std::move(by), std::move(run));
  if (result.how == ending::left_open) forgive_recovery(result.attempt_id);
  co_return result;
}

void updater::forgive_recovery(const std::string& attempt_id) {
  try {
    workspace_.records.forget_recovery(attempt_id);
  } catch (const store_error&) {
    // Then it counts: what is to be broken is a loop, and that nothing can be recorded may be a part of it.
  }
}

docker::task<run_result> updater::recover_held(std::optional<attempt> open) {
  const std::optional<descriptor> no_script = lock_rescue(workspace_.rescue, open->id);
  if (!no_script)
    co_return left_open(*open,
                        "rescue.sh of this run is at work: let it end, and look what it says. Then: dockupd recover");
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
  if (resume(found) == resume_way::finish) {
    // Another writer beside it is the last thing to make.
    const plan made = plan_from_json(open->plan);
    observe_request whole(made.project);
    const observed_state observed = co_await observe(workspace_.engine, std::move(whole));
    const stand_in other = stand_in_for(made, observed);
    if (other == stand_in::unwell) {
      co_await enter(*open, update_state::needs_attention,
                     "somebody has replaced containers of this run since, and what stands there is not well");
      co_return result_of(*open, failures());
    }
    if (other == stand_in::well) {
      progress_event event;
      event.what = progress_event::kind::warning;
      event.text = "somebody has replaced containers of this run since: what stands there is well, and stays";
      workspace_.progress(event);
      co_return co_await drive(std::move(*open));
    }
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
      setback met = co_await work(*open, found, std::move(again));
      auto looking = or_dead_disk(std::move(met));
      met = co_await std::move(looking);
      if (met.is(operation_error::cause::unreachable)) co_return left_open(*open, met.text);
      if (!met) break;
      co_await enter(*open, update_state::needs_attention, met.text);
      co_return result_of(*open, failures());
    }
    case resume_way::finish_undo:
    case resume_way::nothing:
      break;
  }
  co_return co_await drive(std::move(*open));
}

docker::task<std::string> updater::work_again(const attempt& a, update_state found) {
  const which_plan of = work_of(found).of;
  const bool is_way_back = found == update_state::restoring || found == update_state::restarting_old;
  if (!is_way_back && resume(found) != resume_way::forward && resume(found) != resume_way::finish)
    co_return std::string();
  const plan p = plan_from_json(of == which_plan::undo ? a.undo : a.plan);
  executor e(workspace_, a.id, of == which_plan::undo ? "undo" : "plan", p, full_disk::uses_ballast);
  const auto both = [&]() -> docker::task<> {
    co_await e.run_again(phase::create);
    co_await e.run_again(phase::cut_over);
  };
  auto doing = setback_of(both);
  const setback met = co_await std::move(doing);
  co_return met.is(operation_error::cause::unreachable) ? met.text : std::string();
}

docker::task<setback> updater::mend(attempt& a) {
  const update_state state = update_state_from_text(a.state);
  if (work_of(state).of != which_plan::undo) co_return setback();
  const auto all = [&]() -> docker::task<> {
    const auto look = [this, &a] { return mend_way_back(workspace_, a); };
    auto looking = again_when_lost(look);
    const way_back found = co_await std::move(looking);
    if (found.is_mended) {
      a.undo = to_json(found.undo);
      workspace_.records.set_undo(a.id, a.undo);
    }
    if (found.begin_again != state) co_await enter(a, found.begin_again, a.reason);
  };
  auto mending = setback_of(all);
  co_return co_await std::move(mending);
}

}  // namespace orchestration
