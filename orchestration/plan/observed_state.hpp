// What the engine says is there, as plain values: the right-hand side of reconcile().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "docker_client/json.hpp"

namespace orchestration {

enum class container_state { created, running, paused, restarting, removing, exited, dead };
enum class health_state { none, starting, healthy, unhealthy };

struct observed_mount {
  std::string type;         // "volume", "bind", "tmpfs", …
  std::string name;         // volume name; empty for others
  std::string destination;  // path in the container
  bool writable = true;
};

struct observed_container {
  std::string id;    // 64 hex
  std::string name;  // without the slash
  std::string service;
  int number = 0;               // label com.docker.compose.container-number
  std::string image_reference;  // Config.Image, as the user wrote it
  std::string image_id;         // sha256:…
  std::string config_hash;      // label; empty when absent
  std::string image_label;      // label com.docker.compose.image; empty when absent
  container_state state = container_state::created;
  health_state health = health_state::none;
  std::int64_t exit_code = 0;
  std::vector<observed_mount> mounts;
  std::vector<std::string> networks;  // real names
  docker::json inspect;               // the engine's whole answer
};

struct observed_volume {
  std::string name;
  std::string driver;
  std::string mountpoint;  // on the engine's host
  docker::json inspect;
};

struct observed_network {
  std::string name;
  std::string id;
  docker::json inspect;
};

struct observed_image {
  std::string id;                         // sha256:…
  std::vector<std::string> repo_digests;  // repo@sha256:…
  bool declares_health_check = false;
  std::string platform = {};  // "linux/arm64", the variant left out
  docker::json config = {};   // what it gives to containers
};

struct observed_state {
  std::string engine_id;  // /info ID
  int api_major = 1;
  int api_minor = 41;
  std::string platform;                               // "linux/amd64"
  std::vector<observed_container> containers;         // of this project, one-offs left out; by service, then number
  std::map<std::string, observed_volume> volumes;     // by real name: those the project names and that exist
  std::map<std::string, observed_network> networks;   // by real name: those the project names and that exist
  std::map<std::string, observed_image> images;       // by reference as written: those that are local
  std::map<std::string, docker::json> image_configs;  // by id: of the images that containers run, where they are local
};

/// The fields above from an inspect answer (API 1.41 – 1.51). Throws docker::json_error when it is no such answer.
observed_container container_from_inspect(const docker::json& inspect);
observed_volume volume_from_inspect(const docker::json& inspect);
observed_network network_from_inspect(const docker::json& inspect);
observed_image image_from_inspect(const docker::json& inspect);

/// It is up, and healthy where somebody looks.
bool runs_well(const observed_container& c);

std::string_view to_text(container_state state);
std::string_view to_text(health_state health);

}  // namespace orchestration
