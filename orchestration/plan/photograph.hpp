// What runs now, as a release: enough to bring exactly this back without compose files, registry or network.
#pragma once

#include <string>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// Containers, networks and volumes of the release. Order, goals and one-shots come from the labels that compose
/// writes. Containers that are part of an attempt are left out. Who, why, tag, pins and verdict are the caller's.
/// Throws docker::json_error when an inspect answer is none.
release release_from_observed(const observed_state& observed, int number, const std::string& created_at);

}  // namespace orchestration
