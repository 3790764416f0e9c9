#include "orchestration/plan/went_down.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

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

using time_point = std::chrono::system_clock::time_point;

bool was_ended(const observed_container& c, time_point came_back) {
  if (c.state != container_state::exited) return false;
  const std::optional<time_point> ended = from_rfc3339(c.inspect.string_at({"State", "FinishedAt"}));
  return ended && *ended <= came_back && came_back - *ended <= coming_back;
}

}  // namespace

release went_down_with_daemon(const std::optional<release>& live, const observed_state& observed,
                              std::string_view bridge_created) {
  const std::optional<time_point> came_back = from_rfc3339(bridge_created);
  std::map<std::string, const observed_container*> ended;  // by id
  for (const observed_container& c : observed.containers)
    if (came_back && was_ended(c, *came_back)) ended.emplace(c.id, &c);
  if (ended.empty()) return {};
  release out = release_from_observed(observed, 0, "");
  std::erase_if(out.containers, [&](released_container& c) {
    const auto found = ended.find(c.container_id);
    if (found == ended.end()) return true;
    const released_container* recorded = known(live, c.container_id);
    c.should_run = comes_back(*found->second);
    if (recorded != nullptr) c = *recorded;
    return !c.should_run || c.completes;
  });
  return out;
}

}  // namespace orchestration
