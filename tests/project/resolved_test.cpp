// Rules of the resolved project; whole projects stand in corpus_test.cpp.
#include "orchestration/project/resolved.hpp"

#include <gtest/gtest.h>

#include "load_fixture.hpp"
#include "orchestration/project/config_hash.hpp"

namespace orchestration {
namespace {

std::string shown(const std::string& compose, const std::set<std::string>& services = {}) {
  written_project files(compose);
  files.request.attributes = unsupported::told;
  return go_json_text(resolved_document(only(files.load().value, services)));
}

TEST(Resolved, HoldsServicesThatAreAskedForAndWhatTheyNeed) {
  const std::string compose = R"(services:
  web: {image: a, depends_on: [db], networks: [front]}
  db: {image: b, networks: [back], volumes: ["data:/data"], secrets: [key]}
  other: {image: c, networks: [third], volumes: ["more:/more"]}
networks: {front: , back: , third: }
volumes: {data: , more: }
secrets: {key: {file: /key}}
)";
  const docker::json web = docker::json::parse(shown(compose, {"web"}));
  EXPECT_TRUE(web.at("services").contains("db"));
  EXPECT_FALSE(web.at("services").contains("other"));
  EXPECT_EQ(web.at("networks").size(), 2u);
  EXPECT_EQ(web.at("volumes").size(), 1u);
  EXPECT_EQ(web.at("secrets").size(), 1u);
  EXPECT_FALSE(docker::json::parse(shown(compose, {"other"})).contains("secrets"));
}

TEST(Resolved, WritesExtensionsAsGoDoes) {
  EXPECT_EQ(shown("services: {a: {image: x, network_mode: none}}\n"
                  "x-b: {z: 1, a: [010, 2.50, 1e21, 0.0000001, yes, true, ~, \"<\"]}\n"
                  "x-a: [2020-1-2, 2020-01-02 3:4:5.600, 2020-01-02T03:04:05+01:30, 2020-01-02t03:04:05Z]\n"),
            R"({"name":"shop","services":{"a":{"command":null,"entrypoint":null,"image":"x","network_mode":"none"}},)"
            R"("x-a":["2020-01-02T00:00:00Z","2020-01-02T03:04:05.6Z","2020-01-02T03:04:05+01:30",)"
            R"("2020-01-02T03:04:05Z"],"x-b":{"a":[8,2.5,1e+21,1e-7,"yes",true,null,"\u003c"],"z":1}})");
}

TEST(Resolved, DoublesDollarsSoThatItCanBeReadAgain) {
  EXPECT_EQ(resolved_text(docker::json::object({{"a", "$HOME"}})), "{\n  \"a\": \"$$HOME\"\n}");
}

}  // namespace
}  // namespace orchestration
