// What --tag, --image and --pin come to: the files that are to be written, and the project as it is with them.
#pragma once

#include "orchestration/run/updater.hpp"
#include "tools/dockupd/session.hpp"

namespace dockupd {

/// An update to what was asked for: project, pins and tags; the rest is the caller's. With --pin digest the registry is
/// asked. Throws pin_error, pin_refused, load_error, refusal.
orchestration::update_request pinned_request(session& s);

}  // namespace dockupd
