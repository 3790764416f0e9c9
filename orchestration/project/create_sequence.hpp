// All that has to be asked of an engine to make a project where nothing of it is there yet.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

struct create_sequence {
  /// {"method": "POST", "path": "/containers/create", "query": {"name": …, "platform": …}, "body": {…}} each, in the
  /// order in which they are sent: networks and volumes by key, then containers by start order, name and number, each
  /// with the connects that follow it ("path": "/networks/NAME/connect", "Container" being the container's name). Path
  /// without API version; query members only when they are sent. Nothing external is made.
  std::vector<docker::json> requests;
  std::vector<std::string> warnings;  // what this API version does not honour, and what only an engine knows
};

/// What dockupd sends, with final container names. Labels that need an engine are not there: the image id
/// (com.docker.compose.image), those of an attempt, and the config hash of a service that leans on a container of
/// another service whose id `containers` does not give. Throws create_body_error.
create_sequence create_requests(const project& p, api_version api, hash_dialect dialect,
                                const std::map<std::string, std::string>& containers);

/// The services whose container ids the service's config hash needs: of `service:` namespaces and volumes_from. Sorted.
std::vector<std::string> services_in_hash(const service& s);

}  // namespace orchestration
