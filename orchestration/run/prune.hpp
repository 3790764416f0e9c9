// What a run that has ended lets go of: snapshots, and after an update kept images, that nobody goes back to.
#pragma once

#include "orchestration/run/executor.hpp"

namespace orchestration {

/// Snapshots beyond the newest five go, but of the present release and of the five verified ones before it never the
/// newest that holds a volume, and never a volume's only verified one. Throws as files do; what is gone by then stays
/// gone. Run it under the project's lock.
void prune_snapshots(workspace& w);

/// And image names kept for older releases than these. Throws as the engine does, too.
docker::task<> prune(workspace& w, std::string project);

}  // namespace orchestration
