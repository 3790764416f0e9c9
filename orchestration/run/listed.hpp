// What an entry of GET /containers/json says.
#pragma once

#include <string>

#include "docker_client/json.hpp"

namespace orchestration {

/// Its first name, without the slash; empty: it has none.
inline std::string name_of_listed(const docker::json& listed) {
  const docker::json* names = listed.find("Names");
  if (names == nullptr || !names->is_array() || names->empty()) return {};
  const std::string name = names->elements().front().as_string();
  return name.starts_with('/') ? name.substr(1) : name;
}

}  // namespace orchestration
