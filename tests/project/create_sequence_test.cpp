// Which requests a project takes, and in which order; what stands in them is corpus_test.cpp's.
#include "orchestration/project/create_sequence.hpp"

#include <gtest/gtest.h>

#include "load_fixture.hpp"

namespace orchestration {
namespace {

using docker::json;
using container_ids = std::map<std::string, std::string>;

create_sequence sequence_of(const project& p, int minor, const container_ids& ids = {}) {
  return create_requests(p, api_version{1, minor}, hash_dialect::compose_2_30, ids);
}

create_sequence sequence_of(const std::string& compose, int minor, const container_ids& ids = {}) {
  return sequence_of(written_project(compose).load().value, minor, ids);
}

// "POST /containers/create name=shop-web-1", one a line.
std::string calls_of(const create_sequence& all) {
  std::string out;
  for (const json& request : all.requests) {
    out += request.at("method").as_string() + " " + request.at("path").as_string();
    for (const auto& [name, value] : request.at("query").object_members()) out += " " + name + "=" + value.as_string();
    out += "\n";
  }
  return out;
}

constexpr const char* shop = R"(services:
  web: {image: x, platform: linux/arm64, networks: [front, back], volumes: ["data:/data"], depends_on: [db], scale: 2}
  db: {image: y, networks: [back, outside], volumes: ["kept:/kept"]}
networks: {back: , front: , outside: {external: true}, unused: }
volumes: {data: , kept: {external: true}}
)";

TEST(CreateSequence, MakesNetworksAndVolumesAndThenContainersInTheOrderOfTheirStart) {
  EXPECT_EQ(calls_of(sequence_of(shop, 51)),
            "POST /networks/create\n"
            "POST /networks/create\n"
            "POST /volumes/create\n"
            "POST /containers/create name=shop-db-1\n"
            "POST /containers/create name=shop-web-1 platform=linux/arm64\n"
            "POST /containers/create name=shop-web-2 platform=linux/arm64\n");
}

TEST(CreateSequence, ConnectsFurtherNetworksOneByOneOnOldEngines) {
  const create_sequence all = sequence_of(shop, 43);
  EXPECT_EQ(calls_of(all),
            "POST /networks/create\n"
            "POST /networks/create\n"
            "POST /volumes/create\n"
            "POST /containers/create name=shop-db-1\n"
            "POST /networks/outside/connect\n"
            "POST /containers/create name=shop-web-1 platform=linux/arm64\n"
            "POST /networks/shop_front/connect\n"
            "POST /containers/create name=shop-web-2 platform=linux/arm64\n"
            "POST /networks/shop_front/connect\n");
  EXPECT_EQ(all.requests.at(6).at("body").string_at({"Container"}), "shop-web-1");
  EXPECT_EQ(all.requests.at(6).at("body").at("EndpointConfig").at("Aliases").to_text(), R"(["shop-web-1","web"])");
}

TEST(CreateSequence, WritesNoHashThatNeedsAContainerNobodyNamed) {
  constexpr const char* compose = "services:\n  a: {image: x}\n  b: {image: y, network_mode: \"service:a\"}\n";
  const auto label = [](const create_sequence& all) {
    return all.requests.back().at("body").at("Labels").string_at({"com.docker.compose.config-hash"});
  };
  const create_sequence unknown = sequence_of(compose, 51);
  EXPECT_EQ(label(unknown), "");
  EXPECT_EQ(unknown.warnings.size(), 1u);
  EXPECT_EQ(unknown.requests.back().at("body").at("HostConfig").string_at({"NetworkMode"}), "service:a");
  const create_sequence known = sequence_of(compose, 51, {{"a", std::string(64, 'a')}});
  EXPECT_EQ(label(known).size(), 64u);
  EXPECT_TRUE(known.warnings.empty());
  EXPECT_EQ(known.requests.back().at("body").at("HostConfig").string_at({"NetworkMode"}),
            "container:" + std::string(64, 'a'));
}

TEST(CreateSequence, KnowsWhoseIdsAServiceNeeds) {
  const project p = written_project(R"(services:
  a: {image: x}
  b: {image: x}
  c: {image: x, pid: "service:b", ipc: "service:a", volumes_from: ["b:ro", "container:other"]}
)")
                        .load()
                        .value;
  EXPECT_EQ(services_in_hash(p.services.at("c")), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(services_in_hash(p.services.at("a")).empty());
}

}  // namespace
}  // namespace orchestration
