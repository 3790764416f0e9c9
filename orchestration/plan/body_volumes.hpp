// The named volumes in the body of a create call (API 1.41, HostConfig.Binds and HostConfig.Mounts).
#pragma once

#include <string>
#include <vector>

#include "docker_client/json.hpp"

namespace orchestration {

struct body_volume {
  std::string volume;  // real name
  bool writable = true;
};

std::vector<body_volume> volumes_in(const docker::json& body);

}  // namespace orchestration
