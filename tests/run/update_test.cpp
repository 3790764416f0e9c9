// Updates and rollbacks of a whole project on the fake engine: what is asked of it, in which order, what is recorded,
// and what is left alone when it does not go well.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "docker_client/error.hpp"
#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Shop : public testing::Test {
 protected:
  void deploy_v1() {
    for (const char* version : {"v1", "v2", "v3"}) shop_.publish(version);
    const run_result result = shop_.update("v1");
    ASSERT_EQ(result.how, ending::done) << result.reason;
    put(shop_.data() / "rows", "a row written under v1\n");
    shop_.engine().forget_calls();
  }
  void deploy_v2() {
    deploy_v1();
    const run_result result = shop_.update("v2");
    ASSERT_EQ(result.how, ending::done) << result.reason;
    shop_.engine().forget_calls();
  }
  std::map<std::string, std::string> ids() const {
    std::map<std::string, std::string> out;
    for (const char* name : {"shop-db-1", "shop-migrate-1", "shop-web-1"}) out[name] = shop_.id_of(name);
    return out;
  }
  void fail(const std::string& call, int status, const std::string& words) {
    scripted_failure failure;
    failure.call = call;
    failure.status = status;
    failure.words = words;
    shop_.engine().fail(failure);
  }
  /// Nothing of `version` was touched but what was stopped and started again.
  void expect_untouched(const std::map<std::string, std::string>& before) {
    EXPECT_EQ(ids(), before);
    EXPECT_EQ(shop_.problems({"v1"}), "");
  }
  shop_run shop_;
};
class Update : public Shop {};
class UpdateThatFails : public Shop {};
class Rollback : public Shop {};
class Adoption : public Shop {};
class SilentEngine : public Shop {};

// --- updates that go well --------------------------------------------------------------------------------------

TEST_F(Update, DeploysWhatIsNotThereYet) {
  shop_.publish("v1");
  const run_result result = shop_.update("v1");
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(result.release_before, 0);
  EXPECT_EQ(result.release_now, 1);
  EXPECT_EQ(result.tag_now, "v1");
  put(shop_.data() / "rows", "a row written under v1\n");
  EXPECT_EQ(shop_.problems({"v1"}), "");
  EXPECT_EQ(shop_.changes(result.attempt_id),
            "pull registry.test/shop-db@IMAGE\n"
            "tag IMAGE as registry.test/shop-db:15\n"
            "pull registry.test/shop-migrate@IMAGE\n"
            "tag IMAGE as registry.test/shop-migrate:v1\n"
            "pull registry.test/shop-web@IMAGE\n"
            "tag IMAGE as registry.test/shop-web:v1\n"
            "create network shop_default\n"
            "create volume shop-data\n"
            "create shop-db-1\n"
            "create shop-migrate-1\n"
            "create shop-web-1\n"
            "start shop-db-1\n"
            "start shop-migrate-1\n"
            "start shop-web-1\n");
}

TEST_F(Update, SetsTheOldContainersAsideAndRemovesThemWhenTheNewOnesAreProven) {
  deploy_v1();
  const std::string db = shop_.id_of("shop-db-1");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
  EXPECT_EQ(shop_.id_of("shop-db-1"), db);
  EXPECT_EQ(shop_.changes(result.attempt_id),
            "pull registry.test/shop-migrate@IMAGE\n"
            "tag IMAGE as registry.test/shop-migrate:v2\n"
            "pull registry.test/shop-web@IMAGE\n"
            "tag IMAGE as registry.test/shop-web:v2\n"
            "tag IMAGE as dockupd.local/kept:shop.migrate.r1\n"
            "tag IMAGE as dockupd.local/kept:shop.web.r1\n"
            "create shop-migrate-1.dockupd-new.ATTEMPT\n"
            "create shop-web-1.dockupd-new.ATTEMPT\n"
            "stop shop-web-1\n"
            "restart policy shop-web-1 no\n"
            "stop shop-db-1\n"
            "restart policy shop-db-1 no\n"
            "rename shop-migrate-1 to shop-migrate-1.dockupd-old.ATTEMPT\n"
            "rename shop-web-1 to shop-web-1.dockupd-old.ATTEMPT\n"
            "rename shop-migrate-1.dockupd-new.ATTEMPT to shop-migrate-1\n"
            "rename shop-web-1.dockupd-new.ATTEMPT to shop-web-1\n"
            "restart policy shop-db-1 unless-stopped\n"
            "start shop-db-1\n"
            "start shop-migrate-1\n"
            "start shop-web-1\n"
            "remove shop-migrate-1.dockupd-old.ATTEMPT\n"
            "remove shop-web-1.dockupd-old.ATTEMPT\n");
}

