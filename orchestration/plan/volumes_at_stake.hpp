// Which volumes a snapshot can and has to hold, and which data it cannot.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"

namespace orchestration {

/// What the project (or the release) says of a volume, by its real name.
struct known_volume {
  std::string key;
  bool external = false;
};

struct volumes_at_stake {
  std::vector<volume_target> volumes;  // by name
  std::vector<std::string> notes;      // what `writers` write to besides, and why the snapshot does not hold it
};

/// The volumes that `writers` have mounted writable and those of `also`, as far as they exist, belong to the project
/// (anonymous ones included) and lie on the engine's own disk.
volumes_at_stake find_volumes_at_stake(const observed_state& observed, const std::string& project,
                                       const std::map<std::string, known_volume>& known,
                                       const std::vector<const observed_container*>& writers,
                                       const std::set<std::string>& also);

/// Names of the volumes in `volumes` that the container has mounted; of those, the writable ones only.
enum class mounted { any, writable };
std::vector<std::string> volumes_of(const observed_container& c, const std::vector<volume_target>& volumes,
                                    mounted how);

/// Made by the engine for one container.
bool is_anonymous_volume(const observed_volume& v);

/// Whether the engine keeps the volume's files in the mountpoint even while nothing has it mounted.
bool is_plain_local_volume(const observed_volume& v);

}  // namespace orchestration
