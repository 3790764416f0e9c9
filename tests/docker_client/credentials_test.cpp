#include "docker_client/credentials.hpp"

#include <gtest/gtest.h>

#include "docker_client/json.hpp"

namespace docker {
namespace {

// What the engine reads out of the header.
json header_of(const registry_credentials& found) {
  return json::parse(decode_base64(found.registry_auth.value_or(base64url("null"))).value());
}

TEST(Credentials, DecodesUserAndPassword) {
  const std::string config = R"({"auths":{"127.0.0.1:5000":{"auth":"bWU6cDpÖ"}}})";
  EXPECT_FALSE(find_registry_credentials(config, "127.0.0.1:5000").registry_auth.has_value());
  const std::string valid = R"({"auths":{"127.0.0.1:5000":{"auth":"bWU6cDpxPz8+"}}})";
  EXPECT_EQ(header_of(find_registry_credentials(valid, "127.0.0.1:5000")).to_text(),
            R"({"username":"me","password":"p:q??>","serveraddress":"127.0.0.1:5000"})");
}

TEST(Credentials, SendsAnIdentityTokenAlone) {
  const std::string config = R"({"auths":{"ghcr.io":{"auth":"bWU6","identitytoken":"t0k"}}})";
  EXPECT_EQ(header_of(find_registry_credentials(config, "ghcr.io")).to_text(),
            R"({"identitytoken":"t0k","serveraddress":"ghcr.io"})");
}

TEST(Credentials, FindsDockerHubUnderItsOldAddress) {
  const std::string config = R"({"auths":{"https://index.docker.io/v1/":{"auth":"bWU6cA=="}}})";
  EXPECT_EQ(header_of(find_registry_credentials(config, "docker.io")).string_at({"password"}), "p");
}

TEST(Credentials, FindsARegistryWrittenAsAnAddress) {
  const std::string config = R"({"auths":{"https://ghcr.io/v2/":{"auth":"bWU6cA=="}}})";
  EXPECT_EQ(header_of(find_registry_credentials(config, "ghcr.io")).string_at({"username"}), "me");
}

TEST(Credentials, AreThoseOfOneRegistryOnly) {
  const std::string config = R"({"auths":{"ghcr.io":{"auth":"bWU6cA=="}}})";
  EXPECT_FALSE(find_registry_credentials(config, "ghcr.io:444").registry_auth.has_value());
  EXPECT_FALSE(find_registry_credentials(config, "evil-ghcr.io").registry_auth.has_value());
  EXPECT_FALSE(find_registry_credentials("{}", "ghcr.io").registry_auth.has_value());
}

TEST(Credentials, NameTheHelperThatWouldKnow) {
  const std::string config = R"({"auths":{"ghcr.io":{}},"credsStore":"desktop","credHelpers":{"gcr.io":"gcloud"}})";
  EXPECT_EQ(find_registry_credentials(config, "ghcr.io").helper, "desktop");
  EXPECT_EQ(find_registry_credentials(config, "gcr.io").helper, "gcloud");
  EXPECT_FALSE(find_registry_credentials(config, "ghcr.io").registry_auth.has_value());
}

TEST(Credentials, AreNoneWithoutAFile) {
  EXPECT_FALSE(read_registry_credentials("/nonexistent/config.json", "ghcr.io").registry_auth.has_value());
}

TEST(Base64, IsUrlSafeWithPadding) {
  EXPECT_EQ(base64url(""), "");
  EXPECT_EQ(base64url("f"), "Zg==");
  EXPECT_EQ(base64url("fo"), "Zm8=");
  EXPECT_EQ(base64url("foo"), "Zm9v");
  EXPECT_EQ(base64url("\xfb\xff\xfe"), "-__-");
}

TEST(Base64, ReadsBothAlphabetsWithOrWithoutPadding) {
  EXPECT_EQ(decode_base64("-__-"), "\xfb\xff\xfe");
  EXPECT_EQ(decode_base64("+//+"), "\xfb\xff\xfe");
  EXPECT_EQ(decode_base64("Zg"), "f");
  EXPECT_EQ(decode_base64("Zg=="), "f");
  EXPECT_EQ(decode_base64("Z"), std::nullopt);
  EXPECT_EQ(decode_base64("Zm 8"), std::nullopt);
}

}  // namespace
}  // namespace docker
