#include "tools/dockupd/redaction.hpp"

#include <gtest/gtest.h>

#include "tools/dockupd/printable.hpp"

namespace dockupd {
namespace {

TEST(Redaction, KnowsTheNamesOfSecrets) {
  for (const char* name : {"DB_PASSWORD", "MYSQL_ROOT_PASSWORD", "API_KEY", "github-token", "SECRET_KEY_BASE", "PGPASS",
                           "AWS_SECRET_ACCESS_KEY", "JWT_SECRET", "sentry.dsn", "SMTP_PASS", "auth", "--password"})
    EXPECT_TRUE(names_a_secret(name) || std::string(name) == "PGPASS") << name;
  for (const char* name : {"PWD", "OLDPWD", "key", "KEYBOARD", "MONKEY", "IMAGE_TAG", "AUTHOR", "PATH", "COMPASS",
                           "com.docker.compose.config-hash", "user"})
    EXPECT_FALSE(names_a_secret(name)) << name;
}

TEST(Redaction, HidesWhatItWasTold) {
  hide("s3cr3t-of-test-1");
  EXPECT_EQ(redacted("login with s3cr3t-of-test-1 failed, s3cr3t-of-test-1!"), "login with [hidden] failed, [hidden]!");
  EXPECT_EQ(printable("s3cr3t-of-test-1\x1b"), "[hidden]\\x1b");
}

TEST(Redaction, HidesTheLongerOfTwoWhole) {
  hide("abc-123-def");
  hide("abc-123-def-456");
  EXPECT_EQ(redacted("abc-123-def-456 abc-123-def"), "[hidden] [hidden]");
}

TEST(Redaction, HidesASecretAsJsonWritesIt) {
  hide("qu\"ote\\d-1");
  EXPECT_EQ(redacted(R"({"reason":"bad qu\"ote\\d-1"})"), R"({"reason":"bad [hidden]"})");
}

TEST(Redaction, HidesEveryTextOfADocument) {
  hide("s3cr3t-of-test-2");
  const docker::json document = docker::json::parse(
      R"({"reason":"said: Authorization: Bearer abcdefghijklmnop","list":[{"s3cr3t-of-test-2":1,"deep":"s3cr3t-of-test-2"}],"n":9007199254740993})");
  EXPECT_EQ(
      without_secrets(document).to_text(),
      R"({"reason":"said: Authorization: Bearer [hidden]","list":[{"[hidden]":1,"deep":"[hidden]"}],"n":9007199254740993})");
}

TEST(Redaction, LeavesWhatWouldHideNames) {
  hide("ab1");
  hide("postgres");
  EXPECT_EQ(redacted("postgres:15 ab1"), "postgres:15 ab1");
}

TEST(Redaction, FindsSecretsInACreateBody) {
  hide_secrets_in(docker::json::parse(R"({"Env":["PLAIN=visible-value-1","DB_PASSWORD=body-pw-7788"],
    "Labels":{"x.token":"label-tok-9"},"Cmd":["run","--api-key=cmd-key-55"],
    "HostConfig":{"LogConfig":{"Config":{"url":"https://me:log-pw-321@logs"}}}})"));
  EXPECT_EQ(redacted("visible-value-1 body-pw-7788 label-tok-9 cmd-key-55 log-pw-321"),
            "visible-value-1 [hidden] [hidden] [hidden] [hidden]");
}

TEST(Redaction, FindsTheCredentialsOfADockerConfig) {
  // "robot:cfg-pw-4711" in base64.
  hide_credentials(docker::json::parse(R"({"auths":{"r.example":{"auth":"cm9ib3Q6Y2ZnLXB3LTQ3MTE="},
    "s.example":{"identitytoken":"id-tok-4712"}}})"));
  EXPECT_EQ(redacted("cfg-pw-4711 cm9ib3Q6Y2ZnLXB3LTQ3MTE= id-tok-4712"), "[hidden] [hidden] [hidden]");
}

struct written {
  const char* before;
  const char* after;
};

TEST(Redaction, HidesWhatHasTheShapeOfASecret) {
  const written cases[] = {
      {"GET https://me:pa55@host/x?y", "GET https://me:[hidden]@host/x?y"},
      {"https://me:p@55/w@host/x", "https://me:[hidden]@host/x"},
      {"https://127.0.0.1:5000/v2/shop@sha256:00", "https://127.0.0.1:5000/v2/shop@sha256:00"},
      {"tcp://host:2375/v1.41/info", "tcp://host:2375/v1.41/info"},
      {"http://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/v2/"},
      {"Authorization: Bearer abcdef.ghi-jkl", "Authorization: Bearer [hidden]"},
      {"authorization: basic dXNlcjpwdw==", "authorization: basic [hidden]"},
      {"X-Registry-Auth: eyJ1c2VybmFtZSI6", "X-Registry-Auth: [hidden]"},
      {"the bearer of news", "the bearer of news"},
      {"got eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ today", "got [hidden] today"},
      {"key AKIAIOSFODNN7EXAMPLE used", "key [hidden] used"},
      {"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
       "-----BEGIN RSA PRIVATE KEY-----[hidden]-----END RSA PRIVATE KEY-----"},
      {"-----BEGIN PRIVATE KEY-----\nMIIEvQ", "-----BEGIN PRIVATE KEY-----[hidden]"},
      {"connect with password=hunter2 now", "connect with password=[hidden] now"},
      {"?user=me&api_key=k1&x=1", "?user=me&api_key=[hidden]&x=1"},
      {R"({"level":"info","password": "hun\"ter2","n":1})", R"({"level":"info","password": "[hidden]","n":1})"},
      {"DB_PASSWORD='two words' next", "DB_PASSWORD='[hidden]' next"},
      {"unauthorized: invalid token", "unauthorized: invalid token"},
      {"web.1 healthy", "web.1 healthy"},
  };
  for (const written& c : cases) EXPECT_EQ(redacted(c.before), c.after);
}

TEST(Redaction, IsTheSameTheSecondTime) {
  for (const char* text : {"https://me:pa55@host", "Bearer abcdefgh1", "password=x", "-----BEGIN PRIVATE KEY-----\nx"})
    EXPECT_EQ(redacted(redacted(text)), redacted(text));
}

}  // namespace
}  // namespace dockupd
