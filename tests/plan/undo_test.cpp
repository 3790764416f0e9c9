// The way back from a failed plan, as text.
#include <gtest/gtest.h>

#include <algorithm>

#include "orchestration/plan/reconcile.hpp"
#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

observed_state shop_runs() {
  observed_state s = run(shop("v1"));
  s.images.merge(nothing_but_images(shop("v2")).images);
  return s;
}

plan update_to_v2(const observed_state& s = shop_runs()) {
  reconcile_options o = options();
  o.pin = pin_tag{"/opt/shop/.env", "IMAGE_TAG", "v2", "v1"};
  return plan_update(shop("v2"), s, o);
}

TEST(PlanUndo, PutsTheOverrideFileBackAsItWas) {
  reconcile_options o = options();
  o.image_pins = {
      {"/opt/shop/compose.override.yaml", {{"web", "shop-app:v2", ""}, {"db", "db:2", "db:1"}}, "old", "new"}};
  const plan back = plan_undo(plan_update(shop("v2"), shop_runs(), o), undo_options());
  const auto is_pin = [](const operation& each) { return std::holds_alternative<pin_images>(each.what); };
  const auto found = std::find_if(back.operations.begin(), back.operations.end(), is_pin);
  ASSERT_NE(found, back.operations.end());
  const auto& pin = std::get<pin_images>(found->what);
  EXPECT_EQ(to_text(pin), "web unset, db=db:1");
  EXPECT_EQ(pin.images.front().previous, "shop-app:v2");
  EXPECT_EQ(pin.old_text.as_string(), "new");
  EXPECT_EQ(pin.new_text.as_string(), "old");
}

undo_options with_data() {
  undo_options o;
  o.data = restore_data::yes;
  o.safety_snapshot_id = "S2";
  return o;
}

