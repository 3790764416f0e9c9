// 128 bits that tell two states apart. Not for enemies.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>

namespace orchestration::explore {

struct digest {
  std::uint64_t a = 0x9e3779b97f4a7c15ull;
  std::uint64_t b = 0xc2b2ae3d27d4eb4full;
  bool operator==(const digest&) const = default;
  auto operator<=>(const digest&) const = default;

  digest& add(std::uint64_t word) {
    a = mix(a ^ word, 0xa0761d6478bd642full);
    b = mix(b + word, 0xe7037ed1a0b428dbull);
    return *this;
  }
  digest& add(std::string_view text) {
    add(text.size());
    for (; text.size() >= 8; text.remove_prefix(8)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data(), 8);
      add(word);
    }
    std::uint64_t rest = 0;
    std::memcpy(&rest, text.data(), text.size());
    return add(rest);
  }
  digest& add(const digest& other) { return add(other.a).add(other.b); }

  // Sums do not depend on an order, and what was added can be taken away again.
  digest& operator+=(const digest& other) {
    a += other.a;
    b += other.b;
    return *this;
  }
  digest& operator-=(const digest& other) {
    a -= other.a;
    b -= other.b;
    return *this;
  }

 private:
  static std::uint64_t mix(std::uint64_t x, std::uint64_t odd) {
    x *= odd;
    x ^= x >> 32;
    x *= 0x9fb21c651e98df25ull;
    return x ^ (x >> 28);
  }
};

inline digest digest_of(std::string_view text) { return digest().add(text); }

struct digest_hash {
  std::size_t operator()(const digest& d) const { return d.a ^ (d.b << 1); }
};

}  // namespace orchestration::explore
