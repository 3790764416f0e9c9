#include "orchestration/plan/went_down.hpp"

#include <algorithm>
#include <chrono>

#include "orchestration/plan/intention.hpp"
#include "orchestration/release/identity.hpp"

namespace orchestration {
namespace {

// Measured, 20.10: what ignores SIGTERM has ended half a second before the network is made, all else up to ten before.
constexpr std::chrono::seconds coming_back{12};

bool should_run(const release& live, const observed_container& found) {
  return std::any_of(live.containers.begin(), live.containers.end(), [&](const released_container& c) {
    return c.container_id == found.id && c.should_run && !c.completes;
  });
}

}  // namespace

std::set<std::string> went_down_with_daemon(const release& live, const observed_state& observed,
                                            std::string_view bridge_created) {
  std::set<std::string> out;
  const auto came_back = from_rfc3339(bridge_created);
  if (!came_back) return out;
  for (const observed_container& found : observed.containers) {
    if (found.state != container_state::exited || !should_run(live, found)) continue;
    const auto ended = from_rfc3339(found.inspect.string_at({"State", "FinishedAt"}));
    if (ended && *ended <= *came_back && *came_back - *ended <= coming_back) out.insert(found.name);
  }
  return out;
}

}  // namespace orchestration
