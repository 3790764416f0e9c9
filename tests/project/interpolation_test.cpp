#include "orchestration/project/interpolation.hpp"

#include <gtest/gtest.h>

#include "load_fixture.hpp"

namespace orchestration {
namespace {

const std::string data = std::string(TEST_DATA_DIR) + "/";

std::optional<std::string> lookup(const std::string& name) {
  if (name == "S") return "set";
  if (name == "E") return "";
  return std::nullopt;
}

std::string replaced(const std::string& text) {
  try {
    return interpolate(text, lookup);
  } catch (const interpolation_error& error) {
    return std::string("ERR ") + error.what();
  }
}

// A row: text | what docker-compose makes of it, with S=set and E= | the same in other words.
TEST(Interpolation, AgreesWithComposeInEveryRecordedCase) {
  int rows = 0;
  for (const std::string& line : lines_of(data + "interpolation-cases.psv")) {
    const std::size_t bar = line.find('|');
    const std::string text = line.substr(0, bar);
    const std::string expected = line.substr(bar + 1, line.rfind("||") - bar - 1);
    const std::string got = replaced(text);
    ++rows;
    if (!expected.starts_with("ERR")) {
      EXPECT_EQ(got, expected) << text;
      continue;
    }
    const std::size_t message = expected.find("required variable");
    if (message == std::string::npos)
      EXPECT_EQ(got, "ERR invalid interpolation format: \"" + text + "\"");
    else
      EXPECT_EQ(got, "ERR " + expected.substr(message)) << text;
  }
  EXPECT_EQ(rows, 58);
}

TEST(Interpolation, EndsATemplateOnItsLine) {
  EXPECT_EQ(replaced("${U:-a\nb}"), "ERR invalid interpolation format: \"${U:-a\nb}\"");
  EXPECT_EQ(replaced("${U:-a}\n${S}"), "a\nset");
}

TEST(Interpolation, EndsEndlessNesting) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "${U:-";
  text += std::string(10'000, '}');
  EXPECT_EQ(replaced(text), "ERR variables nested more than 32 deep");
}

std::string uses(const std::string& text) {
  std::string out;
  interpolate(text, lookup, [&](const variable_use& use) {
    out += use.name + "=" + use.value.value_or("-");
    if (use.default_text) out += " default " + *use.default_text;
    if (use.blank_by_accident) out += " blank";
    out += "\n";
  });
  return out;
}

TEST(Interpolation, TellsWhichVariablesWereUsedAndHow) {
  EXPECT_EQ(uses("$S ${U:-d} ${U2}"), "S=set\nU=- default d\nU2=- blank\n");
  EXPECT_EQ(uses("${E:-d} ${E-d}"), "E= default d\nE=\n");
  EXPECT_EQ(uses("${U+x} ${S:+x}"), "U=-\nS=set\n");
}

TEST(Interpolation, DoesNotTellOfDefaultsThatWereNotNeeded) {
  EXPECT_EQ(uses("${S:-${U}}"), "S=set\n");
  EXPECT_EQ(uses("${U:-${S}}"), "S=set\nU=- default set\n");
}

TEST(Interpolation, ReplacesInValuesOnlyAndKeepsWhatWasWritten) {
  yaml_node root = parse_yaml("$S: [\"$S\", 5, {a: '${S}'}]\n", "compose.yaml").at(0).root;
  interpolate_values(root, lookup, {});
  EXPECT_EQ(value_text(root), "map[$S:[set 5 map[a:set]]]");
  EXPECT_EQ(root.find("$S")->items()[0].written, "$S");
  EXPECT_EQ(root.find("$S")->items()[1].written, "");
}

TEST(Interpolation, NamesThePlaceOfAnError) {
  EXPECT_EQ(written_project("services:\n  web:\n    image: \"x:${TAG:?set the tag}\"\n").refusal(),
            "compose.yaml:3:12: error: services.web.image: required variable TAG is missing a value: set the tag. "
            "Set TAG in the .env file");
  EXPECT_EQ(written_project("services:\n  web:\n    image: x\n    ports: [\"${P!}:80\"]\n").refusal(),
            "compose.yaml:4:13: error: services.web.ports[0]: invalid interpolation format: \"${P!}:80\". "
            "Variables are $NAME, ${NAME}, ${NAME:-default}; write $$ for a dollar sign");
}

}  // namespace
}  // namespace orchestration
