// The tag lines and images in the user's own files, as releases record them, and what they have to say again.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestration/plan/plan.hpp"
#include "orchestration/release/store.hpp"

namespace orchestration {

/// For the settings of an attempt, of which pins_of() makes those of its release.
void add_pins(docker::json& settings, const std::optional<pin_tag>& line, const std::optional<pin_images>& images);
std::vector<released_pin> pins_of(const docker::json& settings);

/// What stands there without a run that writes it: `line` as it was found, before the run.
released_pin found_pin(const pin_tag& line);

/// Gives `r` the pins of the release before that it does not have itself, with what stands there now: it wrote nothing
/// there, and a rollback to it is to find the same.
void carry_pins(release& r, const release& before);

/// What the files have to say again when `target` runs instead of `present`. They are read; one that cannot be read or
/// edited, and an image that somebody changed since, stay as they are and are named in notes.
struct pins_back {
  std::vector<pin_tag> lines;
  std::vector<pin_images> images;
  std::vector<std::string> notes;
};
pins_back pins_to_go_back(const store& records, const release& target, const release& present);

/// Whether what stands in the file is neither as it was when this was planned nor as it is to be.
bool is_another(const pin_tag& planned, const std::string& stands);

/// refusal when the file does not say any more what the request was made from: another run has been there since.
void refuse_changed(const pin_tag& planned);
void refuse_changed(const pin_images& planned);

}  // namespace orchestration
