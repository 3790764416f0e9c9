// Create bodies from what a Docker Engine 20.10 (API 1.41) says about containers that run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;
using testing::ElementsAre;

constexpr api_version old_engine{1, 41};
constexpr api_version new_engine{1, 44};

json read_json(const std::string& name) {
  std::ifstream in(std::string(TEST_DATA_DIR) + "/inspect/" + name + ".json");
  return json::parse(std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>()));
}
json inspect_of(const std::string& name) { return read_json(name).at("inspect"); }

create_request again(const std::string& name, api_version api = old_engine) {
  const json recorded = read_json(name);
  return body_from_inspect(recorded.at("inspect"), api, recorded.at("image"));
}

std::vector<std::string> texts(const json* list) {
  std::vector<std::string> out;
  if (list != nullptr && list->is_array())
    for (const json& each : list->elements()) out.push_back(each.is_string() ? each.as_string() : each.to_text());
  return out;
}

const json* endpoint(const create_request& request, std::string_view network) {
  return request.body.path({"NetworkingConfig", "EndpointsConfig", network});
}

TEST(BodyFromInspect, TakesTheNameWithoutItsSlash) { EXPECT_EQ(again("opts").name, "opts"); }

TEST(BodyFromInspect, CarriesEveryOptionAsItStands) {
  const json inspect = inspect_of("opts");
  const json body = again("opts").body;
  const json& shown = inspect.at("HostConfig");
  const json& sent = body.at("HostConfig");
  for (const char* name :
       {"Binds",   "PortBindings", "RestartPolicy",  "LogConfig",   "CapAdd",  "Dns",     "ExtraHosts", "GroupAdd",
        "IpcMode", "OomScoreAdj",  "ReadonlyRootfs", "SecurityOpt", "ShmSize", "Sysctls", "Runtime",    "NanoCpus",
        "Memory",  "CgroupParent", "Devices",        "PidsLimit",   "Ulimits", "Init",    "MaskedPaths"})
    EXPECT_EQ(sent.at(name), shown.at(name)) << name;
  for (const char* name : {"Hostname", "Env", "Cmd", "Entrypoint", "Healthcheck", "Image", "Labels", "Tty", "OpenStdin",
                           "StopSignal", "StopTimeout", "ExposedPorts", "WorkingDir", "User"})
    EXPECT_EQ(body.at(name), inspect.at("Config").at(name)) << name;
}

TEST(BodyFromInspect, KeepsMembersItDoesNotKnow) {
  json inspect = inspect_of("opts");
  inspect["Config"]["Novelty"] = 1;
  inspect["HostConfig"]["Annotations"] = json::object({{"a", "b"}});
  const json body = body_from_inspect(inspect, old_engine).body;
  EXPECT_EQ(body.at("Novelty"), json(1));
  EXPECT_EQ(body.at("HostConfig").at("Annotations").at("a"), json("b"));
}

TEST(BodyFromInspect, DropsWhatTheEngineWroteForItself) {
  json inspect = inspect_of("opts");
  inspect["HostConfig"]["KernelMemory"] = 0;
  const json body = body_from_inspect(inspect, old_engine).body;
  for (const char* name : {"ContainerIDFile", "KernelMemory", "Isolation", "Cgroup"})
    EXPECT_FALSE(body.at("HostConfig").contains(name)) << name;
}

TEST(BodyFromInspect, GivesADeviceWithoutPermissionsTheUsualOnes) {
  json inspect = inspect_of("opts");
  inspect["HostConfig"]["Devices"].elements()[0]["CgroupPermissions"] = "";
  const json body = body_from_inspect(inspect, old_engine).body;
  EXPECT_EQ(body.at("HostConfig").at("Devices").elements()[0].string_at({"CgroupPermissions"}), "rwm");
}

