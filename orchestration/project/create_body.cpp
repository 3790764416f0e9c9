#include "orchestration/project/create_body.hpp"

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/host_config.hpp"
#include "orchestration/project/platform.hpp"

namespace orchestration {
namespace {

using docker::json;

constexpr api_version several_networks_at_create{1, 44};
constexpr api_version mac_address_of_endpoint{1, 44};
constexpr api_version health_start_interval{1, 44};
constexpr api_version recursive_read_only{1, 44};
constexpr api_version volume_subpath{1, 45};
constexpr api_version image_mounts{1, 48};
constexpr api_version gateway_priority{1, 48};
constexpr api_version interface_names{1, 49};

constexpr std::string_view service_prefix = "service:";
constexpr std::string_view container_prefix = "container:";
constexpr std::string_view namespaces[] = {"NetworkMode", "IpcMode", "PidMode"};  // those that compose resolves

void warn(create_request& request, const service& s, std::string_view text) {
  request.warnings.push_back("service " + s.name + ": " + std::string(text));
}

std::string_view condition_text(start_condition condition) {
  switch (condition) {
    case start_condition::healthy:
      return "service_healthy";
    case start_condition::completed_successfully:
      return "service_completed_successfully";
    case start_condition::started:
      break;
  }
  return "service_started";
}

// compose writes these in random order; sorted, the same files give the same body.
std::string depends_on_label(const project& p, const service& s) {
  std::map<std::string, std::string> sorted;
  for (const dependency& d : s.depends_on)
    if (p.services.contains(d.service))
      sorted[d.service] =
          d.service + ":" + std::string(condition_text(d.condition)) + ":" + (d.restart ? "true" : "false");
  std::string out;
  for (const auto& [name, text] : sorted) out += (out.empty() ? "" : ",") + text;
  return out;
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ",") + text;
  return out;
}

json container_labels(const project& p, const service& s, int number, const create_context& context) {
  json out = json::make_object();
  for (const auto& [name, value] : members_of(s.document, "labels")) out[name] = value;
  out["com.docker.compose.project"] = p.name;
  out["com.docker.compose.service"] = s.name;
  out["com.docker.compose.version"] = context.version;
  if (!context.config_hash.empty()) out["com.docker.compose.config-hash"] = context.config_hash;
  out["com.docker.compose.container-number"] = std::to_string(number);
  out["com.docker.compose.oneoff"] = "False";
  out["com.docker.compose.depends_on"] = depends_on_label(p, s);
  if (!context.image_id.empty()) out["com.docker.compose.image"] = context.image_id;
  out["com.docker.compose.project.working_dir"] = p.working_dir.string();
  out["com.docker.compose.project.config_files"] = joined(p.config_files);
  if (p.explicit_env_files) out["com.docker.compose.project.environment_file"] = joined(p.env_files);
  return out;
}

json environment(const service& s, const create_context& context) {
  std::map<std::string, json> all(context.client_environment.begin(), context.client_environment.end());
  for (const auto& [name, value] : members_of(s.document, "environment")) all[name] = value;
  json out = json::make_array();
  // A name without "=" takes the variable away that the image sets.
  for (const auto& [name, value] : all) out.push_back(value.is_null() ? name : name + "=" + value.as_string());
  return out;
}

json health_check(const service& s, const create_context& context, create_request& request) {
  const json* check = s.document.find("healthcheck");
  json out = json::make_object();
  if (check == nullptr || check->is_null()) return out;
  if (const json* test = check->find("test")) put(out, "Test", *test);
  if (check->bool_at({"disable"})) out["Test"] = json::array_of(std::vector<std::string>{"NONE"});
  put(out, "Interval", nanoseconds(*check, "interval"));
  put(out, "Timeout", nanoseconds(*check, "timeout"));
  put(out, "StartPeriod", nanoseconds(*check, "start_period"));
  put(out, "Retries", amount(*check, "retries"));
  const std::int64_t start_interval = nanoseconds(*check, "start_interval");
  if (start_interval == 0) return out;
  if (!check->contains("start_period"))
    refuse(s, "healthcheck.start_interval", "means nothing without start_period; set start_period as well");
  // compose fails here; without it the check runs at `interval` from the start, which only takes longer.
  if (context.api < health_start_interval)
    warn(request, s, "healthcheck.start_interval needs Docker Engine 25 (API 1.44) and is left out");
  else
    out["StartInterval"] = start_interval;
  return out;
}

std::string port_key(const json& port) {
  return std::to_string(amount(port, "target")) + "/" + port.string_at({"protocol"}, "tcp");
}

json exposed_ports(const json& document) {
  json out = json::make_object();
  for (const json& each : elements_of(document, "expose")) out[each.as_string()] = json::make_object();
  for (const json& port : elements_of(document, "ports")) out[port_key(port)] = json::make_object();
  return out;
}

json port_bindings(const json& document) {
  json out = json::make_object();
  for (const json& port : elements_of(document, "ports"))
    out[port_key(port)].push_back(
        json::object({{"HostIp", port.string_at({"host_ip"})}, {"HostPort", port.string_at({"published"})}}));
  return out;
}

// For each container of a linked service: by the link's name, and by the names that compose v1 gave.
json links(const project& p, const service& s, int number) {
  json out = json::make_array();
  for (const json& each : elements_of(s.document, "links")) {
    auto [linked, alias] = split_once(each.as_string(), ':');
    if (alias.empty()) alias = linked;
    const auto found = p.services.find(linked);
    if (found == p.services.end()) continue;
    const std::string numbered = linked + "-" + std::to_string(number);  // compose takes our number, not theirs
    for (int replica = 1; replica <= found->second.scale; ++replica) {
      const std::string name = container_name(p, found->second, replica);
      out.push_back(name + ":" + alias);
      out.push_back(name + ":" + numbered);
      out.push_back(name + ":" + p.name + "-" + numbered);
    }
  }
  for (const json& each : elements_of(s.document, "external_links")) {
    const auto [name, alias] = split_once(each.as_string(), ':');
    out.push_back(name + ":" + (alias.empty() ? name : alias));
  }
  return out;
}

const json& attachment(const service& s, const std::string& key) {
  static const json none;
  const json* found = s.document.path({"networks", key});
  return found == nullptr ? none : *found;
}

json fixed_addresses(const json& attached) {
  json out = json::make_object();
  put(out, "IPv4Address", attached.string_at({"ipv4_address"}));
  put(out, "IPv6Address", attached.string_at({"ipv6_address"}));
  if (const json* local = attached.find("link_local_ips")) put(out, "LinkLocalIPs", *local);
  return out;
}

// Everything of one service that its endpoints share.
struct attaching {
  const service& s;
  const create_context& context;
  const json& links;
  std::string container_name;
};

json endpoint(const attaching& to, const std::string& key, create_request& request) {
  const json& attached = attachment(to.s, key);
  json aliases = json::array_of(std::vector<std::string>{to.container_name, to.s.name});
  for (const json& alias : elements_of(attached, "aliases")) aliases.push_back(alias);
  json options = attached.find("driver_opts") == nullptr ? json() : *attached.find("driver_opts");
  if (const std::string name = attached.string_at({"interface_name"}); !name.empty()) {
    if (to.context.api < interface_names)
      warn(request, to.s, "networks." + key + ".interface_name needs API 1.49 and is left out");
    else
      options["com.docker.network.endpoint.ifname"] = name;
  }
  json out = json::make_object();
  out["Aliases"] = std::move(aliases);
  put(out, "Links", to.links);
  put(out, "IPAMConfig", fixed_addresses(attached));
  put(out, "DriverOpts", std::move(options));
  const std::int64_t priority = amount(attached, "gw_priority");
  if (priority != 0 && to.context.api < gateway_priority)
    warn(request, to.s, "networks." + key + ".gw_priority needs API 1.48 and is left out");
  else
    put(out, "GwPriority", priority);
  return out;
}

std::string network_name(const project& p, const service& s, const std::string& key) {
  const auto found = p.networks.find(key);
  if (found == p.networks.end())
    refuse(s, "networks", "\"" + key + "\" is not defined; add it under the top-level networks");
  return found->second.name;
}

// The MAC of each network, the service's own for the primary one.
std::map<std::string, std::string> mac_addresses(const service& s) {
  std::map<std::string, std::string> out;
  for (const std::string& key : s.networks)
    if (std::string mac = attachment(s, key).string_at({"mac_address"}); !mac.empty()) out[key] = std::move(mac);
  const std::string own = s.document.string_at({"mac_address"});
  if (own.empty() || s.networks.empty()) return out;
  const auto [primary, added] = out.emplace(s.networks.front(), own);
  if (!added && primary->second != own)
    refuse(s, "mac_address", "differs from the one of network " + primary->first + "; give one of them only");
  return out;
}

void put_mac_addresses(const service& s, const create_context& context, json& body, json& endpoints_by_key,
                       create_request& request) {
  const std::map<std::string, std::string> macs = mac_addresses(s);
  if (context.api >= mac_address_of_endpoint) {
    for (const auto& [key, mac] : macs) endpoints_by_key[key]["MacAddress"] = mac;
    if (s.networks.empty() && !s.document.string_at({"mac_address"}).empty())
      warn(request, s, "mac_address has no effect beside network_mode on engines from API 1.44");
    return;
  }
  for (const auto& [key, mac] : macs)
    if (key != s.networks.front())
      refuse(s, "networks." + key + ".mac_address", "needs Docker Engine 25 (API 1.44) for any but the first network");
  put(body, "MacAddress", macs.empty() ? s.document.string_at({"mac_address"}) : macs.begin()->second);
}

void put_networks(const project& p, const attaching& to, json& body, create_request& request) {
  const service& s = to.s;
  const std::string mode = s.document.string_at({"network_mode"});
  json endpoints = json::make_object();
  if (mode.empty())
    for (const std::string& key : s.networks) endpoints[key] = endpoint(to, key, request);
  put_mac_addresses(s, to.context, body, endpoints, request);
  json& host = body["HostConfig"];
  if (!mode.empty() || s.networks.empty()) {
    host["NetworkMode"] = mode.empty() ? "none" : mode;
    return;
  }
  host["NetworkMode"] = network_name(p, s, s.networks.front());
  json at_create = json::make_object();
  for (const auto& [key, settings] : endpoints.object_members()) {
    const std::string name = network_name(p, s, key);
    if (key == s.networks.front() || to.context.api >= several_networks_at_create)
      at_create[name] = settings;
    else
      request.connect_after.emplace_back(name, settings);
  }
  body["NetworkingConfig"] = json::object({{"EndpointsConfig", std::move(at_create)}});
}

// A shared namespace may be "service:X"; an entry of volumes_from is "X[:mode]" or "container:ID[:mode]".
json volumes_from(const json& document) {
  json out = json::make_array();
  for (const json& each : elements_of(document, "volumes_from")) {
    const auto [name, rest] = split_once(each.as_string(), ':');
    // compose loses the mode behind a service, and keeps the bare id of a container.
    out.push_back(name == "container" ? split_once(rest, ':').first : std::string(service_prefix) + name);
  }
  return out;
}

void put_process(json& body, const json& document) {
  for (const auto& [compose, engine] :
       {std::pair{"hostname", "Hostname"}, std::pair{"domainname", "Domainname"}, std::pair{"user", "User"},
        std::pair{"working_dir", "WorkingDir"}, std::pair{"stop_signal", "StopSignal"}, std::pair{"tty", "Tty"},
        std::pair{"stdin_open", "OpenStdin"}})
    if (const json* value = document.find(compose)) put(body, engine, *value);
  // [] empties what the image says, absence keeps it.
  for (const auto& [compose, engine] : {std::pair{"command", "Cmd"}, std::pair{"entrypoint", "Entrypoint"}})
    if (const json* value = document.find(compose); value != nullptr && !value->is_null()) body[engine] = *value;
  constexpr std::int64_t second = 1'000'000'000;
  if (document.contains("stop_grace_period")) body["StopTimeout"] = nanoseconds(document, "stop_grace_period") / second;
  body["AttachStdout"] = true;
  body["AttachStderr"] = true;
}

void check_mount_options(const service& s, const create_context& context, create_request& request) {
  for (const json& volume : elements_of(s.document, "volumes")) {
    if (!volume.string_at({"volume", "subpath"}).empty() && context.api < volume_subpath)
      refuse(s, "volumes", "subpath needs Docker Engine 26 (API 1.45); an older one would mount the whole volume");
    const std::string recursive = volume.string_at({"bind", "recursive"});
    if (recursive == "readonly" && context.api < recursive_read_only)
      refuse(s, "volumes", "bind.recursive: readonly needs Docker Engine 25 (API 1.44)");
    if (recursive == "writable" && context.api < recursive_read_only)
      warn(request, s, "bind.recursive: writable needs API 1.44; before that it is what engines do anyway");
  }
}

void inherit(json& body, const std::vector<inherited_mount>& inherited) {
  json* mounts = body["HostConfig"].find("Mounts");
  if (mounts == nullptr) return;
  for (json& mount : mounts->elements())
    for (const inherited_mount& old : inherited)
      if (mount.string_at({"Type"}) == "volume" && mount.string_at({"Source"}).empty() &&
          mount.string_at({"Target"}) == old.target) {
        json carried = json::object({{"Type", old.type}, {"Source", old.source}, {"Target", old.target}});
        put(carried, "ReadOnly", old.read_only);
        mount = std::move(carried);
      }
}

create_request as_found(const found_replica& found, const create_context& context) {
  if (!found.problem.empty()) throw create_body_error(found.problem);
  create_request out;
  out.name = found.name;
  out.platform = found.platform;
  out.body = found.body;
  out.connect_after = found.connect_after;
  resolve_containers(out.body, context.containers);
  return out;
}

}  // namespace

