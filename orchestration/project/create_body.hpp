// Service → what is sent to the engine to make its containers, networks and volumes, member for member what
// docker compose 2.40.3 sends, so that compose takes them for its own afterwards. And the way back: what an engine says
// about a container → the request that makes the same container again.
//
// Values the engine takes as absent ("", 0, false, null) are left out. Nothing here asks an engine.
#pragma once

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/project/placed_file.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

/// The version of the Engine API that the request will be sent with: it decides where things go.
struct api_version {
  int major = 1;
  int minor = 41;
  auto operator<=>(const api_version&) const = default;
};

/// The service asks for something that cannot be made: the engine is too old for it, it refers to what is not there, or
/// dockupd cannot do it yet. what() names service and attribute, the reason, and what to do.
class create_body_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something mounted in the container that is replaced, to be mounted in its successor as well.
struct inherited_mount {
  std::string type;    // "volume", "bind"
  std::string source;  // volume name, or path on the engine's host
  std::string target;
  bool read_only = false;
  bool operator==(const inherited_mount&) const = default;
};

/// The version label that dockupd writes: the compose release whose requests it makes.
inline constexpr std::string_view compose_version = "2.40.3";

/// What the request needs to know besides the files.
struct create_context {
  create_context() = default;
  api_version api;
  std::string config_hash;  // label; empty: not written, and compose does not see the container
  std::string image_id;     // sha256:… that `image` means locally; empty: the label is added later
  /// Service → id of its first container, for `service:` namespaces and volumes_from. A service that is missing here
  /// stays in the body as "service:NAME", for resolve_containers() once its container is made.
  std::map<std::string, std::string> containers;
  /// What the client configuration adds to every container's environment (proxies); `environment` wins.
  std::map<std::string, std::string> client_environment;
  std::string version = std::string(compose_version);
  /// Mounts of the container that is replaced. Only those at a target for which the service declares an anonymous
  /// volume are used; volumes of the image are carried by carry_anonymous_volumes, when the image is there.
  std::vector<inherited_mount> inherited;
};

struct create_request {
  create_request() = default;
  std::string name;      // final container name
  std::string platform;  // query `platform`; "linux/arm64", or empty for the engine's own
  docker::json body;     // POST /containers/create
  /// Engines before API 1.44 take one network at create: the others by POST /networks/{first}/connect, in this order,
  /// before the start, with `second` as EndpointConfig.
  std::vector<std::pair<std::string, docker::json>> connect_after;
  std::vector<placed_file> files;     // to be written into the container before its first start
  std::vector<std::string> warnings;  // what the engine will not honour as written; "service web: …"
};

/// The create request for replica `number` (from 1); as it was found where no file says it, with its own labels. Reads
/// the files that `security_opt: seccomp=FILE` names, as compose does, and nothing else. Throws create_body_error.
create_request make_create_request(const project& p, const service& s, int number, const create_context& context);

/// Puts container ids where NetworkMode, IpcMode, PidMode and VolumesFrom say "service:NAME"; ":ro" after it stays.
void resolve_containers(docker::json& body, const std::map<std::string, std::string>& containers);
/// The way back: "service:NAME" where they hold an id that `services` knows.
void name_containers(docker::json& body, const std::map<std::string, std::string>& services);
/// The containers that NetworkMode, IpcMode, PidMode and VolumesFrom of a HostConfig refer to, by id or name; a service
/// that is not resolved is "service:NAME".
std::set<std::string> containers_joined_by(const docker::json& host_config);

/// POST /networks/create. The config-hash label is written only when `config_hash` is given: a wrong one makes compose
/// recreate the network, an absent one is accepted by every compose version.
docker::json network_create_body(const project& p, const network& n,
                                 const std::optional<std::string>& config_hash = std::nullopt,
                                 std::string_view version = compose_version);
/// POST /volumes/create. As above; a wrong hash here can cost the data (`compose up -y`).
docker::json volume_create_body(const project& p, const volume& v,
                                const std::optional<std::string>& config_hash = std::nullopt,
                                std::string_view version = compose_version);

/// The mounts of a container, tmpfs left out. `inspect` is GET /containers/{id}/json.
std::vector<inherited_mount> mounts_of(const docker::json& inspect);

/// Gives the anonymous volumes of the old container to the new one, by name: those the service declares, and those that
/// the new image declares (`new_image_config` is its Config; null: none) and nothing else in `body` is mounted at.
/// Safe to repeat.
void carry_anonymous_volumes(docker::json& body, const docker::json& old_inspect, const docker::json& new_image_config);

/// The request that makes this very container again from the same image. Everything the engine shows is carried as it
/// is, except what it made up itself: the host name and alias from the id, addresses and MACs it chose, the names of
/// anonymous volumes (these become named mounts). `image` is GET /images/{id}/json of the container's image when at
/// hand; only an emptied entrypoint needs it. Throws docker::json_error when `inspect` is no such answer.
create_request body_from_inspect(const docker::json& inspect, api_version api, const docker::json& image = {});

/// Takes out of a body_from_inspect() what the engine filled in from the image, `config` being that image's Config: so
/// that another image's own defaults apply, and what was asked for stays. Labels of compose always stay.
void subtract_image_defaults(docker::json& body, const docker::json& config);

}  // namespace orchestration
