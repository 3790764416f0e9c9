// What an engine keeps of a container that ended while its disk was full: it could not record that the endpoint in the
// network is free, and starts nothing that bears the name again (moby 20.10, on file systems where overwriting needs
// room too: 403 "endpoint with name N already exists in network W").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace orchestration {

struct stale_endpoint {
  std::string name;  // of the container that had it
  std::string network;
};

/// From what the engine says when it refuses to start a container; nullopt: it refuses for another reason.
std::optional<stale_endpoint> stale_endpoint_in(std::string_view engine_words);

}  // namespace orchestration
