#include "orchestration/run/volume_users.hpp"

#include <algorithm>

#include "orchestration/run/listed.hpp"
#include "orchestration/run/lost_reply.hpp"

namespace orchestration {
namespace {

bool is_up(const docker::json& listed) {
  const std::string state = listed.string_at({"State"});
  return state == "running" || state == "paused" || state == "restarting";
}

/// Of the volumes the first that it has mounted writable; empty: none.
std::string written_by(const docker::json& listed, const std::vector<volume_target>& volumes) {
  const docker::json* mounts = listed.find("Mounts");
  if (mounts == nullptr || !mounts->is_array()) return {};
  for (const docker::json& mount : mounts->elements()) {
    const std::string name = mount.string_at({"Name"});
    const bool is_one = std::any_of(volumes.begin(), volumes.end(),
                                    [&](const volume_target& v) { return !name.empty() && v.name == name; });
    if (is_one && mount.bool_at({"RW"})) return name;
  }
  return {};
}

}  // namespace

docker::task<std::vector<std::string>> users_of(engine& e, std::vector<volume_target> volumes,
                                                std::set<std::string> known) {
  const auto list = [&e] { return e.list_containers(std::vector<std::string>()); };
  auto listing = again_when_lost(list);
  const std::vector<docker::json> all = co_await std::move(listing);
  std::vector<std::string> out;
  for (const docker::json& listed : all) {
    const std::string id = listed.string_at({"Id"});
    const std::string volume = is_up(listed) && !known.contains(id) ? written_by(listed, volumes) : std::string();
    if (!volume.empty())
      out.push_back(name_of_listed(listed) + " (" + id.substr(0, 12) + ") writes to volume " + volume);
  }
  co_return out;
}

}  // namespace orchestration
