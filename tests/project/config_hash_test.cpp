// The hash of whole projects: against what was recorded from compose itself, and from a loader that agrees with it.
#include "orchestration/project/config_hash.hpp"

#include <gtest/gtest.h>

#include "recorded_projects.hpp"

namespace orchestration {
namespace {

using docker::json;
namespace fs = std::filesystem;

// --- recorded by record_loads.py ---

class recorded_load : public testing::TestWithParam<std::string> {
 protected:
  fs::path folder_ = data / "load" / GetParam();
  json setup_ = setup_of(folder_);
  json expected_ = json::parse(read_whole(folder_ / "expected.json"));

  project load_project() const { return load(load_request_of(folder_)).value; }
};

TEST_P(recorded_load, GivesTheTextAndTheHashThatComposeMakes) {
  project p = load_project();
  const auto containers = text_members_at(setup_, "resolve");
  const std::pair<const char*, hash_dialect> dialects[] = {{"2.24", hash_dialect::compose_2_24},
                                                           {"2.30", hash_dialect::compose_2_30},
                                                           {"5.0.0", hash_dialect::compose_5_0},
                                                           {"5.0.2", hash_dialect::compose_5_0_2}};
  EXPECT_EQ(p.services.size(), expected_.at("services").size());
  for (const auto& [name, wanted] : expected_.at("services").object_members()) {
    ASSERT_TRUE(p.services.contains(name)) << name;
    service& s = p.services.at(name);
    s.document = moved(s.document, folder_);
    for (const auto& [dialect, value] : dialects) {
      EXPECT_EQ(service_hash_text(s, value, containers), wanted.at(dialect).at("text").as_string()) << name << dialect;
      EXPECT_EQ(service_hash(s, value, containers), wanted.at(dialect).at("hash").as_string()) << name << dialect;
    }
  }
  // Resources that no service uses are recorded as well, and left out here as by compose itself.
  for (const auto& [key, n] : p.networks)
    EXPECT_EQ(network_hash(n), expected_.at("networks").at(key).as_string()) << key;
  for (auto& [key, v] : p.volumes) {
    v.document = moved(v.document, folder_);
    EXPECT_EQ(volume_hash(v), expected_.at("volumes").at(key).as_string()) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(Projects, recorded_load, testing::ValuesIn(projects_in(data / "load")), name_of);

// --- the labels that docker-compose 2.40.3 itself wrote (record_create_bodies.py) ---

class recorded_label : public testing::TestWithParam<std::string> {
 protected:
  fs::path folder_ = data / "create_body" / GetParam();

  project load_project() const { return load(create_body_request_of(folder_)).value; }
};

std::string hash_label(const json& labels) { return labels.string_at({"com.docker.compose.config-hash"}); }

TEST_P(recorded_label, IsTheHashOfTheLoadedProject) {
  const json recorded = json::parse(read_whole(folder_ / "recorded.json"));
  const json& run = recorded.at("1.51");
  if (run.find("containers") == nullptr) {
    EXPECT_FALSE(run.at("refused").as_string().empty());
    return;
  }
  project p = load_project();
  std::map<std::string, std::string> containers;
  for (auto& [name, s] : p.services) {
    s.document = moved(s.document, folder_);
    containers[name] = run.at("ids").string_at({container_name(p, s, 1)});
  }
  for (const json& container : run.at("containers").elements()) {
    const json& labels = container.at("body").at("Labels");
    const std::string name = labels.string_at({"com.docker.compose.service"});
    EXPECT_EQ(service_hash(p.services.at(name), hash_dialect::compose_2_30, containers), hash_label(labels))
        << name << "\n"
        << service_hash_text(p.services.at(name), hash_dialect::compose_2_30, containers);
  }
  for (const json& network : run.at("networks").elements()) {
    const json& labels = network.at("Labels");
    EXPECT_EQ(network_hash(p.networks.at(labels.string_at({"com.docker.compose.network"}))), hash_label(labels));
  }
  for (const json& volume : run.at("volumes").elements()) {
    const json& labels = volume.at("Labels");
    EXPECT_EQ(volume_hash(p.volumes.at(labels.string_at({"com.docker.compose.volume"}))), hash_label(labels));
  }
}

INSTANTIATE_TEST_SUITE_P(Compose, recorded_label, testing::ValuesIn(projects_in(data / "create_body")), name_of);

// --- the text ---

TEST(ConfigHash, EscapesAsGoDoes) {
  EXPECT_EQ(go_json_text(json::object({{"<", "a&b>\"\\\n\r\t\b\f\x01\u2028\u2029\u00e9"}})),
            "{\"\\u003c\":\"a\\u0026b\\u003e\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u2028\\u2029\u00e9\"}");
}

TEST(ConfigHash, WritesBytesThatAreNotUtf8AsReplacement) {
  EXPECT_EQ(go_json_text(json(std::string("a\xff\xc3(\xed\xa0\x80z"))), "\"a\\ufffd\\ufffd(\\ufffd\\ufffd\\ufffdz\"");
}

TEST(ConfigHash, KeepsNullEmptyAndMissingApart) {
  EXPECT_EQ(go_json_text(json::object({{"a", nullptr}, {"b", json::make_array()}, {"c", json::make_object()}})),
            "{\"a\":null,\"b\":[],\"c\":{}}");
}

TEST(ConfigHash, LeavesOutWhatDoesNotMakeAContainerAnother) {
  const auto hash_of = [](const std::string& lines) {
    const loaded all = written_project("services:\n  a:\n    image: x\n" + lines + "  b: {image: y}\n").load();
    return service_hash(all.value.services.at("a"), hash_dialect::compose_2_30);
  };
  const std::string plain = hash_of("");
  EXPECT_EQ(hash_of("    scale: 3\n"), plain);
  EXPECT_EQ(hash_of("    pull_policy: always\n"), plain);
  EXPECT_EQ(hash_of("    build: .\n"), plain);
  EXPECT_EQ(hash_of("    depends_on: [b]\n"), plain);
  EXPECT_NE(hash_of("    init: false\n"), plain);
}

TEST(ConfigHash, HoldsTheIdOfAContainerThatTheServiceRefersTo) {
  const loaded all = written_project("services:\n  a: {image: x}\n  b: {image: y, network_mode: 'service:a'}\n").load();
  const service& b = all.value.services.at("b");
  EXPECT_NE(service_hash_text(b, hash_dialect::compose_2_30).find("\"network_mode\":\"service:a\""), std::string::npos);
  EXPECT_NE(
      service_hash_text(b, hash_dialect::compose_2_30, {{"a", "1234"}}).find("\"network_mode\":\"container:1234\""),
      std::string::npos);
}

}  // namespace
}  // namespace orchestration
