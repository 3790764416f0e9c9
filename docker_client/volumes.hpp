// /volumes of the Engine API. Errors as in containers.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "docker_client/containers.hpp"
#include "docker_client/json.hpp"
#include "docker_client/task.hpp"

namespace docker {

class volumes {
 public:
  explicit volumes(std::shared_ptr<engine_link> link) : link_(std::move(link)) {}

  /// The engine's description. A volume of that name that exists already is returned as it is, its options unchanged.
  task<json> create(json body) const;
  task<std::optional<json>> inspect(std::string name) const;
  /// {"Volumes": […] or null, "Warnings": …}
  task<json> list(json filters = nullptr) const;
  /// 409 (in use) is an error.
  task<remove_result> remove(std::string name, force ignore_driver = force::no) const;

 private:
  std::shared_ptr<engine_link> link_;
};

}  // namespace docker
