// A release: the numbered, immutable record of what was deployed and proven. It holds all that is needed to bring it
// back without compose files, registry or network: create bodies, image ids and digests, networks, volumes, and the
// tag line. Its text holds the containers' environment, so it lives in a 0600 file only.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "docker_client/json.hpp"

namespace orchestration {

enum class release_verdict { verified, unverified, rolled_back };

struct released_container {
  std::string service;
  int number = 1;
  std::string name;
  std::string container_id;     // when it was recorded
  std::string image_reference;  // as written
  std::string image_id;         // sha256:…
  std::string image_digest;     // repo@sha256:… when known
  std::string config_hash;
  bool should_run = true;  // false: a one-shot that has completed, or stopped by the operator
  bool completes = false;  // a one-shot
  bool paused = false;
  bool has_health_check = false;
  std::int64_t start_budget_ms = 0;  // what its health check implies
  int start_level = 0;               // dependency order: lower levels first
  docker::json body;                 // create body that gives this very container with this image id
  std::vector<std::pair<std::string, docker::json>> connect_after;
  docker::json files;  // written into it before its first start, as create_container::files; null: none known
  /// What its config hash was made of, where that holds the id of another container, which is another one each time.
  docker::json hashed;
  bool operator==(const released_container&) const = default;
};

struct released_volume {
  std::string key;  // empty: anonymous
  std::string name;
  bool external = false;
  docker::json body;  // POST /volumes/create
  bool operator==(const released_volume&) const = default;
};

struct released_network {
  std::string name;
  bool external = false;
  docker::json body;  // POST /networks/create
  bool operator==(const released_network&) const = default;
};

/// Where the tag stood: what `rollback` writes back. Either a variable of an env file, or the image of a service in the
/// override file.
struct released_pin {
  std::string file;
  std::string variable;
  std::string value;    // empty: no such line or image stood there
  std::string service;  // of an override file
  /// What stood there before this release, empty where nothing did; absent: not recorded, as earlier versions did not
  /// for an env file.
  std::optional<std::string> previous;
  bool operator==(const released_pin&) const = default;
};

struct release {
  int number = 0;  // r1, r2, …
  std::string project;
  std::string tag;         // the pinned value; empty when nothing is pinned
  std::string created_at;  // RFC 3339, UTC
  std::string created_by;  // who
  std::string reason;      // why: "update --tag v2", "found running"
  release_verdict verdict = release_verdict::unverified;
  int previous = 0;            // the release that ran before; 0: none
  bool ran_migration = false;  // a one-shot ran on the way here: going back asks what happens to the data
  std::string attempt_id;
  std::vector<released_container> containers;  // by service, then number
  std::vector<released_network> networks;
  std::vector<released_volume> volumes;
  std::vector<released_pin> pins;
  bool operator==(const release&) const = default;
};

std::string to_text(release_verdict verdict);
docker::json to_json(const release& r);
release release_from_json(const docker::json& document);  // docker::json_error names the member

}  // namespace orchestration