TEST_F(Update, RecordsWhatItDid) {
  deploy_v1();
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.release_before, 1);
  EXPECT_EQ(result.release_now, 2);
  EXPECT_EQ(result.tag_before, "v1");
  EXPECT_EQ(result.tag_now, "v2");
  const release r = shop_.records().current_release().value();
  EXPECT_EQ(r.number, 2);
  EXPECT_EQ(r.previous, 1);
  EXPECT_EQ(r.verdict, release_verdict::verified);
  EXPECT_EQ(r.created_by, "operator@shop");
  EXPECT_EQ(r.reason, "to v2");
  EXPECT_TRUE(r.ran_migration);
  ASSERT_EQ(r.pins.size(), 1u);
  EXPECT_EQ(r.pins[0].value, "v2");
  ASSERT_EQ(shop_.records().snapshots().size(), 1u);
  const snapshot_row snapshot = shop_.records().snapshots()[0];
  EXPECT_EQ(snapshot.id, result.snapshot_id);
  EXPECT_EQ(snapshot.of_release, 1);
  EXPECT_FALSE(snapshot.verified_at.empty());
  EXPECT_TRUE(shop_.snapshots().verify(snapshot.id).good());
  for (const journal_step& step : shop_.records().journal(result.attempt_id)) EXPECT_FALSE(step.done_at.empty());
}

TEST_F(Update, KeepsTheImagesOfTheReleaseItLeaves) {
  deploy_v1();
  const std::string web = shop_.engine().container("shop-web-1")->image_id;
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  const fake_image* kept = shop_.engine().images().find("dockupd.local/kept:shop.web.r1");
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->id, web);
}

TEST_F(Update, DoesNothingWhenEverythingIsSo) {
  deploy_v1();
  const run_result result = shop_.update("v1");
  EXPECT_EQ(result.how, ending::nothing_to_do);
  EXPECT_EQ(result.release_now, 1);
  EXPECT_EQ(shop_.changes(), "");
  EXPECT_EQ(shop_.records().attempts().size(), 1u);
}

TEST_F(Update, LeavesStoppedWhatWasStopped) {
  deploy_v1();
  shop_.stop_by_hand("shop-web-1");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.engine().container("shop-web-1")->state, fake_state::created);
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v2");
}

TEST_F(Update, SaysWhatIsDownAlthoughTheReleaseHasItRunning) {
  deploy_v1();
  shop_.stop_by_hand("shop-db-1");
  const plan seen = shop_.plan_for(shop_.request("v2"));
  EXPECT_THAT(seen.notes, testing::Contains(AllOf(HasSubstr("shop-db-1 is down, and release r1"),
                                                  HasSubstr("dockupd recover -p shop"))));
  shop_.bring_up();
  EXPECT_THAT(shop_.plan_for(shop_.request("v2")).notes, testing::Not(testing::Contains(HasSubstr(" is down"))));
}

