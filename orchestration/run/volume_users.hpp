// Containers outside the plan that write to its volumes: one-offs of the project, and those of other projects.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/plan.hpp"
#include "orchestration/run/engine.hpp"

namespace orchestration {

/// "web2 (1a2b3c4d5e6f) writes to volume shop-data": one line for each that runs, is not `known` (ids), and has one of
/// the volumes mounted writable; in the engine's order. Engine errors pass through.
docker::task<std::vector<std::string>> users_of(engine& e, std::vector<volume_target> volumes,
                                                std::set<std::string> known);

}  // namespace orchestration
