// Names and times of records. Nothing here asks a clock or a random source: both arrive as arguments.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orchestration {

/// "20261121T105501Z-4f2a9c": sorts by time as text, fits file and container names. The suffix is the low 24 bits of
/// `random`, so that two attempts of one second differ.
std::string attempt_id(std::chrono::system_clock::time_point now, std::uint32_t random);
/// For a snapshot that no attempt makes. The same shape.
std::string snapshot_id(std::chrono::system_clock::time_point now, std::uint32_t random);

/// "2026-11-21T10:55:01Z": whole seconds, rounded down, so that texts compare as times do (years 0 to 9999).
std::string to_rfc3339(std::chrono::system_clock::time_point time);
/// Any date-time of RFC 3339 §5.6, the engine's "2026-11-21T10:55:01.123456789+01:00" too. nullopt: it is none, or
/// outside 1678 to 2262, the range of the clock (the engine writes "0001-01-01T00:00:00Z" for never).
std::optional<std::chrono::system_clock::time_point> from_rfc3339(std::string_view text);

}  // namespace orchestration
