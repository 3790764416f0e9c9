// An existing container → the request that makes it again.
//
// Carried raw and transformed little: a container resubmitted as the engine shows it differs only in the alias and host
// name made from its id and in its anonymous volumes, so unknown members of newer engines survive as well.
#include <map>
#include <set>

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

constexpr std::size_t short_id_length = 12;  // what the engine makes host names and aliases of
constexpr api_version endpoint_details{1, 44};
constexpr api_version gateway_priority{1, 48};

bool is_id_prefix(std::string_view id, std::string_view text) {
  return text.size() >= short_id_length && id.starts_with(text);
}

// Paths compare without a trailing slash: images declare "/data/", the engine mounts at "/data".
std::string clean(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// Where something is mounted already: Binds are "source:target[:mode]".
std::set<std::string> mounted_targets(const json& host) {
  std::set<std::string> out;
  for (const json& bind : elements_of(host, "Binds")) {
    const std::string rest = split_once(bind.as_string(), ':').second;
    out.insert(clean(split_once(rest, ':').first));
  }
  for (const json& mount : elements_of(host, "Mounts")) out.insert(clean(mount.string_at({"Target"})));
  for (const auto& [path, options] : members_of(host, "Tmpfs")) out.insert(clean(path));
  return out;
}

json* anonymous_mount_at(json& host, const std::string& target) {
  json* mounts = host.find("Mounts");
  if (mounts == nullptr || !mounts->is_array()) return nullptr;
  for (json& mount : mounts->elements())
    if (mount.string_at({"Type"}) == "volume" && mount.string_at({"Source"}).empty() &&
        clean(mount.string_at({"Target"})) == target)
      return &mount;
  return nullptr;
}

json as_mount(const inherited_mount& old) {
  json out = json::object({{"Type", old.type}, {"Source", old.source}, {"Target", old.target}});
  put(out, "ReadOnly", old.read_only);
  return out;
}

bool declares_volume(const json& config, const std::string& target) {
  for (const auto& [path, unused] : members_of(config, "Volumes"))
    if (clean(path) == target) return true;
  return false;
}

bool has_words(const json* list) { return list != nullptr && list->is_array() && !list->empty(); }

// The engine fills in what is not sent from the image, so the stored pair cannot simply be repeated: null as entrypoint
// means "the image's", and only [""] says "none".
void set_entrypoint(json& body, const json& image) {
  const json* entrypoint = body.find("Entrypoint");
  const bool cleared = entrypoint == nullptr || entrypoint->is_null();
  if (!cleared) return;
  const bool image_has_none = !image.is_null() && !has_words(image.path({"Config", "Entrypoint"}));
  if (image_has_none || !has_words(body.find("Cmd")))
    body.erase("Entrypoint");
  else
    body["Entrypoint"] = json::array_of(std::vector<std::string>{""});
}

// The host name is the id's, or the host's own with its UTS namespace.
void drop_names_from_id(json& body, const json& host, const std::string& id) {
  const bool of_host = host.string_at({"UTSMode"}) == "host";
  if (of_host || is_id_prefix(id, body.string_at({"Hostname"}))) body.erase("Hostname");
  if (of_host) body.erase("Domainname");
}

// Each of these is refused beside a network namespace that belongs to another container.
void drop_own_network(json& body, json& host) {
  for (const std::string_view name : {"Hostname", "Domainname", "ExposedPorts", "MacAddress"}) body.erase(name);
  for (const std::string_view name : {"PortBindings", "Dns", "DnsOptions", "DnsSearch", "Links", "ExtraHosts"})
    if (const json* value = host.find(name); value != nullptr && !value->empty()) host.erase(name);
}

// "/db:/web/alias" → "db:alias"
json sendable_links(const json& host) {
  json out = json::make_array();
  for (const json& link : elements_of(host, "Links")) {
    auto [source, target] = split_once(link.as_string(), ':');
    if (source.starts_with('/')) source.erase(0, 1);
    const std::size_t slash = target.rfind('/');
    if (slash != std::string::npos) target.erase(0, slash + 1);
    out.push_back(source + ":" + target);
  }
  return out;
}

void clean_host_config(json& host) {
  // Written by the engine for itself, gone from newer ones, or not to be sent empty.
  for (const std::string_view name : {"ContainerIDFile", "KernelMemory", "KernelMemoryTCP", "Capabilities", "Cgroup"})
    host.erase(name);
  if (host.string_at({"Isolation"}).empty()) host.erase("Isolation");
  if (host.int64_at({"MemorySwappiness"}, -1) == -1) host.erase("MemorySwappiness");
  if (!elements_of(host, "Links").empty()) host["Links"] = sendable_links(host);
  if (json* devices = host.find("Devices"); devices != nullptr && devices->is_array())
    for (json& device : devices->elements())
      if (device.string_at({"CgroupPermissions"}).empty()) device["CgroupPermissions"] = "rwm";
}

void name_anonymous_volumes(json& host, const json& inspect) {
  const std::set<std::string> mounted = mounted_targets(host);
  const bool shares = !elements_of(host, "VolumesFrom").empty();
  const json* config = inspect.find("Config");
  for (const inherited_mount& old : mounts_of(inspect)) {
    if (old.type != "volume") continue;
    if (json* mount = anonymous_mount_at(host, clean(old.target)))
      (*mount)["Source"] = old.source;
    else if (!mounted.contains(clean(old.target)) &&
             (!shares || (config != nullptr && declares_volume(*config, clean(old.target)))))
      host["Mounts"].push_back(as_mount(old));
  }
}

bool is_default_bridge(std::string_view mode) { return mode == "default" || mode == "bridge"; }

json sendable_endpoint(const json& shown, const std::string& id, api_version api) {
  json out = json::make_object();
  json aliases = json::make_array();
  for (const json& alias : elements_of(shown, "Aliases"))
    if (!is_id_prefix(id, alias.as_string())) aliases.push_back(alias);
  put(out, "Aliases", std::move(aliases));
  for (const std::string_view name : {"IPAMConfig", "Links", "DriverOpts"})
    if (const json* value = shown.find(name)) put(out, name, *value);
  if (api >= gateway_priority) put(out, "GwPriority", shown.int64_at({"GwPriority"}));
  return out;
}

// NetworkMode may name the network by an id, which is stale once the network has been made anew.
std::string primary_network(const json& networks, const std::string& mode) {
  for (const auto& [name, shown] : networks.object_members())
    if (!mode.empty() && shown.string_at({"NetworkID"}) == mode) return name;
  return mode.empty() ? "default" : mode;
}

// A MAC is the user's only when the engine shows it under Config; those of endpoints may be its own.
void put_mac_address(json& body, json& at_create, const std::string& primary, api_version api) {
  const std::string mac = body.string_at({"MacAddress"});
  if (api < endpoint_details) return;
  body.erase("MacAddress");
  if (!mac.empty() && primary != "host" && primary != "none") at_create[primary]["MacAddress"] = mac;
}

void put_endpoints(create_request& request, json& host, const json& inspect, api_version api) {
  json& body = request.body;
  const std::string id = inspect.at("Id").as_string();
  const json* found = inspect.path({"NetworkSettings", "Networks"});
  const json shown = found == nullptr || !found->is_object() ? json::make_object() : *found;
  const std::string mode = primary_network(shown, host.string_at({"NetworkMode"}));
  host["NetworkMode"] = mode;
  const bool bridged = is_default_bridge(mode);

  json at_create = json::make_object();
  std::map<std::string, json> others;
  for (const auto& [name, settings] : shown.object_members()) {
    // The default bridge takes neither aliases nor addresses, host and none take nothing at all.
    if (name == "host" || name == "none" || (bridged && name == "bridge")) continue;
    json sendable = sendable_endpoint(settings, id, api);
    if (name == mode)
      at_create[name] = std::move(sendable);
    else
      others[name] = std::move(sendable);
  }
  for (auto& [name, settings] : others) {
    if (api >= endpoint_details && !bridged)
      at_create[name] = std::move(settings);
    else
      request.connect_after.emplace_back(name, std::move(settings));
  }
  put_mac_address(body, at_create, mode, api);
  if (!at_create.empty()) body["NetworkingConfig"] = json::object({{"EndpointsConfig", std::move(at_create)}});
}

}  // namespace

