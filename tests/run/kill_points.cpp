#include "tests/run/kill_points.hpp"

#include <algorithm>

namespace orchestration::test {

std::string to_text(const kill_point& point) {
  const std::string nth = std::to_string(point.nth);
  switch (point.when) {
    case kill_point::moment::before_call:
      return "killed before call " + nth;
    case kill_point::moment::after_change:
      return "killed after change " + nth;
    case kill_point::moment::at_event:
      break;
  }
  return "killed at event " + nth;
}

run_length length_of(shop_run& shop, const std::function<void()>& doing) {
  shop.engine().forget_calls();
  doing();
  const std::string changes = shop.engine().changes();
  run_length out;
  out.calls = static_cast<int>(shop.engine().calls().size());
  out.changes = static_cast<int>(std::count(changes.begin(), changes.end(), '\n'));
  out.events = static_cast<int>(shop.events().size());
  return out;
}

bool killed_at(shop_run& shop, const kill_point& point, const std::function<void()>& doing) {
  shop.engine().forget_calls();
  if (point.when == kill_point::moment::at_event) {
    shop.on_event = [left = point.nth](const progress_event& event) mutable {
      const bool counts = event.what == progress_event::kind::phase || event.what == progress_event::kind::begin ||
                          event.what == progress_event::kind::end || event.what == progress_event::kind::warning;
      if (counts && --left == 0) throw fake_kill();
    };
  } else {
    scripted_failure kill;
    kill.kind = failure_kind::killed;
    kill.call = point.when == kill_point::moment::before_call ? every_call : "";
    kill.when = point.when == kill_point::moment::after_change ? failing::after : failing::before;
    kill.nth = point.nth;
    shop.engine().fail(kill);
  }
  bool killed = false;
  try {
    doing();
  } catch (const fake_kill&) {
    killed = true;
  }
  shop.on_event = nullptr;
  shop.engine().forget_failures();
  return killed;
}

}  // namespace orchestration::test
