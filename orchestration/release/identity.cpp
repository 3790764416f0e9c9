#include "orchestration/release/identity.hpp"

#include <array>
#include <cstdio>

namespace orchestration {
namespace {

namespace chrono = std::chrono;

struct calendar_time {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

calendar_time to_calendar(chrono::system_clock::time_point time) {
  const auto seconds = chrono::floor<chrono::seconds>(time);
  const auto midnight = chrono::floor<chrono::days>(seconds);
  const chrono::year_month_day date(midnight);
  const chrono::hh_mm_ss clock(seconds - midnight);
  calendar_time out;
  out.year = static_cast<int>(date.year());
  out.month = static_cast<int>(static_cast<unsigned>(date.month()));
  out.day = static_cast<int>(static_cast<unsigned>(date.day()));
  out.hour = static_cast<int>(clock.hours().count());
  out.minute = static_cast<int>(clock.minutes().count());
  out.second = static_cast<int>(clock.seconds().count());
  return out;
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 64> buffer{};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  const int length = std::snprintf(buffer.data(), buffer.size(), pattern, values...);
#pragma GCC diagnostic pop
  return {buffer.data(), static_cast<std::size_t>(length)};
}

std::string sortable_id(chrono::system_clock::time_point now, std::uint32_t random) {
  const calendar_time t = to_calendar(now);
  return format("%04d%02d%02dT%02d%02d%02dZ-%06x", t.year, t.month, t.day, t.hour, t.minute, t.second,
                random & 0xffffffU);
}

// Takes what it names off the front of the text; `ok` stays false once something was missing.
struct reader {
  std::string_view rest;
  bool ok = true;

  int digits(std::size_t count, int least, int most) {
    int value = 0;
    ok = ok && rest.size() >= count;
    for (std::size_t i = 0; ok && i < count; ++i) {
      ok = rest[i] >= '0' && rest[i] <= '9';
      value = value * 10 + (rest[i] - '0');
    }
    ok = ok && value >= least && value <= most;
    if (ok) rest.remove_prefix(count);
    return ok ? value : least;
  }
  char one_of(std::string_view allowed) {
    ok = ok && !rest.empty() && allowed.find(rest.front()) != std::string_view::npos;
    if (!ok) return '\0';
    const char found = rest.front();
    rest.remove_prefix(1);
    return found;
  }
};

chrono::nanoseconds read_fraction(reader& in) {
  chrono::nanoseconds value{0};
  if (!in.ok || !in.rest.starts_with('.')) return value;
  in.one_of(".");
  chrono::nanoseconds unit = chrono::seconds(1);
  do {  // at least one digit; those past the ninth are read and count for nothing
    unit /= 10;
    value += in.digits(1, 0, 9) * unit;
  } while (in.ok && !in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9');
  return value;
}

chrono::minutes read_offset(reader& in) {
  const char sign = in.one_of("Zz+-");
  if (!in.ok || sign == 'Z' || sign == 'z') return chrono::minutes(0);
  const int hours = in.digits(2, 0, 23);
  in.one_of(":");
  const int minutes = in.digits(2, 0, 59);
  const chrono::minutes offset = chrono::hours(hours) + chrono::minutes(minutes);
  return sign == '-' ? -offset : offset;
}

}  // namespace

std::string attempt_id(chrono::system_clock::time_point now, std::uint32_t random) { return sortable_id(now, random); }
std::string snapshot_id(chrono::system_clock::time_point now, std::uint32_t random) { return sortable_id(now, random); }

std::string to_rfc3339(chrono::system_clock::time_point time) {
  const calendar_time t = to_calendar(time);
  return format("%04d-%02d-%02dT%02d:%02d:%02dZ", t.year, t.month, t.day, t.hour, t.minute, t.second);
}

std::optional<chrono::system_clock::time_point> from_rfc3339(std::string_view text) {
  reader in{text};
  const int year = in.digits(4, 0, 9999);
  in.one_of("-");
  const int month = in.digits(2, 1, 12);
  in.one_of("-");
  const int day = in.digits(2, 1, 31);
  in.one_of("Tt ");
  const int hour = in.digits(2, 0, 23);
  in.one_of(":");
  const int minute = in.digits(2, 0, 59);
  in.one_of(":");
  const int second = in.digits(2, 0, 60);  // 60: a leap second; it becomes the first of the next minute
  const chrono::nanoseconds fraction = read_fraction(in);
  const chrono::minutes offset = read_offset(in);
  const chrono::year_month_day date(chrono::year(year), chrono::month(static_cast<unsigned>(month)),
                                    chrono::day(static_cast<unsigned>(day)));
  if (!in.ok || !in.rest.empty() || !date.ok()) return std::nullopt;
  const chrono::sys_seconds whole =
      chrono::sys_days(date) + chrono::hours(hour) + chrono::minutes(minute) + chrono::seconds(second) - offset;
  // Nanoseconds since 1970 fit years 1678 to 2262 only; the engine's "never" is year 1.
  constexpr auto earliest = chrono::ceil<chrono::seconds>(chrono::system_clock::time_point::min());
  constexpr auto latest = chrono::floor<chrono::seconds>(chrono::system_clock::time_point::max());
  if (whole < earliest || whole >= latest) return std::nullopt;
  return chrono::time_point_cast<chrono::system_clock::duration>(whole + fraction);
}

}  // namespace orchestration
