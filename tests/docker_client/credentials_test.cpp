#include "docker_client/credentials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "docker_client/json.hpp"

namespace docker {
namespace {

using testing::HasSubstr;
using testing::Not;

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

class CredentialsFile : public testing::Test {
 protected:
  static constexpr const char* config = R"({"auths":{"ghcr.io":{"auth":"bWU6cA=="}}})";
  ~CredentialsFile() override { std::filesystem::remove_all(place_); }
  /// Why it is not used; empty: it is.
  std::string refusal(std::filesystem::perms mode, const std::string& text) {
    std::ofstream(file_) << text;
    std::filesystem::permissions(file_, mode);
    return refusal();
  }
  std::string refusal() {
    try {
      read_registry_credentials(file_, "ghcr.io");
      return "";
    } catch (const credentials_error& error) {
      return error.what();
    }
  }
  std::string made_ = testing::TempDir() + "credentialsXXXXXX";
  std::filesystem::path place_ = ::mkdtemp(made_.data());
  std::filesystem::path file_ = place_ / "config.json";
};

TEST_F(CredentialsFile, IsUsedWhenOnlyItsOwnerCanWriteIt) {
  EXPECT_EQ(refusal(std::filesystem::perms(0600), config), "");
  EXPECT_EQ(refusal(std::filesystem::perms(0644), config), "");
}

TEST_F(CredentialsFile, IsNotUsedWhenOthersCan) {
  for (const unsigned mode : {0620U, 0602U, 0666U}) {
    EXPECT_THAT(refusal(std::filesystem::perms(mode), config), HasSubstr("can be written by others")) << mode;
    EXPECT_THAT(refusal(std::filesystem::perms(mode), config), HasSubstr("config.json")) << mode;
  }
}

TEST_F(CredentialsFile, IsAFileOfReasonableSize) {
  EXPECT_THAT(refusal(std::filesystem::perms(0600), std::string((1 << 20) + 1, ' ')), HasSubstr("1 MiB"));
  std::filesystem::remove(file_);
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("is no file")) << "and it is not waited for";
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  EXPECT_THAT(refusal(), HasSubstr("is no file"));
}

TEST_F(CredentialsFile, IsNamedButNotQuotedWhenItIsNoJson) {
  const std::string why = refusal(std::filesystem::perms(0600), R"({"auths": {"ghcr.io": {"auth": "c2VjcmV0)");
  EXPECT_THAT(why, HasSubstr("config.json: "));
  EXPECT_THAT(why, Not(HasSubstr("c2VjcmV0")));
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
