// What a change brings with it: containers that join another one, replicas more and fewer, files that are written into
// containers. On the fake engine, whole, and killed at every change.
#include <gtest/gtest.h>

#include "orchestration/project/config_hash.hpp"
#include "tests/run/kill_points.hpp"
#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

constexpr const char* token_path = "/run/secrets/token";
std::string token_of(const std::string& version) { return "the token of " + version; }

/// Beside the shop: a vpn of the version with a secret, an agent in its network and on its volumes, and workers: three
/// up to v1, one from v2 on.
class wide_shop : public shop_run {
 public:
  wide_shop() {
    more_services = [](project_builder& p, const std::string& version) {
      p.service("vpn", "registry.test/shop-vpn:" + version).volume("vpn-state", "/state").restart("always");
      p.secret("token", token_of(version));
      p.service("agent", "registry.test/shop-agent:1")
          .network_mode("service:vpn")
          .volumes_from("vpn")
          .restart("always");
      p.needs("vpn", start_condition::started, true);
      p.service("worker", "registry.test/shop-worker:1").scale(version == "v1" ? 3 : 1).restart("always");
    };
    more_problems = [this](const std::string& version) { return problems_of(version); };
  }

  std::string joined_by_agent() const {
    return engine_of().container("shop-agent-1")->host_config.string_at({"NetworkMode"});
  }
  std::string hash_of_agent(const std::string& version) {
    const std::map<std::string, std::string> ids = {{"vpn", id_of("shop-vpn-1")}};
    return service_hash(desired(version).services.at("agent"), hash_dialect::compose_2_30, ids);
  }

 private:
  const fake_engine& engine_of() const { return const_cast<wide_shop*>(this)->engine(); }

  std::vector<std::string> problems_of(const std::string& version) {
    std::vector<std::string> out;
    std::vector<std::string> expected = {"shop-agent-1 running", "shop-vpn-1 running", "shop-worker-1 running"};
    if (version == "v1") expected.insert(expected.end(), {"shop-worker-2 running", "shop-worker-3 running"});
    std::vector<std::string> found;
    for (const std::string& name : engine().container_names())
      if (name.starts_with("shop-agent") || name.starts_with("shop-vpn") || name.starts_with("shop-worker"))
        found.push_back(name);
    if (found != expected) {
      out.emplace_back("of the others there are:");
      out.insert(out.end(), found.begin(), found.end());
      return out;
    }
    if (version_of("shop-vpn-1") != version) out.push_back("vpn runs " + version_of("shop-vpn-1"));
    const fake_container& agent = *engine().container("shop-agent-1");
    const std::string vpn = id_of("shop-vpn-1");
    if (joined_by_agent() != "container:" + vpn) out.push_back("the agent joins " + joined_by_agent() + ", not " + vpn);
    if (agent.config.string_at({"Labels", "com.docker.compose.config-hash"}) != hash_of_agent(version))
      out.emplace_back("the agent has another hash than compose gives it");
    if (agent.mounts.size() != 1 || agent.mounts.front().name != "vpn-state")
      out.emplace_back("the agent does not have the volumes of vpn");
    const auto& files = engine().container("shop-vpn-1")->files;
    const auto token = files.find(token_path);
    if (token == files.end())
      out.emplace_back("vpn has no token");
    else if (token->second != fake_file{token_of(version), 0444, 0})
      out.push_back("vpn has " + token->second.content);
    for (const char* name : {"shop-agent-1", "shop-vpn-1", "shop-worker-1"})
      if (engine().container(name)->restart_policy() != "always") out.push_back(std::string(name) + " is disarmed");
    return out;
  }
};

void deploy_v1(shop_run& shop) {
  for (const char* version : {"v1", "v2", "v9"}) shop.publish(version);
  const run_result result = shop.update("v1");
  if (result.how != ending::done) throw std::runtime_error(result.reason);
  put(shop.data() / "rows", "a row written under v1\n");
}

run_result with_data_back(shop_run& shop) {
  rollback_request asked;
  asked.data = data_choice::restore;
  return shop.rollback(std::move(asked));
}

class Converge : public testing::Test {
 protected:
  Converge() { deploy_v1(shop_); }
  wide_shop shop_;
};

TEST_F(Converge, ReplacesWhoJoinsAndRetiresReplicas) {
  EXPECT_EQ(shop_.problems({"v1"}), "");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
  EXPECT_TRUE(shop_.plan_for(shop_.request("v2")).empty());
}

TEST_F(Converge, ComesBackWholeWhenTheUpdateFails) {
  const std::string agent = shop_.id_of("shop-agent-1");
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  EXPECT_EQ(shop_.update("v2").how, ending::rolled_back);
  EXPECT_EQ(shop_.problems({"v1"}), "");
  EXPECT_EQ(shop_.id_of("shop-agent-1"), agent);
}

