// The database is gone, damaged, or as it was a while ago, in the middle of an update: what the attempt left beside it
// is enough to go back, and going back is all that is done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

namespace fs = std::filesystem;

struct killed {};

struct moment {
  progress_event::kind kind;
  std::string text;
  bool broken = false;  // the new version never gets healthy
};

class LostRecords : public testing::TestWithParam<moment> {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    shop_.close_records();
    for (const auto& entry : fs::directory_iterator(state()))
      if (entry.path().filename().string().starts_with("state.db"))
        fs::copy_file(entry.path(), state() / ("old." + entry.path().filename().string()));
    kill();
  }
  fs::path state() const { return shop_.attempts().parent_path(); }
  void kill() {
    const moment when = GetParam();
    if (when.broken) {
      image_behaviour broken = shop_.web_behaviour();
      broken.health = health_script::becomes_unhealthy;
      shop_.publish_web("v2", broken);
    }
    shop_.on_event = [when](const progress_event& e) {
      if (e.what == when.kind && e.text.starts_with(when.text)) throw killed();
    };
    EXPECT_THROW(shop_.update("v2"), killed);
    shop_.on_event = nullptr;
    shop_.close_records();
  }
  void lose() {
    for (const char* name : {"state.db", "state.db-wal", "state.db-journal"}) fs::remove(state() / name);
  }
  /// The old version runs with its data; the records know no more than that.
  void expect_v1() {
    EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
    EXPECT_EQ(content_of(shop_.data()), data_of("v1"));
    EXPECT_FALSE(shop_.records().open_attempt());
    EXPECT_TRUE(fs::is_empty(shop_.attempts()));
    EXPECT_EQ(shop_.update("v2").how, GetParam().broken ? ending::rolled_back : ending::done);
    EXPECT_EQ(shop_.problems({"v1", "v2"}), "");
  }

  shop_run shop_;
};

TEST_P(LostRecords, AreNeverBegunAnewByThemselves) {
  lose();
  shop_.engine().forget_calls();
  EXPECT_THROW(shop_.recover(), store_error);
  EXPECT_THROW(shop_.update("v2"), store_error);
  EXPECT_EQ(shop_.engine().changes(), "");
  EXPECT_FALSE(store::exists(state()));
}

TEST_P(LostRecords, BegunAnewTheOldVersionComesBack) {
  const std::string identity = shop_.records().store_id();
  shop_.close_records();
  lose();
  store::rebuild(state(), "T1");
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(shop_.records().store_id(), identity) << "the engine's guard bears it";
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->how == ending::abandoned || result->how == ending::rolled_back) << result->reason;
  expect_v1();
}

TEST_P(LostRecords, AsTheyWereBeforeTheUpdateTheOldVersionComesBack) {
  lose();
  for (const auto& entry : fs::directory_iterator(state()))
    if (const std::string name = entry.path().filename(); name.starts_with("old."))
      fs::copy_file(entry.path(), state() / name.substr(4));
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->how == ending::abandoned || result->how == ending::rolled_back) << result->reason;
  expect_v1();
}

INSTANTIATE_TEST_SUITE_P(Moments, LostRecords,
                         testing::Values(moment{progress_event::kind::phase, "pull"},
                                         moment{progress_event::kind::end, "1 volume"},
                                         moment{progress_event::kind::phase, "start"},
                                         moment{progress_event::kind::phase, "verify"},
                                         moment{progress_event::kind::phase, "undo: cut over", true},
                                         moment{progress_event::kind::phase, "undo: restore", true},
                                         moment{progress_event::kind::phase, "undo: start", true},
                                         moment{progress_event::kind::phase, "undo: verify", true}),
                         [](const auto& each) { return "Killed" + std::to_string(each.index); });

}  // namespace
}  // namespace orchestration::test
