// What an update does, as the plan's text.
#include <gtest/gtest.h>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/project/config_hash.hpp"
#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

std::string text_of(const project& desired, const observed_state& observed, const reconcile_options& how = options()) {
  return to_text(plan_update(desired, observed, how));
}

/// v1 runs; the images of v2 are here as well.
observed_state shop_runs() {
  observed_state s = run(shop("v1"));
  s.images.merge(nothing_but_images(shop("v2")).images);
  return s;
}

reconcile_options without_snapshot() {
  reconcile_options o = options();
  o.snapshot = take_snapshot::no;
  return o;
}

template <class Kind>
std::vector<Kind> all(const plan& p) {
  std::vector<Kind> out;
  for (const operation& o : p.operations)
    if (const auto* found = std::get_if<Kind>(&o.what)) out.push_back(*found);
  return out;
}

std::string refusal(const project& desired, const observed_state& observed, const reconcile_options& how = options()) {
  try {
    return "planned:\n" + text_of(desired, observed, how);
  } catch (const plan_error& error) {
    return error.what();
  }
}

TEST(PlanUpdate, MakesAndStartsEverythingOnAnEmptyEngineWithoutCutOver) {
  EXPECT_EQ(text_of(shop("v1"), nothing_but_images(shop("v1"))), lines(R"(
 1 create  network shop_default                 not there yet
 2 create  volume shop-data                     not there yet
 3 create  db.1                                 not there yet  after 1, 2
 4 create  migrate.1                            not there yet  after 1
 5 create  web.1                                not there yet  after 1
 6 start   db.1                  until healthy                 after 3
 7 run     migrate.1             to its end                    after 4, 6
 8 start   web.1                                               after 5-7
 9 verify  db.1                  healthy                       after 6
10 verify  migrate.1             completed                     after 7
11 verify  web.1                 healthy                       after 8
)"));
}

TEST(PlanUpdate, ReplacesWhatChangedAndRestsTheDatabaseForTheSnapshot) {
  reconcile_options o = options();
  o.from_release = 3;
  o.digests["shop-app:v2"] = "sha256:d2";
  o.pin = pin_tag{"/opt/shop/.env", "IMAGE_TAG", "v2", "v1"};
  EXPECT_EQ(text_of(shop("v2"), run(shop("v1")), o), lines(R"(
 1 pull       shop-app:v2                         for migrate, web    image shop-app:v1 -> shop-app:v2
 2 keep       dockupd.local/kept:shop.migrate.r3  image d4eed0713073  the way back to r3
 3 keep       dockupd.local/kept:shop.web.r3      image d4eed0713073  the way back to r3
 4 create     migrate.1                                               image shop-app:v1 -> shop-app:v2  after 1
 5 create     web.1                                                   image shop-app:v1 -> shop-app:v2  after 1
 6 stop       web.1                                                   replaced by 5                     after 5
 7 stop       db.1                                                    writes to volume shop-data        after 6
 8 snapshot   shop-data                                               before update to v2               after 6, 7
 9 set aside  migrate.1                                               replaced by 4                     after 8
10 set aside  web.1                                                   replaced by 5                     after 8
11 rename     migrate.1                           to shop-migrate-1   its final name                    after 4, 9
12 rename     web.1                               to shop-web-1       its final name                    after 5, 10
13 start      db.1                                until healthy       ran before                        after 8
14 run        migrate.1                           to its end                                            after 11, 13
15 start      web.1                                                                                     after 12-14
16 verify     db.1                                healthy                                               after 13
17 verify     migrate.1                           completed                                             after 14
18 verify     web.1                               healthy                                               after 15
19 pin        IMAGE_TAG=v2                        in /opt/shop/.env   was v1                            after 16-18
20 remove     migrate.1                                               set aside                         after 16-19
21 remove     web.1                                                   set aside                         after 16-19
)"));
}

TEST(PlanUpdate, IsEmptyWhenEverythingIsAsItShouldBe) {
  const plan p = plan_update(shop("v1"), shop_runs(), options());
  EXPECT_TRUE(p.empty());
  EXPECT_EQ(to_text(p), "");
}

TEST(PlanUpdate, OnlyPinsWhenOnlyTheTagLineDiffers) {
  reconcile_options o = options();
  o.pin = pin_tag{"/opt/shop/.env", "IMAGE_TAG", "v1", "latest"};
  EXPECT_EQ(text_of(shop("v1"), shop_runs(), o), "1 pin  IMAGE_TAG=v1  in /opt/shop/.env  was latest\n");
  o.pin->previous = "v1";
  EXPECT_EQ(text_of(shop("v1"), shop_runs(), o), "");
}

TEST(PlanUpdate, SaysTheSameForTheSameInputs) {
  EXPECT_EQ(text_of(shop("v2"), shop_runs()), text_of(shop("v2"), shop_runs()));
}

TEST(PlanUpdate, LeavesServicesThatWereNotChosenAlone) {
  project_builder v1 = shop("v1");
  v1.service("worker", "shop-app:v1").needs("db", start_condition::started);
  v1.service("files", "files:1").volume("uploads", "/uploads");
  project_builder v2 = shop("v2");
  v2.service("worker", "shop-app:v2").needs("db", start_condition::started);
  v2.service("files", "files:1").volume("uploads", "/uploads");
  observed_state s = run(v1);
  s.images.merge(nothing_but_images(v2).images);
  reconcile_options o = options();
  o.services = {"worker"};
  EXPECT_EQ(text_of(v2, s, o), lines(R"(
 1 create     worker.1                     image shop-app:v1 -> shop-app:v2
 2 stop       worker.1                     replaced by 1                     after 1
 3 stop       db.1                         writes to volume shop-data        after 2
 4 snapshot   shop-data                    before update                     after 2, 3
 5 set aside  worker.1                     replaced by 1                     after 4
 6 rename     worker.1   to shop-worker-1  its final name                    after 1, 5
 7 start      db.1       until healthy     ran before                        after 4
 8 start      worker.1                                                       after 6, 7
 9 verify     db.1       healthy                                             after 7
10 verify     worker.1   running                                             after 8
11 remove     worker.1                     set aside                         after 9, 10
)"));
}

TEST(PlanUpdate, MakesMissingDependenciesOfChosenServices) {
  reconcile_options o = without_snapshot();
  o.services = {"migrate"};
  observed_state s = nothing_but_images(shop("v1"));
  EXPECT_EQ(text_of(shop("v1"), s, o), lines(R"(
1 create  network shop_default                 not there yet
2 create  volume shop-data                     not there yet
3 create  db.1                                 not there yet  after 1, 2
4 create  migrate.1                            not there yet  after 1
5 start   db.1                  until healthy                 after 3
6 run     migrate.1             to its end                    after 4, 5
7 verify  db.1                  healthy                       after 5
8 verify  migrate.1             completed                     after 6
)"));
}

TEST(PlanUpdate, LeavesAStoppedServiceStoppedAndPausesAPausedOneAgain) {
  observed_state s = shop_runs();
  set_state(container(s, "web"), container_state::exited, 137);
  set_state(container(s, "db"), container_state::paused);
  EXPECT_EQ(text_of(shop("v2"), s), lines(R"(
 1 create     migrate.1                             image shop-app:v1 -> shop-app:v2
 2 create     web.1                                 image shop-app:v1 -> shop-app:v2
 3 disarm     web.1                                 replaced by 2                     after 2
 4 stop       db.1       paused                     writes to volume shop-data        after 3
 5 snapshot   shop-data                             before update                     after 3, 4
 6 set aside  migrate.1                             replaced by 1                     after 5
 7 set aside  web.1                                 replaced by 2                     after 5
 8 rename     migrate.1  to shop-migrate-1          its final name                    after 1, 6
 9 rename     web.1      to shop-web-1              its final name                    after 2, 7
10 start      db.1       until healthy, then pause  ran before                        after 5
11 run        migrate.1  to its end                                                   after 8, 10
12 verify     db.1       paused                                                       after 10
13 verify     migrate.1  completed                                                    after 11
14 verify     web.1      stopped                                                      after 9
15 remove     migrate.1                             set aside                         after 12-14
16 remove     web.1                                 set aside                         after 12-14
note: web.1 is stopped: it is replaced, but not started. To start it: docker compose start web
)"));
}

TEST(PlanUpdate, StartsAStoppedServiceThatWasChosen) {
  observed_state s = shop_runs();
  set_state(container(s, "web"), container_state::exited, 1);
  reconcile_options o = without_snapshot();
  o.services = {"web"};
  EXPECT_EQ(text_of(shop("v2"), s, o), lines(R"(
1 create     web.1                 image shop-app:v1 -> shop-app:v2
2 disarm     web.1                 replaced by 1                     after 1
3 set aside  web.1                 replaced by 1                     after 2
4 rename     web.1  to shop-web-1  its final name                    after 1, 3
5 start      web.1                                                   after 4
6 verify     web.1  healthy                                          after 5
7 remove     web.1                 set aside                         after 6
note: no snapshot was asked for: a rollback will not be able to bring the data back
)"));
}

TEST(PlanUpdate, TreatsACrashLoopAsRunningButProvesNothingOfItOnTheWayBack) {
  observed_state s = shop_runs();
  set_state(container(s, "web"), container_state::restarting, 1);
  const plan p = plan_update(shop("v2"), s, options());
  const std::vector<stop_container> stops = all<stop_container>(p);
  ASSERT_EQ(stops.front().target.subject, "web.1");
  EXPECT_EQ(stops.front().was, run_state::running);
  EXPECT_FALSE(stops.front().sound);
}

TEST(PlanUpdate, DoesNotTryToProveAnUnchangedContainerThatIsUnhealthyAlready) {
  project_builder v1 = shop("v1");
  v1.service("cache", "cache:1").healthy_when("ping");
  project_builder v2 = shop("v2");
  v2.service("cache", "cache:1").healthy_when("ping");
  observed_state s = run(v1);
  s.images.merge(nothing_but_images(v2).images);
  container(s, "cache").health = health_state::unhealthy;
  for (const verify_container& v : all<verify_container>(plan_update(v2, s, options())))
    EXPECT_NE(v.target.subject, "cache.1");
  container(s, "cache").health = health_state::healthy;
  EXPECT_EQ(all<verify_container>(plan_update(v2, s, options())).size(), 4U);
}

TEST(PlanUpdate, SaysWhyAContainerChanges) {
  const auto cause = [](const project& desired, const observed_state& s, const reconcile_options& o = options()) {
    const plan p = plan_update(desired, s, o);
    for (const operation& each : p.operations)
      if (std::holds_alternative<create_container>(each.what)) return each.cause;
    return std::string("no change");
  };
  const auto one = [](const std::string& image) {
    project_builder p;
    p.service("web", image).volume("data", "/data");
    return p;
  };
  const observed_state s = run(one("r.example/team/web:v1"));
  EXPECT_EQ(cause(one("r.example/team/web:v2"), s), "image web:v1 -> web:v2");
  EXPECT_EQ(cause(one("r.example/team/web:v1").env("A", "b"), s), "environment: A added");
  EXPECT_EQ(cause(one("r.example/team/web:v2").env("A", "b"), s), "image web:v1 -> web:v2, environment: A added");
  project_builder hidden = one("r.example/team/web:v1");
  hidden.value().services.at("web").document["attach"] = false;  // the engine is not told
  EXPECT_EQ(cause(hidden, s), "configuration changed");

  reconcile_options resolved = options();
  resolved.digests["r.example/team/web:v1"] = "sha256:new";
  EXPECT_EQ(cause(one("r.example/team/web:v1"), s, resolved), "image re-tagged in the registry");
  observed_state has_digest = s;
  has_digest.images["r.example/team/web:v1"].repo_digests = {"r.example/team/web@sha256:new"};
  EXPECT_EQ(cause(one("r.example/team/web:v1"), has_digest, resolved), "no change");

  observed_state retagged = s;
  retagged.images["r.example/team/web:v1"].id = "sha256:other";
  EXPECT_EQ(cause(one("r.example/team/web:v1"), retagged), "image re-tagged on this engine");

  observed_state detached = s;
  container(detached, "web").networks.clear();
  EXPECT_EQ(cause(one("r.example/team/web:v1"), detached), "not attached to network shop_default");

  observed_state renewed = s;
  renewed.networks["shop_default"].id = "another";
  EXPECT_EQ(cause(one("r.example/team/web:v1"), renewed), "network shop_default was made anew");

  observed_state unmounted = s;
  container(unmounted, "web").mounts.clear();
  EXPECT_EQ(cause(one("r.example/team/web:v1"), unmounted), "volume data not mounted");

  observed_state mislabelled = s;
  container(mislabelled, "web").image_label = "sha256:other";
  EXPECT_EQ(cause(one("r.example/team/web:v1"), mislabelled), "labelled with another image than it runs");
  container(mislabelled, "web").inspect["Config"]["Labels"]["com.docker.compose.version"] = "5.5.0";
  EXPECT_EQ(cause(one("r.example/team/web:v1"), mislabelled), "no change");  // a manifest's digest, perhaps

  observed_state stopped = detached;
  set_state(container(stopped, "web"), container_state::exited);
  container(stopped, "web").networks.clear();
  EXPECT_EQ(cause(one("r.example/team/web:v1"), stopped), "no change");

  observed_state unlabelled = s;
  container(unlabelled, "web").config_hash.clear();
  EXPECT_EQ(cause(one("r.example/team/web:v1"), unlabelled), "not labelled by docker compose");
}

TEST(PlanUpdate, SpeaksTheHashDialectOfTheComposeThatDeployedTheProject) {
  const auto with = [](const std::string& version) {
    project_builder p = shop(version);
    p.value().services["db"].document["volumes"].push_back(
        docker::json::object({{"type", "bind"},
                              {"source", "/srv"},
                              {"target", "/srv"},
                              {"bind", docker::json::object({{"create_host_path", true}})}}));
    return p;
  };
  const project v1 = with("v1");
  const service& db = v1.services.at("db");
  const auto hash_of = [](const service& s, hash_dialect dialect) { return service_hash(s, dialect); };
  ASSERT_NE(hash_of(db, hash_dialect::compose_5_0_2), hash_of(db, hash_dialect::compose_2_30));
  observed_state s = run(v1);
  s.images.merge(nothing_but_images(with("v2")).images);
  for (observed_container& c : s.containers) {
    c.config_hash = hash_of(v1.services.at(c.service), hash_dialect::compose_5_0_2);
    c.inspect["Config"]["Labels"]["com.docker.compose.version"] = "5.1.0";
  }
  EXPECT_EQ(text_of(v1, s), "");
  const project v2 = with("v2");
  const create_container web = all<create_container>(plan_update(v2, s, options())).back();
  EXPECT_EQ(web.body.string_at({"Labels", "com.docker.compose.config-hash"}),
            hash_of(v2.services.at("web"), hash_dialect::compose_5_0_2));
  EXPECT_EQ(web.body.string_at({"Labels", "com.docker.compose.version"}), "5.1.0");
}

TEST(PlanUpdate, PullsEachReferenceOnceAndNothingThatDidNotChange) {
  reconcile_options o = options();
  o.digests = {{"shop-app:v2", "sha256:d2"}, {"shop-db:15", "sha256:d15"}};
  observed_state s = shop_runs();
  s.images["shop-db:15"].repo_digests = {"shop-db@sha256:d15"};
  const std::vector<pull_image> pulls = all<pull_image>(plan_update(shop("v2"), s, o));
  ASSERT_EQ(pulls.size(), 1U);
  EXPECT_EQ(pulls[0].reference, "shop-app:v2");
  EXPECT_EQ(pulls[0].digest, "sha256:d2");
  EXPECT_EQ(pulls[0].services, (std::vector<std::string>{"migrate", "web"}));
}

TEST(PlanUpdate, RefusesAnImageThatIsNotHereAndMayNotBePulled) {
  project_builder p;
  p.service("web", "web:v1");
  p.value().services["web"].pull_policy = "never";
  EXPECT_EQ(refusal(p, observed_state()),
            "service web (compose.yaml:10:5): image web:v1 is not on this engine, and pull_policy never forbids "
            "pulling it. Build or load it first.");
}

TEST(PlanUpdate, RefusesMissingExternalThingsAndSaysHowToMakeThem) {
  project_builder p;
  p.service("web", "web:v1").external_network("proxy");
  EXPECT_EQ(refusal(p, nothing_but_images(p)),
            "service web (compose.yaml:10:5): its network proxy is external and does not exist. Create it with: docker "
            "network create proxy");
  project_builder q;
  q.service("web", "web:v1").external_volume("shared", "/shared");
  EXPECT_EQ(refusal(q, nothing_but_images(q)),
            "service web (compose.yaml:10:5): its volume shared is external and does not exist. Create it with: docker "
            "volume create shared");
}

TEST(PlanUpdate, RefusesUnknownAndSwitchedOffServices) {
  reconcile_options o = options();
  o.services = {"wbe"};
  EXPECT_EQ(refusal(shop("v1"), shop_runs(), o), "there is no service wbe in /opt/shop/compose.yaml.");
  project_builder p = shop("v1");
  p.value().disabled = {"debug"};
  o.services = {"debug"};
  EXPECT_EQ(refusal(p, shop_runs(), o), "service debug is switched off by its profiles. Switch it on with --profile.");
}

observed_state joined_runs() {
  observed_state s = run(joined("v1"));
  s.images.merge(nothing_but_images(joined("v2")).images);
  return s;
}

TEST(PlanUpdate, ReplacesWhatJoinsAServiceThatIsReplaced) {
  EXPECT_EQ(text_of(joined("v1"), joined_runs()), "");
  const plan p = plan_update(joined("v2"), joined_runs(), options());
  EXPECT_EQ(to_text(p), lines(R"(
 1 create     vpn.1                 image vpn:v1 -> vpn:v2
 2 create     web.1                 joins vpn, which is replaced  after 1
 3 stop       web.1                 replaced by 2                 after 2
 4 stop       vpn.1                 replaced by 1                 after 1, 3
 5 set aside  vpn.1                 replaced by 1                 after 4
 6 set aside  web.1                 replaced by 2                 after 3
 7 rename     vpn.1  to shop-vpn-1  its final name                after 1, 5
 8 rename     web.1  to shop-web-1  its final name                after 2, 6
 9 start      vpn.1                                               after 7
10 start      web.1                                               after 8, 9
11 verify     vpn.1  running                                      after 9
12 verify     web.1  running                                      after 10
13 remove     vpn.1                 set aside                     after 11, 12
14 remove     web.1                 set aside                     after 11, 12
)"));
  const create_container web = all<create_container>(p).back();
  EXPECT_EQ(web.joins, (std::vector<joined_service>{{"vpn", {"vpn.1", ""}}}));
  EXPECT_EQ(web.body.string_at({"HostConfig", "NetworkMode"}), "service:vpn");
  EXPECT_FALSE(web.body.at("Labels").contains("com.docker.compose.config-hash"));
  const std::map<std::string, std::string> ids = {{"vpn", id_of("any")}};
  EXPECT_EQ(hash_of(web.hashed, ids),
            service_hash(joined("v2").value().services.at("web"), hash_dialect::compose_2_30, ids));
  EXPECT_EQ(all<verify_container>(p).back().config_hash, "");
}

TEST(PlanUpdate, ReplacesWhoTakesTheVolumesOfWhatIsReplaced) {
  const auto with = [](const std::string& version) {
    project_builder p;
    p.service("data", "data:" + version);
    p.service("web", "web:v1").volumes_from("data:ro").needs("data", start_condition::started);
    return p;
  };
  observed_state s = run(with("v1"));
  EXPECT_EQ(text_of(with("v1"), s), "");
  s.images.merge(nothing_but_images(with("v2")).images);
  const create_container web = all<create_container>(plan_update(with("v2"), s, options())).back();
  EXPECT_EQ(web.target.subject, "web.1");
  EXPECT_EQ(web.body.at("HostConfig").at("VolumesFrom").to_text(), R"(["service:data"])");
}

TEST(PlanUpdate, JoinsAContainerThatStaysByItsId) {
  project_builder changed = joined("v1");
  changed.env("A", "b");
  const create_container web = all<create_container>(plan_update(changed, joined_runs(), options())).front();
  EXPECT_EQ(web.joins, (std::vector<joined_service>{{"vpn", {"vpn.1", id_of("shop-vpn-1")}}}));
}

TEST(PlanUpdate, MakesWhatIsJoinedFirstWhenNothingIsThere) {
  EXPECT_EQ(text_of(joined("v1"), nothing_but_images(joined("v1"))), lines(R"(
1 create  network shop_default           not there yet
2 create  vpn.1                          not there yet  after 1
3 create  web.1                          not there yet  after 2
4 start   vpn.1                                         after 2
5 start   web.1                                         after 3, 4
6 verify  vpn.1                 running                 after 4
7 verify  web.1                 running                 after 5
)"));
}

TEST(PlanUpdate, SaysThatWhatIsJoinedWasMadeAnew) {
  observed_state s = joined_runs();
  observed_container& vpn = container(s, "vpn");
  vpn.id = id_of("another");
  for (const operation& each : plan_update(joined("v1"), s, options()).operations)
    if (std::holds_alternative<create_container>(each.what)) {
      EXPECT_EQ(each.cause, "joins vpn, which was made anew");
    }
}

TEST(PlanUpdate, RefusesToLeaveBehindWhoJoinsWhatIsReplaced) {
  reconcile_options o = options();
  o.services = {"vpn"};
  EXPECT_EQ(refusal(joined("v2"), joined_runs(), o),
            "container shop-web-1 joins vpn.1, which is replaced, and would have to be replaced as well. Choose its "
            "service too: vpn web.");
  project_builder without;
  without.service("vpn", "vpn:v2");
  EXPECT_EQ(refusal(without, joined_runs()),
            "container shop-web-1 joins vpn.1, which is replaced, and would have to be replaced as well, but is in no "
            "file. Remove it first: docker rm --force shop-web-1.");
  project_builder built = joined("v2");
  built.only_built();
  EXPECT_EQ(refusal(built, joined_runs()),
            "container shop-web-1 joins vpn.1, which is replaced, and would have to be replaced as well, but dockupd "
            "leaves it alone. Do it with: docker compose up -d vpn web.");
}

TEST(PlanUpdate, RefusesToJoinWhatHasNoContainer) {
  project_builder p = joined("v1");
  p.value().services.at("vpn").scale = 0;
  EXPECT_EQ(refusal(p, nothing_but_images(p)),
            "service web (compose.yaml:20:5): network_mode joins service vpn, of which there is no container. Give it "
            "an image and a scale of at least 1.");
}

TEST(PlanUpdate, RestsWithTheWriterWhoseNamespaceIsJoined) {
  project_builder v1 = shop("v1");
  v1.service("agent", "agent:1").network_mode("service:db").needs("db", start_condition::started, true);
  project_builder v2 = shop("v2");
  v2.service("agent", "agent:1").network_mode("service:db").needs("db", start_condition::started, true);
  observed_state s = run(v1);
  s.images.merge(nothing_but_images(v2).images);
  std::vector<std::string> stopped;
  const plan p = plan_update(v2, s, options());
  for (const operation& o : p.operations)
    if (const auto* stop = std::get_if<stop_container>(&o.what))
      stopped.push_back(stop->target.subject + " " + o.cause);
  EXPECT_EQ(stopped, (std::vector<std::string>{"web.1 replaced by 2", "agent.1 joins db.1, which is started anew",
                                               "db.1 writes to volume shop-data"}));
}

// --- scale ---

project_builder workers(int scale, const std::string& version = "v1") {
  project_builder p;
  p.service("worker", "worker:" + version).scale(scale);
  return p;
}

TEST(PlanUpdate, RetiresTheHighestNumbersWhenScaledDown) {
  EXPECT_EQ(text_of(workers(1), run(workers(3))), lines(R"(
1 stop       worker.2           beyond the 1 of its service
2 stop       worker.3           beyond the 1 of its service
3 set aside  worker.2           beyond the 1 of its service  after 1
4 set aside  worker.3           beyond the 1 of its service  after 2
5 verify     worker.1  running
6 remove     worker.2           beyond the 1 of its service  after 5
7 remove     worker.3           beyond the 1 of its service  after 5
)"));
}

TEST(PlanUpdate, RetiresTheObsoleteFirstWhenScaledDown) {
  observed_state s = run(workers(3));
  container(s, "worker", 1).config_hash = "another";
  std::vector<std::string> removed;
  for (const remove_container& r : all<remove_container>(plan_update(workers(2), s, options())))
    removed.push_back(r.target.subject);
  EXPECT_EQ(removed, (std::vector<std::string>{"worker.1"}));
}

TEST(PlanUpdate, MakesMoreWithTheNextNumbersAndDisturbsNobodyWhenScaledUp) {
  project_builder three = shop("v1");
  three.scale(3);
  EXPECT_EQ(text_of(three, run(shop("v1"))), lines(R"(
1 create  web.2                 not there yet
2 create  web.3                 not there yet
3 start   web.2                                after 1
4 start   web.3                                after 2
5 verify  db.1       healthy                   after 3, 4
6 verify  migrate.1  completed                 after 3, 4
7 verify  web.1      healthy                   after 3, 4
8 verify  web.2      healthy                   after 3
9 verify  web.3      healthy                   after 4
)"));
}

TEST(PlanUpdate, FillsNoGapInTheNumbers) {
  observed_state s = run(workers(3));
  std::erase_if(s.containers, [](const observed_container& c) { return c.number == 1; });
  EXPECT_EQ(text_of(workers(2), s), "");
  EXPECT_EQ(all<create_container>(plan_update(workers(3), s, options())).front().target.subject, "worker.4");
}

TEST(PlanUpdate, ScaledDownAndReplacedKeepsTheLowestNumbers) {
  observed_state s = run(workers(3));
  s.images.merge(nothing_but_images(workers(1, "v2")).images);
  const plan p = plan_update(workers(1, "v2"), s, options());
  EXPECT_EQ(all<create_container>(p).size(), 1U);
  EXPECT_EQ(all<create_container>(p).front().target.subject, "worker.1");
  EXPECT_EQ(all<remove_container>(p).size(), 3U);
}

TEST(PlanUpdate, ScaledToNoneRetiresAll) {
  EXPECT_EQ(all<remove_container>(plan_update(workers(0), run(workers(2)), options())).size(), 2U);
}

TEST(PlanUpdate, LeavesASecondContainerOfANumberAlone) {
  observed_state s = run(workers(1));
  observed_container second = s.containers.front();
  second.id = id_of("second");
  second.name = "0123456789ab_shop-worker-1";
  s.containers.push_back(second);
  EXPECT_EQ(
      text_of(workers(1), s),
      "note: container 0123456789ab_shop-worker-1 also stands for worker.1: left alone, as of two with one number "
      "only one could be come back to. docker compose counts both; to remove it: docker rm --force "
      "0123456789ab_shop-worker-1\n");
}

// --- what compose writes into containers ---

TEST(PlanUpdate, WritesSecretsIntoTheContainerAndShowsThemNowhere) {
  project_builder p;
  p.service("web", "web:v1").secret("token", "canary-of-the-token");
  const plan made = plan_update(p, nothing_but_images(p), options());
  const create_container web = all<create_container>(made).front();
  EXPECT_EQ(web.files.to_text(),
            R"([{"path":"/run/secrets/token","secret":"canary-of-the-token","mode":292,"user":0,"group":0,)"
            R"("to_container_user":false}])");
  EXPECT_EQ(plan_from_json(to_json(made)).operations.size(), made.operations.size());
  EXPECT_EQ(all<create_container>(plan_from_json(to_json(made))).front().files, web.files);
  EXPECT_EQ(to_public_json(made).to_text().find("canary"), std::string::npos);
  EXPECT_EQ(to_text(made).find("canary"), std::string::npos);
  EXPECT_NE(to_text(made).find("with 1 file"), std::string::npos);
  EXPECT_EQ(web.body.to_text().find("canary"), std::string::npos);
}

TEST(PlanUpdate, DoesNotReplaceForAnotherContentAsComposeDoesNot) {
  project_builder before;
  before.service("web", "web:v1").secret("token", "one");
  project_builder after;
  after.service("web", "web:v1").secret("token", "another");
  EXPECT_EQ(text_of(after, run(before)), "");
}

// --- networks and volumes that are there ---

TEST(PlanUpdate, RefusesANetworkThatIsNotTheOneOfTheFiles) {
  observed_state s = run(shop("v1"));
  s.networks["shop_default"].inspect["Labels"]["com.docker.compose.network"] = "back";
  EXPECT_EQ(
      refusal(shop("v1"), s),
      "service db (compose.yaml:10:5): network shop_default exists, but its label com.docker.compose.network is "
      "\"back\", not \"default\". If it is not this project's, declare it with `external: true`; else remove it.");
}

TEST(PlanUpdate, RefusesANetworkThatComposeWouldMakeAnew) {
  const auto with = [](const std::string& label) {
    project_builder p;
    p.service("web", "web:v1").labelled_network("back", label);
    return p;
  };
  observed_state s = run(with("old"));
  EXPECT_EQ(text_of(with("old"), s), "");
  // Without a config-hash compose leaves it as it is.
  EXPECT_EQ(text_of(with("new"), s),
            "note: network shop_back was made otherwise than the files say (labels): left as it is, as docker compose "
            "does without a config-hash on it\n");
  docker::json& labels = s.networks["shop_back"].inspect["Labels"];
  labels["com.docker.compose.config-hash"] = network_hash(with("old").value().networks.at("back"));
  EXPECT_EQ(text_of(with("old"), s), "");
  EXPECT_EQ(refusal(with("new"), s),
            "service web (compose.yaml:10:5): its network shop_back was made otherwise than the files say (labels). "
            "dockupd does not make networks anew; docker compose does, and stops their services meanwhile. With the "
            "tag as it is now: docker compose up -d. Then run this again.");
  labels["com.docker.compose.config-hash"] = "of another compose";
  EXPECT_EQ(text_of(with("old"), s),
            "note: network shop_back bears another config-hash than its definition gives, though nothing of it "
            "differs: left as it is; docker compose up may make it anew\n");
}

TEST(PlanUpdate, LeavesAVolumeThatWasMadeOtherwiseWithItsData) {
  observed_state s = run(shop("v1"));
  s.volumes["shop-data"].inspect["Labels"]["com.docker.compose.config-hash"] = "another";
  EXPECT_EQ(text_of(shop("v1"), s),
            "note: volume shop-data was made otherwise than the files say: left as it is, with its data. docker "
            "compose up asks whether to delete it\n");
  s.volumes["shop-data"].driver = "nfs";
  EXPECT_NE(text_of(shop("v1"), s).find("(driver)"), std::string::npos);
}

TEST(PlanUpdate, MissesAnExternalNetworkOfAServiceThatDoesNotChange) {
  project_builder p;
  p.service("web", "web:v1").external_volume("shared", "/shared");
  observed_state s = run(p);
  s.volumes.erase("shared");
  EXPECT_EQ(refusal(p, s),
            "service web (compose.yaml:10:5): its volume shared is external and does not exist. Create it with: docker "
            "volume create shared");
}

TEST(PlanUpdate, TakesTheNameThatTheFileGives) {
  const auto with = [](const std::string& version) {
    project_builder p;
    p.service("web", "web:" + version);
    p.value().services.at("web").container_name = "frontend";
    return p;
  };
  observed_state s = run(with("v1"));
  EXPECT_EQ(text_of(with("v1"), s), "");
  s.images.merge(nothing_but_images(with("v2")).images);
  const create_container web = all<create_container>(plan_update(with("v2"), s, options())).front();
  EXPECT_EQ(web.name, "frontend");
  EXPECT_EQ(web.temporary_name, "frontend.dockupd-new.A1");
}

TEST(PlanUpdate, LeavesExternalForeignAndBoundDataOutOfTheSnapshotAndSaysSo) {
  const auto with = [](const std::string& version) {
    project_builder p;
    p.service("web", "web:" + version).volume("data", "/data").volume("nfs", "/nfs").volume("plugin", "/plugin");
    p.external_volume("shared", "/shared").anonymous_volume("/cache");
    return p;
  };
  observed_state s = run(with("v1"));
  s.volumes["plugin"].driver = "rexray";
  s.volumes["nfs"].inspect["Options"] = docker::json::object({{"type", "nfs"}, {"device", ":/x"}});
  observed_container& web = container(s, "web");
  for (const char* source : {"/srv/files", "/var/run/docker.sock"})
    web.inspect["Mounts"].push_back(
        docker::json::object({{"Type", "bind"}, {"Source", source}, {"Destination", source}, {"RW", true}}));
  const plan p = plan_update(with("v2"), s, options());
  const std::vector<snapshot_volumes> snapshots = all<snapshot_volumes>(p);
  ASSERT_EQ(snapshots.size(), 1U);
  ASSERT_EQ(snapshots[0].volumes.size(), 2U);
  EXPECT_EQ(snapshots[0].volumes[0].key, "");  // the anonymous one
  EXPECT_EQ(snapshots[0].volumes[1], (volume_target{"data", "data", "/volumes/data/_data"}));
  EXPECT_EQ(p.notes, (std::vector<std::string>{
                         "bind mount /srv/files: the snapshot does not hold it",
                         "volume nfs is mounted from elsewhere by its driver options: the snapshot does not hold it",
                         "volume plugin is kept by driver rexray: the snapshot does not hold it",
                         "volume shared is external: the snapshot does not hold it"}));
}

TEST(PlanUpdate, SaysThatNoSnapshotWasAskedFor) {
  const plan p = plan_update(shop("v2"), shop_runs(), without_snapshot());
  EXPECT_TRUE(all<snapshot_volumes>(p).empty());
  EXPECT_EQ(
      p.notes,
      (std::vector<std::string>{"no snapshot was asked for: a rollback will not be able to bring the data back"}));
  for (const stop_container& stop : all<stop_container>(p)) EXPECT_NE(stop.target.subject, "db.1");
}

TEST(PlanUpdate, LeavesOrphansBuiltServicesAndLeftoversAlone) {
  project_builder before = shop("v1");
  before.service("old", "old:1");
  before.service("tool", "shop-tool").only_built();
  project_builder after = shop("v1");
  after.service("tool", "shop-tool").only_built().env("A", "changed");
  observed_state s = run(before);
  observed_container leftover = container(s, "web");
  leftover.id = id_of("leftover");
  leftover.name = name_set_aside("shop-web-1", "A0");
  s.containers.push_back(leftover);
  EXPECT_EQ(text_of(after, s), lines(R"(
note: container shop-web-1.dockupd-old.A0 is left over from an earlier attempt. See it with docker inspect, remove it with: docker rm shop-web-1.dockupd-old.A0
note: service tool is built, not pulled: left alone
note: service old is in no file: left alone
)"));
}

TEST(PlanUpdate, RestartsDependentsThatAskForIt) {
  observed_state s = run(restarting("v1"));
  s.images.merge(nothing_but_images(restarting("v2")).images);
  EXPECT_EQ(text_of(restarting("v2"), s), lines(R"(
 1 create     cache.1                   image cache:v1 -> cache:v2
 2 stop       web.1                     restarts with cache
 3 stop       cache.1                   replaced by 1               after 1, 2
 4 set aside  cache.1                   replaced by 1               after 3
 5 rename     cache.1  to shop-cache-1  its final name              after 1, 4
 6 start      cache.1                                               after 5
 7 start      web.1                     ran before                  after 2, 6
 8 verify     cache.1  running                                      after 6
 9 verify     web.1    running                                      after 7
10 remove     cache.1                   set aside                   after 8, 9
)"));
}

TEST(PlanUpdate, RestartsNobodyForAReplicaMore) {
  const auto with = [](int scale) {
    project_builder p;
    p.service("cache", "cache:v1").scale(scale);
    p.service("web", "web:v1").needs("cache", start_condition::started, true);
    p.service("shop", "web:v1").needs("web", start_condition::started, true);
    return p;
  };
  EXPECT_TRUE(all<stop_container>(plan_update(with(2), run(with(1)), options())).empty());
}

TEST(PlanUpdate, RestartsOnlyThoseThatDependDirectly) {
  const auto with = [](const std::string& version) {
    project_builder p;
    p.service("cache", "cache:" + version);
    p.service("web", "web:v1").needs("cache", start_condition::started, true);
    p.service("shop", "web:v1").needs("web", start_condition::started, true);
    return p;
  };
  observed_state s = run(with("v1"));
  s.images.merge(nothing_but_images(with("v2")).images);
  std::vector<std::string> stopped;
  for (const stop_container& stop : all<stop_container>(plan_update(with("v2"), s, options())))
    stopped.push_back(stop.target.subject);
  EXPECT_EQ(stopped, (std::vector<std::string>{"web.1", "cache.1"}));
}

TEST(PlanUpdate, DisarmsAnExitedContainerThatTheEngineWouldBringBack) {
  observed_state s = shop_runs();
  set_state(container(s, "web"), container_state::exited, 0);
  std::vector<std::string> stopped;
  for (const stop_container& stop : all<stop_container>(plan_update(shop("v2"), s, options())))
    stopped.push_back(stop.target.subject);
  EXPECT_EQ(stopped, (std::vector<std::string>{"web.1", "db.1"}));  // not migrate.1: its policy is "no"
}

TEST(PlanUpdate, ReplacesEveryReplica) {
  const auto with = [](const std::string& version) {
    project_builder p;
    p.service("web", "web:" + version).scale(2);
    return p;
  };
  observed_state s = run(with("v1"));
  s.images.merge(nothing_but_images(with("v2")).images);
  EXPECT_EQ(text_of(with("v2"), s), lines(R"(
 1 create     web.1                 image web:v1 -> web:v2
 2 create     web.2                 image web:v1 -> web:v2
 3 stop       web.1                 replaced by 1           after 1
 4 stop       web.2                 replaced by 2           after 2
 5 set aside  web.1                 replaced by 1           after 3
 6 set aside  web.2                 replaced by 2           after 4
 7 rename     web.1  to shop-web-1  its final name          after 1, 5
 8 rename     web.2  to shop-web-2  its final name          after 2, 6
 9 start      web.1                                         after 7
10 start      web.2                                         after 8
11 verify     web.1  running                                after 9
12 verify     web.2  running                                after 10
13 remove     web.1                 set aside               after 11, 12
14 remove     web.2                 set aside               after 11, 12
)"));
}

TEST(PlanUpdate, LabelsWhatItCreatesSoThatItIsFoundAgain) {
  const plan p = plan_update(shop("v2"), shop_runs(), options());
  const create_container web = all<create_container>(p).back();
  EXPECT_EQ(web.target, (container_ref{"web.1", ""}));
  EXPECT_EQ(web.name, "shop-web-1");
  EXPECT_EQ(web.temporary_name, "shop-web-1.dockupd-new.A1");
  EXPECT_EQ(web.replaces, id_of("shop-web-1"));
  EXPECT_EQ(web.body.string_at({"Labels", "io.dockupd.attempt"}), "A1");
  EXPECT_EQ(web.body.string_at({"Labels", "io.dockupd.subject"}), "web.1");
  EXPECT_EQ(web.body.string_at({"Labels", "io.dockupd.role"}), "new");
  EXPECT_EQ(web.body.string_at({"Labels", "io.dockupd.store"}), "store");
  EXPECT_EQ(web.body.string_at({"Labels", "com.docker.compose.service"}), "web");
}

TEST(PlanUpdate, ReArmsTheQuiescedWithTheirOwnPolicyAndBudgets) {
  const plan p = plan_update(shop("v2"), shop_runs(), options());
  const std::vector<start_container> starts = all<start_container>(p);
  ASSERT_EQ(starts.size(), 3U);
  EXPECT_EQ(starts[0].target.id, id_of("shop-db-1"));
  EXPECT_EQ(starts[0].restart_policy.string_at({"Name"}), "unless-stopped");
  EXPECT_EQ(starts[0].budget, std::chrono::seconds(4 * (2 + 3) + 10));
  EXPECT_EQ(starts[1].budget, std::chrono::minutes(10));
  EXPECT_TRUE(starts[2].restart_policy.is_null());

  const std::vector<verify_container> proofs = all<verify_container>(p);
  EXPECT_EQ(proofs[0].image_id, image_id("shop-db:15"));
  EXPECT_EQ(proofs[2].image, "shop-app:v2");
  EXPECT_EQ(proofs[2].steady_for, options().healthy_for);
  EXPECT_EQ(proofs[2].budget, std::chrono::seconds(30) + options().healthy_for);
}

TEST(PlanUpdate, TakesTheHealthBudgetThatWasAskedFor) {
  reconcile_options o = options();
  o.health_budget = std::chrono::seconds(7);
  const plan p = plan_update(shop("v2"), shop_runs(), o);
  EXPECT_EQ(all<start_container>(p)[0].budget, std::chrono::seconds(7));
  EXPECT_EQ(all<verify_container>(p)[2].budget, std::chrono::seconds(7) + o.healthy_for);
}

TEST(PlanUpdate, ConnectsFurtherNetworksAfterTheCreateOnOldEngines) {
  project_builder p;
  p.service("web", "web:v1").external_network("proxy");
  observed_state s = nothing_but_images(p);
  s.networks["proxy"] = {"proxy", "id", {}};
  s.api_minor = 43;
  const create_container web = all<create_container>(plan_update(p, s, options())).front();
  ASSERT_EQ(web.connect_after.size(), 1U);
  EXPECT_EQ(web.connect_after[0].first, "proxy");
}

TEST(PlanUpdate, RefusesANameThatBelongsToAContainerThatStays) {
  project_builder p;
  p.service("web", "web:v1");
  project_builder q;
  q.service("other", "web:v1");
  observed_state s = run(q);
  s.containers[0].name = "shop-web-1";
  EXPECT_EQ(refusal(p, s),
            "container shop-web-1 of service web cannot be made: the name belongs to other.1, which stays. Remove or "
            "rename that container.");
}

TEST(PlanUpdate, IsRefusedWhileAContainerIsDead) {
  observed_state s = run(shop("v1"));
  s.images.merge(nothing_but_images(shop("v2")).images);
  set_state(container(s, "db"), container_state::dead, 0);
  try {
    plan_update(shop("v2"), s, options());
    FAIL() << "planned";
  } catch (const plan_error& error) {
    EXPECT_NE(std::string(error.what()).find("docker rm -f shop-db-1"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace orchestration::test