// tests/crash, kill/random/61, and the explorer: nobody had typed recover in between.
TEST_F(Update, StartsFirstWhatWentDownWithTheDaemon) {
  deploy_v1();
  shop_.engine().restart_engine(engine_stop::killed);  // db has "unless-stopped"
  ASSERT_FALSE(shop_.engine().container("shop-db-1")->is_up());
  shop_.engine().forget_calls();
  EXPECT_THAT(shop_.plan_for(shop_.request("v2")).notes,
              testing::Contains(HasSubstr("shop-db-1 went down when the daemon died")));
  EXPECT_EQ(shop_.changes(), "") << "a plan only looks";
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(Update, StartsFirstWhatWentDownWithTheDaemonBeforeItKnewTheProject) {
  for (const char* version : {"v1", "v2"}) shop_.publish(version);
  shop_.compose_up("v1");
  put(shop_.data() / "rows", "a row written under v1\n");
  shop_.engine().restart_engine(engine_stop::killed);
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
  EXPECT_EQ(shop_.records().find_release(1)->verdict, release_verdict::verified) << "it was waited for";
}

TEST_F(Update, LeavesStoppedWhatWasStoppedBeforeTheDaemonDied) {
  deploy_v1();
  shop_.stop_by_hand("shop-db-1");
  shop_.engine().restart_engine(engine_stop::killed);
  shop_.update("v2");
  EXPECT_FALSE(shop_.engine().container("shop-db-1")->is_up());
}

TEST_F(Update, StartsWhatWentDownWithTheDaemonAlsoWhenThereIsNothingToUpdate) {
  deploy_v1();
  shop_.engine().restart_engine(engine_stop::killed);
  shop_.update("v1");
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

// Found by the explorer: 20.10 had it on no disk that the container was removed.
TEST_F(Update, IsCleanedUpAfterAPowerCutGaveBackWhatItHadRemoved) {
  deploy_v1();
  const std::string old = ids().at("shop-web-1");
  std::optional<fake_container> before;
  shop_.engine().on_call = [&](const std::string& line, call_moment moment) {
    if (moment == call_moment::before && line.starts_with("remove shop-web-1.dockupd-old."))
      before = *shop_.engine().container(old);
  };
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  shop_.engine().on_call = nullptr;
  ASSERT_TRUE(before);
  fake_world world = shop_.engine().world();
  world.containers[old] = *before;
  shop_.engine().put_back(world);
  EXPECT_NE(shop_.problems({"v2"}), "");
  EXPECT_FALSE(shop_.recover());
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

// Found by the explorer: the photograph showed what the dying daemon had left, and recover went by it.
TEST_F(Update, RecordsWhatWasProvenToRunThoughTheEngineDiesBeforeTheCommit) {
  deploy_v1();
  shop_.on_event = [this](const progress_event& e) {
    if (e.what == progress_event::kind::end && e.phase == "verify" && e.subject == "web.1")
      shop_.engine().restart_engine(engine_stop::killed);
  };
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  ASSERT_EQ(result.how, ending::done) << result.reason;
  ASSERT_EQ(shop_.engine().container("shop-db-1")->state, fake_state::exited) << "unless-stopped, as measured";
  EXPECT_EQ(shop_.bring_up().how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(Update, PlansWithoutChangingAnything) {
  deploy_v1();
  const plan p = shop_.plan_for(shop_.request("v2"));
  EXPECT_FALSE(p.empty());
  EXPECT_EQ(shop_.changes(), "");
  EXPECT_EQ(shop_.records().attempts().size(), 1u);
}

// --- updates that fail before anything new runs ----------------------------------------------------------------

TEST_F(UpdateThatFails, GivesAMigrationItsTimeAndNamesTheOptionForMore) {
  deploy_v1();
  image_behaviour endless = shop_.migrate_behaviour("v2");
  endless.exits_with.reset();
  shop_.publish_migrate("v2", endless);
  update_request asked = shop_.request("v2");
  asked.options.one_shot_budget = std::chrono::milliseconds(5);
  const run_result result = shop_.update(std::move(asked));
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("migrate.1"), HasSubstr("not completed after"),
                                   HasSubstr("--migration-timeout SECONDS")));
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(UpdateThatFails, IsRefusedWhenTheTagIsUnknown) {
  deploy_v1();
  const auto before = ids();
  EXPECT_THAT(
      shop_.refused([&] { shop_.update("v7"); }),
      AllOf(HasSubstr("registry.test/shop-migrate:v7"), HasSubstr("manifest unknown"), HasSubstr("check the tag")));
  EXPECT_EQ(shop_.changes(), "");
  expect_untouched(before);
}

TEST_F(UpdateThatFails, IsRefusedWhenTheRegistryDoesNotAnswer) {
  deploy_v1();
  shop_.engine().images().registry_is_up = false;
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }),
              AllOf(HasSubstr("connection refused"), HasSubstr("start it")));
  EXPECT_EQ(shop_.changes(), "");
}

TEST_F(UpdateThatFails, TouchesNothingWhenThePullBreaks) {
  deploy_v1();
  const auto before = ids();
  const std::string digest = shop_.engine().images().find_published("registry.test/shop-web:v2")->digest;
  shop_.engine().images().broken_pulls["registry.test/shop-web@" + digest] = "filesystem layer verification failed";
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::pull_failed);
  EXPECT_THAT(result.reason,
              AllOf(HasSubstr("registry.test/shop-web:v2"), HasSubstr("filesystem layer verification failed")));
  EXPECT_THAT(shop_.changes(), testing::Not(HasSubstr("stop")));
  expect_untouched(before);
}

