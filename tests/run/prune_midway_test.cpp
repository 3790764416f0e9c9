// Somebody prunes what dockupd set aside, in the middle: `docker container prune`, `docker system prune -af --volumes`.
// The old version comes back all the same, made anew from the record, with its data from the snapshot.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

using testing::HasSubstr;

struct killed {};

enum class prune { containers, everything };

class PruneMidway : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
  }
  /// As the engine does it: what does not run goes, and then what nothing uses.
  void prune_now(prune what) {
    std::vector<std::string> names;
    for (const std::string& line : shop_.engine().container_names()) names.push_back(line.substr(0, line.find(' ')));
    for (const std::string& name : names)
      if (!shop_.engine().container(name)->is_up()) run_task(shop_.engine().remove_container(name));
    if (what == prune::containers || !shop_.engine().container_names().empty()) return;
    run_task(shop_.engine().remove_volume("shop-data"));
    run_task(shop_.engine().remove_network("shop_default"));
    for (const char* image : {"shop-db:15", "shop-web:v1", "shop-web:v2", "shop-migrate:v1", "shop-migrate:v2"})
      while (shop_.engine().images().find("registry.test/" + std::string(image)) != nullptr) {
        const std::string id = shop_.engine().images().find("registry.test/" + std::string(image))->id;
        run_task(shop_.engine().remove_image(id));
      }
  }
  /// An update to v2 that is killed at the first event with this text; then the machine reboots and somebody prunes.
  void kill_and_prune(progress_event::kind kind, const std::string& text, prune what) {
    shop_.on_event = [kind, text](const progress_event& e) {
      if (e.what == kind && e.text.starts_with(text)) throw killed();
    };
    EXPECT_THROW(shop_.update("v2"), killed);
    shop_.on_event = nullptr;
    for (const char* name : {"shop-web-1", "shop-db-1"}) stop(name);
    prune_now(what);
  }
  void stop(const std::string& name) {
    if (shop_.engine().container(name) != nullptr) shop_.stop_by_hand(name);
  }
  void break_v2() {
    image_behaviour broken = shop_.web_behaviour();
    broken.health = health_script::becomes_unhealthy;
    shop_.publish_web("v2", broken);
  }

  shop_run shop_;
};

TEST_F(PruneMidway, OfContainersAtTheCutOver) {
  kill_and_prune(progress_event::kind::end, "1 volume", prune::containers);
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::abandoned) << result->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
  EXPECT_EQ(shop_.update("v2").how, ending::done);
}

TEST_F(PruneMidway, OfEverythingAtTheCutOver) {
  kill_and_prune(progress_event::kind::end, "1 volume", prune::everything);
  EXPECT_FALSE(shop_.engine().has_volume("shop-data"));
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
  EXPECT_TRUE(shop_.records().holds().empty()) << "v2 has never run";
  EXPECT_EQ(shop_.update("v2").how, ending::done);
}

