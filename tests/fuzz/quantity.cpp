// Durations read back as they are printed; numbers are finite or refused.
#include "orchestration/project/quantity.hpp"

#include <string>

#include "tests/fuzz/fuzz.hpp"

void fuzz_one(std::string_view input) {
  using namespace orchestration;
  if (const auto duration = parse_duration(input))
    fuzz::expect(parse_duration(duration_text(*duration)) == duration, "a duration reads back");
  if (const auto integer = parse_integer(input))
    fuzz::expect(parse_integer(std::to_string(*integer)) == integer, "an integer reads back");
  if (const auto real = parse_real(input); real && *real - *real == 0)  // neither infinite nor not a number
    fuzz::expect(parse_real(real_text(*real)) == real, "a number reads back");
  (void)parse_size(input);
  (void)parse_bool(input);
}
