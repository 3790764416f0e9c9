#include "docker_client/error.hpp"

#include <gtest/gtest.h>

namespace docker {
namespace {

TEST(Error, IsOneLineThatNamesRequestStatusAndWords) {
  const error refused(request_line("POST", "/containers/create?name=x"), 409, "Conflict", "the name is in use");
  EXPECT_EQ(std::string(refused.what()),
            "POST /containers/create?name=x: 409 Conflict: engine says: the name is in use");
  EXPECT_EQ(refused.kind(), error_kind::refused_by_engine);
  EXPECT_EQ(refused.acted(), acted::answered);
}

TEST(Error, GetsItsRequestOnce) {
  const error bare(error_kind::truncated, "cut");
  const error named = bare.of(request_line("GET", "/info"), acted::maybe);
  EXPECT_EQ(std::string(named.what()), "GET /info: cut");
  EXPECT_EQ(std::string(named.of(request_line("GET", "/other"), acted::no).what()), "GET /info: cut");
}

TEST(EngineMessage, IsTheMessageOfJson) {
  EXPECT_EQ(engine_message_of(R"({"message":"No such container: x"})"), "No such container: x");
  EXPECT_EQ(engine_message_of(R"({"cause":"c","message":"m","response":404})"), "m");
}

TEST(EngineMessage, QuotesAnythingElse) {
  EXPECT_EQ(engine_message_of("client version 1.51 is too old\r\n"), "client version 1.51 is too old");
  EXPECT_EQ(engine_message_of(R"({"errors":[]})"), R"({"errors":[]})");
  EXPECT_EQ(engine_message_of(R"({"message":7})"), R"({"message":7})");
  EXPECT_EQ(engine_message_of(""), "");
  EXPECT_EQ(engine_message_of(std::string(1000, 'x')), std::string(300, 'x') + "…");
}

TEST(Printable, HoldsNothingThatATerminalObeys) {
  EXPECT_EQ(printable("a\x1b[31mred\x1b[0m\n\t b\x7f", 100), "a [31mred [0m b");
  EXPECT_EQ(printable("c1 \xc2\x9b escape", 100), "c1 escape");
  EXPECT_EQ(printable("not utf-8 \xff\xc3", 100), "not utf-8 ??");
  EXPECT_EQ(printable("ü…日本", 100), "ü…日本");
}

TEST(Printable, IsCutBetweenCharacters) {
  EXPECT_EQ(printable("aüb", 2), "a…");
  EXPECT_EQ(printable("aüb", 3), "aü…");
  EXPECT_EQ(printable("aüb", 4), "aüb");
}

}  // namespace
}  // namespace docker
