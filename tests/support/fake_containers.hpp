// The fake engine's containers: their record, how it changes as time passes, and its inspect and list answers, shaped
// like those of engine 20.10 (API 1.41).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "tests/support/fake_images.hpp"

namespace orchestration {

enum class fake_state { created, running, paused, restarting, exited };

struct fake_mount {
  std::string type;  // "volume", "bind", "tmpfs"
  std::string name;  // of the volume
  std::string source;
  std::string destination;
  bool writable = true;
};

struct fake_file {
  std::string content;
  std::uint32_t mode = 0;
  std::uint64_t user = 0;
  bool operator==(const fake_file&) const = default;
};

struct fake_endpoint {
  docker::json settings;  // as sent: Aliases, IPAMConfig …
  std::string network_id;
};

struct fake_container {
  std::string id;
  std::string name;  // without the slash
  std::string image_id;
  image_behaviour behaviour;  // of its image, when it was created
  docker::json config;        // the image's, overlaid by the body's
  docker::json host_config;
  std::vector<fake_mount> mounts;
  std::map<std::string, fake_file> files;          // put into it, by absolute path
  std::map<std::string, fake_endpoint> endpoints;  // by network name
  std::int64_t created_at = 0;                     // seconds of the fake's clock
  std::optional<std::int64_t> started_at;
  std::optional<std::int64_t> finished_at;
  fake_state state = fake_state::created;
  std::int64_t exit_code = 0;
  bool oom_killed = false;
  std::string error;
  int restart_count = 0;
  bool stopped_by_hand = false;
  int seen = 0;  // inspects since the last start
  std::vector<std::string> log;

  bool is_up() const { return state != fake_state::created && state != fake_state::exited; }
  bool has_health_check() const;
  std::string restart_policy() const { return host_config.string_at({"RestartPolicy", "Name"}); }
};

/// The image's config overlaid by the create body's, as the engine merges them.
docker::json merged_config(const docker::json& image_config, const docker::json& body, const std::string& id);
/// What the body's Binds and Mounts and the merged config's Volumes come to; anonymous volumes get a name from `id`.
std::vector<fake_mount> mounts_of(const docker::json& body, const docker::json& config, const std::string& id);
/// "0.0.0.0:8080" for each published port.
std::vector<std::string> host_ports_of(const docker::json& host_config);

bool is_predefined_network(const std::string& name);
/// In user-defined networks, engines before API 1.45 add the short id to the aliases.
void add_short_id(docker::json& endpoint_settings, const std::string& id);

/// One inspect went by: it may exit, come back, change its health.
void pass_time(fake_container& container, std::int64_t now);
void begin_run(fake_container& container, std::int64_t now);
void end_run(fake_container& container, std::int64_t code, std::int64_t now);

docker::json inspect_answer(const fake_container& container);
docker::json list_answer(const fake_container& container);
std::string_view to_text(fake_state state);
std::string timestamp(std::optional<std::int64_t> seconds);  // RFC 3339; absent: the engine's "never"

}  // namespace orchestration
