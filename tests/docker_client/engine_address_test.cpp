#include "docker_client/engine_address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace docker {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string failure_of(const std::function<void()>& doing) {
  try {
    doing();
  } catch (const address_error& failure) {
    return failure.what();
  }
  return "it did not fail";
}

TEST(EngineAddress, ReadsUnixSockets) {
  const engine_address read = parse_engine_address("unix:///run/user/1000/docker.sock");
  EXPECT_EQ(read.transport, transport::unix_socket);
  EXPECT_EQ(read.socket_path, "/run/user/1000/docker.sock");
  EXPECT_TRUE(read.is_local());
}

TEST(EngineAddress, RefusesASocketPathThatTheKernelCannotHold) {
  EXPECT_NO_THROW(parse_engine_address("unix:///" + std::string(106, 'x')));
  EXPECT_THAT(failure_of([] { parse_engine_address("unix:///" + std::string(107, 'x')); }), HasSubstr("108 bytes"));
}

TEST(EngineAddress, ReadsNetworkAddresses) {
  const engine_address plain = parse_engine_address("tcp://10.0.0.1");
  EXPECT_EQ(plain.transport, transport::tcp);
  EXPECT_EQ(plain.host, "10.0.0.1");
  EXPECT_EQ(plain.port, "2375");
  EXPECT_FALSE(plain.is_local());
  const engine_address full = parse_engine_address("tcp://[::1]:99/engines/one/");
  EXPECT_EQ(full.host, "::1");
  EXPECT_EQ(full.port, "99");
  EXPECT_EQ(full.base_path, "/engines/one");
  EXPECT_EQ(parse_engine_address("http://proxy:8080").transport, transport::tcp);
  EXPECT_EQ(parse_engine_address("https://proxy").transport, transport::tls);
}

TEST(EngineAddress, ReadsSsh) {
  const engine_address read = parse_engine_address("ssh://me@host:2222/run/docker.sock");
  EXPECT_EQ(read.transport, transport::ssh);
  EXPECT_EQ(read.host, "me@host");
  EXPECT_EQ(read.port, "2222");
  EXPECT_EQ(read.socket_path, "/run/docker.sock");
}

TEST(EngineAddress, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "write unix://"},
      {"/var/run/docker.sock", "write unix://"},
      {"npipe:////./pipe/docker", "write unix://"},
      {"unix://relative.sock", "absolute path"},
      {"tcp://host:port", "no port"},
      {"tcp://host:70000", "no port"},
      {"tcp://host:", "is missing"},
      {"tcp://[::1", "\"]\" is missing"},
      {"tcp://u:p@host", "passwords do not belong"},
      {"tcp://host/?x", "do not belong"},
      {"tcp://host/a b", "spaces and control"},
      {"tcp://host/a\r\nX: y", "spaces and control"},
      {"ssh://me:secret@host", "a password"},
      {"ssh://-oProxyCommand=x", "host is missing"},
  };
  for (const auto& [text, reason] : cases)
    EXPECT_THAT(failure_of([&] { parse_engine_address(text); }), HasSubstr(reason)) << text;
}

// A docker configuration with the context "prod".
class ResolveEngineAddress : public testing::Test {
 protected:
  ResolveEngineAddress() {
    std::string name = (fs::temp_directory_path() / "config-XXXXXX").string();
    folder = ::mkdtemp(name.data());
    variables["DOCKER_CONFIG"] = folder.string();
    write("contexts/meta/" + prod + "/meta.json",
          R"({"Name":"prod","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://prod:1","SkipTLSVerify":false}}})");
  }
  ~ResolveEngineAddress() override { fs::remove_all(folder); }

  void write(const std::string& path, std::string_view text) const {
    fs::create_directories((folder / path).parent_path());
    std::ofstream(folder / path) << text;
  }
  engine_address resolve(std::string_view host = {}, std::string_view context = {}) const {
    return resolve_engine_address(host, context, [this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    });
  }

  const std::string prod = "6754af9632a2745e85c293e5aac0863370d9bd3330b9938c00cadfd215227d77";
  fs::path folder;
  std::map<std::string, std::string, std::less<>> variables;
};

TEST_F(ResolveEngineAddress, IsTheUsualSocketWhenNothingIsSaid) {
  EXPECT_EQ(resolve().text, "unix:///var/run/docker.sock");
  variables.clear();
  EXPECT_EQ(resolve().socket_path, "/var/run/docker.sock");
}

TEST_F(ResolveEngineAddress, TakesTheFirstThatSpeaksInDockersOrder) {
  write("config.json", R"({"currentContext":"prod"})");
  EXPECT_EQ(resolve().host, "prod");
  variables["DOCKER_CONTEXT"] = "default";
  EXPECT_EQ(resolve().text, "unix:///var/run/docker.sock");
  variables["DOCKER_HOST"] = "tcp://env:2";
  EXPECT_EQ(resolve().host, "env");
  EXPECT_EQ(resolve().origin, "DOCKER_HOST");
  EXPECT_EQ(resolve("tcp://flag:3").host, "flag");
  EXPECT_EQ(resolve("tcp://flag:3").origin, "--host");
  EXPECT_EQ(resolve("tcp://flag:3", "prod").host, "prod");
  EXPECT_EQ(resolve("", "prod").origin, "context prod, chosen by --context");
  EXPECT_EQ(resolve("", "default").host, "env");
}

TEST_F(ResolveEngineAddress, NeverFallsBackFromWhatWasAskedFor) {
  variables["DOCKER_HOST"] = "nonsense";
  EXPECT_THAT(failure_of([&] { resolve(); }), HasSubstr("(from DOCKER_HOST)"));
  EXPECT_THAT(failure_of([&] { resolve("", "staging"); }), HasSubstr("there is no docker context \"staging\""));
  write("config.json", "{");
  variables.erase("DOCKER_HOST");
  EXPECT_THAT(failure_of([&] { resolve(); }), HasSubstr("config.json: not JSON"));
}

TEST_F(ResolveEngineAddress, ExpectsTlsWhereItIsConfigured) {
  variables["DOCKER_HOST"] = "tcp://env";
  variables["DOCKER_TLS_VERIFY"] = "1";
  EXPECT_EQ(resolve().transport, transport::tls);
  EXPECT_EQ(resolve().port, "2376");
  EXPECT_EQ(resolve("unix:///s").transport, transport::unix_socket);
  variables.clear();
  variables["DOCKER_CONFIG"] = folder.string();
  fs::create_directories(folder / "contexts/tls" / prod);
  EXPECT_EQ(resolve("", "prod").transport, transport::tls);
}

TEST_F(ResolveEngineAddress, LooksForTheConfigurationAtHome) {
  variables.clear();
  variables["HOME"] = "/home/me";
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
  EXPECT_EQ(docker_config_directory(lookup), "/home/me/.docker");
  variables["DOCKER_CONFIG"] = "/etc/docker-client";
  EXPECT_EQ(docker_config_directory(lookup), "/etc/docker-client");
}

}  // namespace
}  // namespace docker
