#include "orchestration/project/validation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "orchestration/project/shapes.hpp"
#include "orchestration/project/tree_path.hpp"

namespace orchestration {
namespace {

constexpr std::size_t most_findings = 50;

unsigned kind_bit(const yaml_node& n) {
  static constexpr unsigned bits[] = {
      kind::null, kind::boolean, kind::integer, kind::integer, kind::number & ~kind::integer, kind::text,
      0,          kind::list,    kind::mapping};
  // To a JSON schema 2.0 is a whole number.
  const auto* real = std::get_if<double>(&n.value);
  if (real != nullptr && std::floor(*real) == *real) return kind::number;
  return bits[n.value.index()];
}

std::string kinds_text(unsigned kinds) {
  struct named {
    unsigned bit;
    std::string_view name;
  };
  static constexpr named names[] = {
      {kind::text, "text"},   {kind::number, "a number"},   {kind::boolean, "true or false"},
      {kind::list, "a list"}, {kind::mapping, "a mapping"}, {kind::null, "nothing"}};
  std::vector<std::string_view> parts;
  for (const named& each : names) {
    const bool whole = each.bit == kind::number && (kinds & kind::number) == kind::integer;
    if ((kinds & each.bit) != 0) parts.push_back(whole ? "a whole number" : each.name);
  }
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i)
    out += std::string(i == 0 ? "" : i + 1 == parts.size() ? " or " : ", ") + std::string(parts[i]);
  return out;
}

std::string advice_for(const yaml_node& n, unsigned kinds) {
  const bool scalar = !n.is_null() && !n.is_sequence() && !n.is_mapping();
  if (std::holds_alternative<double>(n.value) && (kinds & kind::number) == kind::integer)
    return "Leave out the fraction";
  if (scalar && n.text() == nullptr && (kinds & kind::text) != 0) return "Put it in quotes";
  if (n.is_null() && (kinds & kind::mapping) != 0) return "Indent what belongs to it, or remove the line";
  return {};
}

bool is_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
                              std::string_view::npos;
}

class shape_check {
 public:
  std::vector<finding> findings;

  void check(const yaml_node& n, const shape& wanted, const tree_path& path) {
    if (findings.size() >= most_findings) return;
    if ((kind_bit(n) & wanted.kinds) == 0)
      return add(n.where, path, "expected " + kinds_text(wanted.kinds) + ", found " + std::string(n.kind_text()),
                 advice_for(n, wanted.kinds));
    if (n.text() != nullptr) check_words(n, wanted, path);
    if (n.is_sequence()) check_items(n, wanted, path);
    if (n.is_mapping()) check_members(n, wanted, path);
  }

 private:
  void add(const yaml_mark& where, const tree_path& path, std::string what, std::string advice) {
    findings.push_back({severity::error, place_of(where), path.text(), std::move(what), std::move(advice)});
  }

  void check_words(const yaml_node& n, const shape& wanted, const tree_path& path) {
    if (wanted.words.empty() || std::find(wanted.words.begin(), wanted.words.end(), *n.text()) != wanted.words.end())
      return;
    std::string list;
    for (const std::string_view word : wanted.words) list += (list.empty() ? "" : ", ") + std::string(word);
    add(n.where, path, "\"" + *n.text() + "\" is not known here", "Use one of: " + list);
  }

  void check_items(const yaml_node& n, const shape& wanted, const tree_path& path) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < n.items().size(); ++i) {
      const yaml_node& item = n.items()[i];
      if (wanted.item != nullptr) check(item, *wanted.item, tree_path(path, i));
      const bool scalar = !item.is_mapping() && !item.is_sequence();
      // 1 and "1" differ.
      const std::string key = std::to_string(item.value.index()) + value_text(item);
      if (wanted.unique && scalar && !seen.insert(key).second)
        add(item.where, tree_path(path, i), "\"" + value_text(item) + "\" stands in the list twice",
            "Remove one of them");
    }
  }

  void check_members(const yaml_node& n, const shape& wanted, const tree_path& path) {
    for (const yaml_member& each : n.members()) {
      const auto known = std::find_if(wanted.members.begin(), wanted.members.end(),
                                      [&](const member_shape& member) { return member.name == each.key; });
      if (known != wanted.members.end())
        check(each.value, *known->value, tree_path(path, each.key));
      else if (!(wanted.extensions && each.key.starts_with("x-")))
        check_other(each, wanted, path);
    }
    for (const member_shape& member : wanted.members)
      if (member.required && n.find(member.name) == nullptr)
        add(n.where, path, "\"" + std::string(member.name) + "\" is missing", "");
  }

  void check_other(const yaml_member& each, const shape& wanted, const tree_path& path) {
    const tree_path at(path, each.key);
    if (findings.size() >= most_findings) return;
    if (wanted.other_members == nullptr) return add_unknown(each, wanted, at);
    if (wanted.names_only && !is_name(each.key))
      add(each.where, at, "\"" + each.key + "\" is no name", "Use letters, digits and . _ - only");
    if (each.key.empty() && (wanted.kinds & kind::list) != 0)
      add(each.where, at, "an empty name", "Give it a name, or remove it");
    check(each.value, *wanted.other_members, at);
  }

  void add_unknown(const yaml_member& each, const shape& wanted, const tree_path& at) {
    std::vector<std::string_view> names;
    for (const member_shape& member : wanted.members) names.push_back(member.name);
    const std::string meant = nearest_word(each.key, names);
    std::string advice = meant.empty() ? "Check the spelling" : "Did you mean " + meant + "?";
    if (meant.empty() && wanted.extensions) advice += ", or name it x-" + each.key + " when it is your own";
    add(each.where, at, "unknown attribute", std::move(advice));
  }
};

// Insertions, deletions and replacements from one to the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::vector<finding> check_shape(const yaml_node& root) {
  shape_check walk;
  walk.check(root, project_shape, tree_path());
  return std::move(walk.findings);
}

std::string nearest_word(std::string_view written, const std::vector<std::string_view>& known) {
  constexpr std::size_t longest = 40;  // no attribute is as long: do not compare
  if (written.size() > longest) return {};
  std::size_t best = written.size() < 5 ? 2 : 3;  // exclusive
  std::string out;
  for (const std::string_view word : known)
    if (const std::size_t distance = edit_distance(written, word); distance < best) {
      best = distance;
      out = word;
    }
  return out;
}

}  // namespace orchestration
