// The fake engine's image side: what lies locally, what lies in the registry, and how containers of each image behave.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "docker_client/json.hpp"

namespace orchestration {

enum class health_script {
  becomes_healthy,    // after `healthy_after` inspects
  stays_starting,     // for ever
  becomes_unhealthy,  // after `healthy_after` inspects
  flaps,              // healthy, then unhealthy, turn about, each for `healthy_after` inspects
};

/// How every container of an image behaves. Time passes with inspects: the counts are inspects of that container that
/// were answered since its start.
struct image_behaviour {
  image_behaviour() = default;
  docker::json config;                     // of the image: Env, Cmd, Labels, Healthcheck, Volumes, ExposedPorts …
  std::optional<std::int64_t> exits_with;  // ends by itself, with this code; absent: runs until it is stopped
  int exits_after = 1;                     // seen running that often first
  bool killed_for_memory = false;          // when it ends by itself: State.OOMKilled
  health_script health = health_script::becomes_healthy;  // counts when the image or the container has a check
  int healthy_after = 1;                                  // seen "starting" that often first
  std::int64_t stop_code = 0;                             // exit code when stopped
  std::string start_error;                                // the start is refused with these words: 400, ExitCode 127
  std::vector<std::string> log;                           // lines written at every start
  /// Runs at every start, with the container's volumes that have real directories (container path → directory):
  /// what a version writes to its data.
  std::function<void(const std::map<std::string, std::filesystem::path>&)> on_start;
};

struct fake_image {
  std::string id;                      // sha256:…
  std::string digest;                  // of its manifest, the same in every repository
  std::set<std::string> tags;          // repo:tag
  std::set<std::string> repo_digests;  // repo@sha256:…
  image_behaviour behaviour;
};

/// 64 hex digits that depend on the text alone.
std::string hex64(const std::string& text);

class fake_images {
 public:
  /// What the registry serves for `reference` from now on. Returns the digest: another one for each publication.
  std::string publish(const std::string& reference, image_behaviour behaviour);
  void withdraw(const std::string& reference);
  /// As `docker import` does: local, without a digest. Returns the image id.
  std::string load(const std::string& reference, image_behaviour behaviour);

  bool registry_is_up = true;
  std::set<std::string> unreachable_registries;  // "127.0.0.1:1"
  /// Pulls of `reference` break after the first layers, with these words in the stream.
  std::map<std::string, std::string> broken_pulls;

  /// Why the registry of `reference` cannot be reached, in the engine's words; empty: it can.
  std::string unreachable(const std::string& reference) const;

  /// By tag, repo@digest, id or a beginning of the id. nullptr: not local.
  const fake_image* find(const std::string& reference) const;
  /// What the registry has for a tag or a repo@digest; nullptr: nothing.
  const fake_image* find_published(const std::string& reference) const;
  /// Stores what the registry has, with its tag or digest. True: it was not there yet.
  bool take_from_registry(const std::string& reference);
  void tag(const std::string& id, const std::string& reference);
  const std::map<std::string, fake_image>& local() const { return local_; }
  /// As `docker image prune -a` does: all but those of `in_use` (ids). What comes back are the ids that went.
  std::vector<std::string> prune(const std::set<std::string>& in_use);
  /// Takes the name away, and the image with its last name. `in_use`: a container is made from it, which keeps the
  /// last name. False: kept.
  bool remove(const std::string& reference, bool in_use);

 private:
  fake_image* find_mutable(const std::string& reference);
  fake_image& store(const fake_image& image);
  void drop_tag_elsewhere(const std::string& reference, const std::string& id);

  int publications_ = 0;
  std::map<std::string, fake_image> local_;       // by id
  std::map<std::string, fake_image> content_;     // everything ever published, by digest
  std::map<std::string, std::string> published_;  // repo:tag → digest
};

/// "repo:tag", with ":latest" when no tag is given and without "docker.io/library/"; repo@digest loses its tag; ids
/// stay.
std::string full_reference(const std::string& reference);
std::string repository_of(const std::string& reference);

}  // namespace orchestration
