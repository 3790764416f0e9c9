// What compose adds to a loaded project: the default network, real names, dependencies that follow from other
// attributes, and the content of env and label files.
#pragma once

#include <map>
#include <string>

#include "orchestration/project/project_environment.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// The whole project, of long forms. Marks added dependencies by a place without line. `directory` is the project's.
void normalise(yaml_node& root, const std::string& project_name, const std::string& directory,
               const project_environment& environment);

/// `environment` becomes the final mapping, with env_file read underneath it, and env_file goes. `labels` becomes a
/// mapping with label_file read underneath it. A file of `texts` is not read, and what is read joins them, for the next
/// service. Returns variable → the env file that gives it its value, for those that env files give. Throws load_error.
std::map<std::string, std::string> resolve_files(yaml_node& service, const std::string& path,
                                                 const project_environment& environment, file_texts& texts);

}  // namespace orchestration
