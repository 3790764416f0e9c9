#include "orchestration/project/image_text.hpp"

#include <algorithm>

namespace orchestration {
namespace {

bool is_id(const std::string& image) {
  return image.starts_with("sha256:") ||
         (image.size() == 64 && image.find_first_not_of("0123456789abcdef") == std::string::npos);
}

}  // namespace

image_text parts_of(const std::string& image) {
  if (is_id(image)) return {};
  const std::size_t at = std::min(image.find('@'), image.size());
  const std::string written = image.substr(0, at);
  const std::size_t slash = written.rfind('/');
  // One before a slash is a port's.
  const std::size_t colon = std::min(written.find(':', slash == std::string::npos ? 0 : slash), at);
  return {written.substr(0, colon), colon == at ? "" : written.substr(colon + 1), image.substr(at)};
}

}  // namespace orchestration
