#include "orchestration/project/canonical.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <span>

#include "orchestration/project/quantity.hpp"
#include "orchestration/project/short_forms.hpp"
#include "orchestration/project/tree_path.hpp"

namespace orchestration {
namespace {

using docker::json;

// --- single values ---

[[noreturn]] void fail_on_value(const yaml_node& n, const tree_path& path, std::string_view wanted,
                                std::string_view example) {
  fail_at(n.where, path.text(), "expected " + std::string(wanted) + ", found \"" + value_text(n) + "\"",
          "Write it like " + std::string(example));
}

json text(const yaml_node& n, const tree_path&) { return n.is_null() ? "" : value_text(n); }

json integer(const yaml_node& n, const tree_path& path) {
  if (const auto* real = std::get_if<double>(&n.value)) {
    if (*real > -9.2e18 && *real < 9.2e18) return static_cast<std::int64_t>(*real);
    fail_on_value(n, path, "a whole number", "3");
  }
  if (const auto* large = std::get_if<std::uint64_t>(&n.value)) return *large;
  const std::optional<std::int64_t> number = parse_integer(value_text(n));
  if (!number) fail_on_value(n, path, "a whole number", "3");
  return *number;
}

json count(const yaml_node& n, const tree_path& path) {
  json out = integer(n, path);
  if (out.number_text().starts_with('-')) fail_on_value(n, path, "a number that is not negative", "3");
  return out;
}

json real32(const yaml_node& n, const tree_path& path) {
  const std::optional<double> number = parse_real(value_text(n));
  if (!number || !std::isfinite(*number)) fail_on_value(n, path, "a number", "0.5");
  return json::number{json_real_text(static_cast<float>(*number))};
}

json boolean(const yaml_node& n, const tree_path& path) {
  if (const bool* written = std::get_if<bool>(&n.value)) return *written;
  const std::optional<bool> meant = parse_bool(value_text(n));
  if (!meant) fail_on_value(n, path, "true or false", "true");
  return *meant;
}

json bytes_or_zero(const yaml_node& n, const tree_path& path) {
  if (std::holds_alternative<std::int64_t>(n.value)) return value_text(n);
  if (n.text() == nullptr) return "0";
  const std::optional<std::int64_t> size = parse_size(*n.text());
  if (!size) fail_on_value(n, path, "a size", "512m");
  return std::to_string(*size);
}

// Left out when zero: the type underneath is a number.
json bytes(const yaml_node& n, const tree_path& path) {
  json out = bytes_or_zero(n, path);
  return out.as_string() == "0" ? json("") : out;
}

json duration(const yaml_node& n, const tree_path& path) {
  const std::optional<std::int64_t> time = parse_duration(value_text(n));
  if (!time) fail_on_value(n, path, "a duration", "30s or 1m30s");
  return duration_text(*time);
}

// Left out when zero, unlike other durations.
json delay(const yaml_node& n, const tree_path& path) {
  json out = duration(n, path);
  return out.as_string() == "0s" ? json("") : out;
}

// 0440 has come as octal from YAML; in quotes it is read as octal here. Both are written "0440".
json file_mode(const yaml_node& n, const tree_path& path) {
  std::uint64_t mode = 0;
  if (n.text() != nullptr) {
    if (n.text()->empty()) fail_on_value(n, path, "a file mode", "0440");
    for (const char c : *n.text()) {
      if (c < '0' || c > '7' || mode > 07777) fail_on_value(n, path, "a file mode", "0440");
      mode = mode * 8 + static_cast<std::uint64_t>(c - '0');
    }
  } else {
    if (std::holds_alternative<double>(n.value)) fail_on_value(n, path, "a file mode", "0440");
    mode = count(n, path).as_uint64();
  }
  std::string digits;
  for (; mode > 0; mode /= 8) digits.insert(digits.begin(), static_cast<char>('0' + mode % 8));
  return "0" + (digits.empty() ? "0" : digits);
}

json device_count(const yaml_node& n, const tree_path& path) {
  std::string word = n.text_or("");
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  return word == "all" ? json(-1) : integer(n, path);
}

// --- lists and mappings ---

using conversion = json (*)(const yaml_node&, const tree_path&);

template <conversion Each>
json list(const yaml_node& n, const tree_path& path) {
  if (n.is_null()) return nullptr;
  json out = json::make_array();
  for (std::size_t i = 0; i < n.items().size(); ++i) out.push_back(Each(n.items()[i], tree_path(path, i)));
  return out;
}

template <conversion Each>
json mapping(const yaml_node& n, const tree_path& path) {
  if (n.is_null()) return nullptr;
  json out = json::make_object();
  for (const yaml_member& each : n.members()) out[each.key] = Each(each.value, tree_path(path, each.key));
  sort_members(out);
  return out;
}

constexpr conversion texts = list<text>;

json text_or_texts(const yaml_node& n, const tree_path& path) {
  if (!n.is_null() && !n.is_sequence()) return json(json::array{text(n, path)});
  return texts(n, path);
}

json value_or_values(const yaml_node& n, const tree_path& path) {
  return n.is_sequence() ? texts(n, path) : json(json::array{text(n, path)});
}

json command(const yaml_node& n, const tree_path& path) {
  if (n.text() == nullptr) return texts(n, path);
  const std::optional<std::vector<std::string>> words = split_command(*n.text());
  if (!words)
    fail_at(n.where, path.text(), "a command line with open quotes: " + *n.text(),
            "Close them, or write a list of words");
  return json::array_of(*words);
}

json health_test(const yaml_node& n, const tree_path& path) {
  if (n.text() != nullptr) return json(json::array{json("CMD-SHELL"), json(*n.text())});
  return texts(n, path);
}

// Name → text, from a mapping or a list of NAME=VALUE.
json assignments(const yaml_node& n, json without_value) {
  if (n.is_null()) return nullptr;
  json out = json::make_object();
  for (const yaml_member& each : n.members())
    out[each.key] = each.value.is_null() ? without_value : json(value_text(each.value));
  for (const yaml_node& each : n.items()) {
    const std::string entry = value_text(each);
    const std::size_t equals = entry.find('=');
    out[entry.substr(0, equals)] = equals == std::string::npos ? without_value : json(entry.substr(equals + 1));
  }
  sort_members(out);
  return out;
}

json labels(const yaml_node& n, const tree_path&) { return assignments(n, ""); }

json environment(const yaml_node& n, const tree_path& path) {
  for (std::size_t i = 0; n.is_sequence() && i < n.items().size(); ++i) {
    const std::string entry = value_text(n.items()[i]);
    const std::string name = entry.substr(0, entry.find('='));
    if (!name.empty() && std::isspace(static_cast<unsigned char>(name.back())) != 0)
      fail_at(n.items()[i].where, tree_path(path, i).text(), "the name \"" + name + "\" ends in a space",
              "Write NAME=VALUE without spaces around =");
  }
  return assignments(n, nullptr);
}

// "host=ip", sorted; several addresses of a host are several entries.
class host_list {
 public:
  void add(const std::string& host, std::string ip) {
    if (ip.size() > 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
    entries_.push_back(host + "=" + ip);
  }
  void add_all(const std::string& host, std::string_view ips) {
    while (true) {
      const std::size_t comma = ips.find(',');
      add(host, std::string(ips.substr(0, comma)));
      if (comma == std::string_view::npos) return;
      ips.remove_prefix(comma + 1);
    }
  }
  json value() {
    std::sort(entries_.begin(), entries_.end());
    return json::array_of(entries_);
  }

 private:
  std::vector<std::string> entries_;
};

void check_host(const std::string& host, const yaml_node& n, const tree_path& path) {
  if (host.empty() || host.find_first_of(":=") != std::string::npos)
    fail_at(n.where, path.text(), "\"" + host + "\" is no host name", "Write it like \"name=10.0.0.1\"");
}

json extra_hosts(const yaml_node& n, const tree_path& path) {
  if (n.is_null()) return nullptr;
  host_list out;
  for (const yaml_member& each : n.members()) {
    check_host(each.key, each.value, path);
    if (!each.value.is_sequence()) out.add(each.key, each.value.is_null() ? "" : value_text(each.value));
    for (const yaml_node& ip : each.value.items()) out.add(each.key, value_text(ip));
  }
  for (const yaml_node& each : n.items()) {
    const std::string entry = value_text(each);
    const std::size_t equals = entry.find('=');
    const std::size_t separator = equals == std::string::npos ? entry.find(':') : equals;
    if (separator == std::string::npos)
      fail_at(each.where, path.text(), "\"" + entry + "\" has no address", "Write it like \"name=10.0.0.1\"");
    check_host(entry.substr(0, separator), each, path);
    out.add_all(entry.substr(0, separator), std::string_view(entry).substr(separator + 1));
  }
  return out.value();
}

// --- structs ---

enum class keep {
  unless_empty,  // omitempty of a value: not when false, 0, "", [] or {}
  unless_null,   // omitempty of a pointer: `retries: 0` stays
  always         // null when missing
};

struct field {
  std::string_view name;
  conversion convert;
  keep kept = keep::unless_empty;
};

bool is_empty(const json& value) {
  if (value.is_bool()) return !value.as_bool();
  if (value.is_number()) return value.as_double() == 0;
  return value.empty();
}

json structure(const yaml_node& n, const tree_path& path, std::span<const field> fields) {
  json out = json::make_object();
  for (const field& each : fields) {
    const yaml_node* member = n.find_set(each.name);
    if (member == nullptr) {
      if (each.kept == keep::always) out[each.name] = nullptr;
      continue;
    }
    json value = each.convert(*member, tree_path(path, each.name));
    const bool dropped = each.kept == keep::unless_empty  ? is_empty(value)
                         : each.kept == keep::unless_null ? value.is_null()
                                                          : false;
    if (!dropped) out[each.name] = std::move(value);
  }
  return out;
}

template <const auto& Fields>
json structured(const yaml_node& n, const tree_path& path) {
  return structure(n, path, Fields);
}

template <const auto& Fields>
json structured_or_null(const yaml_node& n, const tree_path& path) {
  return n.is_null() ? json() : structure(n, path, Fields);
}

json member_or(const yaml_node& n, std::string_view name, conversion convert, const tree_path& path, json otherwise) {
  const yaml_node* found = n.find_set(name);
  return found == nullptr ? otherwise : convert(*found, tree_path(path, name));
}

// These two have no json tags in compose-go, so their Go names are written, and nothing is left out.
json weight_device(const yaml_node& n, const tree_path& path) {
  return json::object(
      {{"Path", member_or(n, "path", text, path, "")}, {"Weight", member_or(n, "weight", integer, path, 0)}});
}
json throttle_device(const yaml_node& n, const tree_path& path) {
  return json::object(
      {{"Path", member_or(n, "path", text, path, "")}, {"Rate", member_or(n, "rate", bytes_or_zero, path, "0")}});
}
json resource_spec(const yaml_node& n, const tree_path& path) {
  return json::object(
      {{"kind", member_or(n, "kind", text, path, "")}, {"value", member_or(n, "value", integer, path, 0)}});
}

json ulimit(const yaml_node& n, const tree_path& path) {
  static constexpr field fields[] = {{"soft", integer}, {"hard", integer}};
  if (n.is_mapping()) return structure(n, path, fields);
  json single = integer(n, path);
  return is_empty(single) ? json::make_object() : single;
}

// An env file that is not optional is written as its path alone.
json env_file(const yaml_node& n, const tree_path& path) {
  static constexpr field fields[] = {{"path", text}, {"required", boolean, keep::unless_null}, {"format", text}};
  if (member_or(n, "required", boolean, path, true).as_bool()) return member_or(n, "path", text, path, "");
  return structure(n, path, fields);
}

constexpr field blkio_fields[] = {{"weight", count},
                                  {"weight_device", list<weight_device>},
                                  {"device_read_bps", list<throttle_device>},
                                  {"device_read_iops", list<throttle_device>},
                                  {"device_write_bps", list<throttle_device>},
                                  {"device_write_iops", list<throttle_device>}};

constexpr field file_reference_fields[] = {
    {"source", text}, {"target", text}, {"uid", text}, {"gid", text}, {"mode", file_mode, keep::unless_null}};

constexpr field update_fields[] = {{"parallelism", count, keep::unless_null},
                                   {"delay", delay},
                                   {"failure_action", text},
                                   {"monitor", delay},
                                   {"max_failure_ratio", real32},
                                   {"order", text}};

constexpr field device_request_fields[] = {
    {"capabilities", texts}, {"driver", text}, {"count", device_count}, {"device_ids", texts}, {"options", labels}};

constexpr field generic_resource_fields[] = {{"discrete_resource_spec", resource_spec, keep::unless_null}};

constexpr field resource_fields[] = {{"cpus", real32},
                                     {"memory", bytes},
                                     {"pids", integer},
                                     {"devices", list<structured<device_request_fields>>},
                                     {"generic_resources", list<structured<generic_resource_fields>>}};

constexpr field resources_fields[] = {{"limits", structured<resource_fields>, keep::unless_null},
                                      {"reservations", structured<resource_fields>, keep::unless_null}};

constexpr field restart_policy_fields[] = {{"condition", text},
                                           {"delay", duration, keep::unless_null},
                                           {"max_attempts", count, keep::unless_null},
                                           {"window", duration, keep::unless_null}};

constexpr field preference_fields[] = {{"spread", text}};
constexpr field placement_fields[] = {
    {"constraints", texts}, {"preferences", list<structured<preference_fields>>}, {"max_replicas_per_node", count}};

constexpr field deploy_fields[] = {{"mode", text},
                                   {"replicas", integer, keep::unless_null},
                                   {"labels", labels},
                                   {"update_config", structured<update_fields>, keep::unless_null},
                                   {"rollback_config", structured<update_fields>, keep::unless_null},
                                   {"resources", structured<resources_fields>, keep::always},
                                   {"restart_policy", structured<restart_policy_fields>, keep::unless_null},
                                   {"placement", structured<placement_fields>, keep::always},
                                   {"endpoint_mode", text}};

// resources and placement are values, not pointers: an empty struct is written as {}.
json deploy(const yaml_node& n, const tree_path& path) {
  json out = structure(n, path, deploy_fields);
  for (const std::string_view name : {"resources", "placement"})
    if (out.at(name).is_null()) out[name] = json::make_object();
  return out;
}

constexpr field health_check_fields[] = {{"test", health_test},
                                         {"timeout", duration, keep::unless_null},
                                         {"interval", duration, keep::unless_null},
                                         {"retries", count, keep::unless_null},
                                         {"start_period", duration, keep::unless_null},
                                         {"start_interval", duration, keep::unless_null},
                                         {"disable", boolean}};

constexpr field logging_fields[] = {{"driver", text}, {"options", labels}};

constexpr field endpoint_fields[] = {{"aliases", texts},        {"driver_opts", labels}, {"gw_priority", integer},
                                     {"interface_name", text},  {"ipv4_address", text},  {"ipv6_address", text},
                                     {"link_local_ips", texts}, {"mac_address", text},   {"priority", integer}};

constexpr field port_fields[] = {{"name", text},      {"mode", text},     {"host_ip", text},     {"target", count},
                                 {"published", text}, {"protocol", text}, {"app_protocol", text}};

constexpr field bind_fields[] = {
    {"selinux", text}, {"propagation", text}, {"create_host_path", boolean, keep::unless_null}, {"recursive", text}};
constexpr field volume_mount_fields[] = {{"labels", labels}, {"nocopy", boolean}, {"subpath", text}};
constexpr field tmpfs_fields[] = {{"size", bytes}, {"mode", integer}};
constexpr field image_mount_fields[] = {{"subpath", text}};

constexpr field mount_fields[] = {{"type", text},
                                  {"source", text},
                                  {"target", text},
                                  {"read_only", boolean},
                                  {"consistency", text},
                                  {"bind", structured<bind_fields>, keep::unless_null},
                                  {"volume", structured<volume_mount_fields>, keep::unless_null},
                                  {"tmpfs", structured<tmpfs_fields>, keep::unless_null},
                                  {"image", structured<image_mount_fields>, keep::unless_null}};

constexpr field device_fields[] = {{"source", text}, {"target", text}, {"permissions", text}};
constexpr field credential_fields[] = {{"config", text}, {"file", text}, {"registry", text}};
constexpr field hook_fields[] = {{"command", command, keep::always},
                                 {"user", text},
                                 {"privileged", boolean},
                                 {"working_dir", text},
                                 {"environment", environment}};
constexpr field watch_fields[] = {{"path", text, keep::always},
                                  {"action", text, keep::always},
                                  {"target", text},
                                  {"exec", structured<hook_fields>, keep::always},
                                  {"include", texts},
                                  {"ignore", texts},
                                  {"initial_sync", boolean}};

// `exec` is a value, not a pointer.
json watch(const yaml_node& n, const tree_path& path) {
  json out = structure(n, path, watch_fields);
  if (out.at("exec").is_null()) out["exec"] = json::object({{"command", nullptr}});
  return out;
}
constexpr field develop_fields[] = {{"watch", list<watch>}};
constexpr field dependency_fields[] = {
    {"condition", text}, {"restart", boolean}, {"required", boolean, keep::unless_null}};
constexpr field model_fields[] = {{"endpoint_var", text}, {"model_var", text}};

constexpr field build_fields[] = {{"context", text},
                                  {"dockerfile", text},
                                  {"dockerfile_inline", text},
                                  {"entitlements", texts},
                                  {"args", environment},
                                  {"provenance", text},
                                  {"sbom", text},
                                  {"ssh", texts},
                                  {"labels", labels},
                                  {"cache_from", texts},
                                  {"cache_to", texts},
                                  {"no_cache", boolean},
                                  {"additional_contexts", labels},
                                  {"pull", boolean},
                                  {"extra_hosts", extra_hosts},
                                  {"isolation", text},
                                  {"network", text},
                                  {"target", text},
                                  {"secrets", list<structured<file_reference_fields>>},
                                  {"shm_size", bytes},
                                  {"tags", texts},
                                  {"ulimits", mapping<ulimit>},
                                  {"platforms", texts},
                                  {"privileged", boolean}};

constexpr field provider_fields[] = {{"type", text}, {"options", mapping<value_or_values>}};

// In the order of compose-go's types.ServiceConfig.
constexpr field service_fields[] = {
    {"profiles", texts},
    {"annotations", labels},
    {"attach", boolean, keep::unless_null},
    {"build", structured<build_fields>, keep::unless_null},
    {"develop", structured<develop_fields>, keep::unless_null},
    {"blkio_config", structured<blkio_fields>, keep::unless_null},
    {"cap_add", texts},
    {"cap_drop", texts},
    {"cgroup_parent", text},
    {"cgroup", text},
    {"cpu_count", integer},
    {"cpu_percent", real32},
    {"cpu_period", integer},
    {"cpu_quota", integer},
    {"cpu_rt_period", integer},
    {"cpu_rt_runtime", integer},
    {"cpus", real32},
    {"cpuset", text},
    {"cpu_shares", integer},
    {"command", command, keep::always},
    {"configs", list<structured<file_reference_fields>>},
    {"container_name", text},
    {"credential_spec", structured<credential_fields>, keep::unless_null},
    {"depends_on", mapping<structured<dependency_fields>>},
    {"deploy", deploy, keep::unless_null},
    {"device_cgroup_rules", texts},
    {"devices", list<structured<device_fields>>},
    {"dns", text_or_texts},
    {"dns_opt", texts},
    {"dns_search", text_or_texts},
    {"dockerfile", text},
    {"domainname", text},
    {"entrypoint", command, keep::always},
    {"provider", structured<provider_fields>, keep::unless_null},
    {"environment", environment},
    {"env_file", list<env_file>},
    {"expose", text_or_texts},
    {"external_links", texts},
    {"extra_hosts", extra_hosts},
    {"group_add", texts},
    {"gpus", list<structured<device_request_fields>>},
    {"hostname", text},
    {"healthcheck", structured<health_check_fields>, keep::unless_null},
    {"image", text},
    {"init", boolean, keep::unless_null},
    {"ipc", text},
    {"isolation", text},
    {"labels", labels},
    {"label_file", text_or_texts},
    {"links", texts},
    {"logging", structured<logging_fields>, keep::unless_null},
    {"log_driver", text},
    {"log_opt", labels},
    {"mem_limit", bytes},
    {"mem_reservation", bytes},
    {"memswap_limit", bytes},
    {"mem_swappiness", bytes},
    {"mac_address", text},
    {"models", mapping<structured_or_null<model_fields>>},
    {"net", text},
    {"network_mode", text},
    {"networks", mapping<structured_or_null<endpoint_fields>>},
    {"oom_kill_disable", boolean},
    {"oom_score_adj", integer},
    {"pid", text},
    {"pids_limit", integer},
    {"platform", text},
    {"ports", list<structured<port_fields>>},
    {"privileged", boolean},
    {"pull_policy", text},
    {"read_only", boolean},
    {"restart", text},
    {"runtime", text},
    {"scale", integer, keep::unless_null},
    {"secrets", list<structured<file_reference_fields>>},
    {"security_opt", texts},
    {"shm_size", bytes},
    {"stdin_open", boolean},
    {"stop_grace_period", duration, keep::unless_null},
    {"stop_signal", text},
    {"storage_opt", labels},
    {"sysctls", labels},
    {"tmpfs", text_or_texts},
    {"tty", boolean},
    {"ulimits", mapping<ulimit>},
    {"use_api_socket", boolean},
    {"user", text},
    {"userns_mode", text},
    {"uts", text},
    {"volume_driver", text},
    {"volumes", list<structured<mount_fields>>},
    {"volumes_from", texts},
    {"working_dir", text},
    {"post_start", list<structured<hook_fields>>},
    {"pre_stop", list<structured<hook_fields>>},
};

constexpr field address_pool_fields[] = {
    {"subnet", text}, {"gateway", text}, {"ip_range", text}, {"aux_addresses", labels}};
constexpr field ipam_fields[] = {{"driver", text}, {"config", list<structured<address_pool_fields>>}};
constexpr field network_fields[] = {{"name", text},
                                    {"driver", text},
                                    {"driver_opts", labels},
                                    {"ipam", structured<ipam_fields>, keep::always},
                                    {"external", boolean},
                                    {"internal", boolean},
                                    {"attachable", boolean},
                                    {"labels", labels},
                                    {"enable_ipv4", boolean, keep::unless_null},
                                    {"enable_ipv6", boolean, keep::unless_null}};
constexpr field volume_fields[] = {
    {"name", text}, {"driver", text}, {"driver_opts", labels}, {"external", boolean}, {"labels", labels}};
constexpr field file_object_fields[] = {{"name", text},    {"file", text},          {"environment", text},
                                        {"content", text}, {"external", boolean},   {"labels", labels},
                                        {"driver", text},  {"driver_opts", labels}, {"template_driver", text}};

}  // namespace

void sort_members(json& object) {
  auto& members = object.object_members();
  std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

json canonical_service(const yaml_node& service, const std::string& path) {
  return structure(service, tree_path(tree_path(), path), service_fields);
}

json canonical_network(const yaml_node& network, const std::string& path) {
  json out = structure(network, tree_path(tree_path(), path), network_fields);
  if (out.at("ipam").is_null()) out["ipam"] = json::make_object();
  return out;
}

json canonical_volume(const yaml_node& volume, const std::string& path) {
  return structure(volume, tree_path(tree_path(), path), volume_fields);
}

json canonical_file_object(const yaml_node& object, const std::string& path) {
  return structure(object, tree_path(tree_path(), path), file_object_fields);
}

json canonical_environment(const yaml_node& n, const std::string& path) {
  return environment(n, tree_path(tree_path(), path));
}
json canonical_labels(const yaml_node& n, const std::string& path) { return labels(n, tree_path(tree_path(), path)); }

}  // namespace orchestration
