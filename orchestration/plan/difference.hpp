// What a container has otherwise than its service asks for, in the words of a compose file. For people: a container is
// judged by its config hash, and this says what may be behind another one. Names only, never values of variables.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/plan/observed_state.hpp"

namespace orchestration {

struct difference_context {
  docker::json image_config;  // Config of the image that the container runs; null: it is not here any more
  /// Where variables of the environment come from, when not from the compose file: name → env file, as it is to be
  /// shown.
  std::map<std::string, std::string> env_files;
  std::string pin_variable;                // what the pin changes; empty: nothing
  std::string pin_file;                    // as in env_files
  std::vector<std::string> connect_after;  // networks besides those of the body
};

/// "environment: LOG_LEVEL changed", "ports: 8081:80/tcp added", "command changed", …; none where the engine shows
/// none. What an image gives is not taken for what the container was given. `body` is the create body that is wanted.
std::vector<std::string> differences(const observed_container& c, const docker::json& body,
                                     const difference_context& context);

}  // namespace orchestration
