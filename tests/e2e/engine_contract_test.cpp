// The engine contract on a real engine, whose address and images the environment names (tests/e2e/with_engine and
// tests/e2e/contract_images set it). Without them every test fails: a contract that was not checked is not kept.
#include <gtest/gtest.h>

#include <cstdlib>

#include "orchestration/run/docker_engine.hpp"
#include "tests/support/engine_contract.hpp"

namespace orchestration {
namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') throw std::runtime_error(std::string(name) + " is not set");
  return value;
}

contract_setting setting_from_environment() {
  contract_setting out;
  const std::string registry = from_environment("DOCKUPD_TEST_REGISTRY");
  out.images.runs = "contract.local/runs:v1";
  out.images.exits_0 = "contract.local/exits-0:v1";
  out.images.exits_1 = "contract.local/exits-1:v1";
  out.images.checked = "contract.local/checked:v1";
  out.images.published = registry + "/contract:v1";
  out.images.digest = from_environment("DOCKUPD_TEST_DIGEST");
  out.images.unknown_tag = registry + "/contract:none";
  out.images.unreachable = "127.0.0.1:1/contract:v1";
  out.between_polls = std::chrono::milliseconds(50);
  return out;
}

class EngineContract : public testing::TestWithParam<contract_scenario> {};

TEST_P(EngineContract, Holds) {
  boost::asio::io_context context;
  const contract_setting setting = setting_from_environment();
  const auto address = docker::parse_engine_address(from_environment("DOCKUPD_TEST_HOST"));
  docker_engine_options options;
  options.local = address.is_local();
  docker_engine engine(docker::client(context.get_executor(), address), options);
  run_scenario(GetParam(), engine, setting, context);
}

INSTANTIATE_TEST_SUITE_P(Scenarios, EngineContract, testing::ValuesIn(engine_contract()),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace orchestration