TEST(BodyFromInspect, DropsHostNameAndAliasMadeFromTheId) {
  const std::string short_id = inspect_of("two").at("Id").as_string().substr(0, 12);
  const create_request request = again("two");
  EXPECT_FALSE(request.body.contains("Hostname"));
  ASSERT_NE(endpoint(request, "na"), nullptr);
  EXPECT_THAT(texts(endpoint(request, "na")->find("Aliases")), ElementsAre("al"));
}

TEST(BodyFromInspect, KeepsAHostNameThatTheUserGave) { EXPECT_EQ(again("opts").body.string_at({"Hostname"}), "h1"); }

TEST(BodyFromInspect, NamesAnonymousVolumesAndLeavesNamedOnesAlone) {
  const json inspect = inspect_of("named");
  std::map<std::string, std::string> shown;
  for (const json& mount : inspect.at("Mounts").elements())
    shown[mount.string_at({"Destination"})] = mount.string_at({"Name"});
  const json host = again("named").body.at("HostConfig");
  EXPECT_THAT(texts(host.find("Binds")), ElementsAre("vol:/data"));
  std::map<std::string, std::string> sent;
  for (const json& mount : host.at("Mounts").elements())
    sent[mount.string_at({"Target"})] = mount.string_at({"Source"});
  EXPECT_THAT(sent, ElementsAre(std::pair{"/anon", shown.at("/anon")}, std::pair{"/anon2", shown.at("/anon2")}));
  EXPECT_EQ(host.at("Tmpfs"), inspect.at("HostConfig").at("Tmpfs"));
}

TEST(BodyFromInspect, NamesTheVolumesOfTheImage) {
  const json mounts = again("plain").body.at("HostConfig").at("Mounts");
  ASSERT_EQ(mounts.size(), 1U);
  EXPECT_EQ(mounts.elements()[0].string_at({"Target"}), "/data");
  EXPECT_EQ(mounts.elements()[0].string_at({"Source"}).size(), 64U);
}

TEST(BodyFromInspect, LeavesVolumesOfOtherContainersToVolumesFrom) {
  const json host = again("vf").body.at("HostConfig");
  EXPECT_THAT(texts(host.find("VolumesFrom")), ElementsAre("named"));
  EXPECT_TRUE(host.find("Mounts") == nullptr || host.at("Mounts").empty());
}

TEST(BodyFromInspect, SaysWhenTheEntrypointWasTakenAway) {
  const json recorded = read_json("cleared");
  EXPECT_THAT(
      texts(body_from_inspect(recorded.at("inspect"), old_engine, recorded.at("image")).body.find("Entrypoint")),
      ElementsAre(""));
  EXPECT_THAT(texts(body_from_inspect(recorded.at("inspect"), old_engine).body.find("Entrypoint")), ElementsAre(""));
}

TEST(BodyFromInspect, SaysNothingOfAnEntrypointThatNeverWas) {
  const json recorded = read_json("vf");  // its image has only a command
  EXPECT_FALSE(body_from_inspect(recorded.at("inspect"), old_engine, recorded.at("image")).body.contains("Entrypoint"));
}

TEST(BodyFromInspect, RepeatsAnOwnEntrypointWithItsCommand) {
  const json body = again("ownep").body;
  EXPECT_THAT(texts(body.find("Entrypoint")), ElementsAre("sleep"));
  EXPECT_THAT(texts(body.find("Cmd")), ElementsAre("1000"));
}

TEST(BodyFromInspect, ConnectsFurtherNetworksAfterwardsOnOldEngines) {
  const create_request request = again("two");
  EXPECT_EQ(endpoint(request, "nb"), nullptr);
  ASSERT_EQ(request.connect_after.size(), 1U);
  EXPECT_EQ(request.connect_after[0].first, "nb");
  EXPECT_EQ(request.connect_after[0].second.to_text(), R"({"Aliases":["x"]})");
}

