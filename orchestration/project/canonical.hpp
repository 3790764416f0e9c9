// Long forms → JSON in the members, order and spelling in which compose-go 2.9.1 (compose 2.40.3) serialises its
// structs: what the config hash is made of. Mappings are sorted by key, empty members are left out where Go's
// `omitempty` leaves them out.
//
// Members that the hash does not contain stand at their place in the struct as well: build, depends_on, profiles,
// pull_policy, scale, deploy.replicas. One member tells more than compose's: a bind mount's `create_host_path` is
// false when written so, and missing when not written (compose 5 treats the two differently).
#pragma once

#include <string>

#include "docker_client/json.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// All throw load_error at the value that cannot be read: "expected a duration, found …". `path` is where the node
/// stands in the project.
docker::json canonical_service(const yaml_node& service, const std::string& path);
docker::json canonical_network(const yaml_node& network, const std::string& path);
docker::json canonical_volume(const yaml_node& volume, const std::string& path);
docker::json canonical_file_object(const yaml_node& secret_or_config, const std::string& path);
/// The value of an `x-…`: whatever it is, mappings sorted by key, dates as times.
docker::json canonical_extension(const yaml_node& value, const std::string& path);

/// `environment` or `labels` of a service as name → text, in either form. Null stands for a name without value.
docker::json canonical_environment(const yaml_node& environment, const std::string& path);
docker::json canonical_labels(const yaml_node& labels, const std::string& path);

/// Members sorted by name, as Go writes a map.
void sort_members(docker::json& object);

}  // namespace orchestration
