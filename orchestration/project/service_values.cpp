#include "orchestration/project/service_values.hpp"

#include <algorithm>
#include <set>

#include "orchestration/project/canonical.hpp"
#include "orchestration/project/quantity.hpp"

namespace orchestration {
namespace {

using docker::json;

const json& member(const json& document, std::string_view name) {
  static const json none;
  const json* found = document.find(name);
  return found == nullptr ? none : *found;
}

start_condition condition_of(std::string_view text) {
  if (text == "service_healthy") return start_condition::healthy;
  if (text == "service_completed_successfully") return start_condition::completed_successfully;
  return start_condition::started;
}

std::vector<dependency> dependencies_of(const json& document, const yaml_node& node) {
  std::vector<dependency> out;
  const json& all = member(document, "depends_on");
  if (!all.is_object()) return out;
  const yaml_node* written = node.find("depends_on");
  for (const auto& [service, how] : all.object_members()) {
    dependency d;
    d.service = service;
    d.condition = condition_of(how.string_at({"condition"}));
    d.restart = how.bool_at({"restart"});
    d.required = how.bool_at({"required"}, true);
    const yaml_node* place_written = written == nullptr ? nullptr : written->find(service);
    d.implicit = place_written == nullptr || place_written->where.line == 0;
    out.push_back(std::move(d));
  }
  return out;
}

mount_kind kind_of(const json& mount) {
  const std::string type = mount.string_at({"type"});
  if (type == "bind") return mount_kind::bind;
  if (type == "tmpfs") return mount_kind::tmpfs;
  if (type != "volume") return mount_kind::other;
  return mount.string_at({"source"}).empty() ? mount_kind::anonymous_volume : mount_kind::volume;
}

std::vector<service_mount> mounts_of(const json& document) {
  std::vector<service_mount> out;
  const json& all = member(document, "volumes");
  if (!all.is_array()) return out;
  for (const json& each : all.elements()) {
    service_mount mount;
    mount.kind = kind_of(each);
    if (mount.kind == mount_kind::volume || mount.kind == mount_kind::bind) mount.source = each.string_at({"source"});
    mount.target = each.string_at({"target"});
    mount.read_only = each.bool_at({"read_only"});
    out.push_back(std::move(mount));
  }
  return out;
}

std::vector<service_port> ports_of(const json& document) {
  std::vector<service_port> out;
  const json& all = member(document, "ports");
  if (!all.is_array()) return out;
  for (const json& each : all.elements()) {
    service_port port;
    port.host_ip = each.string_at({"host_ip"});
    port.published = each.string_at({"published"});
    port.target = static_cast<int>(each.int64_at({"target"}));
    port.protocol = each.string_at({"protocol"}, "tcp");
    out.push_back(std::move(port));
  }
  return out;
}

std::vector<std::string> networks_of(const json& document) {
  const json& all = member(document, "networks");
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  if (all.is_object())
    for (const auto& [key, settings] : all.object_members()) sorted.emplace_back(-settings.int64_at({"priority"}), key);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> out;
  for (auto& [priority, key] : sorted) out.push_back(std::move(key));
  return out;
}

bool declares_health_check(const json& document) {
  const json& check = member(document, "healthcheck");
  const json& test = member(check, "test");
  if (check.bool_at({"disable"}) || !test.is_array() || test.empty()) return false;
  return test.elements().front().as_string() != "NONE";
}

int scale_of(const json& document) {
  if (const json& scale = member(document, "scale"); scale.is_number()) return static_cast<int>(scale.as_int64());
  const json* replicas = document.path({"deploy", "replicas"});
  return replicas != nullptr && replicas->is_number() ? static_cast<int>(replicas->as_int64()) : 1;
}

}  // namespace

service make_service(const std::string& name, const yaml_node& node, const std::string& project_name) {
  service out;
  out.name = name;
  out.document = canonical_service(node, "services." + name);
  const json& document = out.document;
  out.image = document.string_at({"image"}, project_name + "-" + name);
  if (const yaml_node* image = node.find_set("image")) {
    out.image_template = image->written.empty() ? image->text_or("") : image->written;
    out.image_place = place_of(image->where);
  }
  out.builds = document.contains("build");
  out.container_name = document.string_at({"container_name"});
  out.scale = scale_of(document);
  out.pull_policy = document.string_at({"pull_policy"});
  out.depends_on = dependencies_of(document, node);
  out.mounts = mounts_of(document);
  out.ports = ports_of(document);
  out.networks = networks_of(document);
  out.declares_health_check = declares_health_check(document);
  if (const json& grace = member(document, "stop_grace_period"); grace.is_string())
    out.stop_grace_period = std::chrono::nanoseconds(parse_duration(grace.as_string()).value_or(0));
  if (const json& labels = member(document, "labels"); labels.is_object())
    for (const auto& [label, value] : labels.object_members()) out.labels[label] = value.as_string();
  return out;
}

network make_network(const std::string& key, const yaml_node& node) {
  network out;
  out.key = key;
  out.document = canonical_network(node, "networks." + key);
  out.name = out.document.string_at({"name"});
  out.external = out.document.bool_at({"external"});
  return out;
}

volume make_volume(const std::string& key, const yaml_node& node) {
  volume out;
  out.key = key;
  out.document = canonical_volume(node, "volumes." + key);
  out.name = out.document.string_at({"name"});
  out.external = out.document.bool_at({"external"});
  return out;
}

file_object make_file_object(const std::string& section, const std::string& key, const yaml_node& node) {
  file_object out;
  out.key = key;
  out.document = canonical_file_object(node, section + "." + key);
  out.name = out.document.string_at({"name"});
  out.external = out.document.bool_at({"external"});
  return out;
}

}  // namespace orchestration
