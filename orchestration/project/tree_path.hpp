// Where in a tree of nodes a walk stands: a chain of steps on the walker's own stack.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace orchestration {

/// Each step points at the one above it, and at its key: both must outlive it.
class tree_path {
 public:
  tree_path() = default;  // the root
  tree_path(const tree_path& above, std::string_view key) : above_(&above), key_(key) {}
  tree_path(const tree_path& above, std::size_t index) : above_(&above), index_(index) {}

  /// "services.web.ports[0]"; empty for the root.
  std::string text() const;

  /// Whether the steps are those of "services.*.ports.[]": `*` is any step, `[]` any element of a list.
  bool matches(std::string_view pattern) const;

 private:
  const tree_path* above_ = nullptr;
  std::string_view key_;
  std::optional<std::size_t> index_;
};

/// What the first matching row of a table {pattern, rule} says; nullptr when none does.
template <class Table>
auto rule_for(const Table& table, const tree_path& path) -> decltype(std::begin(table)->rule) {
  for (const auto& row : table)
    if (path.matches(row.pattern)) return row.rule;
  return nullptr;
}

}  // namespace orchestration
