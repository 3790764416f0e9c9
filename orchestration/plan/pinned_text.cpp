#include "orchestration/plan/pinned_text.hpp"

#include <stdexcept>

#include "orchestration/project/override_file.hpp"

namespace orchestration {
namespace {

std::optional<std::string> text_of(const docker::json& document) {
  return document.is_string() ? std::optional(document.as_string()) : std::nullopt;
}

docker::json json_of(const std::optional<std::string>& text) { return text ? docker::json(*text) : docker::json(); }

std::optional<std::string> edited(const std::optional<std::string>& text, const pinned_image& wanted,
                                  const std::string& file) {
  if (!wanted.image.empty()) return with_override_image(text, wanted.service, wanted.image, file);
  return text ? without_override_image(*text, wanted.service, file) : std::nullopt;
}

}  // namespace

pinned_text text_with_pins(const pin_images& p, const std::optional<std::string>& now) {
  if (now == text_of(p.new_text)) return {now, ""};
  if (now == text_of(p.old_text)) return {text_of(p.new_text), ""};
  pinned_text out{now, ""};
  for (const pinned_image& each : p.images) {
    try {
      const std::string stands = out.text ? override_image(*out.text, each.service).value_or("") : "";
      if (stands == each.image) continue;
      if (stands == each.previous)
        out.text = edited(out.text, each, p.file);
      else
        out.left = "somebody changed services." + each.service + ".image of " + p.file + " to " +
                   (stands.empty() ? "nothing" : stands);
    } catch (const std::runtime_error& error) {  // no YAML any more, or in a form that is not edited
      out.left = error.what();
    }
  }
  return out;
}

pin_images pins_for(const std::string& file, std::vector<pinned_image> images, const std::optional<std::string>& now) {
  pin_images out{file, std::move(images), json_of(now), {}};
  std::optional<std::string> text = now;
  for (pinned_image& each : out.images) {
    each.previous = now ? override_image(*now, each.service).value_or("") : "";
    text = edited(text, each, file);
  }
  out.new_text = json_of(text);
  return out;
}

}  // namespace orchestration
