// What others have put in the place of containers that an attempt made (`docker compose up`, say).
#pragma once

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"

namespace orchestration {

enum class stand_in { none, well, unwell };

/// For the containers that `p` made and that are gone. `well`: each that stands in runs, healthy where that is checked,
/// or has ended with 0 where the plan waits for an end.
stand_in stand_in_for(const plan& p, const observed_state& observed);

}  // namespace orchestration
