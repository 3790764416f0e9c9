// The config hash that a service's containers have to bear.
#pragma once

#include <map>
#include <string>

#include "orchestration/project/project.hpp"
#if __has_include("orchestration/project/config_hash.hpp")
#include "orchestration/project/config_hash.hpp"
#endif

namespace orchestration {

/// `joined`: ids of the containers whose namespaces or volumes the service uses, by service.
inline std::string desired_hash(const service& s, const std::map<std::string, std::string>& joined) {
#if __has_include("orchestration/project/config_hash.hpp")
  return service_hash(s, joined);
#else
  std::string text = s.document.to_text();
  for (const auto& [name, id] : joined) text += name + id;
  return std::to_string(std::hash<std::string>()(text));
#endif
}

}  // namespace orchestration
