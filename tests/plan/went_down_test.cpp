#include "orchestration/plan/went_down.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "orchestration/plan/photograph.hpp"
#include "tests/plan/world.hpp"

namespace orchestration {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// As measured on 20.10.24: dockerd was killed and began to come back at 05:30:04.9.
constexpr const char* came_back = "2026-12-01T05:30:15.781079682Z";
constexpr const char* ignored_sigterm = "2026-12-01T05:30:15.339602237Z";
constexpr const char* ended_by_sigterm = "2026-12-01T05:30:06.296227882Z";

class WentDown : public testing::Test {
 protected:
  /// "db" or "web" of the shop, with "unless-stopped".
  void ended(const std::string& service, const std::string& at, container_state state = container_state::exited) {
    observed_container& c = test::container(observed_, service);
    test::set_state(c, state);
    c.inspect["State"]["FinishedAt"] = at;
    c.inspect["HostConfig"]["RestartPolicy"]["Name"] = "unless-stopped";
  }
  released_container& recorded(const std::string& service) {
    return *std::find_if(live_->containers.begin(), live_->containers.end(),
                         [&](const released_container& c) { return c.service == service; });
  }
  std::vector<std::string> found(const std::string& bridge = came_back) const {
    std::vector<std::string> out;
    for (const released_container& c : went_down_with_daemon(live_, observed_, bridge).containers)
      out.push_back(c.service);
    return out;
  }
  observed_state observed_ = test::run(test::shop("v1"));
  std::optional<release> live_ = release_from_observed(observed_, 1, "2026-12-01T05:00:00Z");
};

TEST_F(WentDown, IsWhatEndedWhileTheDaemonCameBack) {
  ended("db", ignored_sigterm);
  ended("web", ended_by_sigterm);
  EXPECT_THAT(found(), ElementsAre("db", "web"));
}

TEST_F(WentDown, IsNotWhatEndedLongBeforeOrAfterwards) {
  ended("db", "2026-12-01T05:30:03.700000000Z");
  ended("web", "2026-12-01T05:30:15.781079683Z");
  EXPECT_THAT(found(), IsEmpty());
  ended("web", "0001-01-01T00:00:00Z");  // never
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(WentDown, IsNotWhatRunsAgainOrWasNeverStarted) {
  ended("db", ignored_sigterm, container_state::running);
  ended("web", ignored_sigterm, container_state::created);
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(WentDown, IsOnlyWhatTheReleaseHasRunning) {
  for (const char* service : {"db", "migrate", "web"}) ended(service, ignored_sigterm);
  recorded("db").should_run = false;
  EXPECT_THAT(found(), ElementsAre("web")) << "and migrate has completed";
}

TEST_F(WentDown, IsByItsPolicyWhatNoReleaseKnows) {
  for (const char* service : {"db", "web"}) ended(service, ignored_sigterm);
  test::container(observed_, "web").inspect["HostConfig"]["RestartPolicy"]["Name"] = "no";
  live_->containers.clear();
  EXPECT_THAT(found(), ElementsAre("db"));
  live_.reset();
  EXPECT_THAT(found(), ElementsAre("db"));
}

TEST_F(WentDown, IsUnknownOnAnEngineWithoutTheDefaultNetwork) {
  ended("db", ignored_sigterm);
  EXPECT_THAT(found(""), IsEmpty());
}

}  // namespace
}  // namespace orchestration