std::vector<inherited_mount> mounts_of(const json& inspect) {
  std::vector<inherited_mount> out;
  for (const json& mount : elements_of(inspect, "Mounts")) {
    inherited_mount one;
    one.type = mount.string_at({"Type"});
    if (one.type == "tmpfs") continue;
    one.source = mount.string_at({one.type == "volume" ? "Name" : "Source"});
    one.target = mount.string_at({"Destination"});
    one.read_only = !mount.bool_at({"RW"}, true);
    out.push_back(std::move(one));
  }
  return out;
}

void carry_anonymous_volumes(json& body, const json& old_inspect, const json& new_image_config) {
  json& host = body["HostConfig"];
  const std::set<std::string> mounted = mounted_targets(host);
  for (const inherited_mount& old : mounts_of(old_inspect)) {
    const std::string target = clean(old.target);
    if (json* mount = anonymous_mount_at(host, target))
      *mount = as_mount(old);
    else if (!mounted.contains(target) && declares_volume(new_image_config, target))
      host["Mounts"].push_back(as_mount(old));
  }
}

create_request body_from_inspect(const json& inspect, api_version api, const json& image) {
  create_request out;
  const std::string name = inspect.at("Name").as_string();
  out.name = name.starts_with('/') ? name.substr(1) : name;
  out.body = inspect.at("Config");
  json host = inspect.at("HostConfig");

  drop_names_from_id(out.body, host, inspect.at("Id").as_string());
  set_entrypoint(out.body, image);
  clean_host_config(host);
  name_anonymous_volumes(host, inspect);
  if (host.string_at({"NetworkMode"}).starts_with("container:"))
    drop_own_network(out.body, host);
  else
    put_endpoints(out, host, inspect, api);
  if (host.bool_at({"AutoRemove"}))
    out.warnings.push_back("container " + out.name + " is removed by the engine as soon as it stops");
  out.body["HostConfig"] = std::move(host);
  return out;
}

}  // namespace orchestration
