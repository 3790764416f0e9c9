// Updates of a whole project on the fake engine: what is asked of it, in which order, and what is recorded.
#include <gtest/gtest.h>

#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

class Update : public testing::Test {
 protected:
  void deploy_v1() {
    shop_.publish("v1");
    shop_.publish("v2");
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    shop_.engine().forget_calls();
  }
  shop_run shop_;
};

TEST_F(Update, DeploysWhatIsNotThereYet) {
  shop_.publish("v1");
  const run_result result = shop_.update("v1");
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(result.release_before, 0);
  EXPECT_EQ(result.release_now, 1);
  put(shop_.data() / "rows", "a row written under v1\n");
  EXPECT_EQ(shop_.problems({"v1"}), "");
  EXPECT_EQ(shop_.changes(result.attempt_id), "");
}

TEST_F(Update, MovesToTheNextVersionAndRecordsIt) {
  deploy_v1();
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
  EXPECT_EQ(shop_.changes(result.attempt_id), "");
}

}  // namespace
}  // namespace orchestration::test
