// A run that is asked to stop (SIGINT, SIGTERM) at any of its steps: it goes back as long as that is safe, and on to
// its end where it is not; never half.
#include <gtest/gtest.h>

#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

struct interrupted_run {
  run_result result;
  std::string at;  // the event during which it was asked to stop; empty: the run ended before
};

void deploy_v1(shop_run& shop) {
  for (const char* version : {"v1", "v2"}) shop.publish(version);
  ASSERT_EQ(shop.update("v1").how, ending::done);
  put(shop.data() / "rows", "a row written under v1\n");
}

interrupted_run interrupt_at(shop_run& shop, int nth, const std::function<run_result()>& doing) {
  interrupted_run out;
  int seen = 0;
  shop.on_event = [&](const progress_event&) {
    if (++seen != nth) return;
    out.at = shop.events().back();
    shop.stop.request_stop();
  };
  try {
    out.result = doing();
  } catch (const refusal& error) {  // before there was an attempt
    out.result.how = error.how();
    out.result.reason = error.what();
  }
  shop.on_event = nullptr;
  shop.stop = std::stop_source();
  return out;
}

TEST(Interruption, OfAnUpdateGoesBackOrEndsAtEveryStep) {
  std::map<ending, int> endings;
  for (int nth = 1;; ++nth) {
    shop_run shop;
    deploy_v1(shop);
    const interrupted_run run = interrupt_at(shop, nth, [&] { return shop.update("v2"); });
    if (run.at.empty()) break;
    const ending how = run.result.how;
    ASSERT_TRUE(how == ending::abandoned || how == ending::rolled_back || how == ending::done)
        << run.at << ": " << run.result.reason;
    ASSERT_EQ(shop.problems({how == ending::done ? "v2" : "v1"}), "") << run.at;
    ASSERT_EQ(run.result.reason, how == ending::done ? "" : "interrupted by a signal") << run.at;
    ++endings[how];
  }
  EXPECT_GT(endings[ending::abandoned], 10);
  EXPECT_GT(endings[ending::rolled_back], 5);
  EXPECT_GT(endings[ending::done], 2);  // from the last step before the commit on
}

TEST(Interruption, OfARollbackGoesOnOnceDataMayBeHalfReplaced) {
  std::map<ending, int> endings;
  for (int nth = 1;; ++nth) {
    shop_run shop;
    deploy_v1(shop);
    ASSERT_EQ(shop.update("v2").how, ending::done);
    const interrupted_run run = interrupt_at(shop, nth, [&] {
      rollback_request asked;
      asked.data = data_choice::restore;
      return shop.rollback(std::move(asked));
    });
    if (run.at.empty()) break;
    const ending how = run.result.how;
    ASSERT_TRUE(how == ending::abandoned || how == ending::done) << run.at << ": " << run.result.reason;
    ASSERT_EQ(shop.problems({how == ending::done ? "v1" : "v2"}), "") << run.at;
    ++endings[how];
  }
  EXPECT_GT(endings[ending::abandoned], 10);
  EXPECT_GT(endings[ending::done], 10);
}

TEST(Interruption, OfAWaitForHealthGoesBack) {
  shop_run shop;
  deploy_v1(shop);
  image_behaviour slow = shop.web_behaviour();
  slow.health = health_script::stays_starting;
  shop.publish_web("v2", slow);
  shop.on_event = [&](const progress_event& event) {
    if (event.what == progress_event::kind::begin && event.text == "verify web.1") shop.stop.request_stop();
  };
  const run_result result = shop.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_EQ(shop.problems({"v1"}), "");
}

TEST(Interruption, OfTheWayBackIsNotHeeded) {
  for (int nth = 1;; ++nth) {
    shop_run shop;
    deploy_v1(shop);
    image_behaviour broken = shop.web_behaviour();
    broken.health = health_script::becomes_unhealthy;
    shop.publish_web("v2", broken);
    bool on_the_way_back = false;
    int seen = 0;
    shop.on_event = [&](const progress_event& event) {
      on_the_way_back |= event.what == progress_event::kind::warning;
      if (on_the_way_back && ++seen == nth) shop.stop.request_stop();
    };
    ASSERT_EQ(shop.update("v2").how, ending::rolled_back) << nth;
    ASSERT_EQ(shop.problems({"v1"}), "") << nth;
    if (seen < nth) break;
  }
}

}  // namespace
}  // namespace orchestration::test
