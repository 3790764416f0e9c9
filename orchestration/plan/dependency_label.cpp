#include "orchestration/plan/dependency_label.hpp"

#include <algorithm>

namespace orchestration {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(separator, from), text.size());
    out.push_back(text.substr(from, to - from));
    from = to + 1;
  }
  return out;
}

}  // namespace

std::vector<labelled_dependency> dependencies_from_label(const std::string& text) {
  std::vector<labelled_dependency> out;
  for (const std::string& part : split(text, ',')) {
    const std::vector<std::string> fields = split(part, ':');
    if (fields.size() < 2 || fields[0].empty()) continue;
    goal asked = goal::started;
    if (fields[1] == "service_healthy") asked = goal::healthy;
    if (fields[1] == "service_completed_successfully") asked = goal::completed;
    out.push_back({fields[0], asked, fields.size() > 2 && fields[2] == "true"});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.service < b.service; });
  return out;
}

std::vector<labelled_dependency> dependencies_of(const docker::json* labels) {
  if (labels == nullptr) return {};
  return dependencies_from_label(labels->string_at({"com.docker.compose.depends_on"}));
}

std::map<std::string, goal> asked_of(const dependencies_by_service& dependencies) {
  std::map<std::string, goal> out;
  for (const auto& [name, needed] : dependencies)
    for (const labelled_dependency& d : needed) {
      goal& asked = out.try_emplace(d.service, goal::started).first->second;
      asked = std::max(asked, d.asked);
    }
  return out;
}

std::map<std::string, int> levels_of(const dependencies_by_service& dependencies) {
  std::map<std::string, int> level;
  for (const auto& [name, needed] : dependencies) level[name] = 0;
  // Each round settles one level more; a circle would go on for ever.
  for (std::size_t round = 0; round < level.size(); ++round)
    for (const auto& [name, needed] : dependencies)
      for (const labelled_dependency& d : needed)
        if (const auto below = level.find(d.service); below != level.end())
          level[name] = std::max(level[name], below->second + 1);
  const int deepest = static_cast<int>(level.size());
  for (auto& [name, at] : level) at = std::min(at, deepest);
  return level;
}

}  // namespace orchestration
