// An attempt that the records do not know, because their end or all of them is lost, but that has left its plan.
#pragma once

#include <optional>

#include "orchestration/run/executor.hpp"

namespace orchestration {

/// The newest attempt on disk (run/rescue_files) that the records have never heard of, now recorded as open and on its
/// way back: forward needs the records that are lost. nullopt: there is none. One that was never begun is found too;
/// undoing it changes nothing. store_error.
std::optional<attempt> take_up_lost_attempt(workspace& w);

}  // namespace orchestration
