// Tar bytes whose headers have the right checksum: a reader refuses the others at once, and nothing behind it is tried.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "orchestration/snapshot/byte_flow.hpp"

namespace fuzz {

/// POSIX ustar: header blocks of 512 bytes with a magic at 257 and the sum of all bytes, in octal, at 148.
inline std::string with_checksums(std::string_view input) {
  constexpr std::size_t block = 512, sum_at = 148, magic_at = 257;
  std::string out(input);
  for (std::size_t at = 0; at + block <= out.size(); at += block) {
    if (out.compare(at + magic_at, 5, "ustar") != 0) continue;
    out.replace(at + sum_at, 8, 8, ' ');
    unsigned sum = 0;
    for (std::size_t i = 0; i < block; ++i) sum += static_cast<unsigned char>(out[at + i]);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    out.replace(at + sum_at, 7, digits, 7);
  }
  return out;
}

inline orchestration::byte_source in_blocks(const std::string& bytes) {
  return [&bytes, at = std::size_t{0}]() mutable {
    const std::string_view next = std::string_view(bytes).substr(at, 1000);
    at += next.size();
    return next;
  };
}

}  // namespace fuzz
