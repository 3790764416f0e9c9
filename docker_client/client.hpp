// An asynchronous client of the Docker Engine API.
//
//   docker::client engine(executor, docker::resolve_engine_address(host, context, lookup));
//   auto web = co_await engine.containers().inspect("web");
//
// One thread: use it, and destroy it, where its executor runs. It outlives its tasks and streams. Cancelling a task
// (terminal) closes its connection and throws docker::error of kind cancelled; the engine may still act.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>

#include "docker_client/containers.hpp"
#include "docker_client/engine_address.hpp"
#include "docker_client/error.hpp"
#include "docker_client/images.hpp"
#include "docker_client/networks.hpp"
#include "docker_client/system.hpp"
#include "docker_client/task.hpp"
#include "docker_client/volumes.hpp"
#include "docker_client/wire/byte_stream.hpp"

namespace docker {

struct api_version {
  int major = 0;
  int minor = 0;
  auto operator<=>(const api_version&) const = default;
};
std::string to_text(api_version version);
/// "1.41"; std::invalid_argument for anything else.
api_version parse_api_version(std::string_view text);

inline constexpr api_version oldest_api{1, 40};  // Docker 19.03: the first with HEAD /_ping and what we rely on
inline constexpr api_version newest_api{1, 51};  // Docker 28.3: the newest whose behaviour was looked at

/// Zero: no deadline. A call that is slow by nature (stop, pull, remove) has a longer one of its own.
struct client_options {
  client_options() = default;
  std::chrono::milliseconds connect{10'000};
  std::chrono::milliseconds first_byte{60'000};        // from sending to the reply's whole head
  std::chrono::milliseconds idle{60'000};              // between bytes of a body that is not a stream of events
  std::chrono::milliseconds slow_first_byte{600'000};  // create, start, remove, pull, df: the engine works
  std::string pinned_api_version;                      // DOCKER_API_VERSION: used as it is, no negotiation
};

class client {
 public:
  /// Connects at the first call. std::invalid_argument for a pinned version that is none.
  client(boost::asio::any_io_executor executor, engine_address address, client_options options = {});
  /// The same over any connection: `dial` opens a new one.
  client(stream_factory dial, std::string base_path, client_options options = {});
  ~client();
  client(client&&) noexcept;

  /// The version spoken with this engine: the newest that both know. Asked once, and again after the engine called it
  /// too old or too new (it was changed under us). error (protocol) when the engine is older than `oldest_api`.
  task<api_version> negotiate() const;
  /// Known after the first call; false before.
  bool is_podman() const noexcept;

  const docker::containers& containers() const noexcept { return containers_; }
  const docker::images& images() const noexcept { return images_; }
  const docker::networks& networks() const noexcept { return networks_; }
  const docker::volumes& volumes() const noexcept { return volumes_; }
  const docker::system& system() const noexcept { return system_; }

 private:
  explicit client(std::shared_ptr<engine_link> link);
  std::shared_ptr<engine_link> link_;
  docker::containers containers_;
  docker::images images_;
  docker::networks networks_;
  docker::volumes volumes_;
  docker::system system_;
};

}  // namespace docker
