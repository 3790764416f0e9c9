// The engine contract on the fake.
#include <gtest/gtest.h>

#include "tests/support/engine_contract.hpp"
#include "tests/support/fake_engine.hpp"

namespace orchestration {
namespace {

class FakeEngineContract : public testing::TestWithParam<contract_scenario> {
 protected:
  FakeEngineContract() {
    image_behaviour runs;
    runs.log = {"line 1", "line 2", "line 3"};
    image_behaviour exits_0;
    exits_0.exits_with = 0;
    image_behaviour exits_1;
    exits_1.exits_with = 1;
    image_behaviour checked;
    checked.config["Healthcheck"]["Test"].push_back("CMD");

    contract_images& images = setting_.images;
    images.runs = "contract.local/runs:v1";
    images.exits_0 = "contract.local/exits-0:v1";
    images.exits_1 = "contract.local/exits-1:v1";
    images.checked = "contract.local/checked:v1";
    images.published = "127.0.0.1:5000/contract:v1";
    images.unknown_tag = "127.0.0.1:5000/contract:none";
    images.unreachable = "127.0.0.1:1/contract:v1";
    engine_.images().load(images.runs, runs);
    engine_.images().load(images.exits_0, exits_0);
    engine_.images().load(images.exits_1, exits_1);
    engine_.images().load(images.checked, checked);
    images.digest = engine_.images().publish(images.published, runs);
    engine_.images().unreachable_registries.insert("127.0.0.1:1");
  }

  fake_engine engine_;
  contract_setting setting_;
  boost::asio::io_context context_;
};

TEST_P(FakeEngineContract, Holds) {
  run_scenario(GetParam(), engine_, setting_, context_);
  EXPECT_TRUE(engine_.container_names().empty()) << "left over: " << engine_.container_names().front();
}

INSTANTIATE_TEST_SUITE_P(Scenarios, FakeEngineContract, testing::ValuesIn(engine_contract()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace orchestration
