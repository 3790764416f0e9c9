// What went down because the daemon died, and what somebody stopped: the engine shows both alike but for the time.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// Names of containers that should run by the release, are down, and ended while the daemon was coming back. One that
/// was killed ends what it finds running, by SIGTERM and ten seconds later SIGKILL, and notes it as stopped by hand, so
/// that no "unless-stopped" brings it back (moby 20.10, daemon/kill.go); then it makes its default network anew.
/// `bridge_created`: that network's Created, RFC 3339; empty: there is none, and nobody can tell.
std::set<std::string> went_down_with_daemon(const release& live, const observed_state& observed,
                                            std::string_view bridge_created);

}  // namespace orchestration