TEST(BodyFromInspect, SendsAllNetworksAtOnceToNewEngines) {
  const create_request request = again("two", new_engine);
  EXPECT_NE(endpoint(request, "na"), nullptr);
  EXPECT_NE(endpoint(request, "nb"), nullptr);
  EXPECT_TRUE(request.connect_after.empty());
}

TEST(BodyFromInspect, ConnectsUserNetworksBesideTheDefaultBridge) {
  const create_request request = again("plain", new_engine);
  EXPECT_EQ(request.body.string_at({"HostConfig", "NetworkMode"}), "default");
  EXPECT_FALSE(request.body.contains("NetworkingConfig"));
  ASSERT_EQ(request.connect_after.size(), 1U);
  EXPECT_EQ(request.connect_after[0].first, "nb");
}

TEST(BodyFromInspect, SendsTheNetworksNameForItsId) {
  const create_request request = again("netid");
  EXPECT_EQ(request.body.string_at({"HostConfig", "NetworkMode"}), "nb");
  EXPECT_NE(endpoint(request, "nb"), nullptr);
}

TEST(BodyFromInspect, SendsWishesAndNoResultsForAnEndpoint) {
  const create_request request = again("neta");
  EXPECT_EQ(endpoint(request, "na")->to_text(), R"({"Aliases":["al"],"IPAMConfig":{"IPv4Address":"172.31.0.9"}})");
}

TEST(BodyFromInspect, PutsAMacAddressWhereTheEngineWantsIt) {
  EXPECT_EQ(again("neta").body.string_at({"MacAddress"}), "02:42:ac:11:00:78");
  const create_request request = again("neta", new_engine);
  EXPECT_FALSE(request.body.contains("MacAddress"));
  EXPECT_EQ(endpoint(request, "na")->string_at({"MacAddress"}), "02:42:ac:11:00:78");
}

TEST(BodyFromInspect, NeverPinsAMacAddressThatTheEngineChose) {
  for (const api_version api : {old_engine, new_engine})
    EXPECT_EQ(again("two", api).body.to_text().find("02:42:"), std::string::npos);
}

TEST(BodyFromInspect, WritesLinksAsTheyAreSent) {
  EXPECT_THAT(texts(again("linked").body.path({"HostConfig", "Links"})), ElementsAre("plain:pl"));
}

TEST(BodyFromInspect, SendsNothingOfItsOwnNetworkWhenItSharesAnothers) {
  const create_request request = again("shared");
  const json& host = request.body.at("HostConfig");
  EXPECT_TRUE(host.string_at({"NetworkMode"}).starts_with("container:"));
  for (const char* name : {"Hostname", "Domainname", "ExposedPorts", "MacAddress", "NetworkingConfig"})
    EXPECT_FALSE(request.body.contains(name)) << name;
  for (const char* name : {"PortBindings", "Dns", "DnsOptions", "DnsSearch", "Links", "ExtraHosts"})
    EXPECT_TRUE(host.find(name) == nullptr || host.at(name).empty()) << name;
}

TEST(BodyFromInspect, SendsNoHostNameBesideTheHostsUtsNamespace) {
  EXPECT_FALSE(again("utshost").body.contains("Hostname"));
}

TEST(BodyFromInspect, SendsNoEndpointForTheHostsNetwork) {
  EXPECT_FALSE(again("hostnet").body.contains("NetworkingConfig"));
}

TEST(BodyFromInspect, WarnsOfAContainerThatVanishesWhenItStops) {
  json inspect = inspect_of("opts");
  EXPECT_TRUE(body_from_inspect(inspect, old_engine).warnings.empty());
  inspect["HostConfig"]["AutoRemove"] = true;
  EXPECT_THAT(body_from_inspect(inspect, old_engine).warnings,
              ElementsAre("container opts is removed by the engine as soon as it stops"));
}

TEST(BodyFromInspect, RefusesWhatIsNoInspectAnswer) {
  EXPECT_THROW(body_from_inspect(json::object({{"message", "No such container"}}), old_engine), docker::json_error);
}

