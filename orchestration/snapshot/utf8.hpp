// Names are bytes, JSON is UTF-8: which names may stand in it as they are, and how the others are written.
#pragma once

#include <string>
#include <string_view>

namespace orchestration {

bool is_utf8(std::string_view bytes);  // RFC 3629: no overlong forms, no surrogates
std::string to_hex(std::string_view bytes);
std::string from_hex(std::string_view digits);  // snapshot_error for anything else
/// For people and JSON: bytes that are no UTF-8 as \xNN.
std::string printable(std::string_view bytes);

}  // namespace orchestration