// Its images are all for linux/amd64.
TEST_F(UpdateThatFails, TouchesNothingWhenTheImageIsForAnotherPlatform) {
  deploy_v1();
  const auto before = ids();
  shop_.engine().described().platform = "linux/arm64";
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::pull_failed);
  EXPECT_THAT(result.reason,
              AllOf(HasSubstr("registry.test/shop-migrate:v2 is for linux/amd64"), HasSubstr("linux/arm64")));
  expect_untouched(before);
}

TEST_F(UpdateThatFails, LeavesTheOldVersionWhenTheNewContainerCannotBeMade) {
  deploy_v1();
  const auto before = ids();
  fail("create shop-web-1.dockupd-new", 500, "OCI runtime create failed: scripted");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::abandoned);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("create web.1"), HasSubstr("OCI runtime create failed: scripted")));
  EXPECT_THAT(shop_.changes(), testing::Not(HasSubstr("stop")));
  expect_untouched(before);
}

TEST_F(UpdateThatFails, StartsTheOldVersionAgainWhenSomethingDoesNotStop) {
  deploy_v1();
  const auto before = ids();
  fail("stop shop-db-1", 500, "cannot stop container");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::abandoned);
  EXPECT_THAT(result.reason, HasSubstr("stop db.1"));
  expect_untouched(before);
}

TEST_F(UpdateThatFails, StartsTheOldVersionAgainWhenTheSnapshotFails) {
  deploy_v1();
  const auto before = ids();
  // The place where snapshots go turns into a file just when one is to be made.
  shop_.on_event = [this](const progress_event& event) {
    if (event.what != progress_event::kind::begin || !event.text.starts_with("snapshot")) return;
    std::filesystem::remove_all(shop_.snapshots().directory());
    put(shop_.snapshots().directory(), "in the way");
  };
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  std::filesystem::remove(shop_.snapshots().directory());
  EXPECT_EQ(result.how, ending::snapshot_failed);
  EXPECT_THAT(result.reason, HasSubstr("snapshot"));
  expect_untouched(before);
}

TEST_F(UpdateThatFails, IsRefusedWhenAVolumeCannotBeRead) {
  deploy_v1();
  const std::filesystem::path away = shop_.data().parent_path() / "away";
  const std::filesystem::path data = shop_.data();
  std::filesystem::rename(data, away);
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), AllOf(HasSubstr("shop-data"), HasSubstr("cannot be read")));
  std::filesystem::rename(away, data);
  EXPECT_EQ(shop_.changes(), "");
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(UpdateThatFails, RemovesWhatItMadeForAFirstDeploymentThatDoesNotBegin) {
  shop_.publish("v1");
  fail("create shop-web-1", 500, "not today");
  const run_result result = shop_.update("v1");
  EXPECT_EQ(result.how, ending::abandoned);
  EXPECT_TRUE(shop_.engine().container_names().empty());
  EXPECT_FALSE(shop_.engine().has_network("shop_default"));
  EXPECT_FALSE(shop_.engine().has_volume("shop-data"));
}

TEST_F(UpdateThatFails, KeepsAVolumeThatSomebodyMadeAfterItWasPlanned) {
  shop_.publish("v1");
  fail("create shop-web-1", 500, "not today");
  shop_.on_event = [this](const progress_event& e) {
    if (e.what != progress_event::kind::phase || e.text != "pull") return;
    run_task(shop_.engine().create_volume(docker::json::object({{"Name", "shop-data"}})));
    put(shop_.data() / "rows", "an operator's\n");
  };
  EXPECT_EQ(shop_.update("v1").how, ending::abandoned);
  ASSERT_TRUE(shop_.engine().has_volume("shop-data"));
  EXPECT_EQ(text_of(shop_.data() / "rows"), "an operator's\n");
}

// --- updates that fail and come back ---------------------------------------------------------------------------