TEST_F(PruneMidway, OfEverythingOnceTheNewVersionMayHaveWritten) {
  kill_and_prune(progress_event::kind::begin, "start web.1", prune::everything);
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(PruneMidway, WhileItGoesBackByItself) {
  break_v2();
  shop_.on_event = [this](const progress_event& e) {
    if (e.what == progress_event::kind::phase && e.text == "undo: cut over") prune_now(prune::containers);
  };
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(PruneMidway, BeforeItGoesBackByItself) {
  break_v2();
  shop_.on_event = [this](const progress_event& e) {
    if (e.what == progress_event::kind::phase && e.text == "verify") prune_now(prune::containers);
  };
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(PruneMidway, AfterTheDataIsBackPutsItBackOnlyOnce) {
  break_v2();
  shop_.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::phase && e.text == "undo: verify") throw killed();
  };
  EXPECT_THROW(shop_.update("v2"), killed);
  shop_.on_event = nullptr;
  put(shop_.data() / "rows", "written by the old version since\n");
  shop_.stop_by_hand("shop-web-1");
  prune_now(prune::containers);
  ASSERT_EQ(shop_.engine().container("shop-web-1"), nullptr);
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_EQ(content_of(shop_.data()).at("rows"), "written by the old version since\n");
}

TEST_F(PruneMidway, StandsStillWhileThePrunedImageCannotBePulled) {
  kill_and_prune(progress_event::kind::end, "1 volume", prune::everything);
  shop_.engine().images().registry_is_up = false;
  EXPECT_EQ(shop_.recover()->how, ending::left_open);
  shop_.engine().images().registry_is_up = true;
  EXPECT_EQ(shop_.recover()->how, ending::rolled_back);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(PruneMidway, OfAMigrationThatHasEndedWellDoesNotRunItAgain) {
  shop_.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::begin && e.text.starts_with("start web.1")) throw killed();
  };
  EXPECT_THROW(shop_.update("v2"), killed);
  shop_.on_event = nullptr;
  ASSERT_EQ(shop_.migrations_of("v2"), 1);
  run_task(shop_.engine().remove_container(shop_.id_of("shop-migrate-1")));
  ASSERT_EQ(shop_.recover()->how, ending::done);
  EXPECT_EQ(shop_.migrations_of("v2"), 1);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(PruneMidway, OfTheNetworksAlone) {
  shop_.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::end && e.text.starts_with("1 volume")) throw killed();
  };
  EXPECT_THROW(shop_.update("v2"), killed);
  shop_.on_event = nullptr;
  stop("shop-web-1");
  run_task(shop_.engine().remove_network("shop_default"));
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::abandoned) << result->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(PruneMidway, NeverTakesAnEmptyVolumeForTheData) {
  shop_.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::begin && e.text.starts_with("snapshot")) throw killed();
  };
  EXPECT_THROW(shop_.update("v2"), killed);
  shop_.on_event = nullptr;
  stop("shop-web-1");
  stop("shop-db-1");
  prune_now(prune::everything);
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::needs_person);
  EXPECT_THAT(result->reason, HasSubstr("volume shop-data was removed, and there is no snapshot"));
  EXPECT_FALSE(shop_.engine().has_volume("shop-data"));
}

TEST_F(PruneMidway, KilledAtEveryChangeOnTheWayBackItIsStillTheOldDataThatComesBack) {
  for (int nth = 1;; ++nth) {
    shop_run fresh;
    for (const char* version : {"v1", "v2"}) fresh.publish(version);
    ASSERT_EQ(fresh.update("v1").how, ending::done);
    put(fresh.data() / "rows", "a row written under v1\n");
    fresh.on_event = [](const progress_event& e) {
      if (e.what == progress_event::kind::end && e.text.starts_with("1 volume")) throw killed();
    };
    EXPECT_THROW(fresh.update("v2"), killed);
    fresh.on_event = nullptr;
    for (const std::string& line : fresh.engine().container_names())
      run_task(fresh.engine().remove_container(line.substr(0, line.find(' '))));
    run_task(fresh.engine().remove_volume("shop-data"));
    scripted_failure kill;
    kill.nth = nth;
    kill.when = failing::after;
    kill.kind = failure_kind::killed;
    fresh.engine().fail(kill);
    bool was_killed = false;
    try {
      fresh.recover();
    } catch (const fake_kill&) {
      was_killed = true;
    }
    fresh.engine().forget_failures();
    const bool open = fresh.records().open_attempt().has_value();
    const std::optional<run_result> again = fresh.recover();
    ASSERT_EQ(again.has_value(), open) << nth;
    if (again) {
      EXPECT_EQ(again->how, ending::rolled_back) << nth;
    }
    EXPECT_EQ(fresh.problems({"v1"}), "") << nth;
    if (!was_killed) break;
  }
}

}  // namespace
}  // namespace orchestration::test
