// Rules of create bodies one by one; whole projects stand in corpus_test.cpp.
#include "orchestration/project/create_body.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "corpus.hpp"

namespace orchestration {
namespace {

using docker::json;

// --- a service as a value ---

start_condition condition_of(const std::string& text) {
  if (text == "service_healthy") return start_condition::healthy;
  if (text == "service_completed_successfully") return start_condition::completed_successfully;
  return start_condition::started;
}

std::vector<std::string> by_priority(const json& networks) {
  std::vector<std::pair<std::int64_t, std::string>> sorted;
  if (networks.is_object())
    for (const auto& [key, settings] : networks.object_members())
      sorted.emplace_back(-settings.int64_at({"priority"}), key);
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::string> out;
  for (auto& [priority, key] : sorted) out.push_back(key);
  return out;
}

service service_of(const std::string& project, const std::string& name, const json& document) {
  service out;
  out.name = name;
  out.document = document;
  out.image = document.string_at({"image"}, project + "-" + name);
  out.container_name = document.string_at({"container_name"});
  if (const json* networks = document.find("networks")) out.networks = by_priority(*networks);
  if (const json* needed = document.find("depends_on"))
    for (const auto& [other, how] : needed->object_members()) {
      dependency d;
      d.service = other;
      d.condition = condition_of(how.string_at({"condition"}));
      d.restart = how.bool_at({"restart"});
      out.depends_on.push_back(d);
    }
  return out;
}

// --- what compose refuses, or sends though the engine would not honour it ---

create_request request_of(const std::string& name, const std::string& service, api_version api) {
  const project p = load_corpus_project("body_" + name).value;
  create_context context;
  context.api = api;
  return make_create_request(p, p.services.at(service), 1, context);
}

std::string refusal(const std::string& name, const std::string& service, api_version api) {
  try {
    request_of(name, service, api);
  } catch (const create_body_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CreateBody, RefusesWhatAnOldEngineWouldMountOtherwise) {
  EXPECT_EQ(refusal("image_volume", "web", {1, 47}),
            "services.web.volumes: a volume of type image needs Docker Engine 28 (API 1.48) or later");
  EXPECT_EQ(
      refusal("volume_subpath", "web", {1, 44}),
      "services.web.volumes: subpath needs Docker Engine 26 (API 1.45); an older one would mount the whole volume");
  EXPECT_EQ(refusal("bind_recursive", "web", {1, 43}),
            "services.web.volumes: bind.recursive: readonly needs Docker Engine 25 (API 1.44)");
}

TEST(CreateBody, RefusesSeveralMacAddressesOnAnOldEngine) {
  EXPECT_EQ(refusal("networks_recent", "web", {1, 41}),
            "services.web.networks.front.mac_address: needs Docker Engine 25 (API 1.44) for any but the first network");
}

TEST(CreateBody, GivesTheEndpointsMacAddressToTheContainerOnAnOldEngine) {
  const create_request request = request_of("mac_address_endpoint", "endpoint", {1, 41});
  EXPECT_EQ(request.body.string_at({"MacAddress"}), "02:42:ac:11:65:44");
  EXPECT_EQ(request.body.at("NetworkingConfig").to_text().find("MacAddress"), std::string::npos);
}

TEST(CreateBody, LeavesOutAStartIntervalThatTheEngineDoesNotKnow) {
  const create_request request = request_of("health_start_interval", "web", {1, 43});
  EXPECT_FALSE(request.body.at("Healthcheck").contains("StartInterval"));
  ASSERT_EQ(request.warnings.size(), 1U);
  EXPECT_EQ(request.warnings[0],
            "service web: healthcheck.start_interval needs Docker Engine 25 (API 1.44) and is left out");
}

TEST(CreateBody, LeavesOutNetworkOptionsThatTheEngineDoesNotKnow) {
  const create_request request = request_of("networks_recent", "web", {1, 47});
  EXPECT_EQ(request.warnings.size(), 3U);  // interface_name once, gw_priority twice
  EXPECT_EQ(request.body.to_text().find("GwPriority"), std::string::npos);
}

// --- single rules ---

project one_service(const json& document) {
  project p;
  p.name = "shop";
  p.working_dir = "/srv/shop";
  p.services["web"] = service_of("shop", "web", document);
  return p;
}

create_request request_for(const project& p, const create_context& context = {}) {
  return make_create_request(p, p.services.at("web"), 1, context);
}

std::string refusal(const project& p) {
  try {
    request_for(p);
  } catch (const create_body_error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CreateBody, LeavesLabelsOutThatAreNotKnownYet) {
  const json labels = request_for(one_service(json::object({{"image", "x"}}))).body.at("Labels");
  EXPECT_FALSE(labels.contains("com.docker.compose.image"));
  EXPECT_FALSE(labels.contains("com.docker.compose.config-hash"));
}

TEST(CreateBody, SortsTheDependsOnLabel) {
  project p = one_service(json::parse(
      R"({"image":"x","depends_on":{"z":{"condition":"service_healthy"},"a":{"condition":"service_started","restart":true}}})"));
  p.services["a"];
  p.services["z"];
  EXPECT_EQ(request_for(p).body.at("Labels").string_at({"com.docker.compose.depends_on"}),
            "a:service_started:true,z:service_healthy:false");
}

TEST(CreateBody, KeepsAReferenceToAServiceUntilItsContainerIsThere) {
  const project p = one_service(json::parse(
      R"({"image":"x","network_mode":"service:vpn","ipc":"service:vpn","pid":"service:vpn","volumes_from":["vpn:ro"]})"));
  json body = request_for(p).body;
  EXPECT_EQ(body.string_at({"HostConfig", "NetworkMode"}), "service:vpn");
  EXPECT_EQ(body.at("HostConfig").at("VolumesFrom").to_text(), R"(["service:vpn"])");
  resolve_containers(body, {{"vpn", "0123"}});
  for (const char* mode : {"NetworkMode", "IpcMode", "PidMode"})
    EXPECT_EQ(body.string_at({"HostConfig", mode}), "container:0123") << mode;
  EXPECT_EQ(body.at("HostConfig").at("VolumesFrom").to_text(), R"(["0123"])");
}

TEST(CreateBody, PutsTheServicesEnvironmentOverTheClients) {
  create_context context;
  context.client_environment = {{"HTTP_PROXY", "http://proxy"}, {"NO_PROXY", "a"}};
  const project p = one_service(json::parse(R"({"image":"x","environment":{"NO_PROXY":"b","Z":null}})"));
  EXPECT_EQ(request_for(p, context).body.at("Env").to_text(), R"(["HTTP_PROXY=http://proxy","NO_PROXY=b","Z"])");
}

TEST(CreateBody, TakesOverTheAnonymousVolumesOfTheOldContainer) {
  create_context context;
  inherited_mount old;
  old.type = "volume";
  old.source = "0123";
  old.target = "/data";
  context.inherited = {old};
  const project p = one_service(json::parse(
      R"({"image":"x","volumes":[{"type":"volume","target":"/data","volume":{}},{"type":"volume","target":"/new"}]})"));
  EXPECT_EQ(request_for(p, context).body.at("HostConfig").at("Mounts").to_text(),
            R"([{"Type":"volume","Source":"0123","Target":"/data"},{"Type":"volume","Target":"/new"}])");
}

TEST(CreateBody, HasNoNetworkWhereTheServiceHasNone) {
  const json body = request_for(one_service(json::parse(R"({"image":"x"})"))).body;
  EXPECT_EQ(body.string_at({"HostConfig", "NetworkMode"}), "none");
  EXPECT_FALSE(body.contains("NetworkingConfig"));
}

TEST(CreateBody, CountsCpusAsComposeDoes) {
  const json host =
      request_for(one_service(json::parse(R"({"image":"x","cpus":0.7,"cpu_percent":33.3})"))).body.at("HostConfig");
  EXPECT_EQ(host.int64_at({"NanoCpus"}), 700'000'000);
  EXPECT_EQ(host.int64_at({"CpuPercent"}), 3330);
}

TEST(CreateBody, RefusesADurationItCannotRead) {
  for (const char* text : {"", "1", "s", "1x", "1m30"})
    EXPECT_THROW(request_for(one_service(json::object({{"image", "x"}, {"stop_grace_period", text}}))),
                 docker::json_error)
        << text;
}

TEST(CreateBody, RefusesSecretsThatAreNoFiles) {
  project p = one_service(json::parse(R"({"image":"x","secrets":[{"source":"token"}]})"));
  EXPECT_EQ(refusal(p), "services.web.secrets: \"token\" is not defined; add it under the top-level secrets");
  p.secrets["token"].document = json::object({{"environment", "TOKEN"}});
  EXPECT_EQ(refusal(p), "services.web.secrets: \"token\" needs the environment variable TOKEN, which is not set");
  p.secrets["token"].document = json::object({{"driver", "vault"}});
  EXPECT_EQ(refusal(p), "services.web.secrets: \"token\" comes from a driver, which only Swarm has; give it a file");
  p.secrets["token"].external = true;
  EXPECT_EQ(refusal(p), "services.web.secrets: \"token\" is external, which only Swarm has; give it a file");
}

TEST(CreateBody, HasTheFilesThatComposeWrites) {
  project p = one_service(json::parse(
      R"({"image":"x","secrets":[{"source":"token","target":"/run/secrets/token"},{"source":"key","target":"app.key",
          "uid":"10","gid":"20","mode":"0400"},{"source":"none"}],
          "configs":[{"source":"app"},{"source":"motd","target":"/etc/motd"}]})"));
  p.secrets["token"].document = json::object({{"environment", "TOKEN"}});
  p.secrets["token"].content = "t0ken";
  p.secrets["key"].document = json::object({{"environment", "KEY"}});
  p.secrets["key"].content = "k";
  p.secrets["none"].document = json::object({{"environment", "NONE"}});
  p.secrets["none"].content = "";
  p.configs["app"].document = json::object({{"content", "a: b\n"}});
  p.configs["app"].content = "a: b\n";
  p.configs["motd"].document = json::object({{"environment", "MOTD"}});
  p.configs["motd"].content = "hello";
  const create_request made = request_for(p);
  const std::vector<placed_file> expected = {{"/run/secrets/token", "t0ken", 0444, 0, 0, false},
                                             {"/run/secrets/app.key", "k", 0400, 10, 20, true},
                                             {"/app", "a: b\n", 0444, 0, 0, false},
                                             {"/etc/motd", "hello", 0444, 0, 0, false}};
  EXPECT_EQ(made.files, expected);
  EXPECT_EQ(placed_files_from_json(to_json(made.files)), expected);
  EXPECT_EQ(made.body.at("HostConfig").find("Mounts"), nullptr);
  p.services.at("web").document["read_only"] = true;
  EXPECT_EQ(refusal(p),
            "services.web.secrets: \"token\" cannot be written into a container that is read_only; only a file can be "
            "mounted there");
}

TEST(CreateBody, RefusesWhatIsNoText) {
  project p = one_service(json::parse(R"({"image":"x","secrets":[{"source":"token"}]})"));
  p.secrets["token"].document = json::object({{"environment", "TOKEN"}});
  p.secrets["token"].content = "\xff\xfe";
  EXPECT_EQ(refusal(p), "services.web.secrets: \"token\" is not UTF-8 text; give it a file");
}

TEST(CreateBody, NamesTheServicesOfTheContainersThatItRefersTo) {
  json body = json::parse(R"({"HostConfig":{"NetworkMode":"container:1","IpcMode":"container:2","PidMode":"host",
                              "VolumesFrom":["1","3:ro"]}})");
  EXPECT_EQ(containers_joined_by(body.at("HostConfig")), (std::set<std::string>{"1", "2", "3"}));
  name_containers(body, {{"1", "vpn"}});
  EXPECT_EQ(
      body.at("HostConfig").to_text(),
      R"({"NetworkMode":"service:vpn","IpcMode":"container:2","PidMode":"host","VolumesFrom":["service:vpn","3:ro"]})");
  resolve_containers(body, {{"vpn", "9"}});
  EXPECT_EQ(body.string_at({"HostConfig", "NetworkMode"}), "container:9");
}

TEST(CreateBody, RefusesASeccompProfileItCannotRead) {
  const project p = one_service(json::parse(R"({"image":"x","security_opt":["seccomp=missing.json"]})"));
  EXPECT_EQ(refusal(p), "services.web.security_opt: cannot read the seccomp profile /srv/shop/missing.json");
}

TEST(CreateBody, RefusesANetworkThatIsNotDefined) {
  const project p = one_service(json::parse(R"({"image":"x","networks":{"back":null}})"));
  EXPECT_EQ(refusal(p), "services.web.networks: \"back\" is not defined; add it under the top-level networks");
}

TEST(NetworkBody, WritesTheHashOnlyWhenItIsKnown) {
  network n;
  n.key = "back";
  n.name = "shop_back";
  EXPECT_FALSE(network_create_body({}, n).at("Labels").contains("com.docker.compose.config-hash"));
  EXPECT_EQ(network_create_body({}, n, "0123").at("Labels").at("com.docker.compose.config-hash"), json("0123"));
  n.external = true;
  EXPECT_THROW(network_create_body({}, n), create_body_error);
}

TEST(VolumeBody, WritesTheHashOnlyWhenItIsKnown) {
  volume v;
  v.key = "data";
  v.name = "shop_data";
  EXPECT_FALSE(volume_create_body({}, v).at("Labels").contains("com.docker.compose.config-hash"));
  EXPECT_EQ(volume_create_body({}, v, "0123").at("Labels").at("com.docker.compose.config-hash"), json("0123"));
  v.external = true;
  EXPECT_THROW(volume_create_body({}, v), create_body_error);
}

}  // namespace
}  // namespace orchestration
