// After the engine or the machine went down: what the live release has running is started again, proven, and nothing
// else is touched.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class BringUp : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    shop_.engine().forget_calls();
  }
  void remove(const std::string& container) {
    shop_.stop_by_hand(container);
    run_task(shop_.engine().remove_container(container));
  }
  void set_policy(const std::string& container, const std::string& policy) {
    docker::json wanted = docker::json::object({{"Name", policy}, {"MaximumRetryCount", 0}});
    run_task(shop_.engine().set_restart_policy(container, wanted));
  }
  void kill_machine() { shop_.engine().restart_engine(engine_stop::killed); }

  shop_run shop_;
};

TEST_F(BringUp, DoesNothingWhileEverythingRuns) {
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::nothing_to_do);
  EXPECT_EQ(shop_.engine().changes(), "");
}

TEST_F(BringUp, StartsWhatTheEngineDidNot) {
  kill_machine();
  ASSERT_FALSE(shop_.engine().container("shop-db-1")->is_up());
  shop_.engine().forget_calls();
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(result.release, 1);
  EXPECT_THAT(result.started, ElementsAre("shop-db-1"));  // web has the policy "always"
  EXPECT_EQ(shop_.changes(), "start shop-db-1\n");
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(BringUp, ProvesWhatItStartsAlsoBeforeThereIsARelease) {
  shop_run shop;
  shop.publish("v1");
  shop.compose_up("v1");
  shop.engine().restart_engine(engine_stop::killed);
  ASSERT_FALSE(shop.engine().container("shop-db-1")->is_up());
  scripted_failure refused;
  refused.call = "start shop-db-1";
  refused.words = "OCI runtime create failed: scripted";
  shop.engine().fail(refused);
  const bring_up_result failed = shop.bring_up();
  EXPECT_EQ(failed.how, ending::needs_person);
  EXPECT_THAT(failed.reason, HasSubstr("OCI runtime create failed"));
  const bring_up_result result = shop.bring_up();
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_THAT(result.started, ElementsAre("shop-db-1"));
  EXPECT_TRUE(shop.engine().container("shop-db-1")->is_up());
}

TEST_F(BringUp, StartsDependenciesFirst) {
  for (const char* name : {"shop-web-1", "shop-db-1"}) shop_.stop_by_hand(name);
  shop_.engine().forget_calls();
  EXPECT_THAT(shop_.bring_up().started, ElementsAre("shop-db-1", "shop-web-1"));
  EXPECT_EQ(shop_.changes(), "start shop-db-1\nstart shop-web-1\n");
  EXPECT_EQ(shop_.migrations_of("v1"), 1) << "what has completed is not run again";
}

TEST_F(BringUp, GivesAContainerItsNameBackThatAKillLeftWithoutIt) {
  shop_.stop_by_hand("shop-db-1");
  run_task(shop_.engine().rename_container("shop-db-1", "shop-db-1.dockupd-restart"));
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(BringUp, StartsAnewWhoIsInTheNetworkOfOneThatWasDown) {
  shop_run shop;
  shop.more_services = [](project_builder& p, const std::string&) {
    p.service("vpn", "registry.test/shop-db:15").restart("always");
    p.service("agent", "registry.test/shop-db:15").network_mode("service:vpn").restart("always");
    p.needs("vpn", start_condition::started, true);
  };
  shop.publish("v1");
  ASSERT_EQ(shop.update("v1").how, ending::done);
  shop.stop_by_hand("shop-vpn-1");
  shop.engine().forget_calls();
  const bring_up_result result = shop.bring_up();
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_THAT(result.started, ElementsAre("shop-vpn-1"));
  const std::string changes = shop.engine().changes();
  EXPECT_THAT(changes, HasSubstr("stop shop-agent-1\n"));
  EXPECT_LT(changes.find("start shop-vpn-1"), changes.find("start shop-agent-1")) << changes;
  EXPECT_EQ(shop.engine().container("shop-agent-1")->host_config.string_at({"RestartPolicy", "Name"}), "always");
  EXPECT_EQ(shop.bring_up().how, ending::nothing_to_do);
}

TEST_F(BringUp, IsHarmlessWhenItIsKilledAtAnyCall) {
  for (int nth = 1;; ++nth) {
    for (const char* name : {"shop-web-1", "shop-db-1"}) shop_.stop_by_hand(name);
    scripted_failure kill;
    kill.call = every_call;
    kill.nth = nth;
    kill.kind = failure_kind::killed;
    shop_.engine().fail(kill);
    bool killed = false;
    try {
      shop_.bring_up();
    } catch (const fake_kill&) {
      killed = true;
    }
    shop_.engine().forget_failures();
    EXPECT_EQ(shop_.recover(), std::nullopt) << nth;
    const bring_up_result again = shop_.bring_up();
    EXPECT_TRUE(again.how == ending::done || again.how == ending::nothing_to_do) << nth << again.reason;
    EXPECT_EQ(shop_.problems({"v1"}), "") << nth;
    if (!killed) break;
  }
}

TEST_F(BringUp, ArmsWhatAnAttemptDisarmed) {
  set_policy("shop-db-1", "no");
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::done);
  EXPECT_THAT(result.started, IsEmpty());
  EXPECT_THAT(result.rearmed, ElementsAre("shop-db-1"));
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(BringUp, LeavesAPolicyThatSomebodyChose) {
  set_policy("shop-db-1", "always");
  EXPECT_EQ(shop_.bring_up().how, ending::nothing_to_do);
}

TEST_F(BringUp, LeavesStoppedWhatTheReleaseHasStopped) {
  shop_.stop_by_hand("shop-web-1");
  ASSERT_EQ(shop_.update("v2").how, ending::done);  // stopped stays stopped
  ASSERT_FALSE(shop_.engine().container("shop-web-1")->is_up());
  shop_.stop_by_hand("shop-db-1");
  EXPECT_THAT(shop_.bring_up().started, ElementsAre("shop-db-1"));
  EXPECT_FALSE(shop_.engine().container("shop-web-1")->is_up());
}

TEST_F(BringUp, PausesAgainWhatTheReleaseHasPaused) {
  run_task(shop_.engine().pause_container("shop-db-1"));
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  ASSERT_TRUE(shop_.records().current_release()->containers.front().paused);
  shop_.stop_by_hand("shop-db-1");
  EXPECT_EQ(shop_.bring_up().how, ending::done);
  EXPECT_EQ(shop_.engine().container("shop-db-1")->state, fake_state::paused);
}

TEST_F(BringUp, SaysWhyAndShowsTheLastLinesWhenItCannot) {
  shop_.stop_by_hand("shop-web-1");
  shop_.make_unhealthy("shop-web-1");
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::needs_person);
  EXPECT_THAT(result.reason, testing::AllOf(HasSubstr("web.1 unhealthy"), HasSubstr("web: listening")));
  EXPECT_THAT(result.started, ElementsAre("shop-web-1"));
}

TEST_F(BringUp, MakesNothingAnewButStartsTheRest) {
  remove("shop-web-1");
  shop_.stop_by_hand("shop-db-1");
  shop_.engine().forget_calls();
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::needs_person);
  EXPECT_THAT(result.lost, ElementsAre("shop-web-1: there is no such container"));
  EXPECT_EQ(shop_.changes(), "start shop-db-1\n");
}

