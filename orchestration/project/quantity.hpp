// Numbers, durations and sizes, read and written as Go does: the config hash depends on every digit.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orchestration {

/// Nanoseconds of "1m30s", "1.5h", "2d", "0". Absent when it is no duration, or too long for 64 bits.
std::optional<std::int64_t> parse_duration(std::string_view text);
/// "1m30s", "500ms", "1h0m0s", "0s".
std::string duration_text(std::int64_t nanoseconds);

/// Bytes of "512m", "1.5gb", "64KiB", "1024". Absent when it is no size.
std::optional<std::int64_t> parse_size(std::string_view text);

std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_real(std::string_view text);
/// "true", "yes", "on", "y" and their opposites, in any case.
std::optional<bool> parse_bool(std::string_view text);

/// fmt.Sprint of a float64: "1.5", "1e+06".
std::string real_text(double value);
/// encoding/json of a float64 and a float32: "1000000", "1e-7", "0.1".
std::string json_real_text(double value);
std::string json_real_text(float value);

}  // namespace orchestration
