// Secrets from the environment, configs from `content` or the environment: what compose writes into a container before
// its first start, file by file.
#pragma once

#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

struct placed_file {
  std::string path;  // absolute, in the container
  std::string content;
  int mode = 0444;
  int user = 0;
  int group = 0;
  /// `uid` or `gid` is given: compose then has the engine give the file to the user of the container.
  bool to_container_user = false;
  bool operator==(const placed_file&) const = default;
};

/// Those of the service, secrets first, in the order of the file; one without content is none. Throws create_body_error
/// for a variable that is not set, text that is not UTF-8, and for a service whose root is read-only.
std::vector<placed_file> placed_files_of(const project& p, const service& s);

/// An array; the content is a member called "secret", which is hidden wherever it would be shown. Null for none.
docker::json to_json(const std::vector<placed_file>& files);
std::vector<placed_file> placed_files_from_json(const docker::json& document);  // docker::json_error names the member

/// Where the file of a secret or config goes. `directory` is for a target that is no absolute path.
std::string target_of_file(const docker::json& reference, std::string_view directory);

}  // namespace orchestration
