#include "orchestration/project/yaml.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "load_fixture.hpp"
#include "orchestration/project/canonical.hpp"

namespace orchestration {
namespace {

using docker::json;

const std::string data = std::string(TEST_DATA_DIR) + "/";

yaml_node parsed(const std::string& text) { return parse_yaml(text, "compose.yaml").at(0).root; }

std::string refusal(const std::string& text, const yaml_limits& limits = {}) {
  try {
    parse_yaml(text, "compose.yaml", limits);
    return "parsed";
  } catch (const load_error& error) {
    return error.what();
  }
}

std::string text_at(const yaml_node& root, std::string_view key) {
  const yaml_node* found = root.find(key);
  return found == nullptr ? "absent" : value_text(*found);
}

TEST(Yaml, TypesScalarsAsComposeDoes) {
  for (const std::string& line : lines_of(data + "yaml-scalars.jsonl")) {
    const json row = json::parse(line);
    const std::string scalar = row.at("yaml").as_string();
    const json& expected = row.at("env");
    if (expected.is_string() && expected.as_string().starts_with("ERR")) {
      EXPECT_TRUE(std::holds_alternative<yaml_date>(parsed("K: " + scalar + "\n").find("K")->value)) << line;
      continue;
    }
    const yaml_node root = parsed("K: " + scalar + "\n");
    EXPECT_EQ(canonical_environment(root, "").at("K"), expected) << line;
  }
}

TEST(Yaml, KnowsWhereEveryNodeStands) {
  const yaml_node root = parsed("a: 1\nb:\n  - x\n  -   y\n");
  EXPECT_EQ(to_text(place_of(root.members()[1].where)), "compose.yaml:2:1");
  EXPECT_EQ(to_text(place_of(root.find("b")->items()[1].where)), "compose.yaml:4:7");
}

TEST(Yaml, KeepsTheTextOfQuotedAndTaggedScalars) {
  const yaml_node root = parsed("a: '010'\nb: \"yes\"\nc: !!str 1.10\nd: 1.10\ne: |\n  x\n");
  EXPECT_EQ(text_at(root, "a"), "010");
  EXPECT_EQ(text_at(root, "b"), "yes");
  EXPECT_EQ(text_at(root, "c"), "1.10");
  EXPECT_EQ(text_at(root, "d"), "1.1");
  EXPECT_EQ(text_at(root, "e"), "x\n");
}

TEST(Yaml, ExpandsAliases) {
  const yaml_node root = parsed("a: &x [1, 2]\nb: *x\n");
  EXPECT_EQ(text_at(root, "b"), "[1 2]");
  EXPECT_EQ(*root.find("a"), *root.find("b"));
}

TEST(Yaml, LetsKeysOfTheMappingWinOverMergedOnes) {
  const yaml_node root = parsed(
      "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nboth:\n  a: own\n  <<: [*one, *two]\n  d: own\nbefore:\n  <<: "
      "*one\n  b: own\n");
  EXPECT_EQ(text_at(root, "both"), "map[a:own b:1 c:2 d:own]");
  EXPECT_EQ(text_at(root, "before"), "map[a:1 b:own]");
}

TEST(Yaml, ReadsEveryDocument) {
  const auto documents = parse_yaml("---\na: 1\n---\na: 2\n", "compose.yaml");
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(text_at(documents[1].root, "a"), "2");
}

TEST(Yaml, NotesWhatIsResetAndOverridden) {
  const yaml_document document =
      parse_yaml("services:\n  web:\n    ports: !reset []\n    labels: !override {a: b}\n    image: x\n",
                 "compose.yaml")
          .at(0);
  const std::vector<std::vector<std::string>> expected = {{"services", "web", "ports"}, {"services", "web", "labels"}};
  EXPECT_EQ(document.resets, expected);
  EXPECT_EQ(value_text(document.root), "map[services:map[web:map[image:x labels:map[a:b]]]]");
}

TEST(Yaml, CarriesResetsThroughAliases) {
  const yaml_document document =
      parse_yaml("x-base: &base\n  ports: !reset []\nservices:\n  web: *base\n  db:\n    <<: *base\n", "f").at(0);
  const std::vector<std::vector<std::string>> expected = {
      {"x-base", "ports"}, {"services", "web", "ports"}, {"services", "db", "ports"}};
  EXPECT_EQ(document.resets, expected);
}

TEST(Yaml, RefusesWhatComposeRefusesAndSaysWhere) {
  EXPECT_EQ(refusal("a: 1\nb: 2\na: 3\n"),
            "compose.yaml:3:1: error: \"a\" stands here a second time; first at line 1. Remove one of them");
  EXPECT_EQ(refusal("a: 1\n<<: {b: 1}\n<<: {c: 1}\n"),
            "compose.yaml:3:1: error: \"<<\" stands here a second time; first at line 2. Remove one of them");
  EXPECT_EQ(refusal("a: *nothing\n"),
            "compose.yaml:1:4: error: no anchor &nothing stands above this alias. Check the spelling");
  EXPECT_EQ(refusal("a: &a [*a]\n"), "compose.yaml:1:8: error: *a stands inside of what it names");
  EXPECT_EQ(refusal("80: x\n"), "compose.yaml:1:1: error: the key 80 is not text but a number. Put it in quotes");
  EXPECT_EQ(refusal("a: {<<: 5}\n"),
            "compose.yaml:1:9: error: << takes a mapping or a list of mappings, and this is a number");
  EXPECT_EQ(refusal("a:\n  - b\n c: d\n").substr(0, 35), "compose.yaml:3:2: error: not YAML: ");
  EXPECT_EQ(refusal("a:\n\t- b\n").substr(0, 35), "compose.yaml:2:1: error: not YAML: ");
}

TEST(Yaml, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(refusal("b: 1\na: \"\xff\xfe\"\n").substr(0, 42), "compose.yaml:2: error: not UTF-8 text: inv");
  EXPECT_EQ(refusal(std::string("a: \0b\n", 6)).substr(0, 38), "compose.yaml:1: error: not UTF-8 text:");
}

class limited_yaml : public testing::Test {
 protected:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  void expect_quick() {
    EXPECT_LT(std::chrono::steady_clock::now() - start_, std::chrono::seconds(2));  // 20 times what it takes
  }
};

TEST_F(limited_yaml, EndsABillionLaughs) {
  std::string text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int j = 1; j < 9; ++j) text += ", " + below;
    text += "]\n";
  }
  EXPECT_EQ(refusal(text).substr(17), ": error: more than 100000 values once aliases are expanded. Use fewer aliases");
  expect_quick();
}

