#include "docker_client/json.hpp"

#include <gtest/gtest.h>

namespace docker {
namespace {

std::string round_trip(std::string_view text) { return json::parse(text).to_text(); }

TEST(Json, KeepsEveryIntegerExactly) {
  for (const std::string_view number : {"9007199254740993", "9223372036854775807", "-9223372036854775808",
                                        "18446744073709551615", "18446744073709551616", "-0", "1.5e8", "0.1"})
    EXPECT_EQ(round_trip(number), number);
  EXPECT_EQ(json::parse("9007199254740993").as_int64(), 9007199254740993);
  EXPECT_EQ(json::parse("18446744073709551615").as_uint64(), 18446744073709551615U);
}

TEST(Json, RefusesANumberThatDoesNotFit) {
  EXPECT_THROW(json::parse("9223372036854775808").as_int64(), json_error);
  EXPECT_THROW(json::parse("-1").as_uint64(), json_error);
  EXPECT_THROW(json::parse("1.5e8").as_int64(), json_error);
}

TEST(Json, TellsNullFromEmptyFromMissing) {
  const json config = json::parse(R"({"Entrypoint":null,"Cmd":[],"Labels":{}})");
  ASSERT_NE(config.find("Entrypoint"), nullptr);
  EXPECT_TRUE(config.find("Entrypoint")->is_null());
  EXPECT_TRUE(config.find("Cmd")->is_array());
  EXPECT_TRUE(config.find("Labels")->is_object());
  EXPECT_EQ(config.find("Env"), nullptr);
  EXPECT_EQ(config.to_text(), R"({"Entrypoint":null,"Cmd":[],"Labels":{}})");
}

TEST(Json, KeepsUnknownMembersInTheirOrder) {
  constexpr std::string_view text = R"({"z":1,"Annotations":{"b":"2","a":"1"},"a":[true,false,null,"ü\u0000\n\"\\"]})";
  EXPECT_EQ(json::parse(round_trip(text)), json::parse(text));
  EXPECT_TRUE(round_trip(text).starts_with(R"({"z":1,"Annotations":{"b":"2","a":"1"},"a":)"));
}

TEST(Json, TakesTheLastOfDuplicateMembers) { EXPECT_EQ(json::parse(R"({"a":1,"a":2})").find("a")->as_int64(), 2); }

TEST(Json, RefusesEndlessNestingWithoutUsingTheStack) {
  const std::string nested = std::string(64, '[') + std::string(64, ']');
  EXPECT_EQ(round_trip(nested), nested);
  EXPECT_THROW(json::parse(std::string(65, '[') + std::string(65, ']')), json_error);
  EXPECT_THROW(json::parse(std::string(10'000'000, '[')), json_error);
  std::string objects;
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"a\":";
  EXPECT_THROW(json::parse(objects), json_error);
}

TEST(Json, RefusesWhatIsNoSingleValidValue) {
  for (const std::string_view text :
       {"", " ", "{", "[1,]", "{} {}", "{}x", "nul", "01", "+1", "'a'", "\"\\ud800\"", "\"\\ude00\"", "{\"\\udc00\":1}",
        "\"\xff\"", "\"\xc3\"", "{\"a\"}", "{1:2}", "\"a\nb\"", "NaN"})
    EXPECT_THROW(json::parse(text), json_error) << text;
}

TEST(Json, NamesThePlaceOfAWrongKind) {
  const json inspect = json::parse(R"({"HostConfig":{"Memory":"1g","Name":null}})");
  try {
    static_cast<void>(inspect.int64_at({"HostConfig", "Memory"}));
    FAIL();
  } catch (const json_error& failure) {
    EXPECT_EQ(std::string(failure.what()), "HostConfig.Memory: expected an integer, found a string");
  }
}

TEST(Json, FallsBackForMissingAndNull) {
  const json inspect = json::parse(R"({"HostConfig":{"Name":null}})");
  EXPECT_EQ(inspect.string_at({"HostConfig", "Name"}, "none"), "none");
  EXPECT_EQ(inspect.string_at({"HostConfig", "Name", "deeper"}, "none"), "none");
  EXPECT_EQ(inspect.int64_at({"State", "ExitCode"}, 7), 7);
  EXPECT_TRUE(inspect.bool_at({"State"}, true));
}

TEST(Json, EditsKeepWhatTheyDoNotTouch) {
  json body = json::parse(R"({"Image":"a","Keep":{"x":[1,2]},"Drop":1})");
  body["Image"] = "b";
  body["HostConfig"]["AutoRemove"] = true;
  EXPECT_TRUE(body.erase("Drop"));
  EXPECT_FALSE(body.erase("Drop"));
  EXPECT_EQ(body.to_text(), R"({"Image":"b","Keep":{"x":[1,2]},"HostConfig":{"AutoRemove":true}})");
}

}  // namespace
}  // namespace docker
