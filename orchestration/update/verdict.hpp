// Judgement on a container from samples over time: proven, wait on, or failed because. Pure; time is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"

namespace orchestration {

/// One look at a container, from its inspect answer.
struct health_sample {
  std::chrono::milliseconds at{0};  // on the caller's monotonic clock
  container_state state = container_state::created;
  health_state health = health_state::none;
  std::int64_t exit_code = 0;
  std::int64_t restart_count = 0;
  std::string started_at;      // as the engine gives it: changes with every start
  bool out_of_memory = false;  // State.OOMKilled
  std::string error;           // State.Error
  std::string health_output;   // the last probe's output, capped
};
health_sample sample_from_inspect(const docker::json& inspect, std::chrono::milliseconds at);

struct health_rule {
  health_rule() = default;
  bool has_health_check = false;
  bool completes = false;                   // a one-shot: has to exit with 0
  std::chrono::milliseconds steady_for{0};  // how long it has to stay running (and healthy)
  std::chrono::milliseconds budget{0};      // from `since`, for all of it
  std::chrono::milliseconds since{0};
};

struct verdict {
  enum class kind { proven, wait, failed };
  kind result = kind::wait;
  std::string because;  // "unhealthy: connection refused", "exited with code 1", "restarted 2 times"
};

/// The state of judging one container; feed samples in order of time. Restarts, exits, OOM kills and "unhealthy" fail
/// at once; a budget that runs out fails with the last thing seen.
class judge {
 public:
  explicit judge(health_rule rule) : rule_(rule) {}
  verdict look(const health_sample& sample);

 private:
  health_rule rule_;
  std::optional<health_sample> first_;
  std::optional<std::chrono::milliseconds> steady_since_;
};

/// start_period + retries × (interval + timeout) of an image's or container's Healthcheck (ns; zeros mean the engine's
/// defaults 30 s, 30 s, 0 s, 3), plus 10 s for the engine's own pace.
std::chrono::milliseconds health_budget(const docker::json& healthcheck);

}  // namespace orchestration
