// Every short form made long, and relative paths absolute: the project as compose-go holds it before it becomes
// structs.
#pragma once

#include <string>
#include <string_view>

#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// Short forms in the whole project tree become long ones. May be repeated. Throws load_error.
void make_long(yaml_node& root);

/// What the long forms leave to be assumed: targets of secrets, protocol and mode of ports, the count of devices.
void add_defaults(yaml_node& root);

/// Relative host paths become absolute, from `directory`; `~` is `home`.
void make_paths_absolute(yaml_node& root, const std::string& directory, const std::string& home);

/// One path, the same way. Empty stays empty.
std::string absolute_path(std::string_view path, const std::string& directory, const std::string& home);

}  // namespace orchestration
