// The two readers of env files agree: the loader's, and the one that rewrites a tag.
#include "orchestration/project/dotenv.hpp"

#include "orchestration/project/env_text.hpp"
#include "orchestration/project/pin.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace orchestration;

std::optional<std::string> unset(const std::string&) { return std::nullopt; }

std::optional<std::vector<env_assignment>> assignments(std::string_view text) {
  try {
    return env_assignments(text);
  } catch (const pin_error&) {
    return std::nullopt;
  }
}

void expect_agreement(std::string_view text, std::vector<dotenv_variable> variables) {
  std::erase_if(variables, [](const dotenv_variable& each) { return each.name.empty(); });  // cannot be rewritten
  auto found = assignments(text);
  fuzz::expect(found.has_value(), "what the loader reads can be rewritten");
  std::erase_if(*found, [](const env_assignment& each) { return each.name.empty(); });
  fuzz::expect(found->size() == variables.size(), "both see the same assignments");
  for (std::size_t i = 0; i < found->size(); ++i) {
    const env_assignment& a = (*found)[i];
    fuzz::expect(a.name == variables[i].name, "both see the same names");
    fuzz::expect(a.begin <= a.end && a.end <= text.size(), "a value lies in the text");
    if (!has_references(text, a)) fuzz::expect(env_value(text, a) == variables[i].value, "both see the same value");
  }
}

}  // namespace

void fuzz_one(std::string_view input) {
  try {
    expect_agreement(input, parse_dotenv(input, unset));
  } catch (const dotenv_error& error) {
    fuzz::expect(error.line() >= 0, "a failure has a line");
  }
  try {
    for (const dotenv_variable& each : parse_raw_env(input, unset))
      fuzz::expect(input.find(each.value) != std::string_view::npos, "raw values are literal");
  } catch (const dotenv_error&) {
  }
}
