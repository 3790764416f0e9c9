#include "orchestration/plan/went_down.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orchestration {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// As measured on 20.10.24: dockerd was killed and began to come back at 05:30:04.9.
constexpr const char* came_back = "2026-12-01T05:30:15.781079682Z";
constexpr const char* ignored_sigterm = "2026-12-01T05:30:15.339602237Z";
constexpr const char* ended_by_sigterm = "2026-12-01T05:30:06.296227882Z";
constexpr const char* never = "0001-01-01T00:00:00Z";

class WentDown : public testing::Test {
 protected:
  void add(const std::string& name, const std::string& finished_at, container_state state = container_state::exited) {
    observed_container c;
    c.id = c.name = name;
    c.state = state;
    c.inspect = docker::json::object({{"State", docker::json::object({{"FinishedAt", finished_at}})}});
    observed_.containers.push_back(c);
    released_container recorded;
    recorded.name = recorded.container_id = name;
    live_.containers.push_back(recorded);
  }
  std::set<std::string> found(const std::string& bridge = came_back) const {
    return went_down_with_daemon(live_, observed_, bridge);
  }
  observed_state observed_;
  release live_;
};

TEST_F(WentDown, IsWhatEndedWhileTheDaemonCameBack) {
  add("db", ignored_sigterm);
  add("web", ended_by_sigterm);
  EXPECT_THAT(found(), ElementsAre("db", "web"));
}

TEST_F(WentDown, IsNotWhatEndedLongBeforeOrAfterwards) {
  add("before", "2026-12-01T05:30:03.700000000Z");
  add("afterwards", "2026-12-01T05:30:15.781079683Z");
  add("never", never);
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(WentDown, IsNotWhatRunsAgainOrWasNeverStarted) {
  add("runs", ignored_sigterm, container_state::running);
  add("created", ignored_sigterm, container_state::created);
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(WentDown, IsOnlyWhatTheReleaseHasRunning) {
  for (const char* name : {"stopped", "one-shot", "made anew"}) add(name, ignored_sigterm);
  live_.containers[0].should_run = false;
  live_.containers[1].completes = true;
  live_.containers[2].container_id = "another";
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(WentDown, IsUnknownOnAnEngineWithoutTheDefaultNetwork) {
  add("db", ignored_sigterm);
  EXPECT_THAT(found(""), IsEmpty());
}

}  // namespace
}  // namespace orchestration
