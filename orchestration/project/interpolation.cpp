#include "orchestration/project/interpolation.hpp"

#include <algorithm>

#include "orchestration/project/tree_path.hpp"

namespace orchestration {
namespace {

// Nesting of ${A:-${B:-…}}; each level looks at the rest of the text.
constexpr int deepest = 32;
// What variables that contain each other may grow to: a value, and all values of a tree together.
constexpr std::size_t longest = 1 << 20;
constexpr std::size_t longest_tree = 32 << 20;
constexpr std::size_t quoted = 120;  // of a text, in an error

bool is_name_start(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_name_part(char c) { return is_name_start(c) || (c >= '0' && c <= '9'); }

std::string_view name_at_front(std::string_view text) {
  if (text.empty() || !is_name_start(text.front())) return {};
  const auto end = std::find_if_not(text.begin(), text.end(), is_name_part);
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::string_view operator_at_front(std::string_view text) {
  const std::size_t colon = text.starts_with(':') ? 1 : 0;
  if (text.size() <= colon || std::string_view("-?+").find(text[colon]) == std::string_view::npos) return {};
  return text.substr(0, colon + 1);
}

// The index of the brace that closes the first one. compose-go steps over the character behind each opening brace, so
// "{}" counts as opening only: kept, because what follows in the text depends on it.
std::size_t closing_brace(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '}' && --depth == 0) return i;
    if (text[i] == '{') {
      ++depth;
      ++i;
    }
  }
  return std::string_view::npos;
}

class replacement {
 public:
  replacement(const variable_lookup& lookup, const variable_listener& listener)
      : lookup_(lookup), listener_(listener) {}

  std::string replace(std::string_view text, int depth, bool listened);

 private:
  std::string plain(std::string_view name, bool listened);
  std::string braced(std::string_view whole, std::string_view& rest, int depth, bool listened);
  std::string operation(std::string_view name, std::string_view op, std::string_view argument, int depth,
                        bool listened);

  const variable_lookup& lookup_;
  const variable_listener& listener_;
};

[[noreturn]] void fail_on_format(std::string_view text) {
  const std::string begin(text.substr(0, quoted));
  throw interpolation_error("invalid interpolation format: \"" + begin + (begin.size() < text.size() ? "…" : "\""),
                            "Variables are $NAME, ${NAME}, ${NAME:-default}; write $$ for a dollar sign");
}

std::string replacement::plain(std::string_view name, bool listened) {
  const std::string key(name);
  std::optional<std::string> value = lookup_(key);
  if (listened && listener_) listener_({key, value, std::nullopt, !value});
  return value.value_or("");
}

std::string replacement::operation(std::string_view name, std::string_view op, std::string_view argument, int depth,
                                   bool listened) {
  const std::string key(name);
  const std::optional<std::string> value = lookup_(key);
  const bool empty_is_unset = op.front() == ':';
  const bool given = value && !(empty_is_unset && value->empty());
  const bool needed = op.back() == '+' ? given : !given;
  const std::string text = replace(argument, depth + 1, listened && needed);
  if (op.back() == '?' && !given) {
    const std::string what = "required variable " + key + " is missing a value";
    throw interpolation_error(text.empty() ? what : what + ": " + text, "Set " + key + " in the .env file");
  }
  if (listened && listener_)
    listener_({key, value, op.back() == '-' && !given ? std::optional(text) : std::nullopt, false});
  if (needed) return text;
  // ${NAME:+r} of a variable that is set but empty gives its value, which is empty as well.
  return op.back() == '+' ? "" : *value;
}

// `whole` begins with "${". What follows it in the text is left in `rest`.
std::string replacement::braced(std::string_view whole, std::string_view& rest, int depth, bool listened) {
  const std::string_view name = name_at_front(whole.substr(2));
  if (name.empty()) fail_on_format(whole);
  const std::string_view behind = whole.substr(2 + name.size());
  if (behind.starts_with('}')) {
    rest = behind.substr(1);
    return plain(name, listened);
  }
  const std::string_view op = operator_at_front(behind);
  // A template ends on its line, at the last brace there, or before that where braces balance.
  const std::size_t last = op.empty() ? std::string_view::npos : whole.substr(0, whole.find('\n')).rfind('}');
  if (last == std::string_view::npos || last < 2 + name.size() + op.size()) fail_on_format(whole);
  const std::size_t end = std::min(closing_brace(whole.substr(0, last + 1)), last);
  const std::size_t argument = 2 + name.size() + op.size();
  rest = whole.substr(end + 1);
  return operation(name, op, whole.substr(argument, end - argument), depth, listened);
}

std::string replacement::replace(std::string_view text, int depth, bool listened) {
  if (depth > deepest) throw interpolation_error("variables nested more than " + std::to_string(deepest) + " deep");
  std::string out;
  while (true) {
    const std::size_t dollar = text.find('$');
    out += text.substr(0, dollar);
    if (out.size() > longest)
      throw interpolation_error("longer than " + std::to_string(longest) + " bytes once its variables are replaced");
    if (dollar == std::string_view::npos) return out;
    text.remove_prefix(dollar);
    const std::string_view name = name_at_front(text.substr(1));
    if (text.starts_with("$$")) {
      out += '$';
      text.remove_prefix(2);
    } else if (text.starts_with("${")) {
      std::string_view rest;
      out += braced(text, rest, depth, listened);
      text = rest;
    } else if (!name.empty()) {
      out += plain(name, listened);
      text.remove_prefix(1 + name.size());
    } else {
      out += '$';
      text.remove_prefix(1);
    }
  }
}

class tree_walk {
 public:
  tree_walk(const variable_lookup& lookup, const node_variable_listener& listener)
      : lookup_(lookup), listener_(listener) {}

  void visit(yaml_node& node, const tree_path& path) {
    if (node.is_mapping())
      for (yaml_member& each : node.members()) visit(each.value, tree_path(path, each.key));
    if (node.is_sequence())
      for (std::size_t i = 0; i < node.items().size(); ++i) visit(node.items()[i], tree_path(path, i));
    if (node.text() != nullptr && node.text()->find('$') != std::string::npos) replace(node, path);
  }

 private:
  void replace(yaml_node& node, const tree_path& path) {
    const auto listener = [&](const variable_use& use) {
      if (listener_) listener_(node, path.text(), use);
    };
    try {
      std::string text = interpolate(*node.text(), lookup_, listener);
      total_ += text.size();
      if (total_ > longest_tree)
        throw interpolation_error("more than " + std::to_string(longest_tree) +
                                  " bytes of text once variables are replaced");
      node.written = *node.text();
      node.value = std::move(text);
    } catch (const interpolation_error& error) {
      fail_at(node.where, path.text(), error.what(), error.advice());
    }
  }

  const variable_lookup& lookup_;
  const node_variable_listener& listener_;
  std::size_t total_ = 0;
};

}  // namespace

std::string interpolate(std::string_view text, const variable_lookup& lookup, const variable_listener& listener) {
  return replacement(lookup, listener).replace(text, 0, true);
}

void interpolate_values(yaml_node& root, const variable_lookup& lookup, const node_variable_listener& listener) {
  tree_walk(lookup, listener).visit(root, tree_path());
}

}  // namespace orchestration
