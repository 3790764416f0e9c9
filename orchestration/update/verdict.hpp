// Judgement on a container from samples over time: proven, wait on, or failed because. Pure; time is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestration/plan/health_budget.hpp"
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
/// Throws docker::json_error when it is no such answer.
health_sample sample_from_inspect(const docker::json& inspect, std::chrono::milliseconds at);

struct health_rule {
  health_rule() = default;
  bool has_health_check = false;            // one that turns up unannounced (an image's own) is heeded too
  bool completes = false;                   // a one-shot: has to exit with 0
  bool may_restart = false;                 // within the budget: the engine starts it again until it stays
  std::chrono::milliseconds steady_for{0};  // how long it has to stay running (and healthy)
  std::chrono::milliseconds budget{0};      // from `since`, for all of it; 0: without end
  std::chrono::milliseconds since{0};
};

struct verdict {
  enum class kind { proven, wait, failed };
  kind result = kind::wait;
  std::string because;       // "unhealthy: connection refused", "exited with code 1", "restarted 2 times"
  bool out_of_time = false;  // failed for the budget's sake alone
};

/// The state of judging one container; feed samples in order of time. Restarts, exits, OOM kills and "unhealthy" fail
/// at once; a budget that runs out fails with the last thing seen. What the first sample of a running container shows
/// of earlier restarts and OOM kills is its history and does not count.
class judge {
 public:
  explicit judge(health_rule rule) : rule_(rule) {}
  verdict look(const health_sample& sample);

 private:
  verdict look_at_state(const health_sample& sample);
  verdict look_at_health(const health_sample& sample);
  std::optional<std::string> setback(const health_sample& sample) const;  // since the first sample
  bool is_over_budget(const health_sample& sample) const;
  std::string aim() const;

  health_rule rule_;
  std::optional<health_sample> first_;
  std::optional<std::chrono::milliseconds> steady_since_;
};

}  // namespace orchestration
