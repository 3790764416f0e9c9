// What runs now, as a release: enough to bring exactly this back without compose files, registry or network.
#pragma once

#include <string>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"
#include "orchestration/project/project.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// Containers, networks and volumes of the release. Order, goals and one-shots come from the labels that compose
/// writes. Containers that are part of an attempt are left out. Who, why, tag, pins and verdict are the caller's.
/// Throws docker::json_error when an inspect answer is none.
release release_from_observed(const observed_state& observed, int number, const std::string& created_at);

/// What no engine shows, the files that were written into a container and what its hash was made of, is taken from the
/// plan that made it (null: none), or else from the record of the release before (null: none).
void remember_unseen(release& r, const observed_state& observed, const plan* made_by, const release* before);
/// What the hash of a container was made of, where the project tells, in whichever of its versions: for those that
/// compose made.
void recall_hashed(release& r, const observed_state& observed, const project& p);

}  // namespace orchestration
