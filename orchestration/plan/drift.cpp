#include "orchestration/plan/drift.hpp"

#include <algorithm>
#include <charconv>

#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

std::string last_part(const std::string& reference) {
  const std::size_t slash = reference.rfind('/');
  return slash == std::string::npos ? reference : reference.substr(slash + 1);
}

std::string network_id(const observed_container& c, const std::string& network) {
  return c.inspect.string_at({"NetworkSettings", "Networks", network, "NetworkID"});
}

// A stopped container shows what it was attached to, by ids that may be gone; the engine sorts that out at its start.
std::string missing_network(const observed_container& c, const desired_container& wanted,
                            const observed_state& observed) {
  if (c.state != container_state::running) return {};
  for (const std::string& key : wanted.of.networks) {
    const auto declared = wanted.desired.networks.find(key);
    if (declared == wanted.desired.networks.end()) continue;
    const std::string& name = declared->second.name;
    if (std::find(c.networks.begin(), c.networks.end(), name) == c.networks.end())
      return "not attached to network " + name;
    const auto found = observed.networks.find(name);
    const std::string attached = network_id(c, name);
    if (found == observed.networks.end() || (!attached.empty() && attached != found->second.id))
      return "network " + name + " was made anew";
  }
  return {};
}

std::string missing_volume(const observed_container& c, const desired_container& wanted) {
  for (const service_mount& m : wanted.of.mounts) {
    if (m.kind != mount_kind::volume) continue;
    const auto declared = wanted.desired.volumes.find(m.source);
    if (declared == wanted.desired.volumes.end()) continue;
    const std::string& name = declared->second.name;
    const bool has = std::any_of(c.mounts.begin(), c.mounts.end(),
                                 [&](const observed_mount& o) { return o.type == "volume" && o.name == name; });
    if (!has) return "volume " + name + " not mounted";
  }
  return {};
}

// From 5.5 on, compose labels with the digest of a platform's manifest where the engine has a containerd store: no id.
bool labels_with_ids(const observed_container& c) {
  const std::string version = c.inspect.string_at({"Config", "Labels", "com.docker.compose.version"});
  int major = 0;
  int minor = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), major);
  if (error != std::errc()) return true;
  if (end != version.data() + version.size()) std::from_chars(end + 1, version.data() + version.size(), minor);
  return major < 5 || (major == 5 && minor < 5);
}

std::string image_drift(const observed_container& c, const desired_container& wanted) {
  if (c.image_reference != wanted.of.image)
    return "image " + last_part(c.image_reference) + " -> " + last_part(wanted.of.image);
  if (c.image_id == wanted.image_id) {
    const bool compose_recreates = c.image_label != wanted.image_id && !c.config_hash.empty() && labels_with_ids(c);
    return compose_recreates ? "labelled with another image than it runs" : "";
  }
  if (wanted.image_id.empty() && !wanted.resolved) return "image " + last_part(wanted.of.image) + " is not here";
  return wanted.resolved ? "image re-tagged in the registry" : "image re-tagged on this engine";
}

std::string hash_drift(const observed_container& c, const desired_container& wanted) {
  const bool same = std::find(wanted.hashes.begin(), wanted.hashes.end(), c.config_hash) != wanted.hashes.end();
  if (same) return {};
  for (const auto& [service, id] : wanted.joined) {
    const json* host = c.inspect.find("HostConfig");
    if (host != nullptr && !containers_joined_by(*host).contains(id))
      return "joins " + service + ", which was made anew";
  }
  return c.config_hash.empty() ? "not labelled by docker compose" : configuration_changed;
}

void add(std::vector<std::string>& causes, const std::string& cause) {
  if (!cause.empty()) causes.push_back(cause);
}

}  // namespace

std::vector<std::string> drift_of(const observed_container& c, const desired_container& wanted,
                                  const observed_state& observed) {
  std::vector<std::string> causes;
  add(causes, image_drift(c, wanted));
  // The reference is part of the hash: a new one changes both, and is the better word for it.
  if (c.image_reference == wanted.of.image) add(causes, hash_drift(c, wanted));
  if (causes.empty()) add(causes, missing_network(c, wanted, observed));
  if (causes.empty()) add(causes, missing_volume(c, wanted));
  return causes;
}

std::string local_image_id(const observed_state& observed, const std::string& reference, const std::string& digest) {
  const auto found = observed.images.find(reference);
  if (found == observed.images.end()) return {};
  const observed_image& image = found->second;
  if (digest.empty()) return image.id;
  const bool has = std::any_of(image.repo_digests.begin(), image.repo_digests.end(),
                               [&](const std::string& each) { return each.ends_with("@" + digest); });
  return has ? image.id : std::string();
}

std::vector<std::pair<std::string, std::string>> joined_services(const service& s) {
  std::vector<std::pair<std::string, std::string>> out;
  constexpr std::string_view prefix = "service:";
  for (const char* attribute : {"network_mode", "ipc", "pid", "uts", "cgroup"}) {
    const std::string value = s.document.string_at({attribute});
    if (value.starts_with(prefix)) out.emplace_back(value.substr(prefix.size()), attribute);
  }
  const docker::json* from = s.document.find("volumes_from");
  if (from == nullptr || !from->is_array()) return out;
  for (const docker::json& each : from->elements()) {
    const std::string& text = each.as_string();
    if (!text.starts_with("container:")) out.emplace_back(text.substr(0, text.find(':')), "volumes_from");
  }
  return out;
}

}  // namespace orchestration
