// All requests of a project: against what docker compose 2.40.3 sent for the same files (record_create_bodies.py).
#include "orchestration/project/create_sequence.hpp"

#include <gtest/gtest.h>

#include "comparable_bodies.hpp"
#include "recorded_projects.hpp"

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

class created : public testing::TestWithParam<std::string> {
 protected:
  std::filesystem::path folder_ = data / "create_body" / GetParam();

  std::string text(json body) const {
    if (json* labels = body.find("Labels")) labels->erase("com.docker.compose.image");  // an engine's to say
    return comparable(moved(body, folder_)).to_pretty_text();
  }
};

TEST_P(created, AsComposeCreates) {
  const json recorded = json::parse(read_whole(folder_ / "recorded.json"));
  load_request request = create_body_request_of(folder_);
  request.attributes = unsupported::told;
  const project p = load(request).value;
  for (const int minor : {41, 51}) {
    const json& sent = recorded.at("1." + std::to_string(minor));
    // What compose refuses, or sends though the engine would not honour it.
    if (sent.contains("refused") || (GetParam() == "volume_subpath" && minor < 45)) continue;
    container_ids ids;
    for (const auto& [name, s] : p.services) ids[name] = sent.at("ids").string_at({container_name(p, s, 1)});
    std::map<std::string, std::string> ours;
    for (const json& each : sequence_of(p, minor, ids).requests)
      if (each.at("path").as_string() == "/containers/create") ours[each.at("query").to_text()] = text(each.at("body"));
    // Paths are in the labels that are hashed: only what stood in /srv has compose's hash.
    std::map<std::string, std::string> theirs;
    for (const json& container : sent.at("containers").elements()) {
      json query = json::object({{"name", container.at("name")}});
      if (const std::string platform = container.string_at({"platform"}); !platform.empty())
        query["platform"] = platform;
      theirs[query.to_text()] = text(container.at("body"));
    }
    ASSERT_EQ(ours.size(), theirs.size());
    for (const auto& [query, body] : theirs) {
      const auto without_hash = [](const std::string& whole) {
        const std::size_t at = whole.find("\"com.docker.compose.config-hash\"");
        return at == std::string::npos ? whole : whole.substr(0, at) + whole.substr(whole.find('\n', at));
      };
      EXPECT_EQ(without_hash(ours[query]), without_hash(body));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Compose, created, testing::ValuesIn(projects_in(data / "create_body")), name_of);

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