TEST_F(Converge, RollsBackAndForthWithTheFilesOfEach) {
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  run_result back = with_data_back(shop_);
  ASSERT_EQ(back.how, ending::done) << back.reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
  // The record is the same as what runs, although the ids and a hash are others.
  EXPECT_EQ(shop_.records().releases().size(), 2U);
  EXPECT_EQ(shop_.bring_up().how, ending::nothing_to_do);
  rollback_request forth;
  forth.to = 2;
  forth.data = data_choice::restore;
  back = shop_.rollback(std::move(forth));
  ASSERT_EQ(back.how, ending::done) << back.reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
  back = with_data_back(shop_);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(Converge, DoesNotTakeWhatWasComeBackToForAnotherRelease) {
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  ASSERT_EQ(with_data_back(shop_).how, ending::done);
  const std::size_t releases = shop_.records().releases().size();
  shop_.update("v9");
  EXPECT_EQ(shop_.records().releases().size(), releases + 1);
  EXPECT_EQ(shop_.problems({"v9"}), "");
}

TEST_F(Converge, WritesTheFilesAgainThatAKillKeptFromBeingWritten) {
  scripted_failure kill;
  kill.call = "put files";
  kill.kind = failure_kind::killed;
  shop_.engine().fail(kill);
  EXPECT_THROW(shop_.update("v2"), fake_kill);
  shop_.engine().forget_failures();
  shop_.recover();
  EXPECT_EQ(shop_.problems({"v1"}), "");
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST(Adopted, ComesBackWithTheFilesAndHashesThatComposeGave) {
  wide_shop shop;
  for (const char* version : {"v1", "v2"}) shop.publish(version);
  auto more = shop.more_services;
  shop.more_services = [more](project_builder& p, const std::string& version) {
    more(p, version);
    p.value().services.at("worker").scale = 1;
  };
  shop.compose_up("v1");
  put(shop.data() / "rows", "a row written under v1\n");
  ASSERT_EQ(shop.update("v2").how, ending::done);
  ASSERT_EQ(with_data_back(shop).how, ending::done);
  EXPECT_EQ(shop.engine().container("shop-vpn-1")->files.at(token_path).content, token_of("v1"));
  EXPECT_EQ(shop.joined_by_agent(), "container:" + shop.id_of("shop-vpn-1"));
  EXPECT_EQ(shop.engine().container("shop-agent-1")->config.string_at({"Labels", "com.docker.compose.config-hash"}),
            shop.hash_of_agent("v1"));
}

// --- killed ------------------------------------------------------------------------------------------------------

struct wide_scenario {
  std::function<void(shop_run&)> prepare;
  std::function<run_result(shop_run&)> act;
  std::string before;
  std::string after;
};

bool ended_well(ending how) { return how == ending::done || how == ending::rolled_back || how == ending::abandoned; }

void sweep(const wide_scenario& s) {
  wide_shop whole;
  s.prepare(whole);
  const run_length l = length_of(whole, [&] { s.act(whole); });
  ASSERT_EQ(whole.problems({s.after}), "");
  using moment = kill_point::moment;
  for (int n = 1; n <= l.changes; ++n) {
    const kill_point point{moment::after_change, n};
    wide_shop shop;
    s.prepare(shop);
    ASSERT_TRUE(killed_at(shop, point, [&] { s.act(shop); })) << to_text(point);
    const std::string context = to_text(point) + ": " + shop.engine().calls().back();
    const std::optional<run_result> result = shop.recover();
    ASSERT_TRUE(!result || ended_well(result->how)) << context << ": " << result->reason;
    ASSERT_EQ(shop.problems({s.before, s.after}), "") << context;
  }
}

TEST(WideKillSweep, AnUpdateEndsWholeWhereverItIsKilled) {
  sweep({deploy_v1, [](shop_run& shop) { return shop.update("v2"); }, "v1", "v2"});
}

TEST(WideKillSweep, AnUpdateThatRollsBackEndsWholeWhereverItIsKilled) {
  const auto prepare = [](shop_run& shop) {
    deploy_v1(shop);
    image_behaviour broken = shop.web_behaviour();
    broken.health = health_script::becomes_unhealthy;
    shop.publish_web("v2", broken);
  };
  sweep({prepare, [](shop_run& shop) { return shop.update("v2"); }, "v1", "v1"});
}

TEST(WideKillSweep, ARollbackEndsWholeWhereverItIsKilled) {
  const auto prepare = [](shop_run& shop) {
    deploy_v1(shop);
    shop.update("v2");
  };
  sweep({prepare, with_data_back, "v2", "v1"});
}

}  // namespace
}  // namespace orchestration::test
