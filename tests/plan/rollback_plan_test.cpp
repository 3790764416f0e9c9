// Towards a stored release: what was photographed earlier.
#include <gtest/gtest.h>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/joined.hpp"
#include "orchestration/plan/photograph.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/placed_file.hpp"
#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

release r1_of(const project& p) {
  release r = release_from_observed(run(p), 1, "2026-11-21T10:55:01Z");
  return r;
}

/// What dockupd made carries its label.
observed_state made_by_dockupd(const project& p) {
  observed_state s = run(p);
  for (observed_container& c : s.containers) {
    c.inspect["Config"]["Labels"]["io.dockupd.attempt"] = "A0";
    if (c.service != "db") c.inspect["Id"] = id_of("dockupd " + c.name);
    c = container_from_inspect(docker::json(c.inspect));
  }
  return s;
}

rollback_options from_r2() {
  rollback_options o = to_release();
  o.from_release = 2;
  o.tag_lines = {{"/opt/shop/.env", "IMAGE_TAG", "v1", "v2"}};
  return o;
}

std::string refusal(const release& r, const observed_state& s) {
  try {
    return to_text(plan_rollback(r, s, from_r2()));
  } catch (const plan_error& error) {
    return error.what();
  }
}

TEST(PlanRollback, KeepsTheDataAndRunsNoMigration) {
  EXPECT_EQ(to_text(plan_rollback(r1_of(shop("v1")), made_by_dockupd(shop("v2")), from_r2())), lines(R"(
 1 keep       dockupd.local/kept:shop.migrate.r2  image 439ed0713043  the way back to r2
 2 keep       dockupd.local/kept:shop.web.r2      image 439ed0713043  the way back to r2
 3 create     migrate.1                                               image shop-app:v2 -> shop-app:v1
 4 create     web.1                                                   image shop-app:v2 -> shop-app:v1
 5 stop       web.1                                                   replaced by 4                      after 4
 6 stop       db.1                                                    writes to volume shop-data         after 5
 7 snapshot   shop-data                                               safety copy before rollback to r1  after 5, 6
 8 set aside  migrate.1                                               replaced by 3                      after 7
 9 set aside  web.1                                                   replaced by 4                      after 7
10 rename     migrate.1                           to shop-migrate-1   its final name                     after 3, 8
11 rename     web.1                               to shop-web-1       its final name                     after 4, 9
12 start      db.1                                until healthy       ran before                         after 7
13 start      web.1                                                                                      after 11, 12
14 verify     db.1                                healthy                                                after 12
15 verify     migrate.1                           stopped                                                after 10
16 verify     web.1                               healthy                                                after 13
17 pin        IMAGE_TAG=v1                        in /opt/shop/.env   was v2                             after 14-16
18 remove     migrate.1                                               set aside                          after 14-17
19 remove     web.1                                                   set aside                          after 14-17
)"));
}

TEST(PlanRollback, PutsTheDataOfTheReleaseBackAfterASafetyCopy) {
  rollback_options o = from_r2();
  o.data_from = "S0";
  o.archived = {"shop-data"};
  EXPECT_EQ(to_text(plan_rollback(r1_of(shop("v1")), made_by_dockupd(shop("v2")), o)), lines(R"(
 1 keep       dockupd.local/kept:shop.migrate.r2  image 439ed0713043  the way back to r2
 2 keep       dockupd.local/kept:shop.web.r2      image 439ed0713043  the way back to r2
 3 create     migrate.1                                               image shop-app:v2 -> shop-app:v1
 4 create     web.1                                                   image shop-app:v2 -> shop-app:v1
 5 stop       web.1                                                   replaced by 4                      after 4
 6 stop       db.1                                                    uses volume shop-data              after 5
 7 snapshot   shop-data                                               safety copy before rollback to r1  after 5, 6
 8 set aside  migrate.1                                               replaced by 3                      after 7
 9 set aside  web.1                                                   replaced by 4                      after 7
10 rename     migrate.1                           to shop-migrate-1   its final name                     after 3, 8
11 rename     web.1                               to shop-web-1       its final name                     after 4, 9
12 restore    shop-data                           from S0             the data of the release            after 7
13 start      db.1                                until healthy       ran before                         after 7, 12
14 start      web.1                                                                                      after 11-13
15 verify     db.1                                healthy                                                after 13
16 verify     migrate.1                           stopped                                                after 10, 12
17 verify     web.1                               healthy                                                after 14
18 pin        IMAGE_TAG=v1                        in /opt/shop/.env   was v2                             after 15-17
19 remove     migrate.1                                               set aside                          after 15-18
20 remove     web.1                                                   set aside                          after 15-18
)"));
}

TEST(PlanRollback, StopsEvenReadersOfAVolumeThatIsPutBack) {
  project_builder v1 = shop("v1");
  project_builder v2 = shop("v2");
  for (project_builder* p : {&v1, &v2}) p->service("backup", "backup:1").volume("shop-data", "/from");
  observed_state s = made_by_dockupd(v2);
  container(s, "backup").mounts.front().writable = false;
  const auto stops_backup = [](const plan& p) {
    for (const operation& o : p.operations)
      if (const auto* stop = std::get_if<stop_container>(&o.what); stop && stop->target.subject == "backup.1")
        return true;
    return false;
  };
  release r1 = r1_of(v1);
  for (released_container& c : r1.containers)
    if (c.service == "backup") c.container_id = container(s, "backup").id;
  rollback_options o = from_r2();
  EXPECT_FALSE(stops_backup(plan_rollback(r1, s, o)));
  o.data_from = "S0";
  o.archived = {"shop-data"};
  EXPECT_TRUE(stops_backup(plan_rollback(r1, s, o)));
}

TEST(PlanRollback, OnlyProvesAndPinsWhenTheReleaseRunsAlready) {
  EXPECT_EQ(to_text(plan_rollback(r1_of(shop("v1")), run(shop("v1")), from_r2())), lines(R"(
1 verify  db.1          healthy
2 verify  migrate.1     completed
3 verify  web.1         healthy
4 pin     IMAGE_TAG=v1  in /opt/shop/.env  was v2  after 1-3
)"));
}

TEST(PlanRollback, StartsAnewAndProvesWhatIsNotWell) {
  rollback_options o = from_r2();
  o.tag_lines.clear();
  observed_state s = run(shop("v1"));
  container(s, "web").health = health_state::unhealthy;
  const std::string unhealthy = to_text(plan_rollback(r1_of(shop("v1")), s, o));
  EXPECT_NE(unhealthy.find("stop      web.1                     is not well"), std::string::npos) << unhealthy;
  EXPECT_NE(unhealthy.find("start     web.1"), std::string::npos) << unhealthy;
  EXPECT_NE(unhealthy.find("verify    web.1      healthy"), std::string::npos) << unhealthy;
  set_state(container(s, "web"), container_state::restarting);
  const std::string restarting = to_text(plan_rollback(r1_of(shop("v1")), s, o));
  EXPECT_NE(restarting.find("verify    web.1"), std::string::npos) << restarting;
}

TEST(PlanRollback, StartsWhatTheReleaseRanAndIsStopped) {
  observed_state s = run(shop("v1"));
  set_state(container(s, "web"), container_state::exited, 0);
  rollback_options o = from_r2();
  o.tag_lines.clear();
  EXPECT_EQ(to_text(plan_rollback(r1_of(shop("v1")), s, o)), lines(R"(
1 stop      db.1                      writes to volume shop-data
2 snapshot  shop-data                 safety copy before rollback to r1  after 1
3 start     db.1       until healthy  ran before                         after 2
4 start     web.1                     is stopped                         after 2, 3
5 verify    db.1       healthy                                           after 3
6 verify    migrate.1  completed                                         after 3, 4
7 verify    web.1      healthy                                           after 4
)"));
}

TEST(PlanRollback, RetiresWhatALaterReleaseAddedAndLeavesStrangersAlone) {
  project_builder v2 = shop("v1");
  v2.service("cache", "cache:1");
  v2.service("tool", "tool:1");
  observed_state s = run(v2);
  observed_container& cache = container(s, "cache");
  cache.inspect["Config"]["Labels"]["io.dockupd.attempt"] = "A0";
  rollback_options o = from_r2();
  o.tag_lines.clear();
  EXPECT_EQ(to_text(plan_rollback(r1_of(shop("v1")), s, o)), lines(R"(
 1 keep       dockupd.local/kept:shop.cache.r2  image b1258635df4f  the way back to r2
 2 stop       cache.1                                               not in r1
 3 stop       db.1                                                  writes to volume shop-data
 4 snapshot   shop-data                                             safety copy before rollback to r1  after 2, 3
 5 set aside  cache.1                                               not in r1                          after 4
 6 start      db.1                              until healthy       ran before                         after 4
 7 verify     db.1                              healthy                                                after 6
 8 verify     migrate.1                         completed                                              after 6
 9 verify     web.1                             healthy                                                after 6
10 remove     cache.1                                               not in r1                          after 7-9
note: tool.1 is not in r1 and was not made by dockupd: left alone
)"));
}

TEST(PlanRollback, MakesEverythingAnewWhenNothingIsLeft) {
  observed_state s;
  s.api_minor = 44;
  EXPECT_EQ(to_text(plan_rollback(r1_of(shop("v1")), s, from_r2())), lines(R"(
 1 create  network shop_default                     not there yet
 2 create  volume shop-data                         not there yet
 3 create  db.1                                     in r1          after 1, 2
 4 create  migrate.1                                in r1          after 1
 5 create  web.1                                    in r1          after 1
 6 start   db.1                  until healthy                     after 3
 7 start   web.1                                                   after 5, 6
 8 verify  db.1                  healthy                           after 6
 9 verify  migrate.1             stopped                           after 4
10 verify  web.1                 healthy                           after 7
11 pin     IMAGE_TAG=v1          in /opt/shop/.env  was v2         after 8-10
)"));
}

TEST(PlanRollback, CreatesFromTheStoredBodyWithTheExactImage) {
  release r1 = r1_of(shop("v1"));
  for (released_container& c : r1.containers) c.body["Labels"]["io.dockupd.attempt"] = "A-old";
  for (const operation& o : plan_rollback(r1, made_by_dockupd(shop("v2")), from_r2()).operations) {
    const auto* create = std::get_if<create_container>(&o.what);
    if (create == nullptr) continue;
    EXPECT_EQ(create->image, "shop-app:v1");
    EXPECT_EQ(create->image_id, image_id("shop-app:v1"));
    EXPECT_EQ(create->body.string_at({"Labels", "io.dockupd.attempt"}), "A1");
    EXPECT_EQ(create->body.string_at({"Image"}), "shop-app:v1");
  }
}

TEST(PlanRollback, RefusesWhenAnExternalNetworkIsGone) {
  project_builder p;
  p.service("web", "web:v1").external_network("proxy");
  const release r1 = r1_of(p);
  EXPECT_EQ(refusal(r1, observed_state()),
            "r1 needs the external network proxy, which does not exist. Create it with: docker network create proxy");
}

TEST(PlanRollback, RefusesANamespaceOfAContainerThatIsGoneAndNotOfTheRelease) {
  release r = r1_of(joined("v1"));
  std::erase_if(r.containers, [](const released_container& c) { return c.service == "vpn"; });
  EXPECT_EQ(refusal(r, observed_state()),
            "service web of r1 shares a namespace or volumes with a container that is gone, and which one takes its "
            "place is not recorded. Use docker compose with the files of that time.");
}

release recalled(const project& p) {
  release r = r1_of(p);
  recall_hashed(r, run(p), p);
  return r;
}

TEST(PlanRollback, MakesWhatJoinsWhatIsReplacedAnewWithItsNewId) {
  observed_state s = made_by_dockupd(joined("v2"));
  s.images.merge(nothing_but_images(joined("v1")).images);
  const plan p = plan_rollback(recalled(joined("v1")), s, from_r2());
  std::vector<create_container> made;
  std::vector<std::string> causes;
  for (const operation& o : p.operations)
    if (const auto* create = std::get_if<create_container>(&o.what)) {
      made.push_back(*create);
      causes.push_back(o.cause);
    }
  ASSERT_EQ(made.size(), 2U) << to_text(p);
  EXPECT_EQ(causes, (std::vector<std::string>{"image vpn:v2 -> vpn:v1", "joins vpn, which is replaced"}));
  EXPECT_EQ(made[1].body.string_at({"HostConfig", "NetworkMode"}), "service:vpn");
  EXPECT_EQ(made[1].joins, (std::vector<joined_service>{{"vpn", {"vpn.1", ""}}}));
  const std::map<std::string, std::string> ids = {{"vpn", id_of("any")}};
  EXPECT_EQ(hash_of(made[1].hashed, ids),
            service_hash(joined("v1").value().services.at("web"), hash_dialect::compose_2_30, ids));
  for (const std::string& note : p.notes) EXPECT_EQ(note.find("docker compose up will"), std::string::npos) << note;
}

TEST(PlanRollback, SaysWhenTheHashOfWhatJoinsAnotherIsNotKnown) {
  observed_state s = made_by_dockupd(joined("v2"));
  s.images.merge(nothing_but_images(joined("v1")).images);
  const plan p = plan_rollback(r1_of(joined("v1")), s, from_r2());
  EXPECT_NE(to_text(p).find("web.1 joins another container by its id, and how its config hash was made is not "
                            "recorded: docker compose up will recreate it once"),
            std::string::npos)
      << to_text(p);
}

TEST(PlanRollback, KnowsWhatWasMadeFromTheRecordByItsHash) {
  const release r = recalled(joined("v1"));
  observed_state again = run(joined("v1"));
  observed_container& vpn = container(again, "vpn");
  vpn.id = id_of("vpn made anew");
  observed_container& web = container(again, "web");
  web.id = id_of("web made anew");
  web.inspect["HostConfig"]["NetworkMode"] = "container:" + vpn.id;
  web.config_hash =
      service_hash(joined("v1").value().services.at("web"), hash_dialect::compose_2_30, {{"vpn", vpn.id}});
  EXPECT_TRUE(is_recorded(web, r.containers.at(1), again));
  for (const operation& o : plan_rollback(r, again, from_r2()).operations)
    EXPECT_FALSE(std::holds_alternative<create_container>(o.what));
  web.inspect["HostConfig"]["NetworkMode"] = "container:" + id_of("shop-vpn-1");
  EXPECT_NE(to_text(plan_rollback(r, again, from_r2())).find("create"), std::string::npos);
}

TEST(PlanRollback, WritesTheFilesOfTheReleaseAgain) {
  project_builder v1;
  v1.service("web", "web:v1").secret("token", "as it was");
  release r = r1_of(v1);
  r.containers.front().files = to_json(placed_files_of(v1, v1.value().services.at("web")));
  observed_state s;
  s.images = nothing_but_images(v1).images;
  for (const operation& o : plan_rollback(r, s, from_r2()).operations)
    if (const auto* create = std::get_if<create_container>(&o.what)) {
      EXPECT_EQ(placed_files_from_json(create->files).front().content, "as it was");
    }
}

TEST(PlanRollback, MakesReplicasThatWereRetiredSinceAnew) {
  project_builder three;
  three.service("web", "web:v1").scale(3);
  project_builder one;
  one.service("web", "web:v1");
  std::vector<std::string> made;
  for (const operation& o : plan_rollback(r1_of(three), run(one), from_r2()).operations)
    if (const auto* create = std::get_if<create_container>(&o.what)) made.push_back(create->target.subject);
  EXPECT_EQ(made, (std::vector<std::string>{"web.2", "web.3"}));
}

// --- the photograph ---

TEST(Photograph, HoldsOrderGoalsAndStatesFromLabelsAlone) {
  const release r = release_from_observed(run(shop("v1")), 4, "2026-11-21T10:55:01Z");
  EXPECT_EQ(r.number, 4);
  EXPECT_EQ(r.project, "shop");
  ASSERT_EQ(r.containers.size(), 3U);
  const released_container& db = r.containers[0];
  const released_container& migrate = r.containers[1];
  const released_container& web = r.containers[2];
  EXPECT_EQ(db.start_level, 0);
  EXPECT_EQ(migrate.start_level, 1);
  EXPECT_EQ(web.start_level, 2);
  EXPECT_TRUE(db.should_run && db.has_health_check && !db.completes);
  EXPECT_TRUE(migrate.completes && !migrate.should_run);
  EXPECT_EQ(db.start_budget_ms, 30'000);
  EXPECT_EQ(web.image_id, image_id("shop-app:v1"));
  EXPECT_EQ(web.container_id, id_of("shop-web-1"));
  EXPECT_EQ(web.body.string_at({"Image"}), "shop-app:v1");
}

TEST(Photograph, LeavesOutWhatBelongsToAnAttempt) {
  observed_state s = run(shop("v1"));
  s.containers[0].name = name_set_aside("shop-db-1", "A0");
  EXPECT_EQ(release_from_observed(s, 1, "").containers.size(), 2U);
}

TEST(Photograph, AsksForTheSubnetAgainOnlyWhereAnAddressReliesOnIt) {
  observed_state s = run(shop("v1"));
  EXPECT_FALSE(release_from_observed(s, 1, "").networks.at(0).body.contains("IPAM"));
  container(s, "web").inspect["NetworkSettings"]["Networks"]["shop_default"]["IPAMConfig"] =
      docker::json::object({{"IPv4Address", "172.18.0.9"}});
  EXPECT_TRUE(release_from_observed(s, 1, "").networks.at(0).body.contains("IPAM"));
}

TEST(Photograph, TellsExternalVolumesFromOurs) {
  project_builder p;
  p.service("web", "web:v1").volume("data", "/data").external_volume("shared", "/shared").anonymous_volume("/cache");
  std::map<std::string, bool> external;
  std::string key_of_data;
  for (const released_volume& v : release_from_observed(run(p), 1, "").volumes) {
    external[v.name.size() == 64 ? "anonymous" : v.name] = v.external;
    if (v.name == "data") key_of_data = v.key;
  }
  EXPECT_EQ(external, (std::map<std::string, bool>{{"anonymous", false}, {"data", false}, {"shared", true}}));
  EXPECT_EQ(key_of_data, "data");
}

TEST(Photograph, NamesTheDigestOnlyOfTheImageThatRuns) {
  observed_state s = run(shop("v1"));
  s.images["shop-app:v1"].repo_digests = {"shop-app@sha256:d1"};
  EXPECT_EQ(release_from_observed(s, 1, "").containers[2].image_digest, "shop-app@sha256:d1");
  s.images["shop-app:v1"].id = "sha256:moved";
  EXPECT_EQ(release_from_observed(s, 1, "").containers[2].image_digest, "");
}

TEST(Photograph, RemembersWhatNoEngineShows) {
  project_builder p;
  p.service("web", "web:v1").secret("token", "canary");
  const plan made = plan_update(p, nothing_but_images(p), options());
  observed_state s = run(p);
  observed_container& web = container(s, "web");
  web.inspect["Config"]["Labels"]["io.dockupd.attempt"] = attempt;
  web.inspect["Config"]["Labels"]["io.dockupd.subject"] = "web.1";
  release first = release_from_observed(s, 1, "");
  remember_unseen(first, s, &made, nullptr);
  EXPECT_EQ(placed_files_from_json(first.containers.at(0).files).at(0).content, "canary");

  // Left alone by the next one.
  release second = release_from_observed(s, 2, "");
  plan other;
  other.attempt_id = "A2";
  remember_unseen(second, s, &other, &first);
  EXPECT_EQ(second.containers.at(0).files, first.containers.at(0).files);
  EXPECT_EQ(release_from_json(to_json(second)), second);
}

TEST(PlanRollback, IsRefusedWhileAContainerIsDead) {
  observed_state s = made_by_dockupd(shop("v2"));
  set_state(container(s, "web"), container_state::dead, 0);
  EXPECT_NE(refusal(r1_of(shop("v1")), s).find("docker rm -f shop-web-1"), std::string::npos);
}

TEST(PlanRollback, ThatIsGivenUpLetsAMovingTagMeanAgainWhatItMeant) {
  observed_state s = made_by_dockupd(shop("stable"));
  const std::string present = s.images.at("shop-app:stable").id;
  release r = r1_of(shop("stable"));
  for (released_container& c : r.containers)
    if (c.image_reference == "shop-app:stable") c.image_id = "sha256:older";
  const plan forward = plan_from_json(to_json(plan_rollback(r, s, from_r2())));
  int tagged = 0;
  for (const operation& each : plan_undo(forward, undo_options()).operations)
    if (const auto* keep = std::get_if<keep_image>(&each.what)) {
      ++tagged;
      EXPECT_EQ(keep->keep_as, "shop-app:stable");
      EXPECT_EQ(keep->image_id, present);
    }
  EXPECT_EQ(tagged, 1);
}

}  // namespace
}  // namespace orchestration::test