TEST_F(limited_yaml, EndsAliasesOfAGiantText) {
  std::string text = "a: &a \"" + std::string(500'000, 'x') + "\"\nb: [";
  for (int i = 0; i < 1000; ++i) text += "*a, ";
  EXPECT_NE(refusal(text + "]\n").find("bytes of text once aliases are expanded"), std::string::npos);
  expect_quick();
}

TEST_F(limited_yaml, EndsMergeKeysThatGrow) {
  std::string text = "a0: &a0 {k: 1}\n";
  for (int i = 1; i < 400; ++i) {
    const std::string n = std::to_string(i);
    text += "a" + n + ": &a" + n + " {<<: *a" + std::to_string(i - 1) + ", k" + n + ": [*a" + std::to_string(i - 1) +
            "]}\n";
  }
  EXPECT_NE(refusal(text).find("error: more than"), std::string::npos);
  expect_quick();
}

TEST_F(limited_yaml, EndsDeepNesting) {
  EXPECT_EQ(refusal(std::string(500'000, '[')), "compose.yaml:1:66: error: more than 64 levels deep");
  std::string blocks;
  for (int i = 0; i < 700; ++i) blocks += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_EQ(refusal(blocks), "compose.yaml:66:66: error: more than 64 levels deep");
  expect_quick();
}

TEST_F(limited_yaml, EndsAHugeFile) {
  EXPECT_EQ(refusal(std::string(2 << 20, '#')),
            "compose.yaml: error: larger than 1048576 bytes. Is it a compose file?");
  std::string many = "a: [";
  while (many.size() < 1'000'000) many += "1,";
  EXPECT_NE(refusal(many + "]").find("more than 100000 values"), std::string::npos);
  expect_quick();
}

TEST(YamlNode, ComparesContentWhereverItStands) {
  EXPECT_EQ(parsed("a: 1\nb: [x]\n"), parsed("b:\n- x\na: 1\n"));
  EXPECT_FALSE(parsed("a: 1\n") == parsed("a: '1'\n"));
}

}  // namespace
}  // namespace orchestration
