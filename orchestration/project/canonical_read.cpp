#include "orchestration/project/canonical_read.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace orchestration {
namespace {

bool means_absent(const docker::json& value) {
  if (value.is_bool()) return !value.as_bool();
  if (value.is_number()) return value.number_text() == "0";
  return value.empty();
}

// A decimal fraction of a unit, exact: ".5" of 1000 → 500.
std::int64_t fraction_of(std::string_view digits, std::int64_t unit) {
  std::int64_t out = 0;
  for (const char digit : digits) {
    unit /= 10;
    out += (digit - '0') * unit;
  }
  return out;
}

std::string_view take_digits(std::string_view& text) {
  std::size_t length = text.find_first_not_of("0123456789");
  if (length == std::string_view::npos) length = text.size();
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

std::int64_t take_unit(std::string_view& text) {
  // Longest first: "ms" before "m".
  static constexpr std::array<std::pair<std::string_view, std::int64_t>, 7> units{{{"ns", 1},
                                                                                   {"us", 1'000},
                                                                                   {"µs", 1'000},
                                                                                   {"ms", 1'000'000},
                                                                                   {"s", 1'000'000'000},
                                                                                   {"m", 60'000'000'000},
                                                                                   {"h", 3'600'000'000'000}}};
  for (const auto& [name, size] : units)
    if (text.starts_with(name)) {
      text.remove_prefix(name.size());
      return size;
    }
  return 0;
}

}  // namespace

void put(docker::json& out, std::string_view name, docker::json value) {
  if (!means_absent(value)) out[name] = std::move(value);
}

const docker::json::array& elements_of(const docker::json& document, std::string_view name) {
  static const docker::json::array none;
  const docker::json* found = document.find(name);
  return found == nullptr || found->is_null() ? none : found->elements();
}

const std::vector<docker::json::member>& members_of(const docker::json& document, std::string_view name) {
  static const std::vector<docker::json::member> none;
  const docker::json* found = document.find(name);
  return found == nullptr || found->is_null() ? none : found->object_members();
}

std::int64_t amount(const docker::json& document, std::string_view name) {
  const docker::json* found = document.find(name);
  if (found == nullptr || found->is_null()) return 0;
  const std::string& text = found->is_string() ? found->as_string() : found->number_text();
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    throw docker::json_error(std::string(name) + ": expected a whole number, found " + text);
  return out;
}

std::int64_t nano_cpus(const docker::json& document) {
  const docker::json* found = document.find("cpus");
  if (found == nullptr || found->is_null()) return 0;
  constexpr float nano = 1e9F;
  return static_cast<std::int64_t>(static_cast<float>(found->as_double()) * nano);
}

std::int64_t nanoseconds(const docker::json& document, std::string_view name) {
  const std::string text = document.string_at({name}, "0");
  if (text == "0") return 0;
  std::string_view rest = text;
  std::int64_t total = 0;
  bool readable = !rest.empty();
  while (readable && !rest.empty()) {
    const std::string_view whole = take_digits(rest);
    std::string_view fraction;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      fraction = take_digits(rest);
    }
    const std::int64_t unit = take_unit(rest);
    std::int64_t count = 0;
    std::from_chars(whole.data(), whole.data() + whole.size(), count);
    readable = unit != 0 && !whole.empty();
    total += count * unit + fraction_of(fraction, unit);
  }
  if (!readable) throw docker::json_error(std::string(name) + ": expected a duration, found " + text);
  return total;
}

std::pair<std::string, std::string> split_once(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace orchestration
