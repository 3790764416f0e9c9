// Names that containers bear while an attempt is under way, and that images are kept under.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

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
/// Made anew on the way back, in place of an old one that somebody removed.
inline std::string name_of_rebuilt(const std::string& name, const std::string& attempt_id) {
  return name + ".dockupd-again." + attempt_id;
}
/// Meanwhile, while an endpoint that a full disk has left is freed: no attempt's.
inline constexpr std::string_view while_freed = ".dockupd-restart";
/// Left over from an attempt, or part of one that is under way: no replica of its service.
inline bool belongs_to_attempt(const std::string& name) { return name.find(".dockupd-") != std::string::npos; }

/// "dockupd.local/kept:shop.web.r3": the image of a release under a name of ours, so that no prune takes it. Project
/// and service stand in the tag, which takes every letter that a service name may have; a repository takes no capitals.
inline std::string kept_image_name(const std::string& project, const std::string& service, int release) {
  constexpr std::size_t longest_tag = 128;
  std::string tag = project + "." + service + ".r" + std::to_string(release);
  if (tag.size() > longest_tag) tag.erase(0, tag.size() - longest_tag);
  tag.erase(0, std::min(tag.find_first_not_of(".-"), tag.size()));  // a tag begins with neither
  return "dockupd.local/kept:" + tag;
}

}  // namespace orchestration
