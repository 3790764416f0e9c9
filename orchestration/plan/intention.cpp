#include "orchestration/plan/intention.hpp"

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/health_budget.hpp"

namespace orchestration {

void refuse_dead(const observed_state& observed) {
  for (const observed_container& c : observed.containers)
    if (c.state == container_state::dead && !belongs_to_attempt(c.name))
      throw plan_error("container " + c.name +
                       " is dead: the engine could not remove it. Remove it first: docker rm -f " + c.name);
}

bool is_up(const observed_container& c) {
  return c.state == container_state::running || c.state == container_state::paused ||
         c.state == container_state::restarting;
}

bool was_unsound(const observed_container& c) {
  // A paused container's probes fail: its health says nothing.
  return c.state == container_state::restarting ||
         (c.state == container_state::running && c.health == health_state::unhealthy);
}

bool has_health_check(const observed_container& c) {
  return is_health_check(c.inspect.path({"Config", "Healthcheck"}));
}

docker::json restart_policy_of(const observed_container& c) {
  const docker::json* policy = c.inspect.path({"HostConfig", "RestartPolicy"});
  return policy == nullptr ? docker::json() : *policy;
}

run_state state_at_rest(const observed_container& c, bool is_one_shot) {
  if (c.state == container_state::paused) return run_state::paused;
  if (is_up(c)) return run_state::running;
  const bool completed = is_one_shot && c.state == container_state::exited && c.exit_code == 0;
  return completed ? run_state::completed : run_state::stopped;
}

std::chrono::milliseconds start_budget_of(const observed_container& c, const reconcile_options& options) {
  if (!has_health_check(c)) return running_budget;
  return options.health_budget ? *options.health_budget : health_budget(c.inspect.at("Config").at("Healthcheck"));
}

std::chrono::milliseconds steady_time(bool has_health_check, const reconcile_options& options) {
  return has_health_check ? options.healthy_for : options.steady_for;
}

void add_attempt_labels(docker::json& body, const std::string& subject, const reconcile_options& options) {
  docker::json& labels = body["Labels"];
  labels["io.dockupd.attempt"] = options.attempt_id;
  labels["io.dockupd.subject"] = subject;
  labels["io.dockupd.role"] = "new";
  labels["io.dockupd.store"] = options.store_id;
}

}  // namespace orchestration
