// Names that containers bear while an attempt is under way.
#pragma once

#include <string>

namespace orchestration {

inline std::string name_of_new(const std::string& name, const std::string& attempt_id) {
  return name + ".dockupd-new." + attempt_id;
}
inline std::string name_set_aside(const std::string& name, const std::string& attempt_id) {
  return name + ".dockupd-old." + attempt_id;
}
inline std::string name_of_failed(const std::string& name, const std::string& attempt_id) {
  return name + ".dockupd-failed." + attempt_id;
}
/// Left over from an attempt, or part of one that is under way: no replica of its service.
inline bool belongs_to_attempt(const std::string& name) { return name.find(".dockupd-") != std::string::npos; }

}  // namespace orchestration