TEST_F(UpdateThatFails, ComesBackWithTheDataWhenTheNewVersionNeverGetsHealthy) {
  deploy_v2();
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::stays_starting;
  broken.log = {"web: cannot reach the moon"};
  shop_.publish_web("v3", broken);
  const auto before = ids();
  update_request request = shop_.request("v3");
  request.options.health_budget = std::chrono::milliseconds(20);
  const run_result result = shop_.update(std::move(request));
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("web.1"), HasSubstr("not healthy"), HasSubstr("cannot reach the moon")));
  EXPECT_EQ(result.release_now, 2);
  EXPECT_EQ(result.tag_now, "v2");
  EXPECT_EQ(ids(), before);
  EXPECT_EQ(shop_.problems({"v2"}), "");
  EXPECT_EQ(shop_.migrations_of("v3"), 1);
}

TEST_F(UpdateThatFails, PutsTheDataBackThoughItsArchiveCouldNotBeReadAtFirst) {
  deploy_v1();
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  std::filesystem::path archive, away;
  int warnings = 0;
  shop_.on_event = [&](const progress_event& event) {
    const std::string restoring = "restore from ";
    if (event.what == progress_event::kind::begin && event.text.starts_with(restoring)) {
      const std::string id = event.text.substr(restoring.size(), event.text.find(" to") - restoring.size());
      archive = shop_.snapshots().directory() / id / "shop-data.tar.zst";
      away = archive.string() + ".away";
      std::filesystem::rename(archive, away);
    }
    if (event.what != progress_event::kind::warning || event.text.find("Once more") == std::string::npos) return;
    ++warnings;
    std::filesystem::rename(away, archive);
  };
  EXPECT_EQ(shop_.update("v2").how, ending::rolled_back);
  shop_.on_event = nullptr;
  EXPECT_EQ(warnings, 1);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(UpdateThatFails, KeepsWhatTheFailedVersionWroteInASafetySnapshot) {
  deploy_v1();
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  const run_result result = shop_.update("v2");
  ASSERT_EQ(result.how, ending::rolled_back) << result.reason;
  ASSERT_FALSE(result.safety_snapshot_id.empty());
  const temporary_directory unpacked;
  std::filesystem::create_directory(unpacked / "v2");
  shop_.snapshots().restore(result.safety_snapshot_id, "shop-data", unpacked / "v2");
  EXPECT_EQ(content_of(unpacked / "v2"), data_of("v2"));
}

TEST_F(UpdateThatFails, KeepsTheLastLinesOfTheFailedVersionAndHoldsItsImages) {
  deploy_v1();
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  broken.log = {"web: cannot reach the moon"};
  shop_.publish_web("v2", broken);
  const run_result result = shop_.update("v2");
  ASSERT_EQ(result.evidence.size(), 2u);  // migrate and web
  EXPECT_EQ(text_of(result.evidence[1]), "web: cannot reach the moon\n");
  struct stat about {};
  ASSERT_EQ(stat(result.evidence[1].c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  std::vector<std::string> held;
  for (const hold& h : shop_.records().holds()) held.push_back(h.reference);
  EXPECT_EQ(held, (std::vector<std::string>{"registry.test/shop-migrate:v2", "registry.test/shop-web:v2"}));
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), AllOf(HasSubstr("on hold"), HasSubstr("dockupd unhold")));
}

TEST_F(UpdateThatFails, MayBeTriedAgainOnceItsTagMeansSomethingElse) {
  deploy_v1();
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  shop_.publish_migrate("v2", shop_.migrate_behaviour("v2"));
  ASSERT_EQ(shop_.update("v2").how, ending::rolled_back);
  shop_.publish("v2");
  const run_result again = shop_.update("v2");
  EXPECT_EQ(again.how, ending::done) << again.reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(UpdateThatFails, ComesBackWithTheDataWhenTheMigrationFailsAfterWriting) {
  deploy_v1();
  image_behaviour broken = shop_.migrate_behaviour("v2");
  broken.exits_with = 1;
  broken.log = {"migrate: column exists"};
  shop_.publish_migrate("v2", broken);
  const auto before = ids();
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_THAT(result.reason,
              AllOf(HasSubstr("migrate.1"), HasSubstr("exited with code 1"), HasSubstr("column exists")));
  EXPECT_EQ(shop_.migrations_of("v2"), 1);
  expect_untouched(before);
}

TEST_F(UpdateThatFails, ComesBackWhenTheNewVersionDoesNotStart) {
  deploy_v1();
  image_behaviour broken = shop_.web_behaviour();
  broken.start_error = "exec: \"/app/web\": permission denied";
  shop_.publish_web("v2", broken);
  const auto before = ids();
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("start web.1"), HasSubstr("permission denied")));
  expect_untouched(before);
}

