#include "tests/plan/world.hpp"

#include <functional>
#include <stdexcept>

#include "orchestration/plan/drift.hpp"

#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration::test {
namespace {

using docker::json;

std::string hex(const std::string& of, std::size_t length) {
  std::string out;
  for (std::size_t round = 0; out.size() < length; ++round) {
    std::uint64_t hash = 1469598103934665603ULL + round;  // FNV-1a: the same on every machine
    for (const char c : of) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    for (int digit = 0; digit < 16; ++digit, hash >>= 4U) out += "0123456789abcdef"[hash & 15U];
  }
  return out.substr(0, length);
}

json mounts_of_body(const json& body) {
  json out = json::make_array();
  const auto add = [&](const std::string& type, const std::string& name, const std::string& target, bool writable) {
    out.push_back(json::object(
        {{"Type", type}, {"Name", name}, {"Source", "/x/" + name}, {"Destination", target}, {"RW", writable}}));
  };
  if (const json* binds = body.path({"HostConfig", "Binds"}))
    for (const json& each : binds->elements()) {
      const std::string& text = each.as_string();
      const std::size_t colon = text.find(':');
      const std::size_t mode = text.find(':', colon + 1);
      add("volume", text.substr(0, colon), text.substr(colon + 1, mode - colon - 1), !text.ends_with(":ro"));
    }
  if (const json* mounts = body.path({"HostConfig", "Mounts"}))
    for (const json& each : mounts->elements())
      if (each.string_at({"Type"}) == "volume") {
        const std::string target = each.string_at({"Target"});
        const std::string source = each.string_at({"Source"});
        add("volume", source.empty() ? hex("anonymous " + target, 64) : source, target, true);
      }
  return out;
}

json networks_of_body(const create_request& request) {
  json out = json::make_object();
  const json* endpoints = request.body.path({"NetworkingConfig", "EndpointsConfig"});
  if (endpoints != nullptr)
    for (const auto& [name, endpoint] : endpoints->object_members())
      out[name] = json::object({{"NetworkID", "id of " + name}, {"IPAMConfig", nullptr}});
  for (const auto& [name, endpoint] : request.connect_after)
    out[name] = json::object({{"NetworkID", "id of " + name}, {"IPAMConfig", nullptr}});
  return out;
}

json inspect_of(const create_request& request, const std::string& image_id, container_state state) {
  json config = request.body;
  json host = json::make_object();
  if (const json* given = request.body.find("HostConfig")) host = *given;
  config.erase("HostConfig");
  config.erase("NetworkingConfig");
  config["Labels"]["com.docker.compose.image"] = image_id;
  json out = json::object({{"Id", id_of(request.name)}, {"Name", "/" + request.name}, {"Image", image_id}});
  json shown = json::object({{"Status", to_text(state)}, {"ExitCode", 0}});
  if (state == container_state::running && config.contains("Healthcheck"))
    shown["Health"] = json::object({{"Status", "healthy"}});
  out["State"] = std::move(shown);
  out["Config"] = std::move(config);
  out["HostConfig"] = std::move(host);
  out["Mounts"] = mounts_of_body(request.body);
  out["NetworkSettings"] = json::object({{"Networks", networks_of_body(request)}});
  return out;
}

void add_volume(observed_state& s, const std::string& name, const json& labels) {
  s.volumes[name] = volume_from_inspect(json::object({{"Name", name},
                                                      {"Driver", "local"},
                                                      {"Mountpoint", "/volumes/" + name + "/_data"},
                                                      {"Labels", labels},
                                                      {"Options", nullptr}}));
}

bool is_one_shot(const project& p, const std::string& name) {
  for (const auto& [other, s] : p.services)
    for (const dependency& d : s.depends_on)
      if (d.service == name && d.condition == start_condition::completed_successfully) return true;
  return false;
}

}  // namespace

project_builder::project_builder() {
  value_.name = "shop";
  value_.working_dir = "/opt/shop";
  value_.config_files = {"/opt/shop/compose.yaml"};
  network n;
  n.key = "default";
  n.name = "shop_default";
  n.document = json::object({{"name", n.name}, {"ipam", json::make_object()}});
  value_.networks["default"] = n;
}

