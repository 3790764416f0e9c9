// Everything that can be checked or fetched beforehand, before anything stops.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"
#include "orchestration/project/project.hpp"
#include "orchestration/run/executor.hpp"

namespace orchestration {

/// Image reference → digest as the registry means it now, for the chosen services whose image has to be asked for: it
/// is not local, it is one of those whose tag this run sets (`retagged`), or no tag was given (then every moving tag is
/// asked for). refusal(pull_failed) names the image, the registry's words and what to do.
docker::task<std::map<std::string, std::string>> resolve_images(engine& e, project desired,
                                                                std::set<std::string> services, observed_state observed,
                                                                std::set<std::string> retagged, bool tag_given);

/// Forward, the disk has to carry everything, and a rollback on top. A way back goes as far as the room there is.
enum class way { forward, back };

/// Holds, ports, rollback target, volumes, disk. Throws refusal with the first that is not right; warnings go to the
/// progress sink. Forward, the ballast is made before it returns.
docker::task<> check_before(workspace& w, plan p, observed_state observed, way going);

}  // namespace orchestration