TEST_F(UpdateThatFails, LetsTheOldVersionRestartUntilItStays) {
  for (const char* version : {"v1", "v2"}) shop_.publish(version);
  image_behaviour slow = shop_.web_behaviour();
  slow.healthy_after = 5;
  shop_.publish_web("v1", slow);
  ASSERT_EQ(shop_.update("v1").how, ending::done);
  put(shop_.data() / "rows", "a row written under v1\n");
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  bool is_proving = false;
  int looks = 0;
  shop_.on_event = [&](const progress_event& e) {
    is_proving |= e.what == progress_event::kind::phase && e.text == "undo: verify";
  };
  // As its policy does it, because the database was not there yet.
  shop_.engine().on_call = [&](const std::string& line, call_moment) {
    if (!is_proving || line != "inspect shop-web-1" || ++looks != 3) return;
    fake_world world = shop_.engine().world();
    ++world.containers.at(shop_.id_of("shop-web-1")).restart_count;
    shop_.engine().put_back(std::move(world));
  };
  const run_result result = shop_.update("v2");
  shop_.engine().on_call = nullptr;
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_GE(looks, 3);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(UpdateThatFails, SaysSoWhenTheOldVersionIsNotProvenEither) {
  deploy_v1();
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  shop_.on_event = [this](const progress_event& event) {
    if (event.what == progress_event::kind::phase && event.text == "undo: start") shop_.make_unhealthy("shop-web-1");
  };
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::rolled_back_unproven);
  EXPECT_THAT(result.reason, HasSubstr("and on the way back: web.1 unhealthy"));
  EXPECT_FALSE(shop_.records().open_attempt().has_value());
}

TEST_F(UpdateThatFails, ComesBackAlthoughTheFailedContainerCannotBeRemoved) {
  deploy_v1();
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  fail("remove shop-web-1.dockupd-failed", 500, "device or resource busy");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_THAT(shop_.events(), testing::Contains(AllOf(HasSubstr("left over"), HasSubstr("resource busy"))));
}

// --- rollback --------------------------------------------------------------------------------------------------

rollback_request with(data_choice data) {
  rollback_request out;
  out.data = data;
  return out;
}

TEST_F(Rollback, BringsTheLastReleaseBackWithItsData) {
  deploy_v2();
  shop_.engine().images().registry_is_up = false;
  const run_result result = shop_.rollback(with(data_choice::restore));
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(result.release_now, 1);
  EXPECT_EQ(result.tag_now, "v1");
  EXPECT_EQ(shop_.problems({"v1"}), "");
  EXPECT_EQ(shop_.migrations_of("v1"), 1);
  EXPECT_FALSE(result.snapshot_id.empty());
  EXPECT_EQ(shop_.records().find_release(2)->verdict, release_verdict::rolled_back);
}

TEST_F(Rollback, KeepsTheDataWhenToldSo) {
  deploy_v2();
  const run_result result = shop_.rollback(with(data_choice::keep));
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_EQ(content_of(shop_.data()), data_of("v2"));
}

TEST_F(Rollback, AsksWhatBecomesOfTheDataWhenAMigrationRan) {
  deploy_v2();
  const auto before = ids();
  const std::string text = shop_.refused([&] { shop_.rollback(rollback_request()); });
  EXPECT_THAT(text,
              AllOf(HasSubstr("a migration ran between r1 (v1) and r2 (v2)"),
                    HasSubstr("dockupd rollback -p shop r1 --with-data"),
                    HasSubstr("dockupd rollback -p shop r1 --no-data"), HasSubstr(shop_.records().snapshots()[0].id)));
  EXPECT_EQ(ids(), before);
  EXPECT_EQ(shop_.changes(), "");
}

