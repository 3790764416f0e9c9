#include "tools/dockupd/known_projects.hpp"

#include <algorithm>

#include "docker_client/json.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/release/store.hpp"
#include "tools/dockupd/logging.hpp"

namespace dockupd {

std::vector<known_project> known_projects(const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  std::vector<known_project> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root, none)) {
    if (!orchestration::store::exists(entry.path())) continue;
    known_project found{entry.path().filename().string(), ""};
    if (fs::exists(entry.path() / known_project_file)) {
      try {
        const std::string text = orchestration::read_file(entry.path() / known_project_file);
        found.working_dir = docker::json::parse(text).string_at({"working_dir"});
      } catch (const std::runtime_error& error) {
        say_warning((entry.path() / known_project_file).string() + ": " + error.what());
      }
    }
    out.push_back(std::move(found));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

}  // namespace dockupd
