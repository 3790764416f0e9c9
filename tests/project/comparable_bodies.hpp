// Create bodies compared by what they mean to the engine: absent and zero are one, and lists without order are sorted.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "docker_client/json.hpp"

namespace orchestration {

// Members whose children are the user's names: nothing in them is "absent".
inline const std::set<std::string> maps = {"Labels",          "ExposedPorts", "PortBindings",      "Tmpfs",   "Sysctls",
                                           "StorageOpt",      "Config",       "DriverOpts",        "Options", "Volumes",
                                           "EndpointsConfig", "Annotations",  "AuxiliaryAddresses"};
// Empty lists and zeros that the engine tells from absent ones.
inline const std::set<std::string> meaningful = {"Cmd",  "Entrypoint",  "MaskedPaths", "ReadonlyPaths",
                                                 "Init", "StopTimeout", "EnableIPv4",  "EnableIPv6"};
// Lists that compose fills from maps or in the order in which parallel creates ended: their order is random.
inline const std::set<std::string> unordered = {"Env", "Binds", "Mounts", "ExtraHosts", "Ulimits", "Links"};
// Result fields that compose fills needlessly beside IPAMConfig; and what only engines before 1.44 look at.
inline const std::set<std::string> results = {"IPAddress", "IPv6Gateway", "CheckDuplicate"};

inline bool absent(const docker::json& value) {
  if (value.is_bool()) return !value.as_bool();
  if (value.is_number()) return value.number_text() == "0";
  if (value.is_array() && value.to_text() == "[0,0]") return true;  // ConsoleSize
  return value.empty();
}

inline std::string sorted_list(const std::string& text) {
  std::set<std::string> parts;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t comma = std::min(text.find(',', from), text.size());
    parts.insert(text.substr(from, comma - from));
    from = comma + 1;
  }
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}

inline docker::json comparable(const docker::json& value, const std::string& name = {}, bool in_map = false) {
  if (value.is_array()) {
    docker::json out = docker::json::make_array();
    for (const docker::json& element : value.elements()) out.push_back(comparable(element));
    if (unordered.contains(name))
      std::sort(out.elements().begin(), out.elements().end(),
                [](const docker::json& a, const docker::json& b) { return a.to_text() < b.to_text(); });
    return out;
  }
  if (!value.is_object())
    return name == "com.docker.compose.depends_on" ? docker::json(sorted_list(value.as_string())) : value;
  std::map<std::string, docker::json> sorted;
  for (const auto& [key, child] : value.object_members()) {
    docker::json kept = comparable(child, key, maps.contains(key));
    const bool drop =
        !in_map && (results.contains(key) || (absent(kept) && (!meaningful.contains(key) || kept.is_null())));
    if (!drop) sorted.emplace(key, std::move(kept));
  }
  docker::json out = docker::json::make_object();
  for (auto& [key, child] : sorted) out[key] = std::move(child);
  return out;
}

}  // namespace orchestration
