// When there is a rescue.sh, what it does about the data, and what recovery makes of the marks that it leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "orchestration/plan/rescue.hpp"
#include "orchestration/run/rescue_files.hpp"
#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* puts_data_back = "\n  put_back shop-data ";

struct killed {};

class RescueFiles : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    before_ = content_of(shop_.data());
  }
  /// An update to v2 that ends at the first event with this text, as a kill ends it.
  void kill_at(progress_event::kind kind, const std::string& text) {
    shop_.on_event = [kind, text](const progress_event& e) {
      if (e.what == kind && e.text.starts_with(text)) throw killed();
    };
    EXPECT_THROW(shop_.update("v2"), killed);
    shop_.on_event = nullptr;
  }
  fs::path directory() const { return fs::directory_iterator(shop_.attempts())->path(); }
  std::string script() const { return text_of(directory() / "rescue.sh"); }
  static mode_t mode_of(const fs::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
  }
  void fail_to_start_web(int times) {
    for (; times > 0; --times) {
      scripted_failure failure;
      failure.call = "start shop-web-1";
      failure.status = 500;
      failure.words = "OCI runtime create failed: scripted";
      shop_.engine().fail(failure);
    }
  }

  shop_run shop_;
  volume_content before_;
};

TEST_F(RescueFiles, AreThereForTheirOwnerBeforeAnythingIsDone) {
  kill_at(progress_event::kind::phase, "pull");
  EXPECT_EQ(mode_of(directory()), 0700U);
  EXPECT_EQ(mode_of(directory() / "rescue.sh"), 0600U);
  EXPECT_EQ(mode_of(directory() / "plan.json"), 0600U);
  EXPECT_EQ(to_text(plan_from_json(docker::json::parse(text_of(directory() / "plan.json")))),
            to_text(plan_from_json(shop_.records().open_attempt()->plan)));
}

TEST_F(RescueFiles, LeaveTheDataAloneUntilTheNewVersionMayWrite) {
  kill_at(progress_event::kind::end, "1 volume");
  EXPECT_THAT(script(), Not(HasSubstr(puts_data_back)));
}

TEST_F(RescueFiles, PutTheDataBackOnceTheNewVersionMayWrite) {
  kill_at(progress_event::kind::phase, "start");
  EXPECT_THAT(script(), HasSubstr(puts_data_back));
}

TEST_F(RescueFiles, LeaveTheDataAloneOnceItIsBackOnTheWayBack) {
  fail_to_start_web(1);
  kill_at(progress_event::kind::phase, "undo: restore");
  EXPECT_THAT(script(), HasSubstr(puts_data_back));
  shop_.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::phase && e.text == "undo: start") throw killed();
  };
  EXPECT_THROW(shop_.recover(), killed);
  EXPECT_THAT(script(), Not(HasSubstr(puts_data_back)));
}

TEST_F(RescueFiles, LeaveTheDataAloneWhenTheNewVersionWasNotEnteredAfterAll) {
  // Killed between the script for the new version and the record that it starts.
  kill_at(progress_event::kind::phase, "start");
  shop_.records().set_state(shop_.records().open_attempt()->id, "cut_over", false, "");
  ASSERT_THAT(script(), HasSubstr(puts_data_back));
  shop_.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::begin && e.phase == "start") throw killed();
  };
  EXPECT_THROW(shop_.recover(), killed);
  EXPECT_THAT(script(), Not(HasSubstr(puts_data_back)));
}

TEST_F(RescueFiles, AreHeldByOneAtATime) {
  kill_at(progress_event::kind::phase, "start");
  rescue_places places;
  places.attempts = shop_.attempts();
  const std::string id = shop_.records().open_attempt()->id;
  {
    const std::optional<descriptor> held = lock_rescue(places, id);
    ASSERT_TRUE(held && *held);
    EXPECT_FALSE(lock_rescue(places, id));
    const std::optional<run_result> result = shop_.recover();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->how, ending::left_open);
    EXPECT_THAT(result->reason, HasSubstr("rescue.sh of this run is at work"));
  }
  EXPECT_EQ(shop_.recover()->how, ending::done);
}

