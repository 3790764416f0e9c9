#include "orchestration/project/dotenv.hpp"

#include <gtest/gtest.h>

#include "load_fixture.hpp"

namespace orchestration {
namespace {

using docker::json;

const std::string data = std::string(TEST_DATA_DIR) + "/";

std::optional<std::string> lookup(const std::string& name) {
  if (name == "S") return "set";
  if (name == "E") return "";
  return std::nullopt;
}

std::map<std::string, std::string> values_of(const std::string& text) {
  std::map<std::string, std::string> out;
  for (const dotenv_variable& each : parse_dotenv(text, lookup)) out[each.name] = each.value;
  return out;
}

TEST(Dotenv, AgreesWithComposeInEveryRecordedCase) {
  int rows = 0;
  for (const std::string& line : lines_of(data + "dotenv-cases.jsonl")) {
    const json row = json::parse(line);
    const std::string text = row.at("env").as_string();
    const json& expected = row.at("v2.40.3");
    ++rows;
    if (expected.is_string()) {
      EXPECT_THROW(values_of(text), dotenv_error) << line;
      continue;
    }
    std::map<std::string, std::string> wanted;
    for (const auto& [name, value] : expected.object_members()) wanted[name] = value.as_string();
    EXPECT_EQ(values_of(text), wanted) << line;
  }
  EXPECT_EQ(rows, 67);
}

std::string lines(const std::string& text) {
  std::string out;
  for (const dotenv_variable& each : parse_dotenv(text, lookup))
    out += each.name + ":" + std::to_string(each.line) + " ";
  return out;
}

TEST(Dotenv, KnowsTheLineOfEachAssignment) {
  EXPECT_EQ(lines("# note\nA=1\n\nexport B=2\r\nC=\"x\ny\"\nD=1 # note\nA=3"), "A:2 B:4 C:5 D:7 A:8 ");
  EXPECT_EQ(lines("A=1\nS\nU\nB=2\n"), "A:1 S:2 B:4 ");
}

TEST(Dotenv, TakesABareNameFromTheLookup) {
  const std::map<std::string, std::string> expected = {{"S", "set"}};
  EXPECT_EQ(values_of("S\nU\n"), expected);
}

TEST(Dotenv, LooksUpOutsideThenAboveThenInEarlierFiles) {
  const auto read = parse_dotenv("S=own\nA=1\nR=$S-$A-$B\n", lookup, {{"A", "earlier"}, {"B", "earlier"}});
  EXPECT_EQ(read.back().value, "set-1-earlier");
}

std::string refusal(const std::string& text) {
  try {
    parse_dotenv(text, lookup);
    return "parsed";
  } catch (const dotenv_error& error) {
    return std::to_string(error.line()) + ": " + error.what();
  }
}

TEST(Dotenv, SaysWhichLineIsWrong) {
  EXPECT_EQ(refusal("A=1\nB=\"x\n"), "2: unterminated quoted value");
  EXPECT_EQ(refusal("A=1\n\nB C=1\n"), "3: a name cannot contain a space");
  EXPECT_EQ(refusal("A=1\nB!=1\n"), "2: unexpected character \"!\" in a variable name");
  EXPECT_EQ(refusal("A=1\nB=${U:?needed}\n"), "2: required variable U is missing a value: needed");
  EXPECT_EQ(refusal("A=${1}\n"), "1: invalid interpolation format: \"${1}\"");
}

TEST(RawEnv, TakesLinesLiterally) {
  std::string out;
  for (const dotenv_variable& each : parse_raw_env("# note\nA=\"$S\" # x \n\n  B=c = d\r\nS\nU\n", lookup))
    out += each.name + "|" + each.value + "|" + std::to_string(each.line) + "\n";
  EXPECT_EQ(out, "A|\"$S\" # x |2\nB|c = d|4\nS|set|5\n");
}

TEST(RawEnv, RefusesLinesWithoutAName) {
  EXPECT_THROW(parse_raw_env("A=1\n=2\n", lookup), dotenv_error);
  EXPECT_THROW(parse_raw_env("A B=1\n", lookup), dotenv_error);
}

}  // namespace
}  // namespace orchestration