namespace {

std::string platform(const service& s) {
  const std::string written = s.document.string_at({"platform"});
  if (written.empty()) return {};
  const std::optional<std::string> normal = normal_platform(written);
  if (!normal) refuse(s, "platform", "\"" + written + "\" is no platform; write it like linux/arm64");
  return *normal;
}

}  // namespace

create_request make_create_request(const project& p, const service& s, int number, const create_context& context) {
  if (const auto found = s.found.find(number); found != s.found.end()) return as_found(found->second, context);
  create_request out;
  out.name = container_name(p, s, number);
  out.platform = platform(s);
  check_mount_options(s, context, out);

  json& body = out.body = json::make_object();
  body["Image"] = s.image;
  put_process(body, s.document);
  put(body, "Env", environment(s, context));
  put(body, "ExposedPorts", exposed_ports(s.document));
  put(body, "Healthcheck", health_check(s, context, out));
  body["Labels"] = container_labels(p, s, number, context);
  put(body, "NetworkDisabled", s.document.string_at({"network_mode"}) == "disabled");

  body["HostConfig"] = json::make_object();
  const json all_links = links(p, s, number);
  put_networks(p, attaching{s, context, all_links, out.name}, body, out);
  json& host = body["HostConfig"];
  put(host, "Links", all_links);
  put(host, "PortBindings", port_bindings(s.document));
  put(host, "VolumesFrom", volumes_from(s.document));
  put_host_config(host, p, s);
  put_mounts(host, p, s, context.api >= image_mounts);
  inherit(body, context.inherited);
  resolve_containers(body, context.containers);
  out.files = placed_files_of(p, s);
  return out;
}

