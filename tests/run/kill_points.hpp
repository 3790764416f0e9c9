// Where a run of the shop is killed, for tests that start it anew afterwards.
#pragma once

#include <functional>
#include <string>

#include "tests/run/shop_run.hpp"

namespace orchestration::test {

/// Where dockupd is killed.
struct kill_point {
  enum class moment { before_call, after_change, at_event };
  moment when = moment::before_call;
  int nth = 1;
};

std::string to_text(const kill_point& point);

struct run_length {
  int calls = 0;
  int changes = 0;
  int events = 0;
};

run_length length_of(shop_run& shop, const std::function<void()>& doing);

/// True: it was killed there. False: it ended before that.
bool killed_at(shop_run& shop, const kill_point& point, const std::function<void()>& doing);

}  // namespace orchestration::test
