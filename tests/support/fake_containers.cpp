#include "tests/support/fake_containers.hpp"

#include <algorithm>
#include <ctime>

namespace orchestration {
namespace {

constexpr std::int64_t clock_start = 1'767'225'600;  // 2026-01-01T00:00:00Z

void overlay(docker::json& onto, const docker::json& from) {
  if (!from.is_object()) return;
  for (const auto& [name, value] : from.object_members()) onto[name] = value;
}

/// The image's variables that the container does not set itself come after its own.
docker::json merged_env(const docker::json* of_image, const docker::json* of_body) {
  docker::json out = of_body != nullptr && of_body->is_array() ? *of_body : docker::json::make_array();
  const auto sets = [&](const std::string& name) {
    for (const auto& entry : out.elements()) {
      if (entry.as_string().substr(0, entry.as_string().find('=')) == name) return true;
    }
    return false;
  };
  if (of_image != nullptr && of_image->is_array()) {
    for (const auto& entry : of_image->elements()) {
      if (!sets(entry.as_string().substr(0, entry.as_string().find('=')))) out.push_back(entry);
    }
  }
  return out;
}

std::string_view health_of(const fake_container& c) {
  if (c.state == fake_state::exited || c.state == fake_state::paused) return "unhealthy";  // seen on 20.10
  if (c.seen <= c.behaviour.healthy_after) return "starting";
  switch (c.behaviour.health) {
    case health_script::becomes_healthy:
      return "healthy";
    case health_script::stays_starting:
      return "starting";
    case health_script::becomes_unhealthy:
      return "unhealthy";
    case health_script::flaps:
      break;
  }
  const int turn = (c.seen - c.behaviour.healthy_after - 1) / std::max(c.behaviour.healthy_after, 1);
  return turn % 2 == 0 ? "healthy" : "unhealthy";
}

docker::json health_answer(const fake_container& c) {
  const std::string status(health_of(c));
  docker::json log = docker::json::make_array();
  const bool failing = status != "healthy";
  for (int probe = 1; c.started_at && probe < std::min(c.seen, 6); ++probe) {  // the engine keeps the last five
    log.push_back(docker::json::object({{"Start", timestamp(*c.started_at + probe)},
                                        {"End", timestamp(*c.started_at + probe)},
                                        {"ExitCode", failing ? 1 : 0},
                                        {"Output", failing ? "probe failed\n" : ""}}));
  }
  return docker::json::object(
      {{"Status", status}, {"FailingStreak", status == "unhealthy" ? 3 : 0}, {"Log", std::move(log)}});
}

docker::json state_answer(const fake_container& c) {
  docker::json out = docker::json::object({{"Status", std::string(to_text(c.state))},
                                           {"Running", c.is_up()},  // restarting counts as running too
                                           {"Paused", c.state == fake_state::paused},
                                           {"Restarting", c.state == fake_state::restarting},
                                           {"OOMKilled", c.oom_killed},
                                           {"Dead", false},
                                           {"Pid", c.state == fake_state::running ? 4242 : 0},
                                           {"ExitCode", c.exit_code},
                                           {"Error", c.error},
                                           {"StartedAt", timestamp(c.started_at)},
                                           {"FinishedAt", timestamp(c.finished_at)}});
  if (c.has_health_check() && c.started_at) out["Health"] = health_answer(c);
  return out;
}

docker::json mounts_answer(const fake_container& c) {
  docker::json out = docker::json::make_array();
  for (const auto& mount : c.mounts) {
    docker::json one = docker::json::object({{"Type", mount.type}});
    if (mount.type == "volume") one["Name"] = mount.name;
    one["Source"] = mount.source;
    one["Destination"] = mount.destination;
    if (mount.type == "volume") one["Driver"] = "local";
    one["Mode"] = mount.type == "volume" ? "z" : "";
    one["RW"] = mount.writable;
    one["Propagation"] = mount.type == "bind" ? "rprivate" : "";
    out.push_back(std::move(one));
  }
  return out;
}

docker::json networks_answer(const fake_container& c) {
  docker::json out = docker::json::make_object();
  for (const auto& [name, endpoint] : c.endpoints) {
    docker::json one = docker::json::object({{"IPAMConfig", nullptr}, {"Links", nullptr}, {"Aliases", nullptr}});
    overlay(one, endpoint.settings);
    const bool attached = c.state == fake_state::running || c.state == fake_state::paused;
    one["NetworkID"] = endpoint.network_id;
    one["EndpointID"] = attached ? hex64(c.id + name) : std::string();
    one["Gateway"] = attached ? "172.18.0.1" : "";
    one["IPAddress"] = attached ? "172.18.0.2" : "";
    out[name] = std::move(one);
  }
  return out;
}

std::pair<std::string, std::string> cut(const std::string& text, char at) {
  const auto position = text.find(at);
  if (position == std::string::npos) return {text, ""};
  return {text.substr(0, position), text.substr(position + 1)};
}

fake_mount bind_mount(const std::string& bind) {
  const auto [source, rest] = cut(bind, ':');
  const auto [destination, mode] = cut(rest, ':');
  fake_mount out;
  out.type = source.starts_with('/') ? "bind" : "volume";
  (out.type == "bind" ? out.source : out.name) = source;
  out.destination = destination;
  out.writable = ("," + mode + ",").find(",ro,") == std::string::npos;
  return out;
}

fake_mount long_mount(const docker::json& mount, const std::string& id) {
  fake_mount out;
  out.type = mount.string_at({"Type"});
  out.destination = mount.string_at({"Target"});
  const std::string source = mount.string_at({"Source"});
  if (out.type == "volume") out.name = source.empty() ? hex64(id + out.destination) : source;
  if (out.type == "bind") out.source = source;
  out.writable = !mount.bool_at({"ReadOnly"});
  return out;
}

}  // namespace

bool fake_container::has_health_check() const {
  const docker::json* test = config.path({"Healthcheck", "Test"});
  return test != nullptr && test->is_array() && test->size() > 0 && test->elements()[0] != docker::json("NONE");
}

docker::json merged_config(const docker::json& image_config, const docker::json& body, const std::string& id) {
  docker::json out = docker::json::object({{"Hostname", id.substr(0, 12)},
                                           {"User", ""},
                                           {"Tty", false},
                                           {"Env", nullptr},
                                           {"Cmd", nullptr},
                                           {"Image", ""},
                                           {"Volumes", nullptr},
                                           {"WorkingDir", ""},
                                           {"Entrypoint", nullptr},
                                           {"OnBuild", nullptr},
                                           {"Labels", docker::json::make_object()}});
  overlay(out, image_config);
  for (const auto& [name, value] : body.object_members()) {
    if (name == "HostConfig" || name == "NetworkingConfig" || value.is_null()) continue;
    if (name == "Labels" || name == "Volumes" || name == "ExposedPorts") {
      overlay(out[name], value);
    } else if (name == "Env") {
      out["Env"] = merged_env(image_config.find("Env"), &value);
    } else {
      out[name] = value;
    }
  }
  if (body.contains("Entrypoint") && !body.contains("Cmd")) out["Cmd"] = nullptr;  // the image's command is dropped
  return out;
}

std::vector<fake_mount> mounts_of(const docker::json& body, const docker::json& config, const std::string& id) {
  std::vector<fake_mount> out;
  if (const auto* binds = body.path({"HostConfig", "Binds"}); binds != nullptr && binds->is_array()) {
    for (const auto& bind : binds->elements()) out.push_back(bind_mount(bind.as_string()));
  }
  if (const auto* mounts = body.path({"HostConfig", "Mounts"}); mounts != nullptr && mounts->is_array()) {
    for (const auto& mount : mounts->elements()) out.push_back(long_mount(mount, id));
  }
  const auto* anonymous = config.find("Volumes");
  if (anonymous == nullptr || !anonymous->is_object()) return out;
  for (const auto& [destination, unused] : anonymous->object_members()) {
    const auto taken = [&destination = destination](const fake_mount& m) { return m.destination == destination; };
    if (std::find_if(out.begin(), out.end(), taken) != out.end()) continue;
    fake_mount mount;
    mount.type = "volume";
    mount.name = hex64(id + destination);
    mount.destination = destination;
    out.push_back(std::move(mount));
  }
  return out;
}

std::vector<std::string> host_ports_of(const docker::json& host_config) {
  std::vector<std::string> out;
  const auto* bindings = host_config.find("PortBindings");
  if (bindings == nullptr || !bindings->is_object()) return out;
  for (const auto& [port, list] : bindings->object_members()) {
    if (!list.is_array()) continue;
    for (const auto& binding : list.elements()) {
      std::string address = binding.string_at({"HostIp"});
      if (address.empty()) address = "0.0.0.0";
      const std::string number = binding.string_at({"HostPort"});
      if (!number.empty()) out.push_back(address + ":" + number);
    }
  }
  return out;
}

bool is_predefined_network(const std::string& name) { return name == "bridge" || name == "host" || name == "none"; }

void add_short_id(docker::json& endpoint, const std::string& id) {
  docker::json& aliases = endpoint["Aliases"];
  const docker::json alias = id.substr(0, 12);
  if (aliases.is_array()) {
    const auto& list = aliases.elements();
    if (std::find(list.begin(), list.end(), alias) != list.end()) return;
  }
  aliases.push_back(alias);
}

void begin_run(fake_container& c, std::int64_t now) {
  c.state = fake_state::running;
  c.started_at = now;
  c.exit_code = 0;
  c.error.clear();
  c.oom_killed = false;
  c.seen = 0;
  c.log.insert(c.log.end(), c.behaviour.log.begin(), c.behaviour.log.end());
}

void end_run(fake_container& c, std::int64_t code, std::int64_t now) {
  c.state = fake_state::exited;
  c.exit_code = code;
  c.finished_at = now;
}

void pass_time(fake_container& c, std::int64_t now) {
  if (c.state == fake_state::restarting) {
    begin_run(c, now);
    ++c.restart_count;
  }
  if (c.state != fake_state::running) return;
  ++c.seen;
  if (!c.behaviour.exits_with || c.seen <= c.behaviour.exits_after) return;
  end_run(c, *c.behaviour.exits_with, now);
  c.oom_killed = c.behaviour.killed_for_memory;
  const std::string policy = c.restart_policy();
  const std::int64_t allowed = c.host_config.int64_at({"RestartPolicy", "MaximumRetryCount"});
  const bool on_failure = policy == "on-failure" && c.exit_code != 0 && (allowed == 0 || c.restart_count < allowed);
  if (policy == "always" || policy == "unless-stopped" || on_failure) c.state = fake_state::restarting;
}

docker::json inspect_answer(const fake_container& c) {
  return docker::json::object({{"Id", c.id},
                               {"Created", timestamp(c.created_at)},
                               {"State", state_answer(c)},
                               {"Image", c.image_id},
                               {"Name", "/" + c.name},
                               {"RestartCount", c.restart_count},
                               {"Driver", "overlay2"},
                               {"Platform", "linux"},
                               {"HostConfig", c.host_config},
                               {"Mounts", mounts_answer(c)},
                               {"Config", c.config},
                               {"NetworkSettings", docker::json::object({{"Networks", networks_answer(c)}})}});
}

docker::json list_answer(const fake_container& c) {
  return docker::json::object(
      {{"Id", c.id},
       {"Names", docker::json::array_of(std::vector<std::string>{"/" + c.name})},
       {"Image", c.config.string_at({"Image"})},
       {"ImageID", c.image_id},
       {"Created", clock_start + c.created_at},
       {"Labels", c.config.at("Labels")},
       {"State", std::string(to_text(c.state))},
       {"Status", std::string(to_text(c.state))},
       {"HostConfig", docker::json::object({{"NetworkMode", c.host_config.string_at({"NetworkMode"})}})},
       {"NetworkSettings", docker::json::object({{"Networks", networks_answer(c)}})},
       {"Mounts", mounts_answer(c)}});
}

std::string_view to_text(fake_state state) {
  switch (state) {
    case fake_state::created:
      return "created";
    case fake_state::running:
      return "running";
    case fake_state::paused:
      return "paused";
    case fake_state::restarting:
      return "restarting";
    case fake_state::exited:
      return "exited";
  }
  return "";
}

std::string timestamp(std::optional<std::int64_t> seconds) {
  if (!seconds) return "0001-01-01T00:00:00Z";
  const std::time_t at = clock_start + *seconds;
  std::tm utc{};
  gmtime_r(&at, &utc);
  char text[40];
  const auto length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000000001Z", &utc);
  return std::string(text, length);
}

}  // namespace orchestration
