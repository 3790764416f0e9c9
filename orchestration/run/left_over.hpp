// What a power cut gives back: the engine syncs little of what it says is done, so a container that an attempt removed
// at its end may be there again, stopped and under the name that the attempt gave it.
#pragma once

#include <string>

#include "orchestration/run/executor.hpp"

namespace orchestration {

/// Removes containers of the project that do not run and bear the name of an attempt of these records that has ended
/// well, or that one has ended well after: what was set aside when a person was needed is settled then. Engine errors
/// pass through.
docker::task<> remove_left_over(workspace& w, std::string project);

/// Containers of the project that a kill left under the name that they bear while an endpoint is freed get their own
/// again. What cannot be done is a warning.
docker::task<> give_names_back(workspace& w, std::string project);

}  // namespace orchestration
