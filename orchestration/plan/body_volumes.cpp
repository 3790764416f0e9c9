#include "orchestration/plan/body_volumes.hpp"

#include <optional>
#include <utility>

namespace orchestration {

using docker::json;

namespace {

// "name:/target[:mode]"; a host path begins with a slash.
std::optional<body_volume> volume_of_bind(const std::string& bind) {
  const std::size_t colon = bind.find(':');
  if (colon == std::string::npos || bind.starts_with('/')) return std::nullopt;
  const std::size_t mode = bind.find(':', colon + 1);
  body_volume out{bind.substr(0, colon), true};
  if (mode != std::string::npos) {
    const std::string options = "," + bind.substr(mode + 1) + ",";
    out.writable = options.find(",ro,") == std::string::npos;
  }
  return out;
}

}  // namespace

std::vector<body_volume> volumes_in(const json& body) {
  std::vector<body_volume> out;
  if (const json* binds = body.path({"HostConfig", "Binds"}); binds != nullptr && binds->is_array())
    for (const json& each : binds->elements())
      if (auto mount = volume_of_bind(each.as_string())) out.push_back(std::move(*mount));
  if (const json* mounts = body.path({"HostConfig", "Mounts"}); mounts != nullptr && mounts->is_array())
    for (const json& each : mounts->elements())
      if (each.string_at({"Type"}) == "volume" && !each.string_at({"Source"}).empty())
        out.push_back({each.string_at({"Source"}), !each.bool_at({"ReadOnly"})});
  return out;
}

}  // namespace orchestration
