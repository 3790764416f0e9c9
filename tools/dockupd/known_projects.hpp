// The projects that have a state directory, and where their files were when somebody last changed them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dockupd {

/// In a project's state directory: {"working_dir": …, "config_files": […]}.
inline constexpr const char* known_project_file = "project.json";

struct known_project {
  std::string name;
  std::string working_dir;  // empty: not known
};

/// By name. A file that cannot be read is a warning, since it must not hide the other projects. `root` need not exist.
std::vector<known_project> known_projects(const std::filesystem::path& root);

}  // namespace dockupd
