#include "orchestration/plan/went_down.hpp"

#include <algorithm>
#include <chrono>

#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/photograph.hpp"
#include "orchestration/release/identity.hpp"

namespace orchestration {
namespace {

// Measured, 20.10: what ignores SIGTERM has ended half a second before the network is made, all else up to ten before.
constexpr std::chrono::seconds coming_back{12};

const released_container* known(const std::optional<release>& live, const std::string& id) {
  if (!live) return nullptr;
  const auto found = std::find_if(live->containers.begin(), live->containers.end(),
                                  [&](const released_container& c) { return c.container_id == id; });
  return found == live->containers.end() ? nullptr : &*found;
}

bool comes_back(const observed_container& c) {
  const std::string policy = restart_policy_of(c).string_at({"Name"});
  return policy == "always" || policy == "unless-stopped";
}

}  // namespace

release went_down_with_daemon(const std::optional<release>& live, const observed_state& observed,
                              std::string_view bridge_created) {
  release out = release_from_observed(observed, 0, "");
  std::erase_if(out.containers, [&](released_container& c) {
    const observed_container& found =
        *std::find_if(observed.containers.begin(), observed.containers.end(),
                      [&](const observed_container& each) { return each.id == c.container_id; });
    const released_container* recorded = known(live, c.container_id);
    if (recorded != nullptr) c = *recorded;
    c.should_run = recorded != nullptr ? c.should_run : comes_back(found);
    const auto came_back = from_rfc3339(bridge_created);
    const auto ended = from_rfc3339(found.inspect.string_at({"State", "FinishedAt"}));
    const bool by_the_daemon = came_back && ended && *ended <= *came_back && *came_back - *ended <= coming_back;
    return !by_the_daemon || found.state != container_state::exited || !c.should_run || c.completes;
  });
  return out;
}

}  // namespace orchestration