TEST_F(BringUp, MakesANetworkThatWasPruned) {
  for (const char* name : {"shop-web-1", "shop-db-1"}) shop_.stop_by_hand(name);
  run_task(shop_.engine().remove_network("shop_default"));
  EXPECT_EQ(shop_.bring_up().how, ending::done);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(BringUp, DoesNotMissAOneShotThatWasPruned) {
  run_task(shop_.engine().remove_container("shop-migrate-1"));
  EXPECT_EQ(shop_.bring_up().how, ending::nothing_to_do);
}

TEST_F(BringUp, TouchesNothingWhenOtherContainersStandInTheirPlace) {
  for (const char* name : {"shop-web-1", "shop-migrate-1", "shop-db-1"}) remove(name);
  run_task(shop_.engine().remove_network("shop_default"));
  shop_.compose_up("v2");
  shop_.stop_by_hand("shop-db-1");
  shop_.engine().forget_calls();
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::nothing_to_do) << "stopped by hand is well ended";
  EXPECT_THAT(result.replaced, testing::Contains(HasSubstr("shop-web-1: made from registry.test/shop-web:v2")));
  EXPECT_EQ(shop_.engine().changes(), "");
}

TEST_F(BringUp, StartsBesideThemWhatTheDaemonTookWithIt) {
  // As `docker compose up` does it once web's lines in compose.yaml have changed.
  const fake_container made = *shop_.engine().container("shop-web-1");
  docker::json body = made.config;
  body["HostConfig"] = made.host_config;
  body["Labels"]["com.docker.compose.config-hash"] = "another";
  remove("shop-web-1");
  run_task(shop_.engine().create_container("shop-web-1", std::move(body), ""));
  run_task(shop_.engine().start_container("shop-web-1"));
  kill_machine();
  ASSERT_FALSE(shop_.engine().container("shop-db-1")->is_up());
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_THAT(result.replaced, testing::Contains(HasSubstr("shop-web-1")));
  EXPECT_THAT(result.started, testing::Contains("shop-db-1"));
  EXPECT_TRUE(shop_.engine().container("shop-db-1")->is_up());
}

