// The guard: one state directory at a time changes a project on an engine, whatever machine it is on.
#include "orchestration/run/guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

using docker::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr const char* name = "dockupd-guard.shop";

struct killed {};

json foreign_body(const std::string& image) {
  return json::object({{"Image", image},
                       {"Labels", json::object({{"io.dockupd.role", "guard"},
                                                {"io.dockupd.store", "another"},
                                                {"io.dockupd.op", "20261121T105501Z-4f2a9c"},
                                                {"io.dockupd.project", "shop"},
                                                {"io.dockupd.who", "maria"},
                                                {"io.dockupd.host", "web2"},
                                                {"io.dockupd.since", "2026-11-21T10:55:01Z"},
                                                {"io.dockupd.what", "update --tag v9"}})}});
}

class Guard : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2", "v3"}) shop_.publish(version);
  }
  void deploy_v1() {
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    shop_.engine().forget_calls();
  }
  std::string take_from_elsewhere() {
    return run_task(shop_.engine().create_container(name, foreign_body("registry.test/shop-db:15"), ""));
  }
  void at_phase(const std::string& phase, std::function<void()> doing) {
    shop_.on_event = [phase, doing = std::move(doing)](const progress_event& e) {
      if (e.what == progress_event::kind::phase && e.text == phase) doing();
    };
  }
  void kill_at_phase(const std::string& phase, const std::string& version) {
    at_phase(phase, [] { throw killed(); });
    EXPECT_THROW(shop_.update(version), killed);
    shop_.on_event = nullptr;
  }
  const fake_container* guard() { return shop_.engine().container(name); }
  void break_v2() {
    image_behaviour broken = shop_.web_behaviour();
    broken.health = health_script::becomes_unhealthy;
    shop_.publish_web("v2", broken);
  }

  shop_run shop_;
};

TEST_F(Guard, IsThereBeforeThePlanIsMadeAndGoneAfterTheRun) {
  deploy_v1();
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(guard(), nullptr);
  const std::vector<std::string>& calls = shop_.engine().calls();
  const auto made = std::find(calls.begin(), calls.end(), std::string("create ") + name);
  const auto looked = std::find(calls.begin(), calls.end(), "inspect shop-db-1");
  ASSERT_NE(made, calls.end());
  EXPECT_LT(made - calls.begin(), looked - calls.begin()) << "observed with the guard held";
  EXPECT_EQ(calls.back(), std::string("remove ") + name);
}

TEST_F(Guard, HoldsTheProjectsVolumesAndSaysWhoseItIs) {
  deploy_v1();
  std::vector<std::string> mounted;
  std::string store;
  bool compose_sees_it = true;
  at_phase("preflight", [&] {
    for (const fake_mount& m : guard()->mounts)
      if (!m.writable) mounted.push_back(m.name);
    store = guard()->config.string_at({"Labels", "io.dockupd.store"});
    compose_sees_it = guard()->config.path({"Labels", "com.docker.compose.project"}) != nullptr;
    EXPECT_EQ(guard()->state, fake_state::created);
  });
  shop_.update("v2");
  EXPECT_EQ(mounted, (std::vector<std::string>{"shop-data"}));
  EXPECT_EQ(store, shop_.records().store_id());
  EXPECT_FALSE(compose_sees_it);
}

TEST_F(Guard, IsMadeFromAnEmptyImageWhenNothingIsThereYet) {
  bool there = false;
  at_phase("preflight", [&] { there = shop_.engine().images().find("dockupd.local/guard:shop") != nullptr; });
  EXPECT_EQ(shop_.update("v1").how, ending::done);
  EXPECT_TRUE(there);
  EXPECT_EQ(shop_.engine().images().find("dockupd.local/guard:shop"), nullptr);
  EXPECT_EQ(guard(), nullptr);
}

TEST_F(Guard, MakesNoVolumeForTheVolumeLinesOfTheImage) {
  image_behaviour web = shop_.web_behaviour();
  web.config["Volumes"] = json::object({{"/cache", json::make_object()}});
  for (const char* version : {"v1", "v2"}) shop_.publish_web(version, web);
  deploy_v1();
  std::vector<std::string> new_volumes;
  at_phase("preflight", [&] {
    for (const fake_mount& m : guard()->mounts)
      if (m.type == "volume" && m.writable) new_volumes.push_back(m.name);
  });
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_THAT(new_volumes, testing::IsEmpty());
}

TEST_F(Guard, OfAnotherStateDirectoryKeepsEveryoneElseOut) {
  deploy_v1();
  const std::string id = take_from_elsewhere();
  shop_.engine().forget_calls();
  const std::string said = shop_.refused([&] { shop_.update("v2"); });
  EXPECT_THAT(said, HasSubstr("update --tag v9 by maria on web2 since 2026-11-21T10:55:01Z"));
  EXPECT_THAT(said, HasSubstr("dockupd unlock -p shop 20261121T105501Z-4f2a9c"));
  EXPECT_NE(shop_.refused([&] { shop_.rollback(rollback_request()); }), "");
  EXPECT_NE(shop_.refused([&] { shop_.bring_up(); }), "");
  EXPECT_FALSE(shop_.recover()) << "nothing of its own is open";
  EXPECT_EQ(shop_.engine().changes(), "");
  EXPECT_EQ(shop_.id_of(name), id);
}