// --- anonymous volumes of a container that is replaced ---

json old_container(std::initializer_list<json> mounts) { return json::object({{"Mounts", json(json::array(mounts))}}); }
json shown_mount(const char* type, const char* name, const char* destination, bool writable = true) {
  return json::object({{"Type", type},
                       {"Name", name},
                       {"Source", std::string("/host/") + name},
                       {"Destination", destination},
                       {"RW", writable}});
}
json image_with_volume(const char* path) {
  return json::object({{"Volumes", json::object({{path, json::make_object()}})}});
}
json body_with(const char* member, const char* list) {
  return json::object({{"HostConfig", json::object({{member, json::parse(list)}})}});
}
std::string mounts_text(const json& body) {
  const json* mounts = body.path({"HostConfig", "Mounts"});
  return mounts == nullptr ? "none" : mounts->to_text();
}

TEST(CarryAnonymousVolumes, GivesThoseOfTheImageToTheSuccessor) {
  json body = json::make_object();
  carry_anonymous_volumes(body, old_container({shown_mount("volume", "0123", "/data")}), image_with_volume("/data/"));
  EXPECT_EQ(mounts_text(body), R"([{"Type":"volume","Source":"0123","Target":"/data"}])");
}

TEST(CarryAnonymousVolumes, GivesThoseOfTheServiceToTheSuccessor) {
  json body = body_with("Mounts", R"([{"Type":"volume","Target":"/data"},{"Type":"volume","Target":"/other"}])");
  carry_anonymous_volumes(body, old_container({shown_mount("volume", "0123", "/data", false)}), json());
  EXPECT_EQ(
      mounts_text(body),
      R"([{"Type":"volume","Source":"0123","Target":"/data","ReadOnly":true},{"Type":"volume","Target":"/other"}])");
}

TEST(CarryAnonymousVolumes, LeavesWhatTheServiceMountsItself) {
  const json old = old_container({shown_mount("volume", "0123", "/data")});
  for (json body : {body_with("Binds", R"(["shop_data:/data:rw"])"),
                    body_with("Mounts", R"([{"Type":"volume","Source":"shop_data","Target":"/data"}])"),
                    body_with("Tmpfs", R"({"/data":""})")}) {
    const std::string before = body.to_text();
    carry_anonymous_volumes(body, old, image_with_volume("/data"));
    EXPECT_EQ(body.to_text(), before);
  }
}

TEST(CarryAnonymousVolumes, LeavesWhatNeitherImageNorServiceDeclaresAnyMore) {
  json body = json::make_object();
  carry_anonymous_volumes(body, old_container({shown_mount("volume", "0123", "/gone")}), image_with_volume("/data"));
  EXPECT_EQ(mounts_text(body), "none");
}

TEST(CarryAnonymousVolumes, CarriesABindByItsHostPathAndNoTmpfs) {
  json body = json::make_object();
  carry_anonymous_volumes(body, old_container({shown_mount("bind", "x", "/data"), shown_mount("tmpfs", "", "/t")}),
                          json::object({{"Volumes", json::parse(R"({"/data":{},"/t":{}})")}}));
  EXPECT_EQ(mounts_text(body), R"([{"Type":"bind","Source":"/host/x","Target":"/data"}])");
}

TEST(CarryAnonymousVolumes, TwiceIsOnce) {
  const json old = old_container({shown_mount("volume", "0123", "/data"), shown_mount("volume", "4567", "/own")});
  json body = body_with("Mounts", R"([{"Type":"volume","Target":"/own"}])");
  carry_anonymous_volumes(body, old, image_with_volume("/data"));
  const json once = body;
  carry_anonymous_volumes(body, old, image_with_volume("/data"));
  EXPECT_EQ(body, once);
}

}  // namespace
}  // namespace orchestration
