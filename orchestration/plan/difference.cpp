#include "orchestration/plan/difference.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

namespace orchestration {
namespace {

using docker::json;
using values = std::map<std::string, std::string>;

constexpr std::size_t most_names = 6;  // of one kind, so that a line stays a line

const json& at(const json& document, std::initializer_list<std::string_view> path) {
  static const json none;
  const json* found = document.path(path);
  return found == nullptr ? none : *found;
}

/// What is not set, in any of the ways in which an engine shows that.
bool is_nothing(const json& value) {
  if (value.is_null()) return true;
  if (value.is_string()) return value.as_string().empty();
  if (value.is_bool()) return !value.as_bool();
  if (value.is_array() || value.is_object()) return value.empty();
  return value.is_number() && value.to_text() == "0";
}

/// Whether the engine shows what was asked for; it adds members of its own that are not set.
bool same(const json& wanted, const json& shown) {
  if (is_nothing(wanted) && is_nothing(shown)) return true;
  if (wanted.is_object() && shown.is_object()) {
    for (const auto& [name, value] : wanted.object_members())
      if (!same(value, at(shown, {name}))) return false;
    for (const auto& [name, value] : shown.object_members())
      if (!is_nothing(value) && !wanted.contains(name)) return false;
    return true;
  }
  if (wanted.is_array() && shown.is_array()) {
    const auto& one = wanted.elements();
    const auto& other = shown.elements();
    return std::equal(one.begin(), one.end(), other.begin(), other.end(), same);
  }
  return wanted.to_text() == shown.to_text();
}

// --- names that were added, changed or removed -------------------------------------------------------------------

struct name_changes {
  std::vector<std::string> changed, added, removed;
};

std::string listed(const std::vector<std::string>& names, const char* what) {
  if (names.empty()) return {};
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), most_names); ++i) out += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > most_names) out += " and " + std::to_string(names.size() - most_names) + " more";
  return out + " " + what;
}

std::string to_text(const std::string& attribute, const name_changes& names) {
  std::string out;
  for (const std::string& part :
       {listed(names.changed, "changed"), listed(names.added, "added"), listed(names.removed, "removed")})
    if (!part.empty()) out += (out.empty() ? "" : "; ") + part;
  return out.empty() ? "" : attribute + ": " + out;
}

name_changes compare(const values& wanted, const values& shown) {
  name_changes out;
  for (const auto& [name, value] : wanted) {
    const auto found = shown.find(name);
    if (found == shown.end())
      out.added.push_back(name);
    else if (found->second != value)
      out.changed.push_back(name);
  }
  for (const auto& [name, value] : shown)
    if (!wanted.contains(name)) out.removed.push_back(name);
  return out;
}

/// Of what the container shows, what nobody asked for but the image, or what nobody can tell.
void leave_out_the_images(values& shown, const values& wanted, const json& image_config, const values& image) {
  std::erase_if(shown, [&](const auto& each) {
    if (wanted.contains(each.first)) return false;
    const auto given = image.find(each.first);
    return image_config.is_null() || (given != image.end() && given->second == each.second);
  });
}

// --- environment and labels --------------------------------------------------------------------------------------

