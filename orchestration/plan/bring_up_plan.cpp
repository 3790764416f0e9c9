#include "orchestration/plan/bring_up_plan.hpp"

#include <utility>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/dependency_label.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/joined.hpp"

namespace orchestration {
namespace {

using docker::json;

bool can_start(const observed_container& o) {
  return o.state != container_state::dead && o.state != container_state::removing;
}

json declared_policy(const released_container& c) {
  const json* policy = c.body.path({"HostConfig", "RestartPolicy"});
  return policy == nullptr ? json() : *policy;
}

// Disarmed by an attempt. Any other difference is somebody's decision.
bool is_disarmed(const observed_container& o, const released_container& c) {
  const auto never = [](const std::string& name) { return name.empty() || name == "no"; };
  return never(restart_policy_of(o).string_at({"Name"})) && !never(declared_policy(c).string_at({"Name"}));
}

std::string state_of(const observed_container& o) {
  std::string text = "is " + std::string(to_text(o.state));
  if (o.state == container_state::exited) text += " with code " + std::to_string(o.exit_code);
  if (o.state == container_state::running) text += " and " + std::string(to_text(o.health));
  return text;
}

class bring_up_planner {
 public:
  bring_up_planner(const release& live, const observed_state& observed, const reconcile_options& options)
      : live_(live), observed_(observed), options_(options) {
    for (const released_container& c : live.containers)
      dependencies_[c.service] = dependencies_of(c.body.find("Labels"));
    asked_ = asked_of(dependencies_);
  }

  bring_up_plan decide() {
    wanted_.project = live_.project;
    for (const released_container& c : live_.containers) decide_container(c);
    for (const released_network& n : live_.networks)
      if (!n.external && !observed_.networks.contains(n.name)) wanted_.networks.push_back({n.name, n.body});
    if (out_.replaced.empty()) {
      rest_with_joined(wanted_);
      out_.value = assemble(std::move(wanted_), options_);
    } else {
      out_.down.clear();
      out_.rearmed.clear();
    }
    return std::move(out_);
  }

 private:
  const observed_container* find(const released_container& c) const {
    const observed_container* best = nullptr;
    for (const observed_container& o : observed_.containers) {
      if (belongs_to_attempt(o.name) || o.service != c.service || o.number != c.number) continue;
      if (best == nullptr || (is_recorded(o, c, observed_) && !is_recorded(*best, c, observed_)) ||
          o.id == c.container_id)
        best = &o;
    }
    return best;
  }

  void decide_container(const released_container& c) {
    const observed_container* found = find(c);
    const bool has_to_run = c.should_run && !c.completes;
    if (found == nullptr) {
      if (has_to_run) out_.lost.push_back(c.name + ": there is no such container");
      return;
    }
    if (!is_recorded(*found, c, observed_)) {
      out_.replaced.push_back(found->name + ": made from " + found->image_reference + ", not by this release");
      return;
    }
    if (!has_to_run) return;
    if (!can_start(*found)) {
      out_.lost.push_back(found->name + ": " + state_of(*found));
      return;
    }
    wanted_.containers.push_back(intended(c, *found));
  }

  intended_container intended(const released_container& c, const observed_container& found) {
    intended_container out;
    out.service = c.service;
    out.number = c.number;
    out.name = found.name;
    out.found = &found;
    out.level = c.start_level;
    for (const labelled_dependency& d : dependencies_[c.service]) out.needs.insert(d.service);
    out.has_health_check = c.has_health_check;
    out.start_budget = c.has_health_check ? std::chrono::milliseconds(c.start_budget_ms) : running_budget;
    if (c.has_health_check && options_.health_budget) out.start_budget = *options_.health_budget;
    const auto asked = asked_.find(c.service);
    if (asked != asked_.end() && asked->second == goal::healthy && c.has_health_check) out.until = goal::healthy;
    const bool up = is_up(found);
    const bool is_paused = found.state == container_state::paused || (c.paused && !up);
    out.expected = is_paused ? run_state::paused : run_state::running;
    const bool well = runs_well(found) || found.state == container_state::paused;
    const bool disarmed = is_disarmed(found, c);
    if (well && !disarmed) return out;
    out.how = treatment::start;
    out.cause = well ? "its restart policy is not the declared one" : state_of(found);
    if (disarmed) out.restart_policy = declared_policy(c);
    if (!up)
      out_.down.push_back(found.name);
    else if (disarmed)
      out_.rearmed.push_back(found.name);
    return out;
  }

  const release& live_;
  const observed_state& observed_;
  const reconcile_options& options_;
  dependencies_by_service dependencies_;
  std::map<std::string, goal> asked_;
  intention wanted_;
  bring_up_plan out_;
};

}  // namespace

bring_up_plan plan_bring_up(const release& live, const observed_state& observed, const reconcile_options& options) {
  return bring_up_planner(live, observed, options).decide();
}

}  // namespace orchestration
