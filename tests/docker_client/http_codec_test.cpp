#include "docker_client/wire/http_codec.hpp"

#include <gtest/gtest.h>

#include "docker_client/error.hpp"
#include "tests/docker_client/recorded_replies.hpp"

namespace docker {
namespace {

http_request request(std::string method, std::string target, std::string body = {}) {
  http_request out;
  out.method = std::move(method);
  out.target = std::move(target);
  out.body = std::move(body);
  return out;
}

// Feeds the pieces; the body is collected after each, as a reader would.
std::string decode(reply_parser& parser, std::initializer_list<std::string_view> pieces) {
  std::string body;
  for (const std::string_view piece : pieces) {
    parser.feed(piece);
    body += parser.take_body();
  }
  return body;
}

std::optional<error_kind> failure_of(reply_parser& parser, std::string_view bytes) {
  try {
    parser.feed(bytes);
    parser.end_of_input();
  } catch (const error& failure) {
    return failure.kind();
  }
  return std::nullopt;
}

TEST(HttpRequest, NamesTheHostDockerAndOffersNoCompression) {
  EXPECT_EQ(to_bytes(request("GET", "/_ping")), "GET /_ping HTTP/1.1\r\nHost: docker\r\nUser-Agent: dockupd\r\n\r\n");
}

TEST(HttpRequest, SaysThatAPostHasNoBody) {
  EXPECT_TRUE(to_bytes(request("POST", "/v1.41/containers/a/start")).ends_with("\r\nContent-Length: 0\r\n\r\n"));
}

TEST(HttpRequest, CarriesFieldsAndBody) {
  http_request create = request("POST", "/v1.41/containers/create", "{\"Image\":\"ü\"}");
  create.fields.emplace_back("Content-Type", "application/json");
  EXPECT_TRUE(
      to_bytes(create).ends_with("Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"Image\":\"ü\"}"));
}

TEST(HttpReply, IsReadWhole) {
  for (const auto& reply : recorded::delimited()) {
    SCOPED_TRACE(reply.name);
    reply_parser parser(reply.request);
    EXPECT_EQ(decode(parser, {reply.bytes}), reply.body);
    EXPECT_TRUE(parser.complete());
    EXPECT_EQ(parser.head().status, reply.status);
    parser.end_of_input();  // what is complete stays complete
  }
}

TEST(HttpReply, IsReadOneByteAtATime) {
  for (const auto& reply : recorded::delimited()) {
    SCOPED_TRACE(reply.name);
    reply_parser parser(reply.request);
    std::string body;
    for (const char& c : reply.bytes) {
      EXPECT_FALSE(parser.complete());
      body += decode(parser, {std::string_view(&c, 1)});
    }
    EXPECT_TRUE(parser.complete());
    EXPECT_EQ(body, reply.body);
    EXPECT_EQ(parser.head().status, reply.status);
  }
}

TEST(HttpReply, IsReadInTwoPiecesCutAnywhere) {
  for (const auto& reply : recorded::delimited())
    for (std::size_t cut = 0; cut <= reply.bytes.size(); ++cut) {
      SCOPED_TRACE(std::string(reply.name) + " cut at " + std::to_string(cut));
      reply_parser parser(reply.request);
      EXPECT_EQ(decode(parser, {reply.bytes.substr(0, cut), reply.bytes.substr(cut)}), reply.body);
      EXPECT_TRUE(parser.complete());
    }
}

TEST(HttpReply, ThatEndsEarlyIsTruncatedWhereverItEnds) {
  for (const auto& reply : recorded::delimited())
    for (std::size_t cut = 0; cut < reply.bytes.size(); ++cut) {
      SCOPED_TRACE(std::string(reply.name) + " ends at " + std::to_string(cut));
      reply_parser parser(reply.request);
      EXPECT_EQ(failure_of(parser, reply.bytes.substr(0, cut)), error_kind::truncated);
      EXPECT_FALSE(parser.complete());
    }
}

TEST(HttpReply, WithoutALengthEndsWithTheConnection) {
  reply_parser parser(reply_to::any_other);
  EXPECT_EQ(decode(parser, {recorded::until_end}), "No such container: nobody\r\n");
  EXPECT_FALSE(parser.complete());
  parser.end_of_input();
  EXPECT_TRUE(parser.complete());
  EXPECT_FALSE(parser.keeps_alive());
}

TEST(HttpReply, WithoutALengthIsTruncatedInsideItsHead) {
  const std::size_t head = recorded::until_end.find("\r\n\r\n") + 4;
  for (std::size_t cut = 0; cut < head; ++cut) {
    reply_parser parser(reply_to::any_other);
    EXPECT_EQ(failure_of(parser, recorded::until_end.substr(0, cut)), error_kind::truncated) << cut;
  }
}

TEST(HttpReply, HandsOverWhatFollowsAnUpgrade) {
  reply_parser parser(reply_to::any_other);
  parser.feed(std::string(recorded::upgraded) + "hello");
  EXPECT_TRUE(parser.complete());
  EXPECT_EQ(parser.leftover(), "hello");
  EXPECT_FALSE(parser.keeps_alive());
}

TEST(HttpReply, WithBytesBehindItsEndDoesNotKeepTheConnection) {
  reply_parser parser(reply_to::any_other);
  parser.feed(std::string(recorded::ping) + "x");
  EXPECT_TRUE(parser.complete());
  EXPECT_FALSE(parser.keeps_alive());
}

TEST(HttpReply, KeepsTheConnectionUnlessItSaysClose) {
  reply_parser open(reply_to::any_other);
  open.feed(recorded::no_content);
  EXPECT_TRUE(open.keeps_alive());
  reply_parser closing(reply_to::any_other);
  closing.feed("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(closing.keeps_alive());
  reply_parser old(reply_to::any_other);
  old.feed("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_FALSE(old.keeps_alive());
}

TEST(HttpReply, FindsFieldsInAnyCaseAndTheTypeWithoutItsParameters) {
  reply_parser parser(reply_to::any_other);
  parser.feed("HTTP/1.1 200 OK\r\ncontent-TYPE: Application/JSON ; charset=utf-8\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(parser.head().media_type(), "application/json");
  EXPECT_EQ(parser.head().find("Api-Version"), nullptr);
}

TEST(HttpReply, ThatIsNoHttpIsAProtocolError) {
  const std::string_view faulty[] = {
      "SSH-2.0-OpenSSH_9.2\r\n\r\n",
      "HTTP/2.0 200 OK\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nNo colon here\r\n\r\n",
  };
  for (const auto bytes : faulty) {
    reply_parser parser(reply_to::any_other);
    EXPECT_EQ(failure_of(parser, bytes), error_kind::protocol) << bytes;
  }
}

TEST(HttpReply, WithAnEndlessHeadIsRefused) {
  reply_parser one_field(reply_to::any_other);
  EXPECT_EQ(failure_of(one_field, "HTTP/1.1 200 OK\r\nX: " + std::string(70 * 1024, 'x')), error_kind::protocol);
  std::string many = "HTTP/1.1 200 OK\r\n";
  while (many.size() < 70 * 1024) many += "X: y\r\n";
  reply_parser many_fields(reply_to::any_other);
  std::optional<error_kind> failure;
  for (std::size_t i = 0; i < many.size() && !failure; i += 100) {
    try {
      many_fields.feed(std::string_view(many).substr(i, 100));
    } catch (const error& refused) {
      failure = refused.kind();
    }
  }
  EXPECT_EQ(failure, error_kind::protocol);
}

TEST(HttpReply, HasNoLimitToItsBody) {
  reply_parser parser(reply_to::any_other);
  constexpr std::size_t chunk = 1024 * 1024;
  constexpr std::size_t chunks = 20;  // over the 8 MiB that Beast allows by default
  parser.feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::size_t received = 0;
  for (std::size_t i = 0; i < chunks; ++i) {
    parser.feed("100000\r\n" + std::string(chunk, 'x') + "\r\n");
    received += parser.take_body().size();
  }
  parser.feed("0\r\n\r\n");
  EXPECT_EQ(received, chunk * chunks);
  EXPECT_TRUE(parser.complete());
}

}  // namespace
}  // namespace docker
