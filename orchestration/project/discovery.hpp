// Which files make up the project, and the environment they are read with: what compose does before it reads YAML.
#pragma once

#include <string>
#include <vector>

#include "orchestration/project/load.hpp"
#include "orchestration/project/project_environment.hpp"

namespace orchestration {

struct project_files {
  std::string directory;               // absolute
  std::vector<std::string> files;      // absolute, in order
  std::string override_file;           // as in project
  std::vector<std::string> env_files;  // absolute; those that were read
  bool explicit_env_files = false;
  project_environment environment;  // COMPOSE_PROJECT_NAME is not in it yet
};

/// Throws load_error when there is no compose file, or an env file cannot be read.
project_files find_project(const load_request& request);

/// --profile, else COMPOSE_PROFILES.
std::vector<std::string> active_profiles(const load_request& request, const project_environment& environment);

/// The name made of what may stand in one: lower case letters, digits, "-" and "_", none of the two in front.
std::string normal_project_name(std::string_view text);

}  // namespace orchestration
