// What an update that is done lets go of: snapshots and kept images of releases nobody goes back to.
#pragma once

#include "orchestration/run/executor.hpp"

namespace orchestration {

/// Snapshots beyond the newest five go, but never one that holds the data of the present release or of the five
/// verified ones before it, and never a volume's only verified one. Image names kept for older releases than these go
/// too. Throws as files and engine do; what is gone by then stays gone. Run it under the project's lock.
docker::task<> prune(workspace& w, std::string project);

}  // namespace orchestration
