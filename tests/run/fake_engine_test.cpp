// What tests lean on in the fake beyond the contract: scripted failures, scripted behaviour, the engine's own restart.
#include "tests/support/fake_engine.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "docker_client/error.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration {
namespace {

using docker::json;

class FakeEngine : public testing::Test {
 protected:
  std::string create(const std::string& name, const std::string& image, const std::string& policy = "no") {
    json body = json::object({{"Image", image}});
    body["HostConfig"]["RestartPolicy"]["Name"] = policy;
    return run_task(engine_.create_container(name, std::move(body), ""));
  }
  std::string create_running(const std::string& name, const std::string& image, const std::string& policy = "no") {
    const std::string id = create(name, image, policy);
    run_task(engine_.start_container(id));
    return id;
  }
  json inspected(const std::string& id) { return run_task(engine_.inspect_container(id)).value(); }
  std::string status(const std::string& id) { return inspected(id).string_at({"State", "Status"}); }
  std::string health(const std::string& id) { return inspected(id).string_at({"State", "Health", "Status"}); }

  fake_engine engine_{real_volumes::yes};
};

TEST_F(FakeEngine, RefusesTheNthCallWithoutActing) {
  engine_.images().load("app:v1", {});
  scripted_failure failure;
  failure.call = "create web";
  failure.nth = 2;
  failure.status = 409;
  failure.words = "not this time";
  engine_.fail(failure);
  create("web-1", "app:v1");
  try {
    create("web-2", "app:v1");
    FAIL() << "nothing was thrown";
  } catch (const docker::error& error) {
    EXPECT_EQ(error.status(), 409);
    EXPECT_EQ(error.acted(), docker::acted::answered);
  }
  EXPECT_EQ(engine_.container("web-2"), nullptr);
  create("web-2", "app:v1");
  EXPECT_EQ(engine_.changes(), "create web-1\ncreate web-2\ncreate web-2\n");
}

TEST_F(FakeEngine, LosesAnAnswerAfterActing) {
  engine_.images().load("app:v1", {});
  scripted_failure failure;
  failure.when = failing::after;
  failure.kind = failure_kind::lost;
  engine_.fail(failure);
  try {
    create("web-1", "app:v1");
    FAIL() << "nothing was thrown";
  } catch (const docker::error& error) {
    EXPECT_EQ(error.acted(), docker::acted::maybe);
  }
  EXPECT_NE(engine_.container("web-1"), nullptr);
}

TEST_F(FakeEngine, StaysKilledUntilRevived) {
  engine_.images().load("app:v1", {});
  const std::string id = create("web-1", "app:v1");
  scripted_failure failure;
  failure.call = "start";
  failure.kind = failure_kind::killed;
  engine_.fail(failure);
  EXPECT_THROW(run_task(engine_.start_container(id)), fake_kill);
  EXPECT_THROW(run_task(engine_.inspect_container(id)), fake_kill);
  engine_.revive();
  EXPECT_EQ(status(id), "created");
}

TEST_F(FakeEngine, FollowsAHealthScript) {
  image_behaviour behaviour;
  behaviour.config["Healthcheck"]["Test"].push_back("CMD");
  behaviour.healthy_after = 2;
  const std::vector<std::pair<health_script, std::string>> scripts = {{health_script::becomes_healthy, "healthy"},
                                                                      {health_script::stays_starting, "starting"},
                                                                      {health_script::becomes_unhealthy, "unhealthy"}};
  for (const auto& [script, end] : scripts) {
    behaviour.health = script;
    engine_.images().load("app:v1", behaviour);
    const std::string id = create_running("web-" + end, "app:v1");
    EXPECT_EQ(health(id), "starting");
    EXPECT_EQ(health(id), "starting");
    EXPECT_EQ(health(id), end);
    EXPECT_EQ(health(id), end);
  }
}

TEST_F(FakeEngine, FlapsBetweenHealthyAndUnhealthy) {
  image_behaviour behaviour;
  behaviour.config["Healthcheck"]["Test"].push_back("CMD");
  behaviour.health = health_script::flaps;
  engine_.images().load("app:v1", behaviour);
  const std::string id = create_running("web-1", "app:v1");
  std::string seen;
  for (int i = 0; i < 5; ++i) seen += health(id) + " ";
  EXPECT_EQ(seen, "starting healthy unhealthy healthy unhealthy ");
}

TEST_F(FakeEngine, ADeclaredCheckInTheBodyCountsAndNoneSwitchesItOff) {
  image_behaviour behaviour;
  behaviour.config["Healthcheck"]["Test"].push_back("CMD");
  engine_.images().load("app:v1", behaviour);
  json body = json::object({{"Image", "app:v1"}});
  body["Healthcheck"]["Test"].push_back("NONE");
  const std::string id = run_task(engine_.create_container("web-1", body, ""));
  run_task(engine_.start_container(id));
  EXPECT_EQ(inspected(id).path({"State", "Health"}), nullptr);
}

TEST_F(FakeEngine, RestartsWhatFailsUntilTheRetriesAreUsedUp) {
  image_behaviour behaviour;
  behaviour.exits_with = 7;
  behaviour.killed_for_memory = true;
  engine_.images().load("app:v1", behaviour);
  json body = json::object({{"Image", "app:v1"}});
  body["HostConfig"]["RestartPolicy"] = json::object({{"Name", "on-failure"}, {"MaximumRetryCount", 1}});
  const std::string id = run_task(engine_.create_container("web-1", body, ""));
  run_task(engine_.start_container(id));
  std::string seen;
  for (int i = 0; i < 5; ++i) seen += status(id) + " ";
  EXPECT_EQ(seen, "running restarting running exited exited ");
  const json last = inspected(id);
  EXPECT_EQ(last.int64_at({"State", "ExitCode"}), 7);
  EXPECT_EQ(last.int64_at({"RestartCount"}), 1);
  EXPECT_TRUE(last.bool_at({"State", "OOMKilled"}));
}

TEST_F(FakeEngine, AfterBeingKilledOnlyAlwaysComesBack) {
  engine_.images().load("app:v1", {});
  const std::string always = create_running("a-always", "app:v1", "always");
  const std::string unless = create_running("a-unless", "app:v1", "unless-stopped");
  const std::string stopped = create_running("a-stopped", "app:v1", "always");
  run_task(engine_.stop_container(stopped, std::nullopt));
  create("a-created", "app:v1", "always");
  engine_.restart_engine(engine_stop::killed);
  const std::vector<std::string> expected = {"a-always running", "a-created created", "a-stopped running",
                                             "a-unless exited"};
  EXPECT_EQ(engine_.container_names(), expected);
}

TEST_F(FakeEngine, AfterACleanRestartUnlessStoppedComesBackAndTheDisarmedStayDown) {
  engine_.images().load("app:v1", {});
  create_running("a-unless", "app:v1", "unless-stopped");
  const std::string stopped = create_running("a-stopped", "app:v1", "unless-stopped");
  run_task(engine_.stop_container(stopped, std::nullopt));
  const std::string disarmed = create_running("a-disarmed", "app:v1", "always");
  run_task(engine_.set_restart_policy(disarmed, json::object({{"Name", "no"}})));
  engine_.restart_engine(engine_stop::cleanly);
  const std::vector<std::string> expected = {"a-disarmed exited", "a-stopped exited", "a-unless running"};
  EXPECT_EQ(engine_.container_names(), expected);
}

TEST_F(FakeEngine, AVersionWritesIntoItsRealVolume) {
  image_behaviour behaviour;
  behaviour.on_start = [](const auto& directories) { std::ofstream(directories.at("/data") / "row") << "v1"; };
  engine_.images().load("app:v1", behaviour);
  json body = json::object({{"Image", "app:v1"}});
  body["HostConfig"]["Binds"].push_back("shop_data:/data");
  const std::string id = run_task(engine_.create_container("db-1", body, ""));
  run_task(engine_.start_container(id));
  EXPECT_TRUE(std::filesystem::exists(engine_.volume_directory("shop_data") / "row"));
  const auto volume = run_task(engine_.inspect_volume("shop_data"));
  EXPECT_EQ(volume->string_at({"Mountpoint"}), engine_.volume_directory("shop_data").string());
}

TEST_F(FakeEngine, ABrokenPullSaysWhatTheStreamSaidAndLeavesNothing) {
  engine_.images().publish("registry.test/app:v1", {});
  engine_.images().broken_pulls["registry.test/app:v1"] = "filesystem layer verification failed";
  std::vector<std::string> said;
  const auto listen = [&said](const pull_progress& p) { said.push_back(p.status); };
  try {
    run_task(engine_.pull_image("registry.test/app:v1", "", listen));
    FAIL() << "nothing was thrown";
  } catch (const docker::error& error) {
    EXPECT_EQ(error.kind(), docker::error_kind::in_stream);
    EXPECT_EQ(error.engine_message(), "filesystem layer verification failed");
  }
  EXPECT_EQ(said.back(), "Downloading");
  EXPECT_FALSE(run_task(engine_.inspect_image("registry.test/app:v1")).has_value());
}

TEST_F(FakeEngine, AForeignPortIsTakenUntilItIsFreed) {
  engine_.images().load("app:v1", {});
  json body = json::object({{"Image", "app:v1"}});
  body["HostConfig"]["PortBindings"]["80/tcp"].push_back(json::object({{"HostPort", "8080"}}));
  const std::string id = run_task(engine_.create_container("web-1", body, ""));
  engine_.occupy_port("127.0.0.1:8080");
  EXPECT_THROW(run_task(engine_.start_container(id)), docker::error);
  EXPECT_EQ(inspected(id).int64_at({"State", "ExitCode"}), 128);
  engine_.free_port("127.0.0.1:8080");
  run_task(engine_.start_container(id));
  EXPECT_EQ(status(id), "running");
}

TEST_F(FakeEngine, ATagThatMovesInTheRegistryIsPulledAnew) {
  engine_.images().publish("registry.test/app:latest", {});
  const std::function<void(const pull_progress&)> quiet;
  run_task(engine_.pull_image("registry.test/app", "", quiet));
  const std::string first = run_task(engine_.inspect_image("registry.test/app"))->string_at({"Id"});
  const std::string digest = engine_.images().publish("registry.test/app:latest", {});
  EXPECT_EQ(run_task(engine_.resolve_digest("registry.test/app")), digest);
  EXPECT_EQ(run_task(engine_.inspect_image("registry.test/app"))->string_at({"Id"}), first);
  run_task(engine_.pull_image("registry.test/app", "", quiet));
  EXPECT_NE(run_task(engine_.inspect_image("registry.test/app"))->string_at({"Id"}), first);
  EXPECT_TRUE(run_task(engine_.inspect_image(first)).has_value());  // untagged, still there
}

}  // namespace
}  // namespace orchestration
