#include "orchestration/project/host_config.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

#include "orchestration/project/canonical_read.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

struct renamed {
  std::string_view compose;
  std::string_view engine;
};

// Taken over as they are: text, lists of text, maps, booleans.
constexpr renamed as_written[] = {
    {"annotations", "Annotations"},
    {"cgroup", "CgroupnsMode"},
    {"cgroup_parent", "CgroupParent"},
    {"cpuset", "CpusetCpus"},
    {"device_cgroup_rules", "DeviceCgroupRules"},
    {"dns", "Dns"},
    {"dns_opt", "DnsOptions"},
    {"dns_search", "DnsSearch"},
    {"group_add", "GroupAdd"},
    {"ipc", "IpcMode"},
    {"isolation", "Isolation"},
    {"oom_kill_disable", "OomKillDisable"},
    {"pid", "PidMode"},
    {"privileged", "Privileged"},
    {"read_only", "ReadonlyRootfs"},
    {"runtime", "Runtime"},
    {"storage_opt", "StorageOpt"},
    {"sysctls", "Sysctls"},
    {"userns_mode", "UsernsMode"},
    {"uts", "UTSMode"},
    {"volume_driver", "VolumeDriver"},
};
constexpr renamed amounts[] = {
    {"cpu_count", "CpuCount"},
    {"cpu_period", "CpuPeriod"},
    {"cpu_quota", "CpuQuota"},
    {"cpu_rt_period", "CpuRealtimePeriod"},
    {"cpu_rt_runtime", "CpuRealtimeRuntime"},
    {"cpu_shares", "CpuShares"},
    {"mem_limit", "Memory"},
    {"mem_reservation", "MemoryReservation"},
    {"mem_swappiness", "MemorySwappiness"},
    {"memswap_limit", "MemorySwap"},
    {"oom_score_adj", "OomScoreAdj"},
    {"pids_limit", "PidsLimit"},
    {"shm_size", "ShmSize"},
};

std::string engine_capability(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return name == "ALL" || name.starts_with("CAP_") ? name : "CAP_" + name;
}

json capabilities(const json& document, std::string_view name) {
  std::set<std::string> sorted;
  for (const json& each : elements_of(document, name)) sorted.insert(engine_capability(each.as_string()));
  return json::array_of(sorted);
}

json restart_policy(std::string_view condition, std::int64_t attempts) {
  if (condition == "none") condition = "no";
  if (condition == "any") condition = "always";
  json out = json::make_object();
  put(out, "Name", condition);
  put(out, "MaximumRetryCount", attempts);
  return out;
}

json restart_policy(const json& document) {
  if (const json* policy = document.path({"deploy", "restart_policy"}))
    return restart_policy(policy->string_at({"condition"}), amount(*policy, "max_attempts"));
  const auto [condition, attempts] = split_once(document.string_at({"restart"}), ':');
  std::int64_t count = 0;
  std::from_chars(attempts.data(), attempts.data() + attempts.size(), count);
  return restart_policy(condition, count);
}

json extra_hosts(const json& document) {
  json out = json::make_array();
  for (const json& host : elements_of(document, "extra_hosts")) {
    const auto [name, address] = split_once(host.as_string(), '=');
    out.push_back(name + ":" + address);
  }
  return out;
}

json ulimits(const json& document) {
  json out = json::make_array();
  for (const auto& [name, limit] : members_of(document, "ulimits")) {
    const bool single = limit.is_number();
    const std::int64_t soft = single ? limit.as_int64() : amount(limit, "soft");
    const std::int64_t hard = single ? limit.as_int64() : amount(limit, "hard");
    out.push_back(json::object({{"Name", name}, {"Soft", soft}, {"Hard", hard}}));
  }
  return out;
}

json block_rates(const json& blkio, std::string_view name) {
  json out = json::make_array();
  for (const json& each : elements_of(blkio, name))
    out.push_back(json::object({{"Path", each.string_at({"Path"})}, {"Rate", amount(each, "Rate")}}));
  return out;
}

void put_block_io(json& host, const json& document) {
  const json* blkio = document.find("blkio_config");
  if (blkio == nullptr || blkio->is_null()) return;
  put(host, "BlkioWeight", amount(*blkio, "weight"));
  json weights = json::make_array();
  for (const json& each : elements_of(*blkio, "weight_device"))
    weights.push_back(json::object({{"Path", each.string_at({"Path"})}, {"Weight", amount(each, "Weight")}}));
  put(host, "BlkioWeightDevice", std::move(weights));
  put(host, "BlkioDeviceReadBps", block_rates(*blkio, "device_read_bps"));
  put(host, "BlkioDeviceReadIOps", block_rates(*blkio, "device_read_iops"));
  put(host, "BlkioDeviceWriteBps", block_rates(*blkio, "device_write_bps"));
  put(host, "BlkioDeviceWriteIOps", block_rates(*blkio, "device_write_iops"));
}

// "vendor.com/class=name": a device of the Container Device Interface, not a path.
bool is_cdi_name(std::string_view name) {
  const std::size_t slash = name.find('/');
  const std::size_t equals = name.find('=');
  return slash != std::string_view::npos && equals != std::string_view::npos && slash > 0 && slash < equals &&
         equals + 1 < name.size();
}