TEST(PlanUndo, GivesTheOldContainersTheirNamesBackAndStartsThem) {
  EXPECT_EQ(to_text(plan_undo(update_to_v2(), undo_options())), lines(R"(
 1 stop       web.1                            part of the failed version
 2 stop       migrate.1                        part of the failed version
 3 set aside  web.1                            part of the failed version  after 1
 4 set aside  migrate.1                        part of the failed version  after 2
 5 rename     web.1         to shop-web-1      the old version             after 3
 6 rename     migrate.1     to shop-migrate-1  the old version             after 4
 7 start      db.1          until healthy      ran before
 8 start      web.1                            ran before                  after 5, 7
 9 verify     db.1          healthy                                        after 7
10 verify     web.1         healthy                                        after 8
11 pin        IMAGE_TAG=v1  in /opt/shop/.env  as before                   after 9, 10
12 remove     migrate.1                        part of the failed version  after 9-11
13 remove     web.1                            part of the failed version  after 9-11
)"));
}

TEST(PlanUndo, PutsTheDataBackUnderNobodysFeetAfterASafetyCopy) {
  EXPECT_EQ(to_text(plan_undo(update_to_v2(), with_data())), lines(R"(
 1 stop       web.1                            part of the failed version
 2 stop       migrate.1                        part of the failed version
 3 stop       db.1                             its data is put back
 4 snapshot   shop-data                        safety copy of what v2 wrote  after 1-3
 5 set aside  web.1                            part of the failed version    after 4
 6 set aside  migrate.1                        part of the failed version    after 4
 7 rename     web.1         to shop-web-1      the old version               after 5
 8 rename     migrate.1     to shop-migrate-1  the old version               after 6
 9 restore    shop-data     from S1            as before the update          after 4
10 start      db.1          until healthy      ran before                    after 9
11 start      web.1                            ran before                    after 7, 9, 10
12 verify     db.1          healthy                                          after 10
13 verify     web.1         healthy                                          after 11
14 pin        IMAGE_TAG=v1  in /opt/shop/.env  as before                     after 12, 13
15 remove     migrate.1                        part of the failed version    after 12-14
16 remove     web.1                            part of the failed version    after 12-14
)"));
}

TEST(PlanUndo, CopiesAndRestoresTheVolumesOfThePlansSnapshot) {
  snapshot_volumes safety;
  restore_volumes restore;
  for (const operation& o : plan_undo(update_to_v2(), with_data()).operations) {
    if (const auto* found = std::get_if<snapshot_volumes>(&o.what)) safety = *found;
    if (const auto* found = std::get_if<restore_volumes>(&o.what)) restore = *found;
  }
  EXPECT_EQ(safety.snapshot_id, "S2");
  EXPECT_EQ(safety.of_release, 0);
  EXPECT_EQ(restore.snapshot_id, "S1");
  ASSERT_EQ(restore.volumes.size(), 1U);
  EXPECT_EQ(restore.volumes, safety.volumes);
  EXPECT_EQ(restore.volumes[0], (volume_target{"shop-data", "shop-data", "/volumes/shop-data/_data"}));
}

TEST(PlanUndo, ProvesTheOldContainersByIdWithTheirOwnImageAndPolicy) {
  const plan undo = plan_undo(update_to_v2(), undo_options());
  for (const operation& o : undo.operations) {
    if (const auto* start = std::get_if<start_container>(&o.what); start && start->target.subject == "web.1") {
      EXPECT_EQ(start->target.id, id_of("shop-web-1"));
      EXPECT_EQ(start->restart_policy.string_at({"Name"}), "always");
    }
    if (const auto* verify = std::get_if<verify_container>(&o.what); verify && verify->target.subject == "web.1") {
      EXPECT_EQ(verify->name, "shop-web-1");
      EXPECT_EQ(verify->image_id, image_id("shop-app:v1"));
      EXPECT_EQ(verify->expected, run_state::running);
      EXPECT_TRUE(verify->has_health_check);
      EXPECT_GT(verify->budget, verify->steady_for);
    }
  }
}

TEST(PlanUndo, PausesAgainWhatWasPausedAndReArmsWhatWasStopped) {
  observed_state s = shop_runs();
  set_state(container(s, "db"), container_state::paused);
  set_state(container(s, "web"), container_state::exited, 0);
  EXPECT_EQ(to_text(plan_undo(update_to_v2(s), undo_options())), lines(R"(
 1 stop       migrate.1                                part of the failed version
 2 set aside  web.1                                    part of the failed version
 3 set aside  migrate.1                                part of the failed version  after 1
 4 rename     web.1         to shop-web-1              the old version             after 2
 5 rename     migrate.1     to shop-migrate-1          the old version             after 3
 6 start      db.1          until healthy, then pause  ran before
 7 re-arm     web.1                                    ran before                  after 4, 6
 8 verify     db.1          paused                                                 after 6
 9 verify     web.1         stopped                                                after 7
10 pin        IMAGE_TAG=v1  in /opt/shop/.env          as before                   after 8, 9
11 remove     migrate.1                                part of the failed version  after 8-10
12 remove     web.1                                    part of the failed version  after 8-10
)"));
}

TEST(PlanUndo, ProvesNothingOfWhatWasBrokenBefore) {
  observed_state s = shop_runs();
  set_state(container(s, "web"), container_state::restarting, 1);
  const plan undo = plan_undo(update_to_v2(s), undo_options());
  EXPECT_EQ(undo.notes,
            (std::vector<std::string>{"web.1 was restarting or unhealthy before: started again, but not proven"}));
  for (const operation& o : undo.operations) {
    const auto* verify = std::get_if<verify_container>(&o.what);
    EXPECT_TRUE(verify == nullptr || verify->target.subject != "web.1");
  }
}

TEST(PlanUndo, RemovesWhatAFirstDeploymentMadeButKeepsVolumesThatMayHoldData) {
  const plan first = plan_update(shop("v1"), nothing_but_images(shop("v1")), options());
  EXPECT_EQ(to_text(plan_undo(first, undo_options())), lines(R"(
1 stop    web.1                 part of the failed version
2 stop    migrate.1             part of the failed version
3 stop    db.1                  part of the failed version
4 remove  db.1                  part of the failed version
5 remove  migrate.1             part of the failed version
6 remove  web.1                 part of the failed version
7 remove  network shop_default  made by the failed attempt  after 4-6
note: volume shop-data was made by the failed attempt and may hold what it wrote: kept. To remove it: docker volume rm shop-data
)"));
  undo_options nothing_ran;
  nothing_ran.ran = new_version_ran::no;
  EXPECT_EQ(to_text(plan_undo(first, nothing_ran)), lines(R"(
1 stop    web.1                 part of the failed version
2 stop    migrate.1             part of the failed version
3 stop    db.1                  part of the failed version
4 remove  db.1                  part of the failed version
5 remove  migrate.1             part of the failed version
6 remove  web.1                 part of the failed version
7 remove  network shop_default  made by the failed attempt  after 4-6
8 remove  volume shop-data      made by the failed attempt  after 4-6
)"));
}

TEST(PlanUndo, SaysSoWhenItDoesNotKnowWhatTheTagWas) {
  reconcile_options o = options();
  o.pin = pin_tag{"/opt/shop/.env", "IMAGE_TAG", "v2", ""};
  const plan undo = plan_undo(plan_update(shop("v2"), shop_runs(), o), undo_options());
  EXPECT_EQ(undo.notes,
            (std::vector<std::string>{
                "what IMAGE_TAG was before is not known: if /opt/shop/.env sets it to v2 now, set it back by hand"}));
}

TEST(PlanUndo, TakesALineOutThatWasNotThere) {
  reconcile_options o = options();
  o.pin = pin_tag{"/opt/shop/.env", "IMAGE_TAG", "v2", "v1", false};
  const plan undo = plan_undo(plan_update(shop("v2"), shop_runs(), o), undo_options());
  const auto is_pin = [](const operation& each) { return std::holds_alternative<pin_tag>(each.what); };
  const auto found = std::find_if(undo.operations.begin(), undo.operations.end(), is_pin);
  ASSERT_NE(found, undo.operations.end());
  const auto& pin = std::get<pin_tag>(found->what);
  EXPECT_EQ(to_text(pin), "IMAGE_TAG unset");
  EXPECT_EQ(pin.previous, "v2");
  EXPECT_TRUE(pin.has_line);
}

TEST(PlanUndo, LetsAMovingTagMeanAgainWhatItMeant) {
  observed_state s = run(shop("latest"));
  const std::string before = s.images.at("shop-app:latest").id;
  reconcile_options o = options();
  o.digests["shop-app:latest"] = "sha256:moved";
  const plan back = plan_undo(plan_update(shop("latest"), s, o), undo_options());
  int tagged = 0;
  for (const operation& each : back.operations)
    if (const auto* keep = std::get_if<keep_image>(&each.what)) {
      ++tagged;
      EXPECT_EQ(keep->keep_as, "shop-app:latest");
      EXPECT_EQ(keep->image_id, before);
      EXPECT_EQ(each.when, phase::pin);
    }
  EXPECT_EQ(tagged, 1);
}

TEST(PlanUndo, OfAnEmptyPlanIsEmpty) { EXPECT_TRUE(plan_undo(plan(), undo_options()).empty()); }

TEST(PlanUndo, BringsBackWhoJoinsAnotherAfterThatOne) {
  observed_state s = run(joined("v1"));
  s.images.merge(nothing_but_images(joined("v2")).images);
  std::vector<std::string> started;
  for (const operation& o : plan_undo(plan_update(joined("v2"), s, options()), undo_options()).operations)
    if (const auto* start = std::get_if<start_container>(&o.what)) started.push_back(start->target.id);
  EXPECT_EQ(started, (std::vector<std::string>{id_of("shop-vpn-1"), id_of("shop-web-1")}));
}

TEST(PlanUndo, BringsRetiredReplicasBack) {
  project_builder three;
  three.service("web", "web:v1").scale(3);
  project_builder one;
  one.service("web", "web:v1");
  EXPECT_EQ(to_text(plan_undo(plan_update(one, run(three), options()), undo_options())), lines(R"(
1 rename  web.3  to shop-web-3  the old version
2 rename  web.2  to shop-web-2  the old version
3 start   web.3                 ran before       after 1
4 start   web.2                 ran before       after 2, 3
5 verify  web.3  running                         after 3
6 verify  web.2  running                         after 4
)"));
}

TEST(PlanUndo, RestartsWhatWasRestartedWithWhatItDependsOn) {
  observed_state s = run(restarting("v1"));
  s.images.merge(nothing_but_images(restarting("v2")).images);
  const plan forward = plan_update(restarting("v2"), s, options());
  const plan recorded = plan_from_json(to_json(forward));
  const std::string text = to_text(plan_undo(recorded, undo_options()));
  EXPECT_TRUE(text.starts_with("1 stop       web.1                     restarts with what it depends on\n")) << text;
}

}  // namespace
}  // namespace orchestration::test
