// /networks of the Engine API. Errors as in containers.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "docker_client/containers.hpp"
#include "docker_client/json.hpp"
#include "docker_client/task.hpp"

namespace docker {

class networks {
 public:
  explicit networks(std::shared_ptr<engine_link> link) : link_(std::move(link)) {}

  task<create_result> create(json body) const;  // the body's CheckDuplicate is the caller's
  task<std::optional<json>> inspect(std::string id_or_name) const;
  task<json> list(json filters = nullptr) const;
  task<remove_result> remove(std::string id_or_name) const;
  /// {"Container": id, "EndpointConfig": {…}}
  task<> connect(std::string network, json body) const;
  /// {"Container": id, "Force": false}
  task<> disconnect(std::string network, json body) const;

 private:
  std::shared_ptr<engine_link> link_;
};

}  // namespace docker
