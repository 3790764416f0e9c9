// What the fuzz targets share. A target is one .cpp that defines fuzz_one(); libFuzzer (preset `fuzz`) or
// replay_main.cpp (every build) calls it. An exception that leaves it is a finding, and so is an expectation that
// fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

void fuzz_one(std::string_view input);

namespace fuzz {

/// Ends the program, so that the input is kept, unless `good`.
inline void expect(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "expected: %s\n", what);
  std::abort();
}

/// The first byte, taken off the input; 0 when there is none.
inline unsigned char take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  const auto first = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return first;
}

/// The text before the first `separator`, taken off the input with it; all of it when there is none.
inline std::string_view take_until(std::string_view& input, char separator) {
  const std::size_t end = input.find(separator);
  const std::string_view taken = input.substr(0, end);
  input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
  return taken;
}

/// Gives all bytes to `feed` in pieces; `cut` says where they are cut: 0 is one byte at a time.
template <class Feed>
void feed_in_pieces(std::string_view bytes, unsigned cut, Feed&& feed) {
  std::uint32_t state = cut;
  while (!bytes.empty()) {
    state = state * 1664525U + 1013904223U;  // Numerical Recipes' generator
    const std::string_view piece = bytes.substr(0, cut == 0 ? 1 : 1 + (state >> 24) % (cut + 1));
    feed(piece);
    bytes.remove_prefix(piece.size());
  }
}

}  // namespace fuzz
