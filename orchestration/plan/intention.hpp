// What is to become of each container, decided but not yet in steps: the middle of every plan. Updates and rollbacks
// decide differently; assemble() turns either into operations in order.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"
#include "orchestration/plan/reconcile.hpp"

namespace orchestration {

enum class treatment {
  leave,    // stays as it is
  quiesce,  // stopped for the cut-over, the same container is started again
  start,    // does not run; the same container is started
  create,   // there is none yet
  replace,  // a new container takes the place of the found one
  retire    // stopped, set aside, removed at commit
};

/// Whether the plan proves the container at the end.
enum class proof { yes, no };

struct intended_container {
  std::string service;
  int number = 1;
  std::string name;  // final
  treatment how = treatment::leave;
  std::string cause;                          // of its operations
  std::vector<std::string> causes;            // for its service's line; empty: `cause` alone
  const observed_container* found = nullptr;  // null: create only
  int level = 0;                              // dependency order: lower levels start first
  std::set<std::string> needs;                // services that it starts after
  std::set<std::string> networks;             // real names that it is created with
  std::set<std::string> volumes;
  create_container request;  // create, replace: all but target and temporary name
  bool starts = false;       // create, replace: started by the plan
  run_state expected = run_state::running;
  goal until = goal::started;
  docker::json restart_policy;  // start: armed with this; null: as found
  bool restarts = false;        // quiesce: with what it depends on
  proof proven = proof::yes;
  std::string config_hash;  // create, replace
  bool has_health_check = false;
  std::chrono::milliseconds start_budget{0};

  std::string subject() const { return service + "." + std::to_string(number); }
  bool makes_new() const { return how == treatment::create || how == treatment::replace; }
};

struct intended_pull {
  pull_image what;
  std::string cause;
};

struct intention {
  std::string project;
  std::vector<intended_container> containers;
  std::vector<intended_pull> pulls;
  std::vector<ensure_network> networks;
  std::vector<ensure_volume> volumes;
  std::optional<snapshot_volumes> snapshot;
  std::optional<restore_volumes> restore;
  std::vector<pin_tag> pins;
  std::vector<pin_images> image_pins;
  std::map<std::string, service_outlook> outlooks;  // by service: image and tag are filled in
  std::vector<std::string> notes;
  bool proves_unchanged = false;  // when every container is left alone, they are proven all the same
};

/// The plan for it. Without operations when every container is left alone and no pin is due, unless they are proven.
/// plan_error when a final name is taken by a container that stays.
plan assemble(intention wanted, const reconcile_options& options);

/// What becomes of each service, with what the planner filled in already.
std::vector<service_outlook> outlooks_of(const intention& wanted);

/// For the engine to bring a container without a health check to running.
inline constexpr std::chrono::milliseconds running_budget = std::chrono::seconds(30);

/// plan_error when a container of the project is dead, as one that the engine could not remove is: it is neither there
/// nor gone, and no change to it succeeds. What an attempt left does not count.
void refuse_dead(const observed_state& observed);
/// Running, paused or restarting: something that stops when it is stopped.
bool is_up(const observed_container& c);
/// Restarting or unhealthy: nothing can be proven of it, and nobody need wait for its health.
bool was_unsound(const observed_container& c);
bool has_health_check(const observed_container& c);
docker::json restart_policy_of(const observed_container& c);  // null: none shown
/// How the container is left alone, and so proven: exited with 0 counts as completed for a one-shot.
run_state state_at_rest(const observed_container& c, bool is_one_shot);
/// For its health check as the engine shows it, or `running_budget` without one.
std::chrono::milliseconds start_budget_of(const observed_container& c, const reconcile_options& options);
std::chrono::milliseconds steady_time(bool has_health_check, const reconcile_options& options);
/// The labels by which the attempt finds the container again.
void add_attempt_labels(docker::json& body, const std::string& subject, const reconcile_options& options);

}  // namespace orchestration
