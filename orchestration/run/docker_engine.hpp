// The engine port over docker_client: a real engine.
//
// Thin: one call of the port is one call of the engine, but for what the port promises to forgive. A call whose answer
// was lost throws docker::error with acted() maybe; read the truth again before going on.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "docker_client/client.hpp"
#include "orchestration/run/engine.hpp"
#include "orchestration/run/stale_endpoint.hpp"

namespace orchestration {

struct docker_engine_options {
  docker_engine_options() = default;
  bool local = false;                 // engine_address::is_local(): mount points are on this host
  std::filesystem::path config_file;  // docker's config.json, for registry credentials; empty: none
};

class docker_engine : public engine {
 public:
  explicit docker_engine(docker::client client, docker_engine_options options = docker_engine_options());

  docker::task<engine_facts> facts() override;  // asked once
  docker::task<std::vector<docker::json>> list_containers(std::vector<std::string> labels) override;
  docker::task<std::optional<docker::json>> inspect_container(std::string id) override;
  docker::task<std::string> create_container(std::string name, docker::json body, std::string platform) override;
  docker::task<> start_container(std::string id) override;
  /// A paused container: the engine lets it go once the signal is sent, so that it hears it (seen on 20.10).
  docker::task<> stop_container(std::string id, std::optional<std::chrono::seconds> grace_period) override;
  docker::task<> pause_container(std::string id) override;                     // paused already: fine
  docker::task<> unpause_container(std::string id) override;                   // running already: fine
  docker::task<> rename_container(std::string id, std::string name) override;  // bears it already: fine
  /// When someone else is removing it, waits until its name is free.
  docker::task<> remove_container(std::string id) override;
  docker::task<> set_restart_policy(std::string id, docker::json policy) override;
  docker::task<> put_archive(std::string id, std::string tar, file_owner owner) override;
  docker::task<std::optional<std::string>> get_archive(std::string id, std::string path) override;
  bool has_processes(const std::string& id) override;
  docker::task<std::string> last_log_lines(std::string id, int lines) override;
  docker::task<std::optional<docker::json>> inspect_image(std::string reference) override;
  docker::task<std::string> resolve_digest(std::string reference) override;
  docker::task<> pull_image(std::string reference, std::string platform,
                            std::function<void(const pull_progress&)> on_progress) override;
  docker::task<> tag_image(std::string image, std::string reference) override;
  docker::task<> remove_image(std::string reference) override;
  docker::task<> import_empty_image(std::string reference) override;
  docker::task<std::optional<docker::json>> inspect_network(std::string name) override;
  docker::task<std::string> create_network(docker::json body) override;  // a taken name is refused (409)
  docker::task<> remove_network(std::string name) override;
  docker::task<> connect_network(std::string network, std::string container, docker::json endpoint) override;
  docker::task<std::optional<docker::json>> inspect_volume(std::string name) override;
  docker::task<> create_volume(docker::json body) override;
  docker::task<> remove_volume(std::string name) override;

 private:
  using condition = std::function<bool(const docker::json&)>;
  docker::task<> do_unless_so(docker::task<> doing, std::string id, condition is_so);
  docker::task<> free_endpoint(std::string id, stale_endpoint stale);
  docker::task<> wait_until_removed(std::string id);
  std::string registry_auth(const docker::image_reference& reference) const;

  docker::client client_;
  docker_engine_options options_;
  std::optional<engine_facts> facts_;
};

}  // namespace orchestration
