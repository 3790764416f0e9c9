#include "docker_client/streams.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "docker_client/error.hpp"

namespace docker {
namespace {

// Recorded from a pull (20.10), separators of several kinds, an escaped quote, brackets inside text, UTF-8.
constexpr std::string_view progress =
    "{\"status\":\"Pulling from app\",\"id\":\"v1\"}\r\n"
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":36445,\"total\":1064569},\"progress\":\"[\\u003e  "
    "]\"}\n"
    "{\"a\":\"\\\"}{\\\\\",\"ü\":[1,[2,{}]]}[]\x1e{\"status\":\"Digest: sha256:67a3\"} \t\n";

const std::vector<std::string> values = {
    "{\"status\":\"Pulling from app\",\"id\":\"v1\"}",
    "{\"status\":\"Downloading\",\"progressDetail\":{\"current\":36445,\"total\":1064569},\"progress\":\"[>  ]\"}",
    "{\"a\":\"\\\"}{\\\\\",\"ü\":[1,[2,{}]]}",
    "[]",
    "{\"status\":\"Digest: sha256:67a3\"}",
};

std::vector<std::string> split(std::initializer_list<std::string_view> pieces) {
  json_splitter splitter;
  std::vector<std::string> out;
  for (const std::string_view piece : pieces) {
    splitter.feed(piece);
    while (const auto value = splitter.next()) out.push_back(value->to_text());
  }
  splitter.end_of_input();
  return out;
}

std::optional<error_kind> failure_of(const std::function<void()>& doing) {
  try {
    doing();
  } catch (const error& failure) {
    return failure.kind();
  }
  return std::nullopt;
}

TEST(JsonSplitter, SplitsWhatComesWhole) { EXPECT_EQ(split({progress}), values); }

TEST(JsonSplitter, SplitsWhatComesOneByteAtATime) {
  json_splitter splitter;
  std::vector<std::string> out;
  for (const char& c : progress) {
    splitter.feed({&c, 1});
    while (const auto value = splitter.next()) out.push_back(value->to_text());
  }
  splitter.end_of_input();
  EXPECT_EQ(out, values);
}

TEST(JsonSplitter, SplitsWhatIsCutAnywhere) {
  for (std::size_t cut = 0; cut <= progress.size(); ++cut)
    EXPECT_EQ(split({progress.substr(0, cut), progress.substr(cut)}), values) << "cut at " << cut;
}

TEST(JsonSplitter, IsTruncatedWhereverAValueIsCut) {
  const std::string_view value = "{\"a\":\"\\\"}{\\\\\",\"b\":[1,{\"c\":null}]}";
  for (std::size_t cut = 1; cut < value.size(); ++cut)
    EXPECT_EQ(failure_of([&] { split({value.substr(0, cut)}); }), error_kind::truncated) << "cut at " << cut;
  EXPECT_EQ(failure_of([&] { split({value}); }), std::nullopt);
}

TEST(JsonSplitter, GivesTheValuesBeforeTheOneThatIsCut) {
  json_splitter splitter;
  splitter.feed("{\"a\":1}{\"b\"");
  EXPECT_EQ(splitter.next()->to_text(), "{\"a\":1}");
  EXPECT_EQ(splitter.next(), std::nullopt);
  EXPECT_EQ(failure_of([&] { splitter.end_of_input(); }), error_kind::truncated);
}

TEST(JsonSplitter, QuotesWhatIsNotJson) {
  try {
    split({"{\"a\":1}\nunexpected EOF from backend\n"});
    FAIL();
  } catch (const error& failure) {
    EXPECT_EQ(failure.kind(), error_kind::protocol);
    EXPECT_EQ(std::string(failure.what()), "not JSON: unexpected EOF from backend");
  }
  EXPECT_EQ(failure_of([] { split({"{]"}); }), error_kind::protocol);
  EXPECT_EQ(failure_of([] { split({"}"}); }), error_kind::protocol);
  EXPECT_EQ(failure_of([] { split({"{\"a\" 1}"}); }), error_kind::protocol);
}

TEST(JsonSplitter, RefusesAValueOverItsLimit) {
  json_splitter splitter;
  const std::string piece(1024 * 1024, 'x');
  splitter.feed("{\"a\":\"");
  const auto feed_all = [&] {
    for (int i = 0; i < 17; ++i) {
      splitter.feed(piece);
      EXPECT_EQ(splitter.next(), std::nullopt);
    }
  };
  EXPECT_EQ(failure_of(feed_all), error_kind::protocol);
}

TEST(JsonSplitter, LooksAtEachByteOnce) {
  // Four MiB in pieces of 64 bytes: scanning from the start each time would be 137 GB and not end within the test.
  json_splitter splitter;
  const std::string piece(64, 'x');
  splitter.feed("{\"a\":\"");
  for (int i = 0; i < 65536; ++i) {
    splitter.feed(piece);
    ASSERT_EQ(splitter.next(), std::nullopt);
  }
  splitter.feed("\"}");
  EXPECT_EQ(splitter.next()->find("a")->as_string().size(), 65536U * 64);
}

std::string frame(char type, std::string_view text) {
  std::string out{type, 0, 0, 0};
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(text.size() >> shift & 0xFF);
  return out.append(text);
}

// Runs of one source joined, since a frame may come out in pieces.
using runs = std::vector<std::pair<log_source, std::string>>;

void take(frame_decoder& decoder, runs& out) {
  while (const auto chunk = decoder.next()) {
    EXPECT_FALSE(chunk->bytes.empty());
    if (out.empty() || out.back().first != chunk->source) out.emplace_back(chunk->source, "");
    out.back().second += chunk->bytes;
  }
}

runs decode(std::initializer_list<std::string_view> pieces) {
  frame_decoder decoder;
  runs out;
  for (const std::string_view piece : pieces) {
    decoder.feed(piece);
    take(decoder, out);
  }
  decoder.end_of_input();
  return out;
}

const std::string output = frame(1, "out\n") + frame(2, "") + frame(2, "err\n") + frame(0, "in") +
                           frame(3, "engine failed") + frame(1, std::string(300, 'x'));
const runs decoded = {{log_source::out, "out\n"},
                      {log_source::err, "err\n"},
                      {log_source::in, "in"},
                      {log_source::system, "engine failed"},
                      {log_source::out, std::string(300, 'x')}};

TEST(FrameDecoder, DecodesWhatComesWhole) { EXPECT_EQ(decode({output}), decoded); }

TEST(FrameDecoder, DecodesWhatComesOneByteAtATime) {
  frame_decoder decoder;
  runs out;
  for (const char& c : output) {
    decoder.feed({&c, 1});
    take(decoder, out);
  }
  decoder.end_of_input();
  EXPECT_EQ(out, decoded);
}

TEST(FrameDecoder, DecodesWhatIsCutAnywhere) {
  const std::string_view all = output;
  for (std::size_t cut = 0; cut <= all.size(); ++cut)
    EXPECT_EQ(decode({all.substr(0, cut), all.substr(cut)}), decoded) << "cut at " << cut;
}

TEST(FrameDecoder, IsTruncatedWhereverAFrameIsCut) {
  const std::string one = frame(1, "hello");
  for (std::size_t cut = 1; cut < one.size(); ++cut)
    EXPECT_EQ(failure_of([&] { decode({std::string_view(one).substr(0, cut)}); }), error_kind::truncated) << cut;
  EXPECT_EQ(failure_of([&] { decode({one}); }), std::nullopt);
}

TEST(FrameDecoder, GivesALargeFrameBeforeItsEndIsHere) {
  frame_decoder decoder;
  decoder.feed(std::string("\x01\0\0\0\x7F\xFF\xFF\xFF", 8) + "the first of two GiB");
  EXPECT_EQ(decoder.next()->bytes, "the first of two GiB");
  EXPECT_EQ(decoder.next(), std::nullopt);
}

TEST(FrameDecoder, RefusesWhatIsNoFrame) {
  EXPECT_EQ(failure_of([] { decode({"plain text of a terminal"}); }), error_kind::protocol);
  EXPECT_EQ(failure_of([] { decode({std::string_view("\x04\0\0\0\0\0\0\1x", 9)}); }), error_kind::protocol);
  EXPECT_EQ(failure_of([] { decode({std::string_view("\x01\0\1\0\0\0\0\1x", 9)}); }), error_kind::protocol);
}

}  // namespace

bool operator==(const log_chunk& a, const log_chunk& b) { return a.source == b.source && a.bytes == b.bytes; }

}  // namespace docker
