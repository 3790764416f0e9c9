// Looks whether everything that an undo counts on is still there, and plans anew what is not (plan/mend_undo).
#pragma once

#include "orchestration/plan/plan.hpp"
#include "orchestration/release/store.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/update/update_machine.hpp"

namespace orchestration {

struct way_back {
  plan undo;
  bool is_mended = false;    // it is another one than the attempt's
  update_state begin_again;  // where it has to go on: the attempt's own state, or rolling_back
};

/// Of an attempt that stands in a state of the way back. What no release remembers is left as it is: the executor says
/// that it is gone. plan_error, docker::error.
docker::task<way_back> mend_way_back(workspace& w, attempt a);

}  // namespace orchestration
