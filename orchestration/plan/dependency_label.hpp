// Dependencies as docker compose writes them on containers, so that no compose file is needed to read them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/plan/plan.hpp"

namespace orchestration {

struct labelled_dependency {
  std::string service;
  goal asked = goal::started;
  bool restart = false;  // is stopped and started when that service is recreated
  bool operator==(const labelled_dependency&) const = default;
};

/// From the label com.docker.compose.depends_on ("db:service_healthy:false,migrate:…"), by service. Parts that do not
/// have its form are left out.
std::vector<labelled_dependency> dependencies_from_label(const std::string& text);
/// Of `labels`, which is Config.Labels of an inspect answer or Labels of a create body; null: none.
std::vector<labelled_dependency> dependencies_of(const docker::json* labels);

using dependencies_by_service = std::map<std::string, std::vector<labelled_dependency>>;

/// The strongest that anybody asks of each service that is asked of.
std::map<std::string, goal> asked_of(const dependencies_by_service& dependencies);
/// Level of each service: 0 depends on nobody. Circles (which compose refuses) end at some level.
std::map<std::string, int> levels_of(const dependencies_by_service& dependencies);

}  // namespace orchestration
