#include "orchestration/plan/volumes_at_stake.hpp"

#include <algorithm>

namespace orchestration {
namespace {

constexpr std::size_t anonymous_name_length = 64;  // hex, made by the engine

class selection {
 public:
  selection(const observed_state& observed, const std::string& project,
            const std::map<std::string, known_volume>& known)
      : observed_(observed), project_(project), known_(known) {}

  void consider(const std::string& name) {
    const auto found = observed_.volumes.find(name);
    if (found == observed_.volumes.end() || !seen_.insert(name).second) return;
    const observed_volume& v = found->second;
    std::string key;
    if (!is_ours(v, key))
      notes_.insert("volume " + name + " is external: the snapshot does not hold it");
    else if (v.driver != "local")
      notes_.insert("volume " + name + " is kept by driver " + v.driver + ": the snapshot does not hold it");
    else if (!is_plain_local_volume(v))
      notes_.insert("volume " + name +
                    " is mounted from elsewhere by its driver options: the snapshot does not hold it");
    else
      chosen_.emplace(name, volume_target{name, key, v.mountpoint});
  }

  void note_bind(const std::string& source) {
    // Sockets hold no data.
    if (!source.ends_with(".sock")) notes_.insert("bind mount " + source + ": the snapshot does not hold it");
  }

  volumes_at_stake result() const {
    volumes_at_stake out;
    for (const auto& [name, target] : chosen_) out.volumes.push_back(target);
    out.notes.assign(notes_.begin(), notes_.end());
    return out;
  }

 private:
  bool is_ours(const observed_volume& v, std::string& key) const {
    if (const auto known = known_.find(v.name); known != known_.end()) {
      key = known->second.key;
      return !known->second.external;
    }
    key = v.inspect.string_at({"Labels", "com.docker.compose.volume"});
    return is_anonymous_volume(v) || v.inspect.string_at({"Labels", "com.docker.compose.project"}) == project_;
  }

  const observed_state& observed_;
  const std::string& project_;
  const std::map<std::string, known_volume>& known_;
  std::set<std::string> seen_;
  std::map<std::string, volume_target> chosen_;
  std::set<std::string> notes_;
};

void note_binds(selection& chosen, const observed_container& c) {
  const docker::json* mounts = c.inspect.find("Mounts");
  if (mounts == nullptr || !mounts->is_array()) return;
  for (const docker::json& each : mounts->elements())
    if (each.string_at({"Type"}) == "bind" && each.bool_at({"RW"})) chosen.note_bind(each.string_at({"Source"}));
}

}  // namespace

bool is_anonymous_volume(const observed_volume& v) {
  const docker::json* label = v.inspect.path({"Labels", "com.docker.volume.anonymous"});
  return label != nullptr ||
         (v.name.size() == anonymous_name_length && v.name.find_first_not_of("0123456789abcdef") == std::string::npos);
}

bool is_plain_local_volume(const observed_volume& v) {
  // With a device the engine mounts it over the mountpoint only while a container runs.
  const bool mounts_a_device =
      v.inspect.path({"Options", "device"}) != nullptr || v.inspect.path({"Options", "type"}) != nullptr;
  return v.driver == "local" && !mounts_a_device;
}

volumes_at_stake find_volumes_at_stake(const observed_state& observed, const std::string& project,
                                       const std::map<std::string, known_volume>& known,
                                       const std::vector<const observed_container*>& writers,
                                       const std::set<std::string>& also) {
  selection chosen(observed, project, known);
  for (const observed_container* c : writers) {
    for (const observed_mount& m : c->mounts)
      if (m.type == "volume" && m.writable) chosen.consider(m.name);
    note_binds(chosen, *c);
  }
  for (const std::string& name : also) chosen.consider(name);
  return chosen.result();
}

std::vector<std::string> volumes_of(const observed_container& c, const std::vector<volume_target>& volumes,
                                    mounted how) {
  std::vector<std::string> out;
  for (const volume_target& v : volumes) {
    const bool has = std::any_of(c.mounts.begin(), c.mounts.end(), [&](const observed_mount& m) {
      return m.type == "volume" && m.name == v.name && (m.writable || how == mounted::any);
    });
    if (has) out.push_back(v.name);
  }
  return out;
}

}  // namespace orchestration
