#include "orchestration/project/canonical_read.hpp"

#include <charconv>
#include <optional>

#include "orchestration/project/quantity.hpp"

namespace orchestration {
namespace {

bool means_absent(const docker::json& value) {
  if (value.is_bool()) return !value.as_bool();
  if (value.is_number()) return value.number_text() == "0";
  return value.empty();
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
  const std::optional<std::int64_t> out = parse_duration(text);
  if (!out) throw docker::json_error(std::string(name) + ": expected a duration, found " + text);
  return *out;
}

std::pair<std::string, std::string> split_once(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {std::string(text), {}};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace orchestration