TEST_F(BringUp, StartsNothingThatAnotherStateDirectoryHasStopped) {
  kill_machine();
  const docker::json labels = docker::json::object({{"io.dockupd.role", "guard"},
                                                    {"io.dockupd.store", "another"},
                                                    {"io.dockupd.op", "X"},
                                                    {"io.dockupd.who", "maria"}});
  docker::json body = docker::json::object({{"Image", "registry.test/shop-db:15"}, {"Labels", labels}});
  run_task(shop_.engine().create_container("dockupd-guard.shop", std::move(body), ""));
  shop_.engine().forget_calls();
  EXPECT_THAT(shop_.refused([&] { shop_.bring_up(); }), HasSubstr("maria"));
  EXPECT_EQ(shop_.engine().changes(), "");
}

TEST_F(BringUp, HoldsTheGuardWhileItWorksAndLetsItGo) {
  kill_machine();
  bool held = false;
  shop_.engine().on_call = [&](const std::string& line, call_moment) {
    if (line == "start shop-db-1") held = shop_.engine().container("dockupd-guard.shop") != nullptr;
  };
  EXPECT_EQ(shop_.bring_up().how, ending::done);
  shop_.engine().on_call = nullptr;
  EXPECT_TRUE(held);
  EXPECT_EQ(shop_.engine().container("dockupd-guard.shop"), nullptr);
}

TEST_F(BringUp, TouchesNothingOnAnotherEngine) {
  shop_.engine().described().id = "ANOTHER";
  EXPECT_THAT(shop_.refused([&] { shop_.bring_up(); }), HasSubstr("ANOTHER"));
}

struct killed {};

TEST_F(BringUp, BeforeARecoveryStartsNobodyOnAVolumeThatIsPutBack) {
  shop_run shop;
  shop.more_services = [](project_builder& p, const std::string&) {
    p.service("cron", "registry.test/shop-db:15").volume("shop-data", "/data");
  };
  for (const char* version : {"v1", "v2"}) shop.publish(version);
  image_behaviour broken = shop.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop.publish_web("v2", broken);
  ASSERT_EQ(shop.update("v1").how, ending::done);
  shop.stop_by_hand("shop-cron-1");
  shop.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::begin && e.text.starts_with("restore")) throw killed();
  };
  EXPECT_THROW(shop.update("v2"), killed);
  shop.on_event = nullptr;
  const std::optional<run_result> result = shop.recover();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_FALSE(shop.engine().container("shop-cron-1")->is_up());
  EXPECT_THAT(shop.bring_up().started, ElementsAre("shop-cron-1"));
}

