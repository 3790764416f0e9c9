// The same values and the same ending, wherever the stream is cut.
#include <vector>

#include "docker_client/error.hpp"
#include "docker_client/streams.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

struct outcome {
  std::vector<docker::json> values;
  std::optional<docker::error_kind> failure;
  bool operator==(const outcome&) const = default;
};

outcome split(std::string_view bytes, unsigned cut) {
  outcome result;
  docker::json_splitter splitter;
  try {
    fuzz::feed_in_pieces(bytes, cut, [&](std::string_view piece) {
      splitter.feed(piece);
      while (std::optional<docker::json> value = splitter.next()) result.values.push_back(std::move(*value));
    });
    splitter.end_of_input();
  } catch (const docker::error& error) {
    result.failure = error.kind();
  }
  return result;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const unsigned cut = fuzz::take_byte(input);
  const outcome bytewise = split(input, 0);
  fuzz::expect(split(input, cut) == bytewise, "cuts make no difference");
  for (const docker::json& value : bytewise.values)
    fuzz::expect(value.is_object() || value.is_array(), "only objects and arrays stand at the top level");
}
