#include "tools/dockupd/printable.hpp"

#include "tools/dockupd/redaction.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace dockupd {
namespace {

struct character {
  std::uint32_t code = 0;
  std::size_t length = 1;
};

/// The UTF-8 character at the start of `text`; nullopt: not well-formed (overlong, surrogate, truncated, too large).
std::optional<character> first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return character{byte(0), 1};
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return std::nullopt;
  std::uint32_t code = byte(0) & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    code = code << 6 | (byte(i) & 0x3fU);
  }
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  if (code < smallest[length] || code > 0x10ffff || surrogate) return std::nullopt;
  return character{code, length};
}

bool is_printable(std::uint32_t code) {
  if (code == '\n') return true;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;
  const bool bidirectional = code == 0x061c || (code >= 0x200e && code <= 0x200f) ||
                             (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  const bool line_separator = code == 0x2028 || code == 0x2029;
  return !bidirectional && !line_separator && code != 0xfeff;
}

constexpr std::string_view digits = "0123456789abcdef";

/// The text, with `instead(character or nullopt, its bytes)` for each character that is not printable.
template <class Instead>
std::string with_others_replaced(std::string_view text, const Instead& instead) {
  std::string out;
  while (!text.empty()) {
    const std::optional<character> c = first_character(text);
    const std::string_view bytes = text.substr(0, c ? c->length : 1);
    if (c && is_printable(c->code))
      out.append(bytes);
    else
      out.append(instead(c, bytes));
    text.remove_prefix(bytes.size());
  }
  return out;
}

}  // namespace

std::string visible(std::string_view text) {
  return with_others_replaced(text, [](const std::optional<character>& c, std::string_view bytes) {
    if (c && c->code == '\t') return std::string(" ");
    std::string out;
    for (const char byte : bytes) {
      const auto value = static_cast<unsigned char>(byte);
      out.append("\\x").append(1, digits[value >> 4]).append(1, digits[value & 15]);
    }
    return out;
  });
}

std::string printable(std::string_view text) { return visible(redacted(text)); }

std::string visible_json(std::string_view document) {
  return with_others_replaced(document, [](const std::optional<character>& c, std::string_view) {
    std::string out = "\\u";  // all of them are below 0x10000
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[(c ? c->code : 0xfffd) >> shift & 15];
    return out;
  });
}

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) c == '\n' ? out += " | " : out += c;
  return out;
}

}  // namespace dockupd
