// The engine → observed_state. Reads only.
#pragma once

#include <set>
#include <string>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/project/project.hpp"
#include "orchestration/release/release.hpp"
#include "orchestration/run/engine.hpp"

namespace orchestration {

/// What to look at besides the project's containers and what they mount: things that may not exist yet.
struct observe_request {
  observe_request() = default;
  explicit observe_request(std::string project_name) : project(std::move(project_name)) {}
  std::string project;
  std::set<std::string> volumes;   // real names
  std::set<std::string> networks;  // real names
  std::set<std::string> images;    // references
};
observe_request request_for(const project& p);
observe_request request_for(const release& r);

/// Containers with the project's compose label (one-offs left out), their volumes, networks and images. A container
/// that vanishes between list and inspect is left out.
docker::task<observed_state> observe(engine& engine, observe_request request);

/// Adds those of the images that are local.
docker::task<observed_state> with_images(engine& engine, observed_state state, std::set<std::string> images);

}  // namespace orchestration
