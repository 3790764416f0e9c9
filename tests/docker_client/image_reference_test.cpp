#include "docker_client/image_reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace docker {
namespace {

const std::string hex(64, 'a');
const std::string digest = "sha256:" + hex;

struct parts {
  std::string text, registry, repository, tag, familiar, canonical;
};

TEST(ImageReference, IsReadAsDockerReadsIt) {
  const std::vector<parts> cases = {
      {"nginx", "docker.io", "library/nginx", "", "nginx", "docker.io/library/nginx"},
      {"nginx:1.25", "docker.io", "library/nginx", "1.25", "nginx:1.25", "docker.io/library/nginx:1.25"},
      {"user/app", "docker.io", "user/app", "", "user/app", "docker.io/user/app"},
      {"docker.io/nginx", "docker.io", "library/nginx", "", "nginx", "docker.io/library/nginx"},
      {"index.docker.io/library/nginx:a", "docker.io", "library/nginx", "a", "nginx:a", "docker.io/library/nginx:a"},
      {"docker.io/ghcr.io/app", "docker.io", "ghcr.io/app", "", "docker.io/ghcr.io/app", "docker.io/ghcr.io/app"},
      {"127.0.0.1:5000/app:v1", "127.0.0.1:5000", "app", "v1", "127.0.0.1:5000/app:v1", "127.0.0.1:5000/app:v1"},
      {"localhost/app", "localhost", "app", "", "localhost/app", "localhost/app"},
      {"ghcr.io/a/b/c:x_Y.z-1", "ghcr.io", "a/b/c", "x_Y.z-1", "ghcr.io/a/b/c:x_Y.z-1", "ghcr.io/a/b/c:x_Y.z-1"},
      {"[::1]:5000/app", "[::1]:5000", "app", "", "[::1]:5000/app", "[::1]:5000/app"},
      {"Registry/app", "Registry", "app", "", "Registry/app", "Registry/app"},
      {"a__b/c---d.e", "docker.io", "a__b/c---d.e", "", "a__b/c---d.e", "docker.io/a__b/c---d.e"},
      {"xn--n3h.com/app", "xn--n3h.com", "app", "", "xn--n3h.com/app", "xn--n3h.com/app"},
  };
  for (const parts& expected : cases) {
    SCOPED_TRACE(expected.text);
    const image_reference read = image_reference::parse(expected.text);
    EXPECT_EQ(read.registry(), expected.registry);
    EXPECT_EQ(read.repository(), expected.repository);
    EXPECT_EQ(read.tag(), expected.tag);
    EXPECT_EQ(read.familiar(), expected.familiar);
    EXPECT_EQ(read.canonical(), expected.canonical);
    EXPECT_EQ(image_reference::parse(read.familiar()), read);
    EXPECT_EQ(image_reference::parse(read.canonical()), read);
  }
}

TEST(ImageReference, HasTagAndDigestAtOnce) {
  const image_reference read = image_reference::parse("127.0.0.1:5000/app:v1@" + digest);
  EXPECT_EQ(read.tag(), "v1");
  EXPECT_EQ(read.digest(), digest);
  EXPECT_TRUE(read.is_pinned());
  EXPECT_EQ(read.familiar(), "127.0.0.1:5000/app:v1@" + digest);
}

TEST(ImageReference, LosesTheDigestWithItsTag) {
  const image_reference pinned = image_reference::parse("app:v1@" + digest);
  EXPECT_EQ(pinned.with_tag("v2").familiar(), "app:v2");
  EXPECT_EQ(pinned.with_tag("").familiar(), "app");
  EXPECT_EQ(image_reference::parse("app:v1").with_digest(digest), pinned);
  EXPECT_EQ(pinned.with_digest("").familiar(), "app:v1");
}

TEST(ImageReference, IsLatestOnlyWithoutTagAndDigest) {
  EXPECT_EQ(image_reference::parse("app").with_default_tag().tag(), "latest");
  EXPECT_EQ(image_reference::parse("app:v1").with_default_tag().tag(), "v1");
  EXPECT_EQ(image_reference::parse("app@" + digest).with_default_tag().tag(), "");
}

TEST(ImageReference, SaysWhichPartIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "name is missing"},
      {":v1", "name is missing"},
      {"host.io/", "name is missing"},
      {"App", "lower case"},
      {"user/App", "lower case"},
      {"a..b", "\"a..b\""},
      {"a___b", "\"a___b\""},
      {"-a", "\"-a\""},
      {"a/", "\"\""},
      {"a//b", "\"\""},
      {"a b", "\"a b\""},
      {"https://host/app", "no registry"},
      {"app:", "the tag"},
      {"app:.v1", "the tag"},
      {"app:v1:v2", "app"},
      {"app:" + std::string(129, 'a'), "the tag"},
      {"app@sha256:abc", "the digest"},
      {"app@" + hex, "the digest"},
      {"app@sha256:" + std::string(64, 'A'), "the digest"},
      {"app@md5:" + std::string(32, 'a'), "the digest"},
      {hex, "an image's id"},
      {"host:123456/app", "no registry"},
      {"host.io/" + std::string(250, 'a'), "255"},
  };
  for (const auto& [text, reason] : cases) {
    try {
      image_reference::parse(text);
      ADD_FAILURE() << text << " was taken";
    } catch (const image_reference_error& failure) {
      EXPECT_THAT(failure.what(), testing::HasSubstr(reason)) << text;
    }
  }
}

}  // namespace
}  // namespace docker
