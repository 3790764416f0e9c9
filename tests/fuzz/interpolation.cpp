// Text without variables stays; no value is expanded a second time; escaped text comes back.
#include "orchestration/project/interpolation.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

// No two equal: S is set, E empty, anything that starts with X would expand for ever if values were looked at again.
std::optional<std::string> value_of(const std::string& name) {
  if (name.starts_with('S')) return "set";
  if (name.starts_with('E')) return "";
  if (name.starts_with('X')) return "${SECOND_ROUND:-$SECOND_ROUND}";
  return std::nullopt;
}

std::optional<std::string> try_interpolate(std::string_view text, const orchestration::variable_lookup& lookup) {
  try {
    return orchestration::interpolate(text, lookup);
  } catch (const orchestration::interpolation_error&) {
    return std::nullopt;
  }
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) out.append(c == '$' ? "$$" : std::string(1, c));
  return out;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const orchestration::variable_lookup lookup = [&](const std::string& name) {
    fuzz::expect(!name.empty() && input.find(name) != std::string_view::npos, "only what the text names is looked up");
    return value_of(name);
  };
  const std::optional<std::string> result = try_interpolate(input, lookup);
  fuzz::expect(try_interpolate(input, lookup) == result, "the same text gives the same result");
  if (input.find('$') == std::string_view::npos) fuzz::expect(result == input, "text without variables stays");
  fuzz::expect(try_interpolate(escaped(input), lookup) == input, "escaped text comes back");
}
