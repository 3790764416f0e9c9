#include "orchestration/project/tree_path.hpp"

namespace orchestration {

std::string tree_path::text() const {
  if (above_ == nullptr) return {};
  std::string out = above_->text();
  if (index_) return out + "[" + std::to_string(*index_) + "]";
  if (!out.empty()) out += '.';
  return out += key_;
}

bool tree_path::has_steps_of(std::string_view pattern) const {
  for (const tree_path* step = this; step->above_ != nullptr; step = step->above_) {
    if (pattern.empty()) return false;
    const std::size_t dot = pattern.rfind('.');
    const std::string_view wanted = dot == std::string_view::npos ? pattern : pattern.substr(dot + 1);
    if (!step->ends_in(wanted)) return false;
    pattern = pattern.substr(0, dot == std::string_view::npos ? 0 : dot);
  }
  return pattern.empty();
}

}  // namespace orchestration
