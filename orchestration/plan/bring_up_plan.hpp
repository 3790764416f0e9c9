// What starts the containers of the live release that are down: after a reboot or a restart of the engine nothing else
// does. Measured on 20.10: once the daemon was killed, only the restart policy "always" brings a container back.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

struct bring_up_plan {
  /// Starts, stops of what joins those, restart policies and proofs, networks that were removed, and nothing else;
  /// empty: everything runs well, or nothing can be done.
  plan value;
  std::vector<std::string> down;     // names of containers that `value` starts
  std::vector<std::string> rearmed;  // … and of those that run, but whose restart policy is not the declared one
  std::vector<std::string> lost;     // what should run and cannot be started: "shop-web-1: there is no such container"
  /// Other containers in the place of the release's. Then `value` is empty: somebody else has taken over.
  std::vector<std::string> replaced;
};

/// What the release has stopped or completed stays as it is; what it has paused is paused again. Containers of no
/// release, and what attempts left over, are not looked at.
bring_up_plan plan_bring_up(const release& live, const observed_state& observed, const reconcile_options& options);

}  // namespace orchestration
