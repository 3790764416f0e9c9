// Brings back what should run: the containers of the live release that went down with the engine or the machine.
//
// It keeps no journal: starting what is down is made so from any state, so a kill in the middle leaves nothing to undo,
// and the next recover does the rest.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "orchestration/plan/reconcile.hpp"
#include "orchestration/run/ending.hpp"
#include "orchestration/run/executor.hpp"

namespace orchestration {

struct bring_up_options {
  bring_up_options() = default;
  reconcile_options waits;  // health_budget, steady_for, healthy_for
  /// A container that the engine restarts by itself may fail until what it depends on is there: for so long a proof
  /// that fails is tried again.
  std::chrono::milliseconds patience{30'000};
};

struct bring_up_result {
  ending how = ending::nothing_to_do;  // or done, needs_person
  int release = 0;                     // the live one; 0: there is none
  std::string tag;
  std::vector<std::string> started;   // names of containers
  std::vector<std::string> rearmed;   // their restart policy is the declared one again
  std::vector<std::string> lost;      // what should run and cannot be started, one line each
  std::vector<std::string> replaced;  // what stands in the place of the release's containers, and was left alone
  std::string reason;                 // why it is not proven, with last lines; empty otherwise
};

/// For a project without an open attempt; without a release, or beside containers that others have made anew, what went
/// down with the daemon. While a person is needed nothing is started, as nobody knows what the volumes hold; once the
/// release runs again by somebody's hand, it is proven, and nobody is needed any more. What is changed is changed under
/// the engine's guard. refusal when another engine answers, or another state directory holds the guard for longer than
/// the workspace waits; docker::error, or operation_error, when it stops answering.
docker::task<bring_up_result> bring_up(workspace& w, bring_up_options options);

/// Starts what the live release has running and the plan does not touch: the plan counts on it. What cannot be started
/// is a warning, as the plan's own proof decides. Engine errors while it looks pass through.
docker::task<> bring_up_bystanders(workspace& w, plan interrupted);

/// What the daemon took with it when it died, by `observed`; without containers: nothing, or nobody can tell.
docker::task<release> find_gone(workspace& w, const observed_state& observed);
enum class await_health { yes, no };
/// Starts what is down of it. What cannot be started, or does not become healthy, is a warning.
docker::task<> start_again(workspace& w, release live, await_health waiting);

/// For an attempt that is given up because its recovery was interrupted again and again: starts what ran before when
/// nothing new can have written, or when its data is back; or the new release when that was proven. Nothing is started
/// on data that is being put back or is another version's. False: nothing may be started. What fails is a warning.
docker::task<bool> start_what_is_safe(workspace& w, attempt given_up);

}  // namespace orchestration