void resolve_containers(json& body, const std::map<std::string, std::string>& containers) {
  const auto resolve = [&](json& value, std::string_view prefix) {
    if (!value.is_string() || !value.as_string().starts_with(service_prefix)) return;
    const auto [name, mode] = split_once(value.as_string().substr(service_prefix.size()), ':');
    const auto found = containers.find(name);
    if (found != containers.end()) value = std::string(prefix) + found->second + (mode.empty() ? "" : ":" + mode);
  };
  json* host = body.find("HostConfig");
  if (host == nullptr) return;
  for (const std::string_view mode : namespaces)
    if (json* value = host->find(mode)) resolve(*value, container_prefix);
  if (json* from = host->find("VolumesFrom"); from != nullptr && from->is_array())
    for (json& each : from->elements()) resolve(each, "");
}

void name_containers(json& body, const std::map<std::string, std::string>& services) {
  json* host = body.find("HostConfig");
  if (host == nullptr) return;
  const auto name = [&](json& value, std::string_view prefix) {
    if (!value.is_string() || !value.as_string().starts_with(prefix)) return;
    const std::string id = split_once(value.as_string().substr(prefix.size()), ':').first;
    const auto found = services.find(id);
    if (found != services.end()) value = std::string(service_prefix) + found->second;
  };
  for (const std::string_view mode : namespaces)
    if (json* value = host->find(mode)) name(*value, container_prefix);
  if (json* from = host->find("VolumesFrom"); from != nullptr && from->is_array())
    for (json& each : from->elements()) name(each, "");
}

