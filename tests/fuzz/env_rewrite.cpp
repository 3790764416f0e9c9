// NAME|VALUE|text of an env file: after rewriting, NAME reads as VALUE by both readers, and every other name as before.
#include <map>
#include <optional>

#include "orchestration/project/dotenv.hpp"
#include "orchestration/project/env_text.hpp"
#include "orchestration/project/pin.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace orchestration;

std::map<std::string, std::string> values_but(const std::string& name, std::string_view text) {
  std::map<std::string, std::string> out;
  for (const env_assignment& a : env_assignments(text))
    if (a.name != name) out[a.name] = env_value(text, a);
  return out;
}

/// As the loader reads it; absent when it does not (a reference to what is not set, in another line).
std::optional<std::string> loaded_value(const std::string& name, std::string_view text) {
  std::optional<std::string> out;
  const variable_lookup unset = [](const std::string&) { return std::nullopt; };
  for (const dotenv_variable& each : parse_dotenv(text, unset))
    if (each.name == name) out = each.value;
  return out;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const std::string name(fuzz::take_until(input, '|'));
  const std::string value(fuzz::take_until(input, '|'));
  try {
    const std::string rewritten = rewrite_env_value(input, name, value);
    fuzz::expect(read_env_value(rewritten, name) == value, "the new value reads back");
    fuzz::expect(rewrite_env_value(rewritten, name, value) == rewritten, "writing it again changes nothing");
    fuzz::expect(values_but(name, rewritten) == values_but(name, input), "every other value is as before");
    if (value.find('$') == std::string::npos)
      fuzz::expect(loaded_value(name, rewritten) == value, "the loader reads the new value");
  } catch (const pin_error&) {
  } catch (const dotenv_error&) {
  }
}
