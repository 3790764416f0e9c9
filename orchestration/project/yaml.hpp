// YAML text → trees of nodes, typed as go-yaml types them, each with the place it stands at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "orchestration/project/project.hpp"

namespace orchestration {

/// A place that many nodes can hold: the file's name is shared.
struct yaml_mark {
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;
};
place place_of(const yaml_mark& where);

/// A plain scalar that YAML 1.1 takes for a date. compose has no use for one anywhere.
struct yaml_date {
  std::string text;
  bool operator==(const yaml_date&) const = default;
};

struct yaml_member;

struct yaml_node {
  using sequence = std::vector<yaml_node>;
  using mapping = std::vector<yaml_member>;  // in the order of the file, no key twice
  using any = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, yaml_date, sequence,
                           mapping>;

  any value;  // integers are uint64_t only when they do not fit int64_t
  yaml_mark where;
  std::string written;  // the text before interpolation, where that had something to replace

  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  bool is_sequence() const { return std::holds_alternative<sequence>(value); }
  bool is_mapping() const { return std::holds_alternative<mapping>(value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  std::string text_or(std::string_view other) const;

  // The elements or members; none for any other kind.
  const sequence& items() const;
  sequence& items();
  const mapping& members() const;
  mapping& members();

  // Of a mapping; absent for any other kind.
  const yaml_node* find(std::string_view key) const;
  yaml_node* find(std::string_view key);
  /// find(), but a member that is null counts as absent.
  const yaml_node* find_set(std::string_view key) const;
  void set(std::string_view key, yaml_node node);  // makes a mapping of null
  void erase(std::string_view key);

  /// "a list", "text", "nothing": for messages.
  std::string_view kind_text() const;

  /// Equal content, wherever it stands.
  bool operator==(const yaml_node& other) const;
};

struct yaml_member {
  std::string key;
  yaml_mark where;  // of the key
  yaml_node value;
  bool operator==(const yaml_member& other) const { return key == other.key && value == other.value; }
};

/// A node made by the loader itself for something that stands at `where`.
yaml_node make_node(yaml_node::any value, const yaml_mark& where);

struct yaml_document {
  yaml_node root;
  /// Paths marked `!reset` or `!override`, whose value from earlier files goes. The node itself is not in `root` when
  /// marked `!reset`.
  std::vector<std::vector<std::string>> resets;
};

/// What a file may hold. Far above real files (the largest of 2 300 has 200 kB and 9 000 nodes), low enough that a
/// hostile one ends at once.
struct yaml_limits {
  std::size_t file_size = 1 << 20;
  std::size_t depth = 64;
  std::size_t nodes = 100'000;        // aliases expanded
  std::size_t text_bytes = 16 << 20;  // scalars, aliases expanded
};

/// All documents of the text. `file` is used in marks only. Aliases and merge keys are expanded. Throws load_error
/// with the place for what is not YAML or not UTF-8, duplicate keys, keys that are not text, and beyond the limits.
std::vector<yaml_document> parse_yaml(std::string_view text, const std::string& file, const yaml_limits& limits = {});

/// How a node is written, with the bytes that it takes: for edits that leave every other byte alone.
enum class yaml_writing { plain, single_quoted, double_quoted, block_text, block, flow, alias };
struct outline_member;
struct outline_node {
  yaml_writing how = yaml_writing::plain;
  bool marked = false;    // has an anchor or a tag
  std::size_t begin = 0;  // byte offsets into the text, quotes and brackets included
  std::size_t end = 0;    // behind the last byte that is not white space or comment; begin for nothing at all
  int column = 0;         // of begin, from 0
  std::string text;       // of a scalar
  std::vector<outline_member> members;  // of a mapping whose keys are scalars

  bool is_nothing() const { return how == yaml_writing::plain && begin == end && !marked; }
  const outline_member* find(std::string_view key) const;
};
struct outline_member {
  outline_node key;
  outline_node value;
};

/// The documents of the text; sequences are nodes without content. Throws load_error for what is not YAML.
std::vector<outline_node> outline_yaml(std::string_view text, const std::string& file);

/// What a scalar without quotes and tag means.
yaml_node::any plain_scalar(std::string_view text);

/// Like Go's fmt.Sprint: what compose makes of a value where it wants text. A date stays as written.
std::string value_text(const yaml_node& node);

/// Throws load_error with one finding.
[[noreturn]] void fail_at(const yaml_mark& where, std::string path, std::string what, std::string advice = {});

}  // namespace orchestration