values environment_of(const json& list) {
  values out;
  if (!list.is_array()) return out;
  for (const json& each : list.elements()) {
    const std::string& text = each.as_string();
    const std::size_t equals = text.find('=');
    // A name alone takes the variable away.
    if (equals != std::string::npos) out.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

// docker compose adds them from the client's configuration.
bool is_proxy(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name.ends_with("_proxy");
}

bool is_compose_label(const std::string& name) {
  return name.starts_with("com.docker.compose.") || name.starts_with("io.dockupd.");
}

values labels_of(const json& object) {
  values out;
  if (!object.is_object()) return out;
  for (const auto& [name, value] : object.object_members())
    if (!is_compose_label(name)) out.emplace(name, value.is_string() ? value.as_string() : "");
  return out;
}

// --- ports and mounts --------------------------------------------------------------------------------------------

values ports_of(const json& bindings) {
  values out;
  if (!bindings.is_object()) return out;
  for (const auto& [port, list] : bindings.object_members()) {
    if (!list.is_array()) continue;
    for (const json& each : list.elements()) {
      const std::string address = each.string_at({"HostIp"});
      const std::string host = address.empty() || address == "0.0.0.0" ? "" : address + ":";
      out.emplace(host + each.string_at({"HostPort"}) + ":" + port, "");
    }
  }
  return out;
}

bool is_generated(const std::string& name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Target → what is there and how. An anonymous volume is the same whatever the engine called it.
values mounts_of(const json& host) {
  values out;
  if (const json& binds = at(host, {"Binds"}); binds.is_array())
    for (const json& each : binds.elements()) {
      const std::string& text = each.as_string();
      const std::size_t colon = text.find(':');
      if (colon == std::string::npos) continue;
      const std::size_t mode = text.find(':', colon + 1);
      const std::string how = mode == std::string::npos ? "" : text.substr(mode + 1);
      const bool writes = how.empty() || how == "rw";
      out[text.substr(colon + 1, mode - colon - 1)] = text.substr(0, colon) + (writes ? "" : " " + how);
    }
  if (const json& mounts = at(host, {"Mounts"}); mounts.is_array())
    for (const json& each : mounts.elements()) {
      const std::string source = each.string_at({"Source"});
      const std::string name = is_generated(source) ? "" : source;
      out[each.string_at({"Target"})] =
          each.string_at({"Type"}) == "tmpfs" ? "tmpfs" : name + (each.bool_at({"ReadOnly"}) ? " ro" : "");
    }
  return out;
}

// --- the rest, attribute by attribute ------------------------------------------------------------------------------

struct attribute {
  const char* member;      // of the create body, and of inspect
  const char* word;        // in a compose file
  const char* usual = "";  // what an engine shows when nothing was asked for
};

constexpr std::array<attribute, 8> of_image = {{{"Cmd", "command"},
                                                {"Entrypoint", "entrypoint"},
                                                {"User", "user"},
                                                {"WorkingDir", "working_dir"},
                                                {"StopSignal", "stop_signal"},
                                                {"Healthcheck", "healthcheck"},
                                                {"Domainname", "domainname"},
                                                {"StopTimeout", "stop_grace_period"}}};
constexpr std::array<attribute, 2> of_container = {{{"Tty", "tty"}, {"OpenStdin", "stdin_open"}}};
constexpr std::array<attribute, 34> of_host = {{{"Privileged", "privileged"},
                                                {"ReadonlyRootfs", "read_only"},
                                                {"SecurityOpt", "security_opt"},
                                                {"Dns", "dns"},
                                                {"DnsSearch", "dns_search"},
                                                {"DnsOptions", "dns_opt"},
                                                {"ExtraHosts", "extra_hosts"},
                                                {"Devices", "devices"},
                                                {"DeviceRequests", "gpus"},
                                                {"DeviceCgroupRules", "device_cgroup_rules"},
                                                {"Sysctls", "sysctls"},
                                                {"Ulimits", "ulimits"},
                                                {"Tmpfs", "tmpfs"},
                                                {"Memory", "mem_limit"},
                                                {"MemoryReservation", "mem_reservation"},
                                                {"NanoCpus", "cpus"},
                                                {"CpuShares", "cpu_shares"},
                                                {"CpuQuota", "cpu_quota"},
                                                {"CpuPeriod", "cpu_period"},
                                                {"CpusetCpus", "cpuset"},
                                                {"PidsLimit", "pids_limit"},
                                                {"ShmSize", "shm_size", "67108864"},
                                                {"Init", "init"},
                                                {"PidMode", "pid"},
                                                {"IpcMode", "ipc", "\"private\" \"shareable\""},
                                                {"UTSMode", "uts"},
                                                {"UsernsMode", "userns_mode"},
                                                {"CgroupnsMode", "cgroup", "\"private\" \"host\""},
                                                {"CgroupParent", "cgroup_parent"},
                                                {"Runtime", "runtime", "\"runc\""},
                                                {"GroupAdd", "group_add"},
                                                {"OomScoreAdj", "oom_score_adj"},
                                                {"Annotations", "annotations"},
                                                {"StorageOpt", "storage_opt"}}};

std::set<std::string> capabilities(const json& list) {
  std::set<std::string> out;
  if (!list.is_array()) return out;
  for (const json& each : list.elements()) {
    std::string name = each.as_string();
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    out.insert(name.starts_with("CAP_") ? name.substr(4) : name);
  }
  return out;
}

// Which container it is that is joined, is said elsewhere.
std::string joined(const std::string& mode) {
  return mode.starts_with("container:") || mode.starts_with("service:") ? "joined" : mode;
}

class comparison {
 public:
  comparison(const observed_container& c, const json& body, const difference_context& context)
      : found_(c),
        body_(body),
        context_(context),
        config_(at(c.inspect, {"Config"})),
        host_(at(c.inspect, {"HostConfig"})),
        wanted_host_(at(body, {"HostConfig"})) {}

  std::vector<std::string> all() {
    environment();
    labels();
    add(to_text("ports", compare(ports_of(at(wanted_host_, {"PortBindings"})), ports_of(at(host_, {"PortBindings"})))));
    mounts();
    networks();
    for (const attribute& a : of_image) {
      const json& wanted = at(body_, {a.member});
      if (is_nothing(wanted) && is_of_image(a.member)) continue;
      if (!same(wanted, at(config_, {a.member}))) say_changed(a);
    }
    for (const attribute& a : of_container)
      if (!same(at(body_, {a.member}), at(config_, {a.member}))) say_changed(a);
    hostname();
    host();
    return std::move(out_);
  }

 private:
  void add(std::string text) {
    if (!text.empty()) out_.push_back(std::move(text));
  }
  void say_changed(const attribute& a) { out_.push_back(std::string(a.word) + " changed"); }

  bool is_of_image(const char* member) const {
    return context_.image_config.is_null() || same(at(context_.image_config, {member}), at(config_, {member}));
  }

  void environment() {
    const values wanted = environment_of(at(body_, {"Env"}));
    values shown = environment_of(at(config_, {"Env"}));
    leave_out_the_images(shown, wanted, context_.image_config, environment_of(at(context_.image_config, {"Env"})));
    std::erase_if(shown, [&](const auto& each) { return is_proxy(each.first) && !wanted.contains(each.first); });
    std::map<std::string, name_changes> by_place;
    const name_changes names = compare(wanted, shown);
    for (const auto list : {&name_changes::changed, &name_changes::added, &name_changes::removed})
      for (const std::string& name : names.*list) {
        const auto file = context_.env_files.find(name);
        if (file == context_.env_files.end())
          (by_place["environment"].*list).push_back(name);
        else if (name == context_.pin_variable && file->second == context_.pin_file)
          add("its env_file " + file->second + " has " + name);
        else
          (by_place["env_file " + file->second].*list).push_back(name);
      }
    for (const auto& [place, changes] : by_place) add(to_text(place, changes));
  }

  void labels() {
    const values wanted = labels_of(at(body_, {"Labels"}));
    values shown = labels_of(at(config_, {"Labels"}));
    leave_out_the_images(shown, wanted, context_.image_config, labels_of(at(context_.image_config, {"Labels"})));
    add(to_text("labels", compare(wanted, shown)));
  }

  void mounts() {
    const values wanted = mounts_of(wanted_host_);
    values shown = mounts_of(host_);
    // What an image declares is carried from container to container by name, and stands here from then on.
    std::erase_if(shown, [&](const auto& each) { return each.second.empty() && !wanted.contains(each.first); });
    add(to_text("volumes", compare(wanted, shown)));
  }

  void networks() {
    values wanted;
    if (const json& endpoints = at(body_, {"NetworkingConfig", "EndpointsConfig"}); endpoints.is_object())
      for (const auto& [name, endpoint] : endpoints.object_members()) wanted.emplace(name, "");
    for (const std::string& name : context_.connect_after) wanted.emplace(name, "");
    if (wanted.empty()) {
      if (network_mode(wanted_host_) != network_mode(host_)) out_.emplace_back("network_mode changed");
      return;
    }
    values shown;
    for (const std::string& name : found_.networks) shown.emplace(name, "");
    add(to_text("networks", compare(wanted, shown)));
    for (const auto& [name, unused] : wanted) endpoint(name);
  }

  static std::string network_mode(const json& host) {
    const std::string mode = host.string_at({"NetworkMode"});
    return mode.empty() || mode == "default" ? "bridge" : joined(mode);
  }

  void endpoint(const std::string& network) {
    const json* wanted = body_.path({"NetworkingConfig", "EndpointsConfig", network});
    const json* shown = found_.inspect.path({"NetworkSettings", "Networks", network});
    if (wanted == nullptr || shown == nullptr) return;
    if (!same(at(*wanted, {"IPAMConfig"}), at(*shown, {"IPAMConfig"})))
      out_.push_back("networks: address on " + network + " changed");
    const json& aliases = at(*shown, {"Aliases"});
    if (!aliases.is_array() || !at(*wanted, {"Aliases"}).is_array()) return;
    std::set<std::string> names;
    for (const json& each : aliases.elements()) names.insert(each.as_string());
    std::set<std::string> asked;
    for (const json& each : at(*wanted, {"Aliases"}).elements()) asked.insert(each.as_string());
    names.erase(found_.id.substr(0, 12));  // the engine's own
    if (names != asked) out_.push_back("networks: aliases on " + network + " changed");
  }

  // Without one asked for, the id's, or the host's.
  void hostname() {
    const std::string wanted = body_.string_at({"Hostname"});
    const std::string shown = config_.string_at({"Hostname"});
    const bool own = shown.empty() || shown == found_.id.substr(0, 12) || host_.string_at({"NetworkMode"}) == "host" ||
                     host_.string_at({"UTSMode"}) == "host";
    if (wanted != shown && !(wanted.empty() && own)) out_.emplace_back("hostname changed");
  }

  void host() {
    for (const attribute& a : of_host) {
      const json& wanted = at(wanted_host_, {a.member});
      const json& shown = at(host_, {a.member});
      const bool usual =
          !is_nothing(shown) && std::string_view(a.usual).find(shown.to_text()) != std::string_view::npos;
      if ((is_nothing(wanted) && usual) || same(wanted, shown)) continue;
      if (wanted.is_string() && shown.is_string() && joined(wanted.as_string()) == joined(shown.as_string())) continue;
      say_changed(a);
    }
    const auto add_capabilities = [&](const char* member, const char* word) {
      if (capabilities(at(wanted_host_, {member})) != capabilities(at(host_, {member}))) say_changed({member, word});
    };
    add_capabilities("CapAdd", "cap_add");
    add_capabilities("CapDrop", "cap_drop");
    restart();
    logging();
  }

  // A container at rest may have been disarmed.
  void restart() {
    const auto policy = [](const json& host) {
      const std::string name = host.string_at({"RestartPolicy", "Name"}, "no");
      return (name.empty() ? "no" : name) + std::to_string(at(host, {"RestartPolicy"}).int64_at({"MaximumRetryCount"}));
    };
    if (found_.state == container_state::running && policy(wanted_host_) != policy(host_))
      out_.emplace_back("restart changed");
  }

  // Without one asked for, the engine shows its default, which is the host's business.
  void logging() {
    const json& wanted = at(wanted_host_, {"LogConfig"});
    const json& shown = at(host_, {"LogConfig"});
    const bool asked = !is_nothing(at(wanted, {"Type"})) || !is_nothing(at(wanted, {"Config"}));
    if (asked ? !same(wanted, shown) : !is_nothing(at(shown, {"Config"}))) out_.emplace_back("logging changed");
  }

  const observed_container& found_;
  const json& body_;
  const difference_context& context_;
  const json& config_;
  const json& host_;
  const json& wanted_host_;
  std::vector<std::string> out_;
};

}  // namespace

std::vector<std::string> differences(const observed_container& c, const json& body, const difference_context& context) {
  return comparison(c, body, context).all();
}

}  // namespace orchestration
