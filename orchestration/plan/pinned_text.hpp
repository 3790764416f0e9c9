// What an override file has to say, whatever became of it since the plan was made.
#pragma once

#include <optional>
#include <string>

#include "orchestration/plan/plan.hpp"

namespace orchestration {

struct pinned_text {
  std::optional<std::string> text;  // absent: there is to be no file
  std::string left;                 // why something was left as it is; empty: all is as wanted
};

/// `now` is the file's text, absent without one. A file as it was when planned gets the planned text, byte for byte; in
/// one that was edited since, only an image that still is the expected one is changed.
pinned_text text_with_pins(const pin_images& p, const std::optional<std::string>& now);

/// The operation that sets these images; `now` as above. `previous` of each is filled in. Throws as
/// with_override_image() does.
pin_images pins_for(const std::string& file, std::vector<pinned_image> images, const std::optional<std::string>& now);

}  // namespace orchestration
