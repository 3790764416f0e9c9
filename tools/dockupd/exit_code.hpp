// The exit codes that scripts and people rely on; documented in the README.
#pragma once

#include "orchestration/run/ending.hpp"

namespace dockupd {

enum class exit_code : int {
  ok = 0,
  internal_error = 1,
  usage = 2,
  refused = 3,
  pull_failed = 4,
  snapshot_failed = 5,
  would_change = 10,
  rolled_back = 20,
  left_as_asked = 21,
  rolled_back_unproven = 22,
  needs_person = 30,
  interrupted_run_found = 40,
  locked_or_held = 75
};

constexpr exit_code code_of(orchestration::ending how) {
  using orchestration::ending;
  switch (how) {
    case ending::nothing_to_do:
    case ending::done:
      return exit_code::ok;
    case ending::refused:
    case ending::abandoned:
      return exit_code::refused;
    case ending::pull_failed:
      return exit_code::pull_failed;
    case ending::snapshot_failed:
      return exit_code::snapshot_failed;
    case ending::rolled_back:
      return exit_code::rolled_back;
    case ending::rolled_back_unproven:
      return exit_code::rolled_back_unproven;
    case ending::needs_person:
      return exit_code::needs_person;
    case ending::left_open:
      return exit_code::interrupted_run_found;
    case ending::held:
      return exit_code::locked_or_held;
  }
  return exit_code::internal_error;
}

}  // namespace dockupd