TEST_F(Rollback, PutsBackWhatTheSnapshotHoldsWhenOnlySomeServicesWereUpdated) {
  shop_.more_services = [](project_builder& p, const std::string&) {
    p.service("worker", "registry.test/shop-db:15").volume("shop-queue", "/queue").restart("always");
  };
  deploy_v1();
  const std::filesystem::path queue = shop_.engine().volume_directory("shop-queue");
  put(queue / "jobs", "before\n");
  const volume_content before = content_of(shop_.data());
  update_request chosen = shop_.request("v2");
  chosen.options.services = {"web", "migrate"};
  const run_result updated = shop_.update(std::move(chosen));
  ASSERT_EQ(updated.how, ending::done) << updated.reason;
  put(queue / "jobs", "since\n");
  const run_result result = shop_.rollback(with(data_choice::restore));
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(content_of(shop_.data()), before);
  EXPECT_EQ(text_of(queue / "jobs"), "since\n");
  EXPECT_THAT(result.executed.notes, testing::Contains("volume shop-queue is not in snapshot " + updated.snapshot_id +
                                                       ": its present data stays"));
}

TEST_F(Rollback, CanItselfBeUndoneWithTheDataOfThatTime) {
  deploy_v2();
  put(shop_.data() / "rows", "a row written under v1\n");
  ASSERT_EQ(shop_.rollback(with(data_choice::restore)).how, ending::done);
  rollback_request forward = with(data_choice::restore);
  forward.to = 2;
  const run_result result = shop_.rollback(std::move(forward));
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(Rollback, ForwardOverAMigrationAsksForTheDataToo) {
  deploy_v2();
  ASSERT_EQ(shop_.rollback(with(data_choice::restore)).how, ending::done);
  rollback_request forward;
  forward.to = 2;
  EXPECT_THAT(shop_.refused([&] { shop_.rollback(std::move(forward)); }), HasSubstr("a migration ran between"));
}

TEST_F(Rollback, IsRefusedWhenTheImagesAreGone) {
  deploy_v2();
  fake_images& images = shop_.engine().images();
  const std::string web = images.find("registry.test/shop-web:v1")->id;
  images.remove(web, false);
  const auto before = ids();
  EXPECT_THAT(shop_.refused([&] { shop_.rollback(with(data_choice::restore)); }),
              AllOf(HasSubstr("registry.test/shop-web:v1"), HasSubstr(web), HasSubstr("no longer on this engine")));
  EXPECT_EQ(ids(), before);
  EXPECT_EQ(shop_.changes(), "");
}

TEST_F(Rollback, HoldsTheReleaseThatWasLeft) {
  deploy_v2();
  ASSERT_EQ(shop_.rollback(with(data_choice::restore)).how, ending::done);
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), HasSubstr("on hold"));
  EXPECT_EQ(shop_.update("v3").how, ending::done);
  EXPECT_EQ(shop_.problems({"v3"}), "");
}

