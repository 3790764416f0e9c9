// The engine, as orchestration needs it: the port with two sides, docker_engine (over docker_client) and the fake.
// The contract suite in tests/support runs against both.
//
// Every function throws docker::error when the engine cannot be reached, refuses, or the answer is cut short; what may
// be branched on comes back as a value. Cancelling (terminal) throws operation_aborted; the engine may still act.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "docker_client/task.hpp"

namespace orchestration {

struct engine_facts {
  std::string id;       // /info ID
  std::string version;  // "20.10.24"
  int api_major = 1;    // negotiated
  int api_minor = 41;
  std::string data_root;  // /info DockerRootDir, on the engine's host
  std::string platform;   // "linux/amd64"
  bool local = false;     // reached through a unix socket: mount points are on this host
};

/// Whose the files of a tar become: whose it says, or the container's user's.
enum class file_owner { as_in_tar, container_user };

struct pull_progress {
  std::string layer;   // may be empty
  std::string status;  // the engine's words
  std::int64_t current = 0;
  std::int64_t total = 0;  // 0: unknown
};

class engine {
 public:
  virtual ~engine() = default;

  virtual docker::task<engine_facts> facts() = 0;

  // Containers. Ids or names; inspect answers are the engine's, whole; nullopt: no such container.
  virtual docker::task<std::vector<docker::json>> list_containers(std::vector<std::string> labels) = 0;  // all states
  virtual docker::task<std::optional<docker::json>> inspect_container(std::string id) = 0;
  virtual docker::task<std::string> create_container(std::string name, docker::json body, std::string platform) = 0;
  virtual docker::task<> start_container(std::string id) = 0;  // running already: fine
  /// Stopped already: fine. `grace_period` absent: the container's own.
  virtual docker::task<> stop_container(std::string id, std::optional<std::chrono::seconds> grace_period) = 0;
  virtual docker::task<> pause_container(std::string id) = 0;
  virtual docker::task<> unpause_container(std::string id) = 0;
  virtual docker::task<> rename_container(std::string id, std::string name) = 0;
  virtual docker::task<> remove_container(std::string id) = 0;  // gone already: fine; anonymous volumes stay
  virtual docker::task<> set_restart_policy(std::string id, docker::json policy) = 0;
  /// Unpacks a tar at the root of the container, whether it runs or not.
  virtual docker::task<> put_archive(std::string id, std::string tar, file_owner owner) = 0;
  /// The file as a tar; nullopt: there is none, or no such container.
  virtual docker::task<std::optional<std::string>> get_archive(std::string id, std::string path) = 0;
  /// Whether a process of that container (full id) runs, the engine knowing of it or not. false: none does, or the
  /// engine is not on this host.
  virtual bool has_processes(const std::string& id) = 0;
  virtual docker::task<std::string> last_log_lines(std::string id, int lines) = 0;  // both streams; foreign text

  // Images.
  virtual docker::task<std::optional<docker::json>> inspect_image(std::string reference) = 0;
  /// What the registry says the reference means now: "sha256:…". Goes through the engine, with its mirrors.
  virtual docker::task<std::string> resolve_digest(std::string reference) = 0;
  /// Pulls `reference` (tag or repo@digest). An error inside the stream is an error.
  virtual docker::task<> pull_image(std::string reference, std::string platform,
                                    std::function<void(const pull_progress&)> on_progress) = 0;
  virtual docker::task<> tag_image(std::string image, std::string reference) = 0;
  virtual docker::task<> remove_image(std::string reference) = 0;  // gone already or in use: fine
  /// Makes an image with nothing in it; the name moves to it when there is one.
  virtual docker::task<> import_empty_image(std::string reference) = 0;

  // Networks and volumes. nullopt: none of that name.
  virtual docker::task<std::optional<docker::json>> inspect_network(std::string name) = 0;
  virtual docker::task<std::string> create_network(docker::json body) = 0;
  virtual docker::task<> remove_network(std::string name) = 0;  // gone already: fine
  virtual docker::task<> connect_network(std::string network, std::string container, docker::json endpoint) = 0;
  virtual docker::task<std::optional<docker::json>> inspect_volume(std::string name) = 0;
  virtual docker::task<> create_volume(docker::json body) = 0;
  virtual docker::task<> remove_volume(std::string name) = 0;  // gone already: fine
};

}  // namespace orchestration