json device_request(const json& wanted, json capabilities) {
  json out = json::make_object();
  put(out, "Driver", wanted.string_at({"driver"}));
  put(out, "Count", amount(wanted, "count"));
  if (const json* ids = wanted.find("device_ids")) put(out, "DeviceIDs", *ids);
  if (capabilities.empty()) capabilities = nullptr;
  out["Capabilities"] = json(json::array{std::move(capabilities)});  // one set, all of which must be met
  if (const json* options = wanted.find("options")) put(out, "Options", *options);
  return out;
}

void put_devices(json& host, const json& document) {
  json mapped = json::make_array();
  json by_name = json::make_array();
  for (const json& device : elements_of(document, "devices")) {
    const std::string source = device.string_at({"source"});
    const std::string target = device.string_at({"target"});
    if (source == target && is_cdi_name(source)) {
      by_name.push_back(source);
      continue;
    }
    mapped.push_back(json::object({{"PathOnHost", source},
                                   {"PathInContainer", target},
                                   {"CgroupPermissions", device.string_at({"permissions"})}}));
  }
  json requests = json::make_array();
  if (const json* reserved = document.path({"deploy", "resources", "reservations"}))
    for (const json& device : elements_of(*reserved, "devices"))
      requests.push_back(device_request(device, json(elements_of(device, "capabilities"))));
  if (!by_name.empty()) requests.push_back(json::object({{"Driver", "cdi"}, {"DeviceIDs", by_name}}));
  for (const json& gpu : elements_of(document, "gpus")) {
    json wanted(elements_of(gpu, "capabilities"));
    wanted.push_back("gpu");
    requests.push_back(device_request(gpu, std::move(wanted)));
  }
  put(host, "Devices", std::move(mapped));
  put(host, "DeviceRequests", std::move(requests));
}

// deploy.resources wins over the older attributes beside it, where it sets anything.
void put_resources(json& host, const json& document) {
  put(host, "NanoCpus", nano_cpus(document));
  if (const json* percent = document.find("cpu_percent"))
    put(host, "CpuPercent", static_cast<std::int64_t>(static_cast<float>(percent->as_double()) * 100.0F));
  if (const json* limits = document.path({"deploy", "resources", "limits"})) {
    put(host, "Memory", amount(*limits, "memory"));
    put(host, "NanoCpus", nano_cpus(*limits));
    put(host, "PidsLimit", amount(*limits, "pids"));
  }
  if (const json* reservations = document.path({"deploy", "resources", "reservations"}))
    put(host, "MemoryReservation", amount(*reservations, "memory"));
}

// White space outside of strings goes, the rest stays byte for byte, as Go's json.Compact does.
std::string compact_json(std::string_view text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\' && i + 1 < text.size()) {
      out.append(text.substr(i++, 2));
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (quoted || (c != ' ' && c != '\t' && c != '\n' && c != '\r')) out += c;
  }
  return out;
}

std::string seccomp_profile(const project& p, const service& s, const std::string& file) {
  const std::filesystem::path path = p.working_dir / file;
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  const std::string text = content.str();
  if (!in || content.bad()) refuse(s, "security_opt", "cannot read the seccomp profile " + path.string());
  try {
    docker::json::parse(text);
  } catch (const docker::json_error& error) {
    refuse(s, "security_opt", path.string() + ": " + error.what());
  }
  return "seccomp=" + compact_json(text);
}

void put_security(json& host, const project& p, const service& s) {
  json options = json::make_array();
  for (const json& each : elements_of(s.document, "security_opt")) {
    const std::string& text = each.as_string();
    if (text == "systempaths=unconfined") {
      // Empty lists, not absent ones: nothing is masked.
      host["MaskedPaths"] = json::make_array();
      host["ReadonlyPaths"] = json::make_array();
      continue;
    }
    const bool assigned = text.find('=') != std::string::npos;
    if (!assigned && text != "no-new-privileges" && text.find(':') == std::string::npos)
      refuse(s, "security_opt", "\"" + text + "\" is not NAME=VALUE; check the spelling");
    const auto [name, value] = split_once(text, assigned ? '=' : ':');
    const bool from_file = name == "seccomp" && value != "unconfined" && value != "builtin";
    options.push_back(from_file ? seccomp_profile(p, s, value) : text);
  }
  put(host, "SecurityOpt", std::move(options));
}

}  // namespace

void refuse(const service& s, std::string_view attribute, std::string_view what) {
  throw create_body_error("services." + s.name + "." + std::string(attribute) + ": " + std::string(what));
}

void put_host_config(json& host, const project& p, const service& s) {
  const json& document = s.document;
  for (const renamed& each : as_written)
    if (const json* value = document.find(each.compose)) put(host, each.engine, *value);
  for (const renamed& each : amounts) put(host, each.engine, amount(document, each.compose));
  // false overrides a daemon that is set to init by default.
  if (const json* init = document.find("init"); init != nullptr && !init->is_null()) host["Init"] = *init;
  put(host, "CapAdd", capabilities(document, "cap_add"));
  put(host, "CapDrop", capabilities(document, "cap_drop"));
  put(host, "RestartPolicy", restart_policy(document));
  put(host, "ExtraHosts", extra_hosts(document));
  put(host, "Ulimits", ulimits(document));
  if (const json* logging = document.find("logging"); logging != nullptr && !logging->is_null()) {
    json config = json::make_object();
    put(config, "Type", logging->string_at({"driver"}));
    if (const json* options = logging->find("options")) put(config, "Config", *options);
    put(host, "LogConfig", std::move(config));
  }
  put_block_io(host, document);
  put_resources(host, document);
  put_devices(host, document);
  put_security(host, p, s);
}

}  // namespace orchestration