// Found by the explorer: nothing was asked of the engine while it died, and db was found down.
TEST_F(Rollback, StartsAgainWhatWentDownWithTheEngineBeforeItWasProven) {
  deploy_v2();
  bool died = false;
  shop_.on_event = [&](const progress_event& e) {
    if (e.what != progress_event::kind::phase || e.text != "verify" || died) return;
    died = true;
    shop_.engine().restart_engine(engine_stop::killed);
  };
  const run_result result = shop_.rollback(with(data_choice::restore));
  shop_.on_event = nullptr;
  ASSERT_TRUE(died);
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(Rollback, NeedsAPersonWhenItFailsAfterTheCutOver) {
  deploy_v2();
  fail("start shop-web-1", 500, "OCI runtime create failed: scripted");
  const run_result result = shop_.rollback(with(data_choice::restore));
  EXPECT_EQ(result.how, ending::needs_person);
  EXPECT_THAT(result.reason, HasSubstr("OCI runtime create failed: scripted"));
}

// Found by the explorer: what the failed one had set aside stayed for good.
TEST_F(Rollback, LeavesNothingOfTheOneThatNeededAPerson) {
  deploy_v2();
  fail("start shop-web-1", 500, "OCI runtime create failed: scripted");
  ASSERT_EQ(shop_.rollback(with(data_choice::restore)).how, ending::needs_person);
  EXPECT_EQ(shop_.recover(), std::nullopt);
  EXPECT_NE(shop_.container_named("shop-web-1.dockupd-old."), "") << "while a person is needed, it stays";
  shop_.engine().forget_failures();
  ASSERT_EQ(shop_.rollback(with(data_choice::restore)).how, ending::done);
  EXPECT_EQ(shop_.recover(), std::nullopt);
  EXPECT_EQ(shop_.container_named("shop-web-1.dockupd-old."), "");
}

// --- what compose deployed -------------------------------------------------------------------------------------

TEST_F(Adoption, MakesAReleaseOfWhatWasFoundRunning) {
  shop_.publish("v1");
  shop_.publish("v2");
  shop_.compose_up("v1");
  put(shop_.data() / "rows", "a row written under v1\n");
  const run_result result = shop_.update("v2");
  ASSERT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(result.release_before, 1);
  EXPECT_EQ(result.release_now, 2);
  const release found = shop_.records().find_release(1).value();
  EXPECT_EQ(found.reason, "found running");
  EXPECT_EQ(found.tag, "v1");
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(Adoption, CanBeComeBackToWithoutBeingNamed) {
  shop_.publish("v1");
  shop_.publish("v2");
  shop_.compose_up("v1");
  put(shop_.data() / "rows", "a row written under v1\n");
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  const run_result result = shop_.rollback(with(data_choice::restore));
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(result.release_now, 1);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(Adoption, HappensOnceForARefusedUpdateAndTheNextOne) {
  shop_.publish("v1");
  shop_.publish("v2");
  shop_.compose_up("v1");
  EXPECT_NE(shop_.refused([&] { shop_.update("v7"); }), "");
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(shop_.records().releases().size(), 2u);
}

TEST_F(Adoption, DoesNotProveWhatWasFoundUnhealthy) {
  shop_.publish("v1");
  shop_.publish("v2");
  shop_.compose_up("v1");
  shop_.make_unhealthy("shop-web-1");
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(shop_.records().find_release(1)->verdict, release_verdict::unverified);
  EXPECT_THAT(shop_.refused([&] { shop_.rollback(with(data_choice::keep)); }), HasSubstr("no verified release"));
}

// --- an engine that does not answer ----------------------------------------------------------------------------

TEST_F(SilentEngine, LeavesTheAttemptOpenForRecovery) {
  deploy_v1();
  for (int twice = 0; twice < 2; ++twice) {
    scripted_failure silent;
    silent.call = "start shop-web-1";
    silent.kind = failure_kind::lost;
    shop_.engine().fail(silent);
  }
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::left_open);
  EXPECT_EQ(shop_.records().open_attempt()->state, "starting");
  EXPECT_EQ(shop_.recover()->how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(SilentEngine, DoesNotUseUpItsRecoveries) {
  deploy_v1();
  for (int twice = 0; twice < 2; ++twice) {
    scripted_failure silent;
    silent.call = "start shop-web-1";
    silent.kind = failure_kind::lost;
    shop_.engine().fail(silent);
  }
  ASSERT_EQ(shop_.update("v2").how, ending::left_open);
  for (int tries = 0; tries < 10; ++tries) {
    scripted_failure silent;
    silent.call = "facts";
    silent.kind = failure_kind::lost;
    shop_.engine().fail(silent);
    EXPECT_THROW(shop_.recover(), docker::error);
  }
  EXPECT_EQ(shop_.recover()->how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(SilentEngine, EndsWithAPersonWhenRecoveryIsKilledAgainAndAgain) {
  deploy_v1();
  const auto kill_at_web = [this] {
    scripted_failure kill;
    kill.call = "start shop-web-1";
    kill.kind = failure_kind::killed;
    shop_.engine().fail(kill);
  };
  kill_at_web();
  EXPECT_THROW(shop_.update("v2"), fake_kill);
  for (int tries = 0; tries < 6; ++tries) {
    shop_.engine().forget_failures();
    kill_at_web();
    EXPECT_THROW(shop_.recover(), fake_kill);
  }
  shop_.engine().forget_failures();
  const run_result result = shop_.recover().value();
  EXPECT_EQ(result.how, ending::needs_person);
  EXPECT_THAT(result.reason, HasSubstr("6 times"));
}

}  // namespace
}  // namespace orchestration::test