TEST_F(Guard, OfAnotherStateDirectoryIsWaitedForAsLongAsWasAsked) {
  deploy_v1();
  take_from_elsewhere();
  shop_.guard_wait = std::chrono::milliseconds(1);
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), HasSubstr("maria"));
  shop_.guard_wait = std::chrono::seconds(60);
  int looks = 0;
  std::function<void()> at_the_third;
  shop_.engine().on_call = [&](const std::string& line, call_moment) {
    if (line == std::string("inspect ") + name && ++looks == 3) at_the_third();
  };
  at_the_third = [&] { shop_.stop.request_stop(); };
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), HasSubstr("maria")) << "a signal ends the wait";
  EXPECT_EQ(looks, 3);
  shop_.stop = std::stop_source();
  looks = 0;
  at_the_third = [&] { run_task(shop_.engine().remove_container(name)); };
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  shop_.engine().on_call = nullptr;
  EXPECT_GE(looks, 3);
}

TEST_F(Guard, DoesNotKeepAnyoneFromLooking) {
  deploy_v1();
  take_from_elsewhere();
  EXPECT_FALSE(shop_.plan_for(shop_.request("v2")).empty());
}

TEST_F(Guard, IsGoneWhenThereWasNothingToDoOrThePlanWasRefused) {
  deploy_v1();
  EXPECT_EQ(shop_.update("v1").how, ending::nothing_to_do);
  EXPECT_EQ(guard(), nullptr);
  shop_.engine().images().registry_is_up = false;
  EXPECT_ANY_THROW(shop_.update("v2"));
  EXPECT_EQ(guard(), nullptr);
}

TEST_F(Guard, OfAKilledRunStaysUntilItIsRecovered) {
  deploy_v1();
  kill_at_phase("start", "v2");
  EXPECT_NE(guard(), nullptr);
  const std::string id = shop_.id_of(name);
  std::string meanwhile;
  shop_.on_event = [&](const progress_event&) {
    meanwhile = shop_.id_of(name).empty() ? meanwhile : shop_.id_of(name);
  };
  EXPECT_EQ(shop_.recover()->how, ending::done);
  shop_.on_event = nullptr;
  EXPECT_EQ(meanwhile, id) << "adopted";
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(Guard, OfARunThatWasKilledBeforeItBeganIsSweptUp) {
  deploy_v1();
  kill_at_phase("preflight", "v2");
  EXPECT_NE(guard(), nullptr);
  EXPECT_EQ(shop_.recover(), std::nullopt);
  EXPECT_EQ(guard(), nullptr);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(Guard, ThatSomebodyRemovesBetweenOurCreateAndOurLookIsTriedForAgain) {
  deploy_v1();
  scripted_failure taken;
  taken.call = std::string("create ") + name;
  taken.status = 409;
  taken.words = "Conflict. The container name is already in use";
  shop_.engine().fail(taken);
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(guard(), nullptr);
}

TEST_F(Guard, ThatIsPrunedMidwayIsTakenAgain) {
  deploy_v1();
  break_v2();
  at_phase("verify", [&] { run_task(shop_.engine().remove_container(name)); });
  EXPECT_EQ(shop_.update("v2").how, ending::rolled_back);
  shop_.on_event = nullptr;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(Guard, ThatCannotBeTakenAgainAtOnceIsTakenAtTheNextState) {
  deploy_v1();
  break_v2();
  at_phase("verify", [&] {
    run_task(shop_.engine().remove_container(name));
    scripted_failure lost;
    lost.call = std::string("create ") + name;
    lost.when = failing::after;
    lost.kind = failure_kind::lost;
    shop_.engine().fail(lost);
  });
  EXPECT_EQ(shop_.update("v2").how, ending::rolled_back);
  shop_.on_event = nullptr;
  EXPECT_EQ(guard(), nullptr);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(Guard, ThatSomebodyElseTookMidwayEndsTheRunWithoutAnotherChange) {
  deploy_v1();
  break_v2();
  at_phase("verify", [&] {
    run_task(shop_.engine().remove_container(name));
    take_from_elsewhere();
    put(shop_.data() / "rows", "written by the other's version\n");
    shop_.engine().forget_calls();
  });
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::left_open);
  EXPECT_THAT(result.reason, HasSubstr("maria"));
  EXPECT_EQ(shop_.engine().changes(), "");
  EXPECT_EQ(content_of(shop_.data()).at("rows"), "written by the other's version\n");
}

TEST_F(Guard, DoesNotLetAStoppedRunGoOnOverWhatAnotherOneDidMeanwhile) {
  deploy_v1();
  break_v2();
  at_phase("verify", [&] {
    run_task(shop_.engine().remove_container(name));  // unlocked; another run came and went
    json body = foreign_body("registry.test/shop-web:v1");
    body["Labels"]["com.docker.compose.project"] = "shop";
    body["Labels"]["io.dockupd.role"] = "new";
    run_task(shop_.engine().create_container("shop-web-2", body, ""));
    put(shop_.data() / "rows", "written by the other's version\n");
  });
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::left_open);
  EXPECT_THAT(result.reason, HasSubstr("another state directory"));
  EXPECT_EQ(content_of(shop_.data()).at("rows"), "written by the other's version\n");
  EXPECT_EQ(guard(), nullptr) << "the other one is not locked out";
  const std::optional<run_result> again = shop_.recover();
  EXPECT_EQ(again->how, ending::left_open);
  EXPECT_EQ(content_of(shop_.data()).at("rows"), "written by the other's version\n");
}

TEST_F(Guard, ThatCannotBeRemovedIsAWarningAndAdoptedByTheNextRun) {
  deploy_v1();
  scripted_failure stuck;
  stuck.call = std::string("remove ") + name;
  shop_.engine().fail(stuck);
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::done);
  EXPECT_THAT(result.warnings, Contains(HasSubstr("the guard could not be removed")));
  EXPECT_NE(guard(), nullptr);
  const run_result next = shop_.update("v3");
  EXPECT_EQ(next.how, ending::done);
  EXPECT_THAT(next.warnings, testing::IsEmpty());
  EXPECT_EQ(guard(), nullptr) << shop_.engine().changes();
}

}  // namespace
}  // namespace orchestration::test
