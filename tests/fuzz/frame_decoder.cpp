// The same bytes from the same sources and the same ending, wherever the stream is cut; never more than came in.
#include <utility>
#include <vector>

#include "docker_client/error.hpp"
#include "docker_client/streams.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

struct outcome {
  std::vector<std::pair<docker::log_source, std::string>> runs;  // neighbouring chunks of one source are one
  std::optional<docker::error_kind> failure;
  bool operator==(const outcome&) const = default;
};

void add(outcome& to, docker::log_chunk chunk) {
  fuzz::expect(!chunk.bytes.empty(), "no chunk is empty");
  if (to.runs.empty() || to.runs.back().first != chunk.source) to.runs.emplace_back(chunk.source, std::string());
  to.runs.back().second += chunk.bytes;
}

outcome decode(std::string_view bytes, unsigned cut) {
  outcome result;
  docker::frame_decoder decoder;
  try {
    fuzz::feed_in_pieces(bytes, cut, [&](std::string_view piece) {
      decoder.feed(piece);
      while (std::optional<docker::log_chunk> chunk = decoder.next()) add(result, std::move(*chunk));
    });
    decoder.end_of_input();
  } catch (const docker::error& error) {
    result.failure = error.kind();
  }
  return result;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const unsigned cut = fuzz::take_byte(input);
  const outcome bytewise = decode(input, 0);
  fuzz::expect(decode(input, cut) == bytewise, "cuts make no difference");
  std::size_t total = 0;
  for (const auto& [source, bytes] : bytewise.runs) total += bytes.size();
  fuzz::expect(total <= input.size(), "nothing is made up");
}
