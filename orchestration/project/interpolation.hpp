// $NAME and ${NAME…} in the values of compose and env files, by compose's own grammar.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// The value of a variable; absent when it is not set (an empty value is set).
using variable_lookup = std::function<std::optional<std::string>(const std::string& name)>;

/// What a text asked for, and how. A default that was not needed is not reported, nor what stands in it.
struct variable_use {
  std::string name;
  std::optional<std::string> value;         // as looked up
  std::optional<std::string> default_text;  // of ${NAME:-default}, when it took effect
  bool blank_by_accident = false;           // not set, and nothing in the template provides for that
};
using variable_listener = std::function<void(const variable_use&)>;

/// what(): "invalid interpolation format …" or "required variable …".
class interpolation_error : public std::runtime_error {
 public:
  explicit interpolation_error(const std::string& what, std::string advice = {})
      : std::runtime_error(what), advice_(std::move(advice)) {}
  const std::string& advice() const { return advice_; }

 private:
  std::string advice_;
};

/// The text with its variables replaced. Defaults and messages are evaluated even when not needed, as compose did up
/// to 5.0.1: an error in them is an error. Throws interpolation_error.
std::string interpolate(std::string_view text, const variable_lookup& lookup, const variable_listener& listener = {});

/// What the walk below tells about one text of the tree.
using node_variable_listener = std::function<void(const yaml_node& node, const std::string& path, const variable_use&)>;

/// Replaces in all text values of the tree; keys stay. Keeps in `written` what was replaced. Throws load_error with
/// place and path.
void interpolate_values(yaml_node& root, const variable_lookup& lookup, const node_variable_listener& listener);

}  // namespace orchestration
