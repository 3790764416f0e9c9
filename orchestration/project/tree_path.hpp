// Where in a tree of nodes a walk stands: a chain of steps on the walker's own stack.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace orchestration {

/// "services.*.ports.[]": `*` is any step, `[]` any element of a list.
struct path_pattern {
  constexpr path_pattern(const char* written)  // NOLINT(google-explicit-constructor): tables are of texts
      : text(written),
        last(text.substr(text.rfind('.') + 1)),  // npos + 1 is 0
        depth(text.empty() ? 0 : 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '.'))) {}
  std::string_view text;
  std::string_view last;  // step
  std::size_t depth;  // steps
};

/// Each step points at the one above it, and at its key: both must outlive it.
class tree_path {
 public:
  tree_path() = default;  // the root
  tree_path(const tree_path& above, std::string_view key) : above_(&above), key_(key), depth_(above.depth_ + 1) {}
  tree_path(const tree_path& above, std::size_t index) : above_(&above), index_(index), depth_(above.depth_ + 1) {}

  /// "services.web.ports[0]"; empty for the root.
  std::string text() const;

  bool matches(const path_pattern& pattern) const {
    // Most patterns are of another depth, or end in another step.
    return pattern.depth == depth_ && ends_in(pattern.last) && has_steps_of(pattern.text);
  }

 private:
  bool ends_in(std::string_view step) const { return step == "*" || (index_ ? step == "[]" : step == key_); }
  bool has_steps_of(std::string_view pattern) const;

  const tree_path* above_ = nullptr;
  std::string_view key_;
  std::optional<std::size_t> index_;
  std::size_t depth_ = 0;
};

/// What the first matching row of a table {pattern, rule} says; nullptr when none does.
template <class Table>
auto rule_for(const Table& table, const tree_path& path) -> decltype(std::begin(table)->rule) {
  for (const auto& row : table)
    if (path.matches(row.pattern)) return row.rule;
  return nullptr;
}

}  // namespace orchestration
