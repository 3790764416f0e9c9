// Where the engine listens, and which of the many places that can say so wins.
#pragma once

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace docker {

/// An address, context or configuration file that cannot be used; what() says which and what to write instead.
class address_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class transport { unix_socket, tcp, tls, ssh };

struct engine_address {
  engine_address() = default;

  docker::transport transport = docker::transport::unix_socket;
  std::string socket_path = "/var/run/docker.sock";  // unix_socket; ssh: the far path, may be empty
  std::string host;                                  // tcp, tls, ssh ("user@host" for ssh)
  std::string port;                                  // tcp: 2375 when not given, tls: 2376, ssh: may be empty
  std::string base_path;                             // put before every path: "" or "/engines/one"
  std::string text = "unix:///var/run/docker.sock";  // as the user wrote it
  std::string origin;                                // who said so: "--host", "DOCKER_HOST"; "" when nobody did

  bool is_local() const noexcept { return transport == docker::transport::unix_socket; }
};

/// unix:///path, tcp://host[:port][/base], http://, https://, ssh://[user@]host[:port][/path]. address_error for
/// anything else, and for a socket path over 107 bytes (the kernel's sun_path).
engine_address parse_engine_address(std::string_view text);

using environment_lookup = std::function<std::optional<std::string>(std::string_view name)>;

/// docker's own order: context flag, host flag, DOCKER_HOST, DOCKER_CONTEXT, currentContext of config.json, default.
/// Empty means not given. Reads contexts/meta/<sha256 of the name>/meta.json under DOCKER_CONFIG or HOME/.docker.
/// address_error when what wins is unusable; a lower one is never tried instead.
engine_address resolve_engine_address(std::string_view host_flag, std::string_view context_flag,
                                      const environment_lookup& lookup);

/// DOCKER_CONFIG, else HOME/.docker, else "" (no home).
std::string docker_config_directory(const environment_lookup& lookup);

}  // namespace docker