class GivenUp : public BringUp {
 protected:
  using kind = progress_event::kind;
  run_result after_seven_kills(kind update_at, const std::string& update_text, const std::string& recovery_phase) {
    kill_at(update_at, update_text);
    EXPECT_THROW(shop_.update("v2"), killed);
    kill_at(kind::phase, recovery_phase);
    for (int tries = 0; tries < 6; ++tries) EXPECT_THROW(shop_.recover(), killed);
    shop_.on_event = nullptr;
    return shop_.recover().value();
  }
  void kill_at(kind what, const std::string& text) {
    shop_.on_event = [what, text](const progress_event& e) {
      if (e.what == what && e.text.starts_with(text)) throw killed();
    };
  }
};

TEST_F(GivenUp, BeforeAnythingNewRanWhatRanBeforeIsStarted) {
  const run_result result = after_seven_kills(kind::end, "1 volume", "undo: start");
  EXPECT_EQ(result.how, ending::needs_person);
  EXPECT_THAT(result.reason, HasSubstr("6 times while abandoning; what ran before was started"));
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  for (const char* name : {"shop-web-1", "shop-db-1"}) EXPECT_TRUE(shop_.engine().container(name)->is_up()) << name;
}

TEST_F(GivenUp, OnDataOfTheNewVersionNothingIsStarted) {
  const run_result result = after_seven_kills(kind::begin, "start web.1", "start");
  EXPECT_EQ(result.how, ending::needs_person);
  EXPECT_THAT(result.reason, HasSubstr("nothing was started"));
  int set_aside = 0;
  for (const std::string& line : shop_.engine().container_names()) {
    if (line.starts_with("shop-web-1.dockupd-old") && line.ends_with(" exited")) ++set_aside;
  }
  EXPECT_EQ(set_aside, 1);
}

TEST_F(BringUp, StartsNothingWhileAPersonIsNeeded) {
  for (int times = 0; times < 2; ++times) {
    scripted_failure failure;
    failure.call = "start shop-web-1";
    failure.words = "OCI runtime create failed: scripted";
    shop_.engine().fail(failure);
  }
  ASSERT_EQ(shop_.update("v2").how, ending::needs_person);
  kill_machine();
  shop_.engine().forget_calls();
  const bring_up_result result = shop_.bring_up();
  EXPECT_EQ(result.how, ending::needs_person);
  EXPECT_THAT(result.reason, HasSubstr("OCI runtime"));
  EXPECT_EQ(shop_.engine().changes(), "");
}

TEST_F(BringUp, NeedsNobodyAnyMoreOnceTheReleaseRunsAgainByHand) {
  for (int times = 0; times < 2; ++times) {
    scripted_failure failure;
    failure.call = "start shop-web-1";
    failure.words = "OCI runtime create failed: scripted";
    shop_.engine().fail(failure);
  }
  ASSERT_EQ(shop_.update("v2").how, ending::needs_person);
  for (const char* name : {"shop-db-1", "shop-web-1"}) run_task(shop_.engine().start_container(shop_.id_of(name)));
  EXPECT_EQ(shop_.bring_up().how, ending::done);
  EXPECT_EQ(shop_.bring_up().how, ending::nothing_to_do);
  const orchestration::attempt last = shop_.records().attempts().front();
  EXPECT_EQ(last.state, "rolled_back");
  EXPECT_THAT(last.reason, HasSubstr("by hand since"));
}

}  // namespace
}  // namespace orchestration::test
