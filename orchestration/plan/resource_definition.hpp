// Networks and volumes that are there: whether they are what the files say.
#pragma once

#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/project/project.hpp"

namespace orchestration {

/// What of the network is not as the files say, in the words of the compose file ("driver", "ipam"); empty: nothing
/// that an engine shows.
std::vector<std::string> differences_of(const network& wanted, const observed_network& found, const project& p);
std::vector<std::string> differences_of(const volume& wanted, const observed_volume& found, const project& p);

/// The label com.docker.compose.config-hash, by which compose tells whether it has to make it anew; absent is fine with
/// every compose.
enum class definition { unlabelled, same, another };
definition definition_of(const network& wanted, const observed_network& found);
definition definition_of(const volume& wanted, const observed_volume& found);

}  // namespace orchestration
