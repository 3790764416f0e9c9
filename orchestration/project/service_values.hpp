// The canonical documents → the named members that planning reads.
#pragma once

#include <string>

#include "orchestration/project/project.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// `node` is the service of long forms, with its environment resolved. Throws load_error.
service make_service(const std::string& name, const yaml_node& node, const std::string& project_name);
network make_network(const std::string& key, const yaml_node& node);
volume make_volume(const std::string& key, const yaml_node& node);
file_object make_file_object(const std::string& section, const std::string& key, const yaml_node& node);

}  // namespace orchestration
