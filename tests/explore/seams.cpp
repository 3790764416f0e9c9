#include "tests/explore/seams.hpp"

#include <cstdio>

#include "orchestration/files/failpoint.hpp"
#include "orchestration/run/clock.hpp"

namespace orchestration {

namespace explore {

seams& current_seams() {
  static seams all;
  return all;
}

}  // namespace explore

void failpoint(std::string_view name) {
  const auto& seen = explore::current_seams().on_failpoint;
  if (seen) seen(std::string(name));
}

std::string now_text() { return "2026-01-01T00:00:00Z"; }

std::chrono::milliseconds boot_time() {
  constexpr std::int64_t tick = 20;  // milliseconds; a proof that waits for ever ends all the same
  return std::chrono::milliseconds(tick * ++explore::current_seams().ticks);
}

std::string new_id() {
  explore::seams& s = explore::current_seams();
  char text[40];
  std::snprintf(text, sizeof text, "20260101T00%02d00Z-%06x", s.command % 60, ++s.ids);
  return text;
}

}  // namespace orchestration
