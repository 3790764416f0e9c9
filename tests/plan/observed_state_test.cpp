#include "orchestration/plan/observed_state.hpp"

#include <gtest/gtest.h>

#include "orchestration/plan/dependency_label.hpp"
#include "orchestration/plan/health_budget.hpp"

namespace orchestration {
namespace {

using docker::json;

TEST(ObservedState, ReadsAContainer) {
  const observed_container c = container_from_inspect(json::parse(R"({
    "Id": "abc", "Name": "/shop-web-1", "Image": "sha256:1",
    "State": {"Status": "running", "ExitCode": 0, "Health": {"Status": "starting"}},
    "Config": {"Image": "shop:v1", "Labels": {"com.docker.compose.service": "web",
      "com.docker.compose.container-number": "2", "com.docker.compose.config-hash": "h",
      "com.docker.compose.image": "sha256:1"}},
    "Mounts": [{"Type": "volume", "Name": "data", "Destination": "/data", "RW": true},
               {"Type": "bind", "Source": "/srv", "Destination": "/srv", "RW": false}],
    "NetworkSettings": {"Networks": {"shop_default": {}}}})"));
  EXPECT_EQ(c.name, "shop-web-1");
  EXPECT_EQ(c.service, "web");
  EXPECT_EQ(c.number, 2);
  EXPECT_EQ(c.state, container_state::running);
  EXPECT_EQ(c.health, health_state::starting);
  ASSERT_EQ(c.mounts.size(), 2U);
  EXPECT_TRUE(c.mounts[0].writable);
  EXPECT_EQ(c.mounts[1].name, "");
  EXPECT_FALSE(c.mounts[1].writable);
  EXPECT_EQ(c.networks, std::vector<std::string>{"shop_default"});
}

TEST(ObservedState, TakesWhatOldEnginesLeaveOut) {
  const observed_container c = container_from_inspect(json::parse(
      R"({"Id": "abc", "Name": "x", "Image": "sha256:1", "State": {"Status": "exited", "ExitCode": 137},
          "Config": {"Labels": null}, "Mounts": null, "NetworkSettings": {"Networks": null}})"));
  EXPECT_EQ(c.number, 0);
  EXPECT_EQ(c.health, health_state::none);
  EXPECT_EQ(c.exit_code, 137);
}

TEST(ObservedState, RefusesAnAnswerThatIsNoContainer) {
  EXPECT_THROW(container_from_inspect(json::parse("{}")), docker::json_error);
  EXPECT_THROW(
      container_from_inspect(json::parse(R"({"Id": "a", "Name": "b", "Image": "c", "State": {"Status": "dancing"}})")),
      docker::json_error);
}

TEST(ObservedState, ReadsImagesVolumesAndNetworks) {
  EXPECT_TRUE(image_from_inspect(json::parse(R"({"Id": "i", "RepoDigests": ["a@sha256:1"],
                                                 "Config": {"Healthcheck": {"Test": ["CMD", "x"]}}})"))
                  .declares_health_check);
  EXPECT_FALSE(image_from_inspect(
                   json::parse(R"({"Id": "i", "RepoDigests": null, "Config": {"Healthcheck": {"Test": ["NONE"]}}})"))
                   .declares_health_check);
  EXPECT_EQ(volume_from_inspect(json::parse(R"({"Name": "v", "Driver": "local", "Mountpoint": "/m"})")).mountpoint,
            "/m");
  EXPECT_EQ(network_from_inspect(json::parse(R"({"Name": "n", "Id": "1"})")).id, "1");
}

TEST(ObservedState, NamesStatesAsTheEngineDoes) {
  EXPECT_EQ(to_text(container_state::restarting), "restarting");
  EXPECT_EQ(to_text(container_state::dead), "dead");
  EXPECT_EQ(to_text(health_state::unhealthy), "unhealthy");
}

TEST(HealthBudget, IsWhatTheHealthCheckImplies) {
  using std::chrono::seconds;
  EXPECT_EQ(health_budget(json::parse(R"({"StartPeriod": 5000000000, "Interval": 2000000000, "Timeout": 3000000000,
                                          "Retries": 4})")),
            seconds(5 + 4 * (2 + 3) + 10));
  EXPECT_EQ(health_budget(json::parse(R"({"Interval": 0, "Timeout": 0, "Retries": 0})")), seconds(3 * 60 + 10));
  EXPECT_EQ(health_budget(json()), seconds(3 * 60 + 10));
}

TEST(DependencyLabel, IsReadInAnyOrder) {
  EXPECT_EQ(
      dependencies_from_label("web:service_started:false,db:service_healthy:true,"
                              "init:service_completed_successfully:false"),
      (std::vector<labelled_dependency>{{"db", goal::healthy, true}, {"init", goal::completed}, {"web", goal::started}}));
  EXPECT_TRUE(dependencies_from_label("").empty());
  EXPECT_TRUE(dependencies_from_label("nonsense,:x:y").empty());
}

TEST(DependencyLabel, CirclesEnd) {
  const std::map<std::string, int> level =
      levels_of({{"a", {{"b", goal::started}}}, {"b", {{"a", goal::started}}}, {"c", {}}});
  EXPECT_EQ(level.at("c"), 0);
  EXPECT_LE(level.at("a"), 3);
}

}  // namespace
}  // namespace orchestration
