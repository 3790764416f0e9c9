// Service → HostConfig, networks and mounts aside: what the container may use and what it is kept from.
#pragma once

#include <string_view>

#include "docker_client/json.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

/// Throws create_body_error. Reads the files of `security_opt: seccomp=FILE`.
void put_host_config(docker::json& host, const project& p, const service& s);

/// Binds, Mounts and Tmpfs: volumes, bind mounts, secrets and configs. Throws create_body_error.
void put_mounts(docker::json& host, const project& p, const service& s, bool engine_has_image_mounts);

/// Throws create_body_error: "services.web.healthcheck: what".
[[noreturn]] void refuse(const service& s, std::string_view attribute, std::string_view what);

}  // namespace orchestration
