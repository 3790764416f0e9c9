#include <algorithm>
#include <type_traits>

#include "orchestration/project/load.hpp"
#include "orchestration/project/quantity.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {
namespace {

std::string_view kind_of(const yaml_node::any& value) {
  static constexpr std::string_view kinds[] = {"nothing", "true or false", "a number", "a number", "a number",
                                               "text",    "a date",        "a list",   "a mapping"};
  return kinds[value.index()];
}

std::string joined(const yaml_node::sequence& items) {
  std::string out;
  for (const yaml_node& each : items) out += (out.empty() ? "" : " ") + value_text(each);
  return "[" + out + "]";
}

std::string joined(const yaml_node::mapping& members) {
  std::vector<std::string> sorted;
  for (const yaml_member& each : members) sorted.push_back(each.key + ":" + value_text(each.value));
  std::sort(sorted.begin(), sorted.end());
  std::string out;
  for (const std::string& each : sorted) out += (out.empty() ? "" : " ") + each;
  return "map[" + out + "]";
}

std::string scalar_text(std::monostate) { return "<nil>"; }
std::string scalar_text(bool value) { return value ? "true" : "false"; }
std::string scalar_text(std::int64_t value) { return std::to_string(value); }
std::string scalar_text(std::uint64_t value) { return std::to_string(value); }
std::string scalar_text(double value) { return real_text(value); }
std::string scalar_text(const std::string& value) { return value; }
std::string scalar_text(const yaml_date& value) { return value.text; }
std::string scalar_text(const yaml_node::sequence& value) { return joined(value); }
std::string scalar_text(const yaml_node::mapping& value) { return joined(value); }

const yaml_node::mapping* mapping_of(const yaml_node& node) { return std::get_if<yaml_node::mapping>(&node.value); }

}  // namespace

place place_of(const yaml_mark& where) {
  return {where.file == nullptr ? std::string() : *where.file, where.line, where.column};
}

std::string yaml_node::text_or(std::string_view other) const {
  return std::string(text() == nullptr ? other : *text());
}

const yaml_node::sequence& yaml_node::items() const {
  static const sequence none;
  const auto* found = std::get_if<sequence>(&value);
  return found == nullptr ? none : *found;
}

yaml_node::sequence& yaml_node::items() {
  if (!is_sequence()) value = sequence();
  return std::get<sequence>(value);
}

const yaml_node::mapping& yaml_node::members() const {
  static const mapping none;
  const auto* found = mapping_of(*this);
  return found == nullptr ? none : *found;
}

yaml_node::mapping& yaml_node::members() {
  if (!is_mapping()) value = mapping();
  return std::get<mapping>(value);
}

const yaml_node* yaml_node::find(std::string_view key) const {
  const mapping* all = mapping_of(*this);
  if (all == nullptr) return nullptr;
  const auto found = std::find_if(all->begin(), all->end(), [&](const yaml_member& each) { return each.key == key; });
  return found == all->end() ? nullptr : &found->value;
}

yaml_node* yaml_node::find(std::string_view key) {
  return const_cast<yaml_node*>(static_cast<const yaml_node&>(*this).find(key));
}

const yaml_node* yaml_node::find_set(std::string_view key) const {
  const yaml_node* found = find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void yaml_node::set(std::string_view key, yaml_node node) {
  if (yaml_node* found = find(key)) {
    *found = std::move(node);
    return;
  }
  const yaml_mark mark = node.where;
  members().push_back({std::string(key), mark, std::move(node)});
}

void yaml_node::erase(std::string_view key) {
  if (is_mapping()) std::erase_if(members(), [&](const yaml_member& each) { return each.key == key; });
}

std::string_view yaml_node::kind_text() const { return kind_of(value); }

bool yaml_node::operator==(const yaml_node& other) const {
  const mapping* mine = mapping_of(*this);
  const mapping* theirs = mapping_of(other);
  if (mine == nullptr || theirs == nullptr) return value == other.value;
  return mine->size() == theirs->size() && std::all_of(mine->begin(), mine->end(), [&](const yaml_member& each) {
           const yaml_node* same = other.find(each.key);
           return same != nullptr && *same == each.value;
         });
}

yaml_node make_node(yaml_node::any value, const yaml_mark& where) {
  yaml_node out;
  out.value = std::move(value);
  out.where = where;
  return out;
}

std::string value_text(const yaml_node& node) {
  return std::visit([](const auto& value) { return scalar_text(value); }, node.value);
}

void fail_at(const yaml_mark& where, std::string path, std::string what, std::string advice) {
  throw load_error({finding{severity::error, place_of(where), std::move(path), std::move(what), std::move(advice)}});
}

}  // namespace orchestration
