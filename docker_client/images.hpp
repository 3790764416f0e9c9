// /images and /distribution of the Engine API. Errors as in containers.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "docker_client/containers.hpp"
#include "docker_client/image_reference.hpp"
#include "docker_client/json.hpp"
#include "docker_client/task.hpp"

namespace docker {

struct pull_progress {
  std::string id;      // a layer, or ""
  std::string status;  // the engine's words, foreign text
  std::int64_t current = 0;
  std::int64_t total = 0;  // 0: unknown; may be less than current
};

using pull_observer = std::function<void(const pull_progress&)>;

class images {
 public:
  explicit images(std::shared_ptr<engine_link> link) : link_(std::move(link)) {}

  /// Tag "latest" when there is neither tag nor digest (a bare name pulls every tag on old engines). Returns when the
  /// engine says so and no line was an error. Inspect afterwards: the engine may have kept another platform's image.
  /// Cancelling closes the connection, which cancels the pull in the engine. `registry_auth` from credentials.hpp or
  /// "".
  task<> pull(image_reference reference, std::string platform, std::string registry_auth,
              pull_observer on_progress) const;
  task<std::optional<json>> inspect(std::string reference_or_id) const;  // nullopt: not on this engine
  task<> tag(std::string source, std::string repository, std::string new_tag) const;
  /// Makes an image of one layer out of an archive of its files. Errors inside the reply are errors.
  task<> import(std::string tar, std::string repository, std::string new_tag) const;
  task<json> list(json filters = nullptr) const;
  /// 409 (in use) is an error.
  task<remove_result> remove(std::string reference_or_id, force untag_all = force::no) const;
  /// What the registry says: {"Descriptor": {"digest": …}, "Platforms": […]}. Podman has no such endpoint (404).
  task<json> distribution(std::string reference, std::string registry_auth) const;

 private:
  std::shared_ptr<engine_link> link_;
};

}  // namespace docker
