// Attempts that are taken up although none is open: one that the records do not know, because their end or all of them
// is lost, but that has left its plan; and one that was given up, and that a person has brought back since.
#pragma once

#include <optional>

#include "orchestration/run/executor.hpp"

namespace orchestration {

/// The newest attempt on disk (run/rescue_files) that the records have never heard of, now recorded as open and on its
/// way back: forward needs the records that are lost. nullopt: there is none. One that was never begun is found too;
/// undoing it changes nothing. store_error.
std::optional<attempt> take_up_lost_attempt(workspace& w);

/// The last attempt when it has ended with a person being needed and somebody has run its rescue.sh since: open again,
/// on the way back, of which only the proof and the cleaning up are left to do. nullopt: it is not so. store_error.
std::optional<attempt> take_up_rescued_attempt(workspace& w);

}  // namespace orchestration
