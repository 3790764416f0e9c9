#include "orchestration/plan/observed_state.hpp"

#include <array>
#include <charconv>

#include "orchestration/plan/health_budget.hpp"

namespace orchestration {
namespace {

using docker::json;
using docker::json_error;

constexpr std::array<std::string_view, 7> state_texts = {"created",  "running", "paused", "restarting",
                                                         "removing", "exited",  "dead"};
constexpr std::array<std::string_view, 4> health_texts = {"none", "starting", "healthy", "unhealthy"};

container_state state_of(const std::string& text) {
  for (std::size_t i = 0; i < state_texts.size(); ++i)
    if (state_texts[i] == text) return static_cast<container_state>(i);
  throw json_error("State.Status: \"" + text + "\" is no state of a container");
}

// Engines without a health check leave Health out; Podman writes "".
health_state health_of(const std::string& text) {
  for (std::size_t i = 0; i < health_texts.size(); ++i)
    if (health_texts[i] == text) return static_cast<health_state>(i);
  return health_state::none;
}

int number_of(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : 0;
}

std::string label(const json& inspect, std::string_view name) { return inspect.string_at({"Config", "Labels", name}); }

observed_mount mount_from(const json& each) {
  observed_mount out;
  out.type = each.string_at({"Type"});
  if (out.type == "volume") out.name = each.string_at({"Name"});
  out.destination = each.string_at({"Destination"});
  out.writable = each.bool_at({"RW"}, true);
  return out;
}

}  // namespace

observed_container container_from_inspect(const json& inspect) {
  observed_container out;
  out.id = inspect.at("Id").as_string();
  out.name = inspect.at("Name").as_string();
  if (out.name.starts_with('/')) out.name.erase(0, 1);
  out.service = label(inspect, "com.docker.compose.service");
  out.number = number_of(label(inspect, "com.docker.compose.container-number"));
  out.image_reference = inspect.string_at({"Config", "Image"});
  out.image_id = inspect.at("Image").as_string();
  out.config_hash = label(inspect, "com.docker.compose.config-hash");
  out.image_label = label(inspect, "com.docker.compose.image");
  out.state = state_of(inspect.at("State").at("Status").as_string());
  out.health = health_of(inspect.string_at({"State", "Health", "Status"}));
  out.exit_code = inspect.int64_at({"State", "ExitCode"});
  if (const json* mounts = inspect.find("Mounts"); mounts != nullptr && mounts->is_array())
    for (const json& each : mounts->elements()) out.mounts.push_back(mount_from(each));
  if (const json* networks = inspect.path({"NetworkSettings", "Networks"}); networks && networks->is_object())
    for (const auto& [name, endpoint] : networks->object_members()) out.networks.push_back(name);
  out.inspect = inspect;
  return out;
}

observed_volume volume_from_inspect(const json& inspect) {
  observed_volume out;
  out.name = inspect.at("Name").as_string();
  out.driver = inspect.string_at({"Driver"}, "local");
  out.mountpoint = inspect.string_at({"Mountpoint"});
  out.inspect = inspect;
  return out;
}

observed_network network_from_inspect(const json& inspect) {
  observed_network out;
  out.name = inspect.at("Name").as_string();
  out.id = inspect.at("Id").as_string();
  out.inspect = inspect;
  return out;
}

observed_image image_from_inspect(const json& inspect) {
  observed_image out;
  out.id = inspect.at("Id").as_string();
  if (const json* digests = inspect.find("RepoDigests"); digests != nullptr && digests->is_array())
    for (const json& each : digests->elements()) out.repo_digests.push_back(each.as_string());
  const std::string architecture = inspect.string_at({"Architecture"});
  if (!architecture.empty()) out.platform = inspect.string_at({"Os"}) + "/" + architecture;
  out.declares_health_check = is_health_check(inspect.path({"Config", "Healthcheck"}));
  if (const json* config = inspect.find("Config")) out.config = *config;
  return out;
}

bool runs_well(const observed_container& c) {
  return c.state == container_state::running && (c.health == health_state::none || c.health == health_state::healthy);
}

std::string_view to_text(container_state state) { return state_texts.at(static_cast<std::size_t>(state)); }
std::string_view to_text(health_state health) { return health_texts.at(static_cast<std::size_t>(health)); }

}  // namespace orchestration
