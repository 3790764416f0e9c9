// Which release of compose a project is run with, as far as its config hashes tell: new containers get their hash in
// the same dialect, so that its `up` finds nothing to do.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

struct spoken_dialect {
  hash_dialect hash = hash_dialect::compose_2_30;
  std::string version;  // label of a container that speaks it; empty: none does
};

/// The dialect in which most containers bear the hash of their service. Services without bind mounts sound alike in
/// several: then the version labels decide, and with none the dialect of the compose whose requests dockupd makes.
/// `joined` gives the ids for service_hash() of a service.
using joined_ids = std::map<std::string, std::map<std::string, std::string>>;
spoken_dialect dialect_of(const project& desired, const std::vector<const observed_container*>& containers,
                          const joined_ids& joined);

/// The hash of the service in every dialect: a container that bears any of them is what the files say.
std::vector<std::string> hashes_of(const service& s, const std::map<std::string, std::string>& joined);

}  // namespace orchestration
