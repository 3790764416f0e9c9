#include "orchestration/project/merge.hpp"

#include <gtest/gtest.h>

#include "load_fixture.hpp"
#include "orchestration/project/short_forms.hpp"

namespace orchestration {
namespace {

yaml_node parsed(const std::string& text) { return parse_yaml(text, "compose.yaml").at(0).root; }

// One service attribute in two files, as text.
std::string both(const std::string& attribute, const std::string& base, const std::string& over) {
  const auto file = [&](const std::string& value) {
    return parsed("services:\n  web:\n    " + attribute + ": " + value + "\n");
  };
  try {
    yaml_node all = merged(file(base), file(over), tree_path());
    keep_unique(all, tree_path());
    const yaml_node* found = all.find("services")->find("web")->find(attribute);
    return found == nullptr ? "absent" : value_text(*found);
  } catch (const load_error& error) {
    return error.what();
  }
}

TEST(Merge, ReplacesScalarsMergesMappingsAppendsLists) {
  EXPECT_EQ(both("image", "x:1", "x:2"), "x:2");
  EXPECT_EQ(both("image", "x:1", "~"), "x:1");
  EXPECT_EQ(both("security_opt", "[a, b]", "[c]"), "[a b c]");
  EXPECT_EQ(both("healthcheck", "{interval: 1s, retries: 2}", "{retries: 3}"), "map[interval:1s retries:3]");
}

TEST(Merge, ReplacesCommands) {
  EXPECT_EQ(both("command", "[a, b]", "[c]"), "[c]");
  EXPECT_EQ(both("entrypoint", "[a, b]", "c d"), "c d");
  EXPECT_EQ(both("healthcheck", "{test: [CMD, a]}", "{test: [CMD, b]}"), "map[test:[CMD b]]");
}

TEST(Merge, PutsALaterVariableAtThePlaceOfTheEarlier) {
  EXPECT_EQ(both("environment", "[A=1, B=2, C]", "{B: 3, D: 4.0, E: }"), "[A=1 B=3 C D=4 E]");
  EXPECT_EQ(both("labels", "{b: 1, a: 2}", "[b=3]"), "[a=2 b=3]");
}

TEST(Merge, KeepsOneVolumeForEachTarget) {
  EXPECT_EQ(both("volumes", "[\"data:/data\", \"./a:/a\"]", "[\"other:/data:ro\", \"/b\"]"),
            "[other:/data:ro ./a:/a /b]");
  EXPECT_EQ(both("volumes", "[{type: volume, source: x, target: /data}]", "[\"yy:/data\"]"), "[yy:/data]");
}

TEST(Merge, KeepsOnePortForEachAddressAndTarget) {
  EXPECT_EQ(both("ports", "[\"80:80\", \"81:81\"]", "[\"80:80\", \"82:81\"]"), "[80:80 81:81 82:81]");
  EXPECT_EQ(both("ports", "[{target: 80, published: \"1\"}]", "[{target: 80, published: \"1\", mode: host}]"),
            "[map[mode:host published:1 target:80]]");
  // As compose does, for which a number is not the text of that number.
  EXPECT_EQ(both("ports", "[{target: 80, published: 1}]", "[{target: 80, published: \"1\"}]"),
            "[map[published:1 target:80] map[published:1 target:80]]");
}

TEST(Merge, MergesLoggingOnlyForTheSameDriver) {
  EXPECT_EQ(both("logging", "{driver: a, options: {x: 1}}", "{options: {y: 2}}"), "map[driver:a options:map[x:1 y:2]]");
  EXPECT_EQ(both("logging", "{driver: a, options: {x: 1}}", "{driver: b}"), "map[driver:b]");
}

TEST(Merge, JoinsNamesInEitherForm) {
  EXPECT_EQ(both("networks", "[a]", "{b: {priority: 1}}"), "map[a:<nil> b:map[priority:1]]");
  EXPECT_EQ(both("depends_on", "[a]", "{a: {condition: service_healthy}}"),
            "map[a:map[condition:service_healthy required:true]]");
}

TEST(Merge, RefusesKindsThatDoNotFit) {
  EXPECT_EQ(both("security_opt", "[a]", "{b: c}"),
            "compose.yaml:3:19: error: services.web.security_opt: is a mapping here and a list in compose.yaml:3:19. "
            "Write both the same way, or mark this one with !override");
  EXPECT_EQ(both("environment", "[A=1]", "5"),
            "compose.yaml:3:18: error: expected a list, a mapping or text, found a number");
}

TEST(Merge, ErasesWhatIsReset) {
  yaml_node root = parsed("a: {b: {c: 1, d: 2}}\n");
  erase_at(root, {"a", "b", "c"});
  erase_at(root, {"a", "nope", "c"});
  erase_at(root, {"a", "b", "d", "too deep"});
  EXPECT_EQ(value_text(root), "map[a:map[b:map[d:2]]]");
}

TEST(TreePath, MatchesStepByStep) {
  const tree_path root;
  const tree_path services(root, "services");
  const tree_path web(services, "web.v1");
  const tree_path ports(web, "ports");
  const tree_path first(ports, std::size_t{0});
  EXPECT_EQ(first.text(), "services.web.v1.ports[0]");
  EXPECT_TRUE(first.matches("services.*.ports.[]"));
  EXPECT_TRUE(first.matches("services.*.ports.*"));
  EXPECT_FALSE(first.matches("services.*.ports"));
  EXPECT_FALSE(ports.matches("*.ports"));
  EXPECT_TRUE(ports.matches("services.*.ports"));
  EXPECT_TRUE(root.matches(""));
}

TEST(ShortForms, SplitsCommandsLikeCompose) {
  const auto words = [](std::string_view line) {
    const auto split = split_command(line);
    if (!split) return std::string("refused");
    std::string out;
    for (const std::string& word : *split) out += "<" + word + ">";
    return out;
  };
  EXPECT_EQ(words("a  b\tc\n"), "<a><b><c>");
  EXPECT_EQ(words("sh -c 'a \"b\" \\c' \"d 'e' \\\"f\""), "<sh><-c><a \"b\" \\c><d 'e' \"f>");
  EXPECT_EQ(words("a\\ b ''"), "<a b><>");
  EXPECT_EQ(words("a $(b c) `d e`"), "<a><$(b c)><`d e`>");
  EXPECT_EQ(words("a; b"), "<a>");
  EXPECT_EQ(words("a 2>x"), "<a>");
  EXPECT_EQ(words("a 'b"), "refused");
  EXPECT_EQ(words("a (b)"), "refused");
  EXPECT_EQ(words("a\\"), "refused");
}

TEST(ShortForms, CleansPathsLikeGo) {
  EXPECT_EQ(clean_path("/a//b/./c/../d/"), "/a/b/d");
  EXPECT_EQ(clean_path("/../a"), "/a");
  EXPECT_EQ(clean_path("../a/.."), "..");
  EXPECT_EQ(clean_path("../../a"), "../../a");
  EXPECT_EQ(clean_path("a/.."), ".");
  EXPECT_EQ(clean_path(""), ".");
  EXPECT_EQ(clean_path("/"), "/");
}

}  // namespace
}  // namespace orchestration