TEST_F(RescueFiles, GoWhenTheAttemptEndsWell) {
  EXPECT_EQ(shop_.update("v2").rescue_script, "");
  EXPECT_TRUE(fs::is_empty(shop_.attempts()));
}

TEST_F(RescueFiles, GoBeforeTheNewReleaseIsTheLiveOne) {
  kill_at(progress_event::kind::phase, "commit");
  EXPECT_TRUE(fs::is_empty(shop_.attempts()));
}

TEST_F(RescueFiles, StayWhenAPersonIsNeededUntilAnAttemptEndsWell) {
  fail_to_start_web(2);
  const run_result failed = shop_.update("v2");
  ASSERT_EQ(failed.how, ending::needs_person);
  EXPECT_EQ(failed.rescue_script, (directory() / "rescue.sh").string());
  EXPECT_FALSE(shop_.recover());
  EXPECT_TRUE(fs::exists(failed.rescue_script));
  rollback_request back;
  back.data = data_choice::restore;
  ASSERT_EQ(shop_.rollback(back).how, ending::done);
  EXPECT_TRUE(fs::is_empty(shop_.attempts()));
}

TEST_F(RescueFiles, RefuseTheRunWhenTheyCannotBeWritten) {
  fs::remove_all(shop_.attempts());
  put(shop_.attempts(), "in the way");
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), HasSubstr("Nothing was changed"));
  EXPECT_FALSE(shop_.records().open_attempt());
  fs::remove(shop_.attempts());
}

TEST_F(RescueFiles, GoWithWhatAKilledRunLeftBesideThem) {
  const fs::path directory = shop_.attempts() / "20261121T105501Z-000001";
  fs::create_directories(directory);
  for (const char* name : {"plan.json", "attempt.json", "rescue.sh"})
    put(directory / ("." + std::string(name) + ".0123456789abcdef.tmp"), "half");
  EXPECT_FALSE(shop_.recover().has_value());
  EXPECT_FALSE(fs::exists(directory));
}

TEST_F(RescueFiles, KeepTheCopiesOfDataThatAScriptMade) {
  kill_at(progress_event::kind::phase, "start");
  const fs::path copy = directory() / "before-rescue.shop-data.tar.zst";
  put(copy, "a copy");
  ASSERT_EQ(shop_.recover()->how, ending::done);
  EXPECT_TRUE(fs::exists(copy));
  EXPECT_FALSE(fs::exists(copy.parent_path() / "rescue.sh"));
}

TEST_F(RescueFiles, RecoveryOfABegunRescueGoesBackWithTheData) {
  kill_at(progress_event::kind::phase, "verify");
  put(directory() / rescue_begun, "");
  EXPECT_EQ(shop_.recover()->how, ending::rolled_back);
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_EQ(content_of(shop_.data()), before_);
}

TEST_F(RescueFiles, RecoveryOfABegunRescueLeavesTheDataAloneOnceItIsBack) {
  fail_to_start_web(1);
  kill_at(progress_event::kind::phase, "undo: start");
  put(directory() / rescue_begun, "");
  put(shop_.data() / "rows", "written by the old version since\n");
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_EQ(content_of(shop_.data()).at("rows"), "written by the old version since\n");
}

TEST_F(RescueFiles, RecoveryOfAFinishedRescueLeavesTheDataAlone) {
  kill_at(progress_event::kind::phase, "verify");
  put(directory() / rescue_begun, "");
  put(directory() / rescue_done, "");
  put(shop_.data() / "rows", "written by the old version since\n");
  const std::optional<run_result> result = shop_.recover();
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_EQ(result->safety_snapshot_id, "");
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_EQ(content_of(shop_.data()).at("rows"), "written by the old version since\n");
}

TEST_F(RescueFiles, RecoveryOfARescueAtTheCutOverAbandonsTheAttempt) {
  kill_at(progress_event::kind::end, "1 volume");
  put(directory() / rescue_begun, "");
  put(directory() / rescue_done, "");
  EXPECT_EQ(shop_.recover()->how, ending::abandoned);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

}  // namespace
}  // namespace orchestration::test
