// What a plain scalar means: the resolver of go-yaml v3, which stands between YAML 1.1 and 1.2. true and false are the
// only booleans, a leading 0 means octal, and 1_000 is a number.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "orchestration/project/quantity.hpp"
#include "orchestration/project/yaml.hpp"

namespace orchestration {
namespace {

struct special {
  std::string_view text;
  yaml_node::any value;
};

const special specials[] = {
    {"", {}},
    {"~", {}},
    {"null", {}},
    {"Null", {}},
    {"NULL", {}},
    {"true", true},
    {"True", true},
    {"TRUE", true},
    {"false", false},
    {"False", false},
    {"FALSE", false},
    {".inf", std::numeric_limits<double>::infinity()},
    {".Inf", std::numeric_limits<double>::infinity()},
    {".INF", std::numeric_limits<double>::infinity()},
    {"+.inf", std::numeric_limits<double>::infinity()},
    {"+.Inf", std::numeric_limits<double>::infinity()},
    {"+.INF", std::numeric_limits<double>::infinity()},
    {"-.inf", -std::numeric_limits<double>::infinity()},
    {"-.Inf", -std::numeric_limits<double>::infinity()},
    {"-.INF", -std::numeric_limits<double>::infinity()},
    {".nan", std::numeric_limits<double>::quiet_NaN()},
    {".NaN", std::numeric_limits<double>::quiet_NaN()},
    {".NAN", std::numeric_limits<double>::quiet_NaN()},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// How many digits stand at the front, taken away.
std::size_t take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto count = static_cast<std::size_t>(end - text.begin());
  text.remove_prefix(count);
  return count;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// "1", "1.", "1.5e3", ".5"
bool looks_real(std::string_view text) {
  take(text, "+-");
  const std::size_t whole = take_digits(text);
  const bool point = take(text, ".");
  const std::size_t fraction = point ? take_digits(text) : 0;
  if (whole == 0 && fraction == 0) return false;
  if (take(text, "eE")) {
    take(text, "+-");
    if (take_digits(text) == 0) return false;
  }
  return text.empty();
}

// One or two digits, taken away; absent when it is no such number or above the highest.
std::optional<int> take_number(std::string_view& text, int highest) {
  int out = 0;
  const std::string_view all = text;
  const std::size_t digits = take_digits(text);
  if (digits < 1 || digits > 2) return std::nullopt;
  std::from_chars(all.data(), all.data() + digits, out);
  return out > highest ? std::nullopt : std::optional(out);
}

int days_of(int year, int month) {
  if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

// "2024-01-02", with a time behind "T" or a space; a day that is in no calendar is text.
bool looks_like_date(std::string_view text) {
  int year = 0;
  std::from_chars(text.data(), text.data() + text.size(), year);
  if (take_digits(text) != 4 || !take(text, "-")) return false;
  const std::optional<int> month = take_number(text, 12);
  if (!month || *month < 1 || !take(text, "-")) return false;
  const std::optional<int> day = take_number(text, days_of(year, *month));
  if (!day || *day < 1) return false;
  if (text.empty()) return true;
  const bool spaced = text.front() == ' ';
  if (!take(text, "Tt ")) return false;
  if (!take_number(text, 23) || !take(text, ":") || !take_number(text, 59) || !take(text, ":")) return false;
  if (!take_number(text, 59)) return false;
  if (take(text, ".") && take_digits(text) == 0) return false;
  if (text.empty()) return spaced;
  if (text == "Z") return true;
  return take(text, "+-") && take_digits(text) == 2 && take(text, ":") && take_digits(text) == 2 && text.empty();
}

int base_of(std::string_view& digits) {
  const auto prefixed = [&](std::string_view letters) {
    return digits.size() > 2 && digits.front() == '0' && letters.find(digits[1]) != std::string_view::npos;
  };
  for (const auto& [letters, base] : {std::pair("xX", 16), std::pair("bB", 2), std::pair("oO", 8)})
    if (prefixed(letters)) {
      digits.remove_prefix(2);
      return base;
    }
  return digits.size() > 1 && digits.front() == '0' ? 8 : 10;
}

std::optional<yaml_node::any> integer(std::string_view text) {
  bool negative = text.starts_with('-');
  const bool is_signed = take(text, "+-");
  const int base = base_of(text);
  // go-yaml cuts "0b" and "0o" off before it reads the number.
  if (!is_signed && (base == 2 || base == 8) && !text.empty() && !is_digit(text.front())) {
    negative = text.starts_with('-');
    take(text, "+-");
  }
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr auto highest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!negative && size > highest) return size;
  if (size > highest + 1) return std::nullopt;
  return static_cast<std::int64_t>(negative ? ~size + 1 : size);
}

}  // namespace

yaml_node::any plain_scalar(std::string_view text) {
  for (const special& each : specials)
    if (each.text == text) return each.value;
  const char first = text.front();
  if (!is_digit(first) && std::string_view("+-.").find(first) == std::string_view::npos) return std::string(text);
  if (first == '.') {
    if (!looks_real(text)) return std::string(text);
    if (const std::optional<double> real = parse_real(text)) return *real;
    return std::string(text);
  }
  if (looks_like_date(text)) return yaml_date{std::string(text)};
  std::string digits(text);
  std::erase(digits, '_');
  if (const std::optional<yaml_node::any> number = integer(digits)) return *number;
  if (looks_real(digits))
    if (const std::optional<double> real = parse_real(digits)) return *real;
  return std::string(text);
}

}  // namespace orchestration