std::set<std::string> containers_joined_by(const json& host) {
  std::set<std::string> out;
  for (const std::string_view mode : namespaces) {
    const std::string value = host.string_at({mode});
    if (value.starts_with(container_prefix)) out.insert(value.substr(container_prefix.size()));
    if (value.starts_with(service_prefix)) out.insert(value);
  }
  for (const json& each : elements_of(host, "VolumesFrom")) {
    const std::string& text = each.as_string();
    out.insert(text.starts_with(service_prefix) ? text : split_once(text, ':').first);
  }
  return out;
}

json network_create_body(const project& p, const network& n, const std::optional<std::string>& config_hash,
                         std::string_view version) {
  if (n.external) throw create_body_error("networks." + n.key + ": is external and never created");
  json out = json::object({{"Name", n.name}, {"CheckDuplicate", true}});  // before API 1.44 names need not be unique
  put(out, "Driver", n.document.string_at({"driver"}));
  if (const json* options = n.document.find("driver_opts")) put(out, "Options", *options);
  put(out, "Internal", n.document.bool_at({"internal"}));
  put(out, "Attachable", n.document.bool_at({"attachable"}));
  // false is said as well: an engine may have IPv6 or no IPv4 by default.
  for (const auto& [compose, engine] : {std::pair{"enable_ipv4", "EnableIPv4"}, std::pair{"enable_ipv6", "EnableIPv6"}})
    if (const json* value = n.document.find(compose); value != nullptr && !value->is_null()) out[engine] = *value;

  if (const json* ipam = n.document.find("ipam"); ipam != nullptr && !ipam->empty()) {
    json pools = json::make_array();
    for (const json& pool : elements_of(*ipam, "config")) {
      json one = json::make_object();
      put(one, "Subnet", pool.string_at({"subnet"}));
      put(one, "IPRange", pool.string_at({"ip_range"}));
      put(one, "Gateway", pool.string_at({"gateway"}));
      if (const json* reserved = pool.find("aux_addresses")) put(one, "AuxiliaryAddresses", *reserved);
      pools.push_back(std::move(one));
    }
    json wanted = json::make_object();
    put(wanted, "Driver", ipam->string_at({"driver"}));
    put(wanted, "Config", std::move(pools));
    put(out, "IPAM", std::move(wanted));
  }

  json labels = json::make_object();
  for (const auto& [name, value] : members_of(n.document, "labels")) labels[name] = value;
  labels["com.docker.compose.network"] = n.key;
  labels["com.docker.compose.project"] = p.name;
  labels["com.docker.compose.version"] = version;
  if (config_hash) labels["com.docker.compose.config-hash"] = *config_hash;
  out["Labels"] = std::move(labels);
  return out;
}

json volume_create_body(const project& p, const volume& v, const std::optional<std::string>& config_hash,
                        std::string_view version) {
  if (v.external) throw create_body_error("volumes." + v.key + ": is external and never created");
  json out = json::object({{"Name", v.name}});
  put(out, "Driver", v.document.string_at({"driver"}));
  if (const json* options = v.document.find("driver_opts")) put(out, "DriverOpts", *options);
  json labels = json::make_object();
  for (const auto& [name, value] : members_of(v.document, "labels")) labels[name] = value;
  labels["com.docker.compose.volume"] = v.key;
  labels["com.docker.compose.project"] = p.name;
  labels["com.docker.compose.version"] = version;
  if (config_hash) labels["com.docker.compose.config-hash"] = *config_hash;
  out["Labels"] = std::move(labels);
  return out;
}

}  // namespace orchestration
