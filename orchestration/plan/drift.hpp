// Whether a container is what its service says, and if not, why, in words for an operator.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

/// What a container of the service has to be.
struct desired_container {
  const project& desired;
  const service& of;
  std::vector<std::string> hashes;  // in every dialect; a container bears one of them
  /// Local image id that `of.image` means, with the digest that the registry resolved where there is one; empty: it
  /// has to be pulled first.
  std::string image_id;
  bool resolved = false;                      // whether a registry said so
  std::map<std::string, std::string> joined;  // service → id of the container that stands for it now
};

/// "image shop-app:v1 -> shop-app:v2", `configuration_changed`, …; none: there is no difference.
inline constexpr const char* configuration_changed = "configuration changed";
std::vector<std::string> drift_of(const observed_container& c, const desired_container& wanted,
                                  const observed_state& observed);

/// The image id for desired_container. `digest` may be empty.
std::string local_image_id(const observed_state& observed, const std::string& reference, const std::string& digest);

/// Services whose containers this one joins or takes volumes from: network_mode, ipc, pid, uts and cgroup "service:X",
/// and volumes_from. Each with the attribute that says so.
std::vector<std::pair<std::string, std::string>> joined_services(const service& s);

}  // namespace orchestration
