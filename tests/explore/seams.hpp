// What the explorer puts in the place of failpoint() and of the clocks: the linker takes these, all other objects being
// the very same as dockupd's. So each passage is seen, and a run depends on nothing but the state it begins in.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace orchestration::explore {

struct seams {
  std::function<void(const std::string& name)> on_failpoint;
  // Of ids: they sort by the command, and within it by their order. A command that is repeated gives the same.
  int command = 0;
  int ids = 0;
  std::int64_t ticks = 0;  // how often boot_time() was asked: each time a little later
};
seams& current_seams();

}  // namespace orchestration::explore
