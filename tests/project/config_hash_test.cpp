// Rules of the text that is hashed; whole projects stand in corpus_test.cpp.
#include "orchestration/project/config_hash.hpp"

#include <gtest/gtest.h>

#include "load_fixture.hpp"

namespace orchestration {
namespace {

using docker::json;

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
