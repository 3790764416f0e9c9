// compose's override file, as far as dockupd writes to it: `services: SERVICE: image: REFERENCE`, for images that no
// variable decides. One scalar is edited, or the fewest lines are added; every other byte stays, comments too.
#pragma once

#include <optional>
#include <string>

namespace orchestration {

/// The image that the text gives the service, as it is written; absent: none. Throws load_error for what is not YAML.
std::optional<std::string> override_image(const std::string& text, const std::string& service);

/// The text with that image; a whole file for an absent one. `file` is for messages. Throws pin_refused, saying what to
/// write by hand, where it cannot be done without touching more: flow style, anchors, aliases, tags, merge keys,
/// variables, several documents. Throws load_error for what is not YAML.
std::string with_override_image(const std::optional<std::string>& text, const std::string& service,
                                const std::string& image, const std::string& file);

/// The text without the service's image, and without the service where nothing else is said of it; absent: nothing is
/// left that compose would read, so the file is to go. Throws as above.
std::optional<std::string> without_override_image(const std::string& text, const std::string& service,
                                                  const std::string& file);

}  // namespace orchestration