project_builder& project_builder::service(const std::string& name, const std::string& image) {
  current_ = name;
  orchestration::service s;
  s.name = name;
  s.image = image;
  s.image_template = image;
  s.image_place = {"compose.yaml", 10 * static_cast<int>(value_.services.size() + 1), 5};
  s.networks = {"default"};
  s.document = json::object({{"command", nullptr},
                             {"entrypoint", nullptr},
                             {"image", image},
                             {"networks", json::object({{"default", nullptr}})}});
  value_.services[name] = s;
  return *this;
}

project_builder& project_builder::env(const std::string& name, const std::string& value) {
  now().document["environment"][name] = value;
  return *this;
}

project_builder& project_builder::needs(const std::string& other, start_condition condition, bool restart) {
  dependency d;
  d.service = other;
  d.condition = condition;
  d.restart = restart;
  now().depends_on.push_back(d);
  const char* text = condition == start_condition::healthy   ? "service_healthy"
                     : condition == start_condition::started ? "service_started"
                                                             : "service_completed_successfully";
  now().document["depends_on"][other] = json::object({{"condition", text}, {"restart", restart}, {"required", true}});
  return *this;
}

project_builder& project_builder::volume(const std::string& key, const std::string& target) {
  orchestration::volume& v = value_.volumes[key];
  v.key = key;
  if (v.name.empty()) v.name = key;
  v.document = json::object({{"name", v.name}});
  now().mounts.push_back({mount_kind::volume, key, target, false});
  now().document["volumes"].push_back(
      json::object({{"type", "volume"}, {"source", key}, {"target", target}, {"volume", json::make_object()}}));
  return *this;
}

project_builder& project_builder::external_volume(const std::string& key, const std::string& target) {
  volume(key, target);
  value_.volumes[key].external = true;
  return *this;
}

project_builder& project_builder::anonymous_volume(const std::string& target) {
  now().mounts.push_back({mount_kind::anonymous_volume, "", target, false});
  now().document["volumes"].push_back(
      json::object({{"type", "volume"}, {"target", target}, {"volume", json::make_object()}}));
  return *this;
}

project_builder& project_builder::external_network(const std::string& key) {
  network n;
  n.key = key;
  n.name = key;
  n.external = true;
  n.document = json::object({{"name", key}, {"external", true}});
  value_.networks[key] = n;
  now().networks.push_back(key);
  now().document["networks"][key] = nullptr;
  return *this;
}

project_builder& project_builder::healthy_when(const std::string& command) {
  now().declares_health_check = true;
  now().document["healthcheck"] = json::object({{"test", json::array_of(std::vector<std::string>{"CMD", command})},
                                                {"interval", "2s"},
                                                {"timeout", "3s"},
                                                {"retries", 4}});
  return *this;
}

project_builder& project_builder::restart(const std::string& policy) {
  now().document["restart"] = policy;
  return *this;
}

project_builder& project_builder::scale(int count) {
  now().scale = count;
  return *this;
}

project_builder& project_builder::network_mode(const std::string& mode) {
  now().networks.clear();
  now().document.erase("networks");
  now().document["network_mode"] = mode;
  return *this;
}

project_builder& project_builder::volumes_from(const std::string& other) {
  now().document["volumes_from"].push_back(other);
  return *this;
}

project_builder& project_builder::secret(const std::string& key, const std::string& content) {
  file_object& object = value_.secrets[key];
  object.key = key;
  object.name = value_.name + "_" + key;
  object.document = json::object({{"name", object.name}, {"environment", "SECRET_" + key}});
  object.content = content;
  now().document["secrets"].push_back(json::object({{"source", key}, {"target", "/run/secrets/" + key}}));
  return *this;
}

project_builder& project_builder::labelled_network(const std::string& key, const std::string& label) {
  network& n = value_.networks[key];
  n.key = key;
  n.name = value_.name + "_" + key;
  n.document = json::object({{"name", n.name}, {"ipam", json::make_object()}});
  n.document["labels"] = json::object({{"purpose", label}});
  now().networks.push_back(key);
  now().document["networks"][key] = nullptr;
  return *this;
}

