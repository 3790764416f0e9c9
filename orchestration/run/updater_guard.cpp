// The engine's guard while the updater works, and whether somebody else acted without it.
#include <algorithm>

#include "docker_client/error.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/left_over.hpp"
#include "orchestration/run/updater.hpp"

namespace orchestration {
namespace {

std::set<std::string> volumes_made_by(const plan& p) {
  std::set<std::string> out;
  for (const operation& o : p.operations)
    if (const auto* made = std::get_if<ensure_volume>(&o.what)) out.insert(made->name);
  return out;
}

}  // namespace

guard_request updater::guard_for(std::string project, full_disk at_full) const {
  guard_request by;
  by.project = std::move(project);
  by.op = new_id();
  by.who = workspace_.who;
  by.what = workspace_.what;
  by.at_full = at_full;
  return by;
}

guard_request updater::guard_of(const attempt& a) const {
  const plan p = plan_from_json(a.plan);
  guard_request by = guard_for(p.project, full_disk::uses_ballast);
  by.op = a.id;
  by.volumes_to_leave = volumes_made_by(p);
  return by;
}

docker::task<run_result> updater::guarded(guard_request by, docker::task<run_result> run) {
  // Nothing is made on an engine that the records are not about.
  const engine_facts facts = co_await workspace_.engine.facts();
  refuse_another_engine(workspace_.records, facts.id, ending::refused);
  std::string project = by.project;
  by.wait = workspace_.guard_wait;
  held_ = co_await take_guard(workspace_, std::move(by));
  co_await give_names_back(workspace_, std::move(project));
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
    const swept found = co_await sweep_guard(workspace_, workspace_.project);
    if (found == swept::clean) co_await remove_left_over(workspace_, workspace_.project);
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
    // Not held: it could not be taken again at the last look.
    if (now && held_ && now->id == held_->guard.id) co_return std::string();
    guard_request again = guard_of(a);
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

}  // namespace orchestration
