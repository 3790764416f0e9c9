// A daemon that died while it started a container, and finds it running in containerd when it is asked to start it
// again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

using testing::HasSubstr;

class OldTask : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
  }
  void refuse_starts(const std::string& container, int times, const std::string& words) {
    for (; times > 0; --times) {
      scripted_failure failure;
      failure.call = "start " + container;
      failure.words = words;
      failure.passes = true;
      shop_.engine().fail(failure);
    }
  }
  void publish_sick_v2() {
    image_behaviour sick = shop_.web_behaviour();
    sick.health = health_script::becomes_unhealthy;
    shop_.publish_web("v2", sick);
  }
  shop_run shop_;
};

TEST_F(OldTask, IsWaitedFor) {
  refuse_starts("shop-web-1", 2, "id already in use");
  refuse_starts("shop-web-1", 2, "failed to start shim: mkdir /run/containerd/moby/4f2a: file exists: unknown");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(OldTask, IsWaitedForOnTheWayBack) {
  publish_sick_v2();
  bool was_refused = false;
  shop_.on_event = [&](const progress_event& event) {
    if (event.text == "undo: start" && !std::exchange(was_refused, true))
      refuse_starts("shop-web-1", 4, "id already in use");
  };
  const run_result result = shop_.update("v2");
  EXPECT_TRUE(was_refused);
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(OldTask, ThatRunsUnseenKeepsTheOldVersionFromBeingStartedBesideIt) {
  publish_sick_v2();
  int asked = 0;
  int restored_after = 0;
  shop_.on_event = [&](const progress_event& event) {
    if (event.text.starts_with("undo: cut over"))
      shop_.engine().runs_unseen = [&](const std::string& name) { return name == "shop-web-1" && ++asked < 4; };
    if (event.text.starts_with("undo: restore")) restored_after = asked;
  };
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_EQ(restored_after, 4) << "no data is put back under what runs";
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(OldTask, ThatStaysLeavesTheRunOpenUntilItIsGone) {
  publish_sick_v2();
  bool is_there = false;
  shop_.on_event = [&](const progress_event& event) { is_there |= event.text.starts_with("undo: cut over"); };
  shop_.engine().runs_unseen = [&](const std::string& name) { return is_there && name == "shop-web-1"; };
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::left_open);
  EXPECT_THAT(result.reason, HasSubstr("Restart the daemon"));
  EXPECT_EQ(text_of(shop_.data() / "rows"), "a row written under v1\n");

  shop_.on_event = nullptr;
  is_there = false;
  const std::optional<run_result> recovered = shop_.recover();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->how, ending::rolled_back) << recovered->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(OldTask, ThatRefusesToBeStartedLeavesTheRunOpen) {
  publish_sick_v2();
  bool was_refused = false;
  shop_.on_event = [&](const progress_event& event) {
    if (event.text == "undo: start" && !std::exchange(was_refused, true))
      refuse_starts("shop-web-1", 60, "id already in use");
  };
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::left_open);
  EXPECT_THAT(result.reason, HasSubstr("is in containerd"));
  shop_.on_event = nullptr;
  const std::optional<run_result> recovered = shop_.recover();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->how, ending::rolled_back) << recovered->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(OldTask, IsNotWhatOtherRefusalsMean) {
  refuse_starts("shop-web-1", 2, "OCI runtime create failed");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_THAT(result.reason, HasSubstr("OCI runtime create failed"));
}

}  // namespace
}  // namespace orchestration::test
