// What went down because the daemon died, and what somebody stopped: the engine shows both alike but for the time.
#pragma once

#include <optional>
#include <string_view>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// Of `live`, or of what runs: the containers that should run, are down, and ended while the daemon was coming back.
/// One that was killed ends what it finds running, by SIGTERM and ten seconds later SIGKILL, and notes it as stopped by
/// hand, so that no "unless-stopped" brings it back (moby 20.10, daemon/kill.go); then it makes its default network
/// anew. What no release knows should run when its policy is to come back. `bridge_created`: that network's Created,
/// RFC 3339; empty: there is none, and nobody can tell.
release went_down_with_daemon(const std::optional<release>& live, const observed_state& observed,
                              std::string_view bridge_created);

}  // namespace orchestration
