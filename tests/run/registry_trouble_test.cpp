#include "orchestration/run/registry_trouble.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/run/ending.hpp"
#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

using testing::HasSubstr;

class RegistryTrouble : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    shop_.engine().forget_calls();
  }
  void say(const std::string& call, int times, const std::string& words) {
    for (; times > 0; --times) {
      scripted_failure failure;
      failure.call = call;
      failure.words = words;
      failure.passes = true;
      shop_.engine().fail(failure);
    }
  }
  shop_run shop_;
};

TEST_F(RegistryTrouble, ThatPassesIsWaitedForWhenTheTagIsAskedFor) {
  say("resolve", 1, "toomanyrequests: You have reached your pull rate limit.");
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(RegistryTrouble, ThatPassesIsWaitedForInAPull) {
  say("pull", 1, "received unexpected HTTP status: 503 Service Unavailable");
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(RegistryTrouble, ThatStaysEndsInItsOwnWords) {
  say("resolve", most_registry_tries, "received unexpected HTTP status: 500 Internal Server Error");
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), HasSubstr("unexpected HTTP status: 500"));
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST(WillPass, IsSaidOfWhatARegistryGetsOver) {
  const auto passes = [](const char* words) {
    return will_pass(docker::error(docker::request_line("POST", "/images/create"), 500, "", words));
  };
  EXPECT_TRUE(passes("toomanyrequests: You have reached your pull rate limit."));
  EXPECT_TRUE(passes("received unexpected HTTP status: 502 Bad Gateway"));
  EXPECT_TRUE(passes("read tcp 10.0.0.2:4711->10.0.0.1:443: read: connection reset by peer"));
  EXPECT_FALSE(passes("dial tcp 127.0.0.1:5000: connect: connection refused"));
  EXPECT_FALSE(passes("manifest unknown: manifest unknown"));
  EXPECT_FALSE(passes("error pulling image configuration: download failed after attempts=6: unexpected EOF"));
}

}  // namespace
}  // namespace orchestration::test
