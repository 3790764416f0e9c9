#include "orchestration/plan/resource_definition.hpp"

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

definition told_by(const json& inspect, const std::string& wanted) {
  const std::string label = inspect.string_at({"Labels", "com.docker.compose.config-hash"});
  if (label.empty()) return definition::unlabelled;
  return label == wanted ? definition::same : definition::another;
}

// Of a map only what the files give: engines and compose add members of their own.
bool holds(const json& found, std::string_view name, const json& wanted) {
  const json* given = wanted.find(name);
  if (given == nullptr || !given->is_object()) return true;
  for (const auto& [member, value] : given->object_members())
    if (!member.starts_with("com.docker.compose.") && found.string_at({name, member}) != value.as_string())
      return false;
  return true;
}

bool same_pools(const json& found, const json& wanted) {
  const json* ipam = wanted.find("IPAM");
  if (ipam == nullptr) return true;
  const auto& pools = elements_of(*ipam, "Config");
  const json* shown = found.find("IPAM");
  if (pools.empty()) return true;
  if (shown == nullptr || elements_of(*shown, "Config").size() != pools.size()) return false;
  for (std::size_t i = 0; i < pools.size(); ++i)
    for (const char* member : {"Subnet", "Gateway", "IPRange"}) {
      const std::string given = pools[i].string_at({member});
      if (!given.empty() && elements_of(*shown, "Config")[i].string_at({member}) != given) return false;
    }
  return true;
}

}  // namespace

std::vector<std::string> differences_of(const network& n, const observed_network& found, const project& p) {
  std::vector<std::string> out;
  const json wanted = network_create_body(p, n);
  const json& shown = found.inspect;
  const auto unless = [&](bool same, const char* name) {
    if (!same) out.emplace_back(name);
  };
  unless(shown.string_at({"Driver"}, "bridge") == wanted.string_at({"Driver"}, "bridge"), "driver");
  unless(holds(shown, "Options", wanted), "driver_opts");
  unless(same_pools(shown, wanted), "ipam");
  unless(shown.bool_at({"Internal"}) == wanted.bool_at({"Internal"}), "internal");
  unless(shown.bool_at({"Attachable"}) == wanted.bool_at({"Attachable"}), "attachable");
  for (const auto& [engine, compose] : {std::pair{"EnableIPv4", "enable_ipv4"}, std::pair{"EnableIPv6", "enable_ipv6"}})
    if (shown.contains(engine) && wanted.contains(engine))
      unless(shown.bool_at({engine}) == wanted.bool_at({engine}), compose);
  unless(holds(shown, "Labels", wanted), "labels");
  return out;
}

std::vector<std::string> differences_of(const volume& v, const observed_volume& found, const project& p) {
  std::vector<std::string> out;
  const json wanted = volume_create_body(p, v);
  if (found.driver != wanted.string_at({"Driver"}, "local")) out.emplace_back("driver");
  json shown = json::object({{"DriverOpts", json::make_object()}, {"Labels", json::make_object()}});
  if (const json* options = found.inspect.find("Options"); options != nullptr && options->is_object())
    shown["DriverOpts"] = *options;
  if (const json* labels = found.inspect.find("Labels"); labels != nullptr && labels->is_object())
    shown["Labels"] = *labels;
  if (!holds(shown, "DriverOpts", wanted)) out.emplace_back("driver_opts");
  if (!holds(shown, "Labels", wanted)) out.emplace_back("labels");
  return out;
}

definition definition_of(const network& n, const observed_network& found) {
  return told_by(found.inspect, network_hash(n));
}
definition definition_of(const volume& v, const observed_volume& found) {
  return told_by(found.inspect, volume_hash(v));
}

}  // namespace orchestration
