// Values that compose does not interpret: what Go makes of them between YAML and JSON.
#include <algorithm>
#include <cmath>

#include "orchestration/project/canonical.hpp"
#include "orchestration/project/quantity.hpp"
#include "orchestration/project/tree_path.hpp"

namespace orchestration {
namespace {

using docker::json;

// The digits at the front, with zeros before them up to two places.
std::string take_two_digits(std::string_view& text) {
  const std::size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
  std::string out(text.substr(0, size));
  text.remove_prefix(size);
  return out.size() == 1 ? "0" + out : out;
}

// "2024-1-2", "2024-01-02 3:4:5.60", "2024-01-02T03:04:05+01:00" → RFC 3339, in UTC when no zone is given.
std::string time_text(std::string_view date) {
  std::string out(date.substr(0, 5));  // the year has four digits
  date.remove_prefix(5);
  out += take_two_digits(date) + "-";
  date.remove_prefix(1);
  out += take_two_digits(date) + "T";
  if (date.empty()) return out + "00:00:00Z";
  for (const char* separator : {"", ":", ":"}) {
    date.remove_prefix(1);  // "T" or a space, then colons
    out += separator + take_two_digits(date);
  }
  if (date.starts_with('.')) {
    std::string fraction(date.substr(0, date.find_first_of("Z+-")));
    date.remove_prefix(fraction.size());
    fraction.erase(std::min<std::size_t>(fraction.find_last_not_of('0') + 1, 10));  // to the nanosecond
    if (fraction != ".") out += fraction;
  }
  return out + (date.empty() || date.ends_with("00:00") ? "Z" : std::string(date));
}

json number(double value, const yaml_node& at, const tree_path& path) {
  if (!std::isfinite(value)) fail_at(at.where, path.text(), "is no number that JSON can hold", "Put it in quotes");
  return json::number{json_real_text(value)};
}

json extension(const yaml_node& n, const tree_path& path) {
  if (n.is_mapping()) {
    json out = json::make_object();
    for (const yaml_member& each : n.members()) out[each.key] = extension(each.value, tree_path(path, each.key));
    sort_members(out);
    return out;
  }
  if (n.is_sequence()) {
    json out = json::make_array();
    for (std::size_t i = 0; i < n.items().size(); ++i) out.push_back(extension(n.items()[i], tree_path(path, i)));
    return out;
  }
  if (const bool* value = std::get_if<bool>(&n.value)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&n.value)) return *value;
  if (const auto* value = std::get_if<std::uint64_t>(&n.value)) return *value;
  if (const double* value = std::get_if<double>(&n.value)) return number(*value, n, path);
  if (const auto* value = std::get_if<yaml_date>(&n.value)) return time_text(value->text);
  return n.is_null() ? json() : json(*n.text());
}

}  // namespace

json canonical_extension(const yaml_node& value, const std::string& path) {
  return extension(value, tree_path(tree_path(), path));
}

}  // namespace orchestration
