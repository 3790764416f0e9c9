#include "orchestration/plan/health_budget.hpp"

namespace orchestration {
namespace {

using std::chrono::nanoseconds;

// Engine API, HealthConfig: 0 means "inherit", and with nothing to inherit these.
constexpr nanoseconds default_interval = std::chrono::seconds(30);
constexpr nanoseconds default_timeout = std::chrono::seconds(30);
constexpr std::int64_t default_retries = 3;
// A loaded engine probes late; a verdict a moment too early costs a rollback.
constexpr nanoseconds engine_pace = std::chrono::seconds(10);

nanoseconds time_at(const docker::json& healthcheck, std::string_view name, nanoseconds fallback) {
  const std::int64_t value = healthcheck.int64_at({name});
  return value == 0 ? fallback : nanoseconds(value);
}

}  // namespace

std::chrono::milliseconds health_budget(const docker::json& healthcheck) {
  const nanoseconds interval = time_at(healthcheck, "Interval", default_interval);
  const nanoseconds timeout = time_at(healthcheck, "Timeout", default_timeout);
  const nanoseconds start_period = time_at(healthcheck, "StartPeriod", nanoseconds(0));
  const std::int64_t retries = healthcheck.int64_at({"Retries"});
  const nanoseconds all =
      start_period + (retries == 0 ? default_retries : retries) * (interval + timeout) + engine_pace;
  return std::chrono::duration_cast<std::chrono::milliseconds>(all);
}

bool is_health_check(const docker::json* healthcheck) {
  const docker::json* test = healthcheck == nullptr ? nullptr : healthcheck->find("Test");
  if (test == nullptr || !test->is_array() || test->empty()) return false;
  return test->elements().front().as_string() != "NONE";
}

}  // namespace orchestration