project_builder& project_builder::only_built() {
  now().builds = true;
  now().image_template.clear();
  return *this;
}

project_builder shop(const std::string& version) {
  const std::string app = "shop-app:" + version;
  project_builder p;
  p.service("db", "shop-db:15").volume("shop-data", "/data").healthy_when("pg_isready").restart("unless-stopped");
  p.env("PASSWORD", "canary-of-the-database");
  p.service("migrate", app).needs("db", start_condition::healthy);
  p.service("web", app).needs("db", start_condition::healthy);
  p.needs("migrate", start_condition::completed_successfully).healthy_when("probe").restart("always");
  return p;
}

project_builder restarting(const std::string& version) {
  project_builder p;
  p.service("cache", "cache:" + version);
  p.service("web", "web:v1").needs("cache", start_condition::started, true).restart("always");
  return p;
}

project_builder joined(const std::string& version) {
  project_builder p;
  p.service("vpn", "vpn:" + version);
  p.service("web", "web:v1").network_mode("service:vpn").needs("vpn", start_condition::started, true);
  return p;
}

std::string image_id(const std::string& reference) { return "sha256:" + hex("image " + reference, 64); }

std::string id_of(const std::string& container_name) { return hex("container " + container_name, 64); }

observed_state nothing_but_images(const project& p) {
  observed_state out;
  out.engine_id = "engine";
  out.api_minor = 44;
  for (const auto& [name, s] : p.services) out.images[s.image] = {image_id(s.image), {}, false, {}};
  return out;
}

observed_state run(const project& p) {
  observed_state out = nothing_but_images(p);
  for (const auto& [key, n] : p.networks) {
    json labels = json::object({{"com.docker.compose.project", n.external ? "" : p.name}});
    if (!n.external) labels = network_create_body(p, n).at("Labels");
    out.networks[n.name] = network_from_inspect(json::object(
        {{"Name", n.name},
         {"Id", "id of " + n.name},
         {"Driver", "bridge"},
         {"IPAM",
          json::object({{"Config", json::array_of(std::vector<json>{json::object({{"Subnet", "172.18.0.0/16"}})})}})},
         {"Labels", labels}}));
  }
  for (const auto& [key, v] : p.volumes) {
    json labels = json::make_object();
    if (!v.external)
      labels = json::object({{"com.docker.compose.project", p.name}, {"com.docker.compose.volume", v.key}});
    add_volume(out, v.name, labels);
  }
  std::map<std::string, std::string> ids;
  for (const auto& [name, s] : p.services) ids[name] = id_of(container_name(p, s, 1));
  for (const auto& [name, s] : p.services)
    for (int number = 1; number <= s.scale; ++number) {
      create_context context;
      context.api = {1, 44};
      std::map<std::string, std::string> joined;
      for (const auto& [other, attribute] : joined_services(s)) joined[other] = ids[other];
      context.containers = joined;
      context.config_hash = service_hash(s, hash_dialect::compose_2_30, joined);
      const create_request request = make_create_request(p, s, number, context);
      const container_state state = is_one_shot(p, name) ? container_state::exited : container_state::running;
      out.containers.push_back(container_from_inspect(inspect_of(request, image_id(s.image), state)));
      for (const observed_mount& m : out.containers.back().mounts)
        if (!out.volumes.contains(m.name)) add_volume(out, m.name, json());
    }
  return out;
}

observed_container& container(observed_state& s, const std::string& service, int number) {
  for (observed_container& c : s.containers)
    if (c.service == service && c.number == number) return c;
  throw std::out_of_range("no container " + service + "." + std::to_string(number));
}

void set_state(observed_container& c, container_state state, std::int64_t exit_code) {
  c.inspect["State"]["Status"] = to_text(state);
  c.inspect["State"]["ExitCode"] = exit_code;
  c = container_from_inspect(docker::json(c.inspect));
}

reconcile_options options() {
  reconcile_options out;
  out.attempt_id = attempt;
  out.store_id = "store";
  out.snapshot_id = "S1";
  return out;
}

rollback_options to_release() {
  rollback_options out;
  static_cast<reconcile_options&>(out) = options();
  return out;
}

}  // namespace orchestration::test
