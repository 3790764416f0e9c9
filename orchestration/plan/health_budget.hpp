// How long a container may take to become healthy, from its health check alone.
#pragma once

#include <chrono>

#include "docker_client/json.hpp"

namespace orchestration {

/// start_period + retries × (interval + timeout) of an image's or container's Healthcheck (ns; zeros and null mean the
/// engine's defaults 30 s, 30 s, 0 s, 3), plus 10 s for the engine's own pace.
std::chrono::milliseconds health_budget(const docker::json& healthcheck);

/// Whether an inspect answer's or create body's Healthcheck has a test that is not switched off. null: none.
bool is_health_check(const docker::json* healthcheck);

}  // namespace orchestration
