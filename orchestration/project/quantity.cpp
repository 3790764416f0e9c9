#include "orchestration/project/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace orchestration {
namespace {

struct duration_unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

constexpr std::int64_t second = 1'000'000'000;
constexpr duration_unit duration_units[] = {
    {"ns", 1},     {"us", 1'000},      {"\u00b5s", 1'000},   {"\u03bcs", 1'000},        {"ms", 1'000'000},
    {"s", second}, {"m", 60 * second}, {"h", 3600 * second}, {"d", 24 * 3600 * second}, {"w", 7 * 24 * 3600 * second},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// One "1.5h" from the front; absent when there is none.
std::optional<std::int64_t> take_duration(std::string_view& text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const auto name_end = std::find_if(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  const std::string_view name = text.substr(0, static_cast<std::size_t>(name_end - text.begin()));
  const auto unit = std::find_if(std::begin(duration_units), std::end(duration_units),
                                 [&](const duration_unit& each) { return each.name == name; });
  if (unit == std::end(duration_units)) return std::nullopt;
  text.remove_prefix(name.size());
  const std::optional<std::int64_t> count = whole.empty() ? 0 : parse_integer(whole);
  std::int64_t out = 0;
  if (!count || __builtin_mul_overflow(*count, unit->nanoseconds, &out)) return std::nullopt;
  if (fraction.empty()) return out;
  // In this order, as the Go parser multiplies: the last nanosecond depends on it.
  const std::optional<double> parts = parse_real(fraction);
  const double scale = static_cast<double>(unit->nanoseconds) / std::pow(10, static_cast<double>(fraction.size()));
  if (__builtin_add_overflow(out, static_cast<std::int64_t>(*parts * scale), &out)) return std::nullopt;
  return out;
}

std::string with_fraction(std::uint64_t value, int digits) {
  std::uint64_t unit = 1;
  for (int i = 0; i < digits; ++i) unit *= 10;
  std::string fraction = std::to_string(value % unit);
  fraction.insert(0, static_cast<std::size_t>(digits) - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(value / unit) + (fraction.empty() ? "" : "." + fraction);
}

// The shortest digits that read back as the value: 0.d1d2d3… × 10^(exponent + 1).
struct decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

template <class Real>
decimal shortest(Real value) {
  std::array<char, 64> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  decimal out;
  if (text.starts_with('-')) {
    out.negative = true;
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  for (const char c : text.substr(0, e))
    if (c != '.') out.digits += c;
  std::string_view exponent = text.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::from_chars(exponent.data(), exponent.data() + exponent.size(), out.exponent);
  return out;
}

std::string scientific_text(const decimal& value, int exponent_digits) {
  std::string out = value.digits.substr(0, 1);
  if (value.digits.size() > 1) out += "." + value.digits.substr(1);
  std::string exponent = std::to_string(std::abs(value.exponent));
  if (exponent.size() < static_cast<std::size_t>(exponent_digits)) exponent.insert(0, 1, '0');
  return out + (value.exponent < 0 ? "e-" : "e+") + exponent;
}

std::string positional_text(const decimal& value) {
  if (value.exponent < 0) return "0." + std::string(static_cast<std::size_t>(-value.exponent - 1), '0') + value.digits;
  const std::size_t whole = static_cast<std::size_t>(value.exponent) + 1;
  std::string out = value.digits.substr(0, whole);
  if (out.size() < whole) out.append(whole - out.size(), '0');
  if (value.digits.size() > whole) out += "." + value.digits.substr(whole);
  return out;
}

// Go's JSON changes to the exponent form outside of 1e-6 … 1e21, and writes e-7, not e-07.
template <class Real>
std::string json_text(Real value) {
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  const decimal d = shortest(value);
  const bool scientific = d.exponent < -6 || d.exponent >= 21;
  return (d.negative ? "-" : "") + (scientific ? scientific_text(d, d.exponent < 0 ? 1 : 2) : positional_text(d));
}

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  std::int64_t sum = 0;
  while (!text.empty()) {
    const std::optional<std::int64_t> part = take_duration(text);
    if (!part || __builtin_add_overflow(sum, *part, &sum)) return std::nullopt;
  }
  return negative ? -sum : sum;
}

std::string duration_text(std::int64_t nanoseconds) {
  if (nanoseconds == 0) return "0s";
  // The negation of the lowest value does not fit a signed number.
  const std::uint64_t size =
      nanoseconds < 0 ? ~static_cast<std::uint64_t>(nanoseconds) + 1 : static_cast<std::uint64_t>(nanoseconds);
  const std::string sign = nanoseconds < 0 ? "-" : "";
  if (size < 1'000) return sign + std::to_string(size) + "ns";
  if (size < 1'000'000) return sign + with_fraction(size, 3) + "\u00b5s";
  if (size < static_cast<std::uint64_t>(second)) return sign + with_fraction(size, 6) + "ms";
  const std::uint64_t minute = 60 * static_cast<std::uint64_t>(second);
  const std::string seconds = with_fraction(size % minute, 9) + "s";
  const std::uint64_t minutes = size / minute;
  if (minutes >= 60) return sign + std::to_string(minutes / 60) + "h" + std::to_string(minutes % 60) + "m" + seconds;
  return sign + (minutes > 0 ? std::to_string(minutes) + "m" : "") + seconds;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  const std::size_t last = text.find_last_of("0123456789. ");
  if (last == std::string_view::npos) return std::nullopt;
  std::string_view number = text.substr(0, last + 1);
  if (number.ends_with(' ')) number.remove_suffix(1);
  const std::string suffix = lower(text.substr(last + 1));
  const std::optional<double> count = parse_real(number);
  if (!count || *count < 0) return std::nullopt;
  double factor = 1;
  if (!suffix.empty() && suffix != "b") {
    const std::size_t power = std::string_view("kmgtp").find(suffix.front());
    const std::string rest = suffix.substr(1);
    if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib")) return std::nullopt;
    factor = std::pow(1024, static_cast<double>(power + 1));
  }
  const double bytes = *count * factor;
  if (!(bytes < 9.2e18)) return std::nullopt;
  return static_cast<std::int64_t>(bytes);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(text.size() > 1 && text[1] == '-' ? 0 : 1);
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<double> parse_real(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(text.size() > 1 && text[1] == '-' ? 0 : 1);
  // Go's numbers may have "_" between digits.
  std::string joined;
  if (text.find('_') != std::string_view::npos) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool between = i > 0 && i + 1 < text.size() && is_digit(text[i - 1]) && is_digit(text[i + 1]);
      if (text[i] != '_') joined += text[i];
      if (text[i] == '_' && !between) return std::nullopt;
    }
    text = joined;
  }
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc()) return out;
  // Too small for a number is nearly 0, too large is none.
  if (error != std::errc::result_out_of_range) return std::nullopt;
  out = std::strtod(std::string(text).c_str(), nullptr);
  return std::abs(out) < 1 ? std::optional(out) : std::nullopt;
}

std::optional<bool> parse_bool(std::string_view text) {
  const std::string word = lower(text);
  if (word == "true" || word == "y" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "n" || word == "no" || word == "off") return false;
  return std::nullopt;
}

std::string real_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  const decimal d = shortest(value);
  const bool scientific = d.exponent < -4 || d.exponent >= 6;  // 1234567.0 is 1.234567e+06
  return (d.negative ? "-" : "") + (scientific ? scientific_text(d, 2) : positional_text(d));
}

std::string json_real_text(double value) { return json_text(value); }
std::string json_real_text(float value) { return json_text(value); }

}  // namespace orchestration
