// The engine contract: networks and volumes.
#include <gtest/gtest.h>

#include "tests/support/contract_run.hpp"

namespace orchestration {
namespace {

task<> network_is_created_once_and_removed(contract_run& run) {
  const auto missing = co_await run.e.inspect_network("contract-net");
  EXPECT_FALSE(missing.has_value());
  const std::string id = co_await run.create_network("contract-net");
  const auto seen = co_await run.e.inspect_network("contract-net");
  EXPECT_TRUE(seen.has_value());
  if (seen) {
    EXPECT_EQ(seen->string_at({"Id"}), id);
    EXPECT_EQ(seen->string_at({"Name"}), "contract-net");
    EXPECT_EQ(seen->string_at({"Labels", "contract.key"}), "value");
  }
  const auto second = co_await refusal_of(run.create_network("contract-net"));
  EXPECT_EQ(second.status, 409);
  co_await run.e.remove_network("contract-net");
  co_await run.e.remove_network("contract-net");
  const auto gone = co_await run.e.inspect_network("contract-net");
  EXPECT_FALSE(gone.has_value());
}

task<> container_joins_networks_with_its_aliases(contract_run& run) {
  const std::string first_net = co_await run.create_network("contract-net1");
  const std::string second_net = co_await run.create_network("contract-net2");
  json body = body_for(run.images().runs);
  json aliases = json::make_array();
  aliases.push_back("web");
  body["HostConfig"]["NetworkMode"] = "contract-net1";
  body["NetworkingConfig"]["EndpointsConfig"]["contract-net1"]["Aliases"] = aliases;
  const std::string id = co_await run.create("contract-a", body);
  const json endpoint = json::object({{"Aliases", aliases}});
  co_await run.e.connect_network("contract-net2", id, endpoint);
  co_await run.e.start_container(id);
  const json seen = co_await run.inspected(id);
  for (const std::string name : {"contract-net1", "contract-net2"}) {
    EXPECT_TRUE(contains(seen.path({"NetworkSettings", "Networks", name, "Aliases"}), "web")) << name;
  }
  EXPECT_EQ(seen.string_at({"NetworkSettings", "Networks", "contract-net1", "NetworkID"}), first_net);
  EXPECT_EQ(seen.string_at({"NetworkSettings", "Networks", "contract-net2", "NetworkID"}), second_net);
  const auto in_use = co_await refusal_of(run.e.remove_network("contract-net2"));
  EXPECT_EQ(in_use.status, 403);
  const auto unknown = co_await refusal_of(run.e.connect_network("contract-none", id, endpoint));
  EXPECT_EQ(unknown.status, 404);
}

task<> network_made_anew_wants_its_containers_connected_again(contract_run& run) {
  co_await run.create_network("contract-net1");
  json body = body_for(run.images().runs);
  body["HostConfig"]["NetworkMode"] = "contract-net1";
  const std::string id = co_await run.create("contract-a", body);
  co_await run.e.start_container(id);
  co_await run.e.stop_container(id, std::chrono::seconds(1));
  co_await run.e.remove_network("contract-net1");
  const std::string second = co_await run.create_network("contract-net1");
  const auto refused = co_await refusal_of(run.e.start_container(id));
  EXPECT_EQ(refused.status, 404);
  json endpoint = json::make_object();
  co_await run.e.connect_network("contract-net1", id, endpoint);
  co_await run.e.start_container(id);
  const json seen = co_await run.inspected(id);
  EXPECT_EQ(seen.string_at({"NetworkSettings", "Networks", "contract-net1", "NetworkID"}), second);
}

task<> network_that_is_gone_fails_the_start(contract_run& run) {
  json body = body_for(run.images().runs);
  body["HostConfig"]["NetworkMode"] = "contract-gone";
  const std::string id = co_await run.create("contract-a", body);
  const auto refused = co_await refusal_of(run.e.start_container(id));
  EXPECT_EQ(refused.status, 404);
  EXPECT_NE(refused.words.find("network contract-gone not found"), std::string::npos) << refused.words;
  const json left = co_await run.inspected(id);
  EXPECT_EQ(status_of(left), "created");
}

task<> volume_created_twice_is_the_first(contract_run& run) {
  const auto missing = co_await run.e.inspect_volume("contract-vol");
  EXPECT_FALSE(missing.has_value());
  json body = json::object({{"Name", "contract-vol"}});
  body["Labels"]["contract.key"] = "first";
  co_await run.create_volume("contract-vol", body);
  body["Labels"]["contract.key"] = "second";
  co_await run.create_volume("contract-vol", body);
  const auto seen = co_await run.e.inspect_volume("contract-vol");
  EXPECT_TRUE(seen.has_value());
  if (seen) {
    EXPECT_EQ(seen->string_at({"Labels", "contract.key"}), "first");
    EXPECT_EQ(seen->string_at({"Driver"}), "local");
    EXPECT_FALSE(seen->string_at({"Mountpoint"}).empty());
  }
  co_await run.e.remove_volume("contract-vol");
  co_await run.e.remove_volume("contract-vol");
  const auto gone = co_await run.e.inspect_volume("contract-vol");
  EXPECT_FALSE(gone.has_value());
}

task<> volumes_outlive_their_container(contract_run& run) {
  json body = body_for(run.images().runs);
  json binds = json::make_array();
  binds.push_back("contract-vol:/data");
  body["HostConfig"]["Binds"] = binds;
  body["Volumes"]["/anonymous"] = json::make_object();
  const std::string id = co_await run.create("contract-a", body);
  const json seen = co_await run.inspected(id);
  std::string anonymous, named;
  const json* mounts = seen.find("Mounts");
  for (const auto& mount : mounts->elements()) {
    EXPECT_EQ(mount.string_at({"Type"}), "volume");
    EXPECT_TRUE(mount.bool_at({"RW"}));
    if (mount.string_at({"Destination"}) == "/anonymous") anonymous = mount.string_at({"Name"});
    if (mount.string_at({"Destination"}) == "/data") named = mount.string_at({"Name"});
  }
  EXPECT_EQ(mounts->size(), 2u);
  EXPECT_EQ(named, "contract-vol");
  EXPECT_EQ(anonymous.size(), 64u);
  const auto in_use = co_await refusal_of(run.e.remove_volume("contract-vol"));
  EXPECT_EQ(in_use.status, 409);
  co_await run.e.remove_container(id);
  const std::vector<std::string> volumes = {named, anonymous};
  for (const auto& name : volumes) {
    const auto kept = co_await run.e.inspect_volume(name);
    EXPECT_TRUE(kept.has_value()) << name;
    co_await run.e.remove_volume(name);
  }
}

}  // namespace

std::vector<contract_scenario> network_and_volume_scenarios() {
  return {
      {"ANetworkIsCreatedOnceAndRemoved", &network_is_created_once_and_removed},
      {"AContainerJoinsNetworksWithItsAliases", &container_joins_networks_with_its_aliases},
      {"ANetworkMadeAnewWantsItsContainersConnectedAgain", &network_made_anew_wants_its_containers_connected_again},
      {"ANetworkThatIsGoneFailsTheStart", &network_that_is_gone_fails_the_start},
      {"AVolumeCreatedTwiceIsTheFirst", &volume_created_twice_is_the_first},
      {"VolumesOutliveTheirContainer", &volumes_outlive_their_container},
  };
}

}  // namespace orchestration
