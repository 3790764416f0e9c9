// What differs between a container and its service, in words.
#include "orchestration/plan/difference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

using docker::json;
using testing::ElementsAre;
using testing::IsEmpty;

json parsed(const char* text) { return json::parse(text); }

/// A container that shows what was asked for, with what an engine adds to it.
observed_container shown(const json& body) {
  json config = body;
  config.erase("HostConfig");
  config.erase("NetworkingConfig");
  json host = parsed(R"({"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "ShmSize": 67108864,
      "LogConfig": {"Type": "json-file", "Config": {}}, "IpcMode": "private", "CgroupnsMode": "host", "Runtime": "runc",
      "Memory": 0, "CapAdd": null, "Binds": null, "NetworkMode": "default", "Dns": [], "PidsLimit": null})");
  if (const json* given = body.find("HostConfig"))
    for (const auto& [name, value] : given->object_members()) host[name] = value;
  json out = parsed(R"({"Id": "0123456789abcdef", "Name": "/shop-web-1", "Image": "sha256:1", "Mounts": [],
      "State": {"Status": "running", "ExitCode": 0}, "NetworkSettings": {"Networks": {}}})");
  if (const json* endpoints = body.path({"NetworkingConfig", "EndpointsConfig"}))
    for (const auto& [name, endpoint] : endpoints->object_members()) {
      json& there = out["NetworkSettings"]["Networks"][name];
      there = endpoint;
      there["Aliases"].push_back("0123456789ab");
      there["NetworkID"] = "1";
    }
  config["Hostname"] = "0123456789ab";
  out["Config"] = std::move(config);
  out["HostConfig"] = std::move(host);
  return container_from_inspect(out);
}

json basic() {
  return parsed(R"({"Image": "shop:v1", "Env": ["LOG_LEVEL=info", "SECRET=canary"], "Cmd": ["run"],
      "Labels": {"a": "b", "com.docker.compose.project": "shop", "com.docker.compose.config-hash": "1"},
      "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}, "Binds": ["data:/data:rw"],
                     "CapAdd": ["NET_ADMIN"]},
      "NetworkingConfig": {"EndpointsConfig": {"shop_default": {"Aliases": ["shop-web-1", "web"]}}}})");
}

std::vector<std::string> between(const json& was, const json& is, const difference_context& context = {}) {
  return differences(shown(was), is, context);
}

TEST(Difference, IsNoneWhereTheEngineShowsWhatWasAskedFor) {
  EXPECT_THAT(between(basic(), basic()), IsEmpty());
  EXPECT_THAT(between(json::make_object(), json::make_object()), IsEmpty());
}

TEST(Difference, NamesVariablesAndNeverTheirValues) {
  json is = basic();
  is["Env"] = parsed(R"(["LOG_LEVEL=debug", "SECRET=other canary", "NEW=1"])");
  EXPECT_THAT(between(basic(), is), ElementsAre("environment: LOG_LEVEL, SECRET changed; NEW added"));
  is["Env"] = parsed(R"(["LOG_LEVEL=info"])");
  EXPECT_THAT(between(basic(), is), IsEmpty()) << "the image may have it";
  difference_context context;
  context.image_config = parsed(R"({"Env": ["PATH=/bin"]})");
  EXPECT_THAT(between(basic(), is, context), ElementsAre("environment: SECRET removed"));
}

TEST(Difference, CountsManyNames) {
  json is = basic();
  for (const char* name : {"A", "B", "C", "D", "E", "F", "G", "H"}) is["Env"].push_back(std::string(name) + "=1");
  EXPECT_THAT(between(basic(), is), ElementsAre("environment: A, B, C, D, E, F and 2 more added"));
}

TEST(Difference, LeavesOutWhatTheImageGives) {
  json was = basic();
  was["Env"].push_back("PATH=/bin");
  was["Labels"]["vendor"] = "x";
  was["User"] = "app";
  was["Healthcheck"] = parsed(R"({"Test": ["CMD", "ok"]})");
  difference_context context;
  context.image_config = parsed(
      R"({"Env": ["PATH=/bin"], "Labels": {"vendor": "x"}, "User": "app", "Healthcheck": {"Test": ["CMD", "ok"]}})");
  EXPECT_THAT(between(was, basic(), context), IsEmpty());
  was["User"] = "root";
  EXPECT_THAT(between(was, basic(), context), ElementsAre("user changed"));
}

TEST(Difference, NamesTheEnvFileAVariableComesFrom) {
  json is = basic();
  is["Env"] = parsed(R"(["LOG_LEVEL=debug", "SECRET=other", "IMAGE_TAG=v2"])");
  json was = basic();
  was["Env"].push_back("IMAGE_TAG=v1");
  difference_context context;
  context.env_files = {{"SECRET", "app.env"}, {"IMAGE_TAG", ".env"}};
  EXPECT_THAT(between(was, is, context),
              ElementsAre("env_file .env: IMAGE_TAG changed", "env_file app.env: SECRET changed",
                          "environment: LOG_LEVEL changed"));
  context.pin_variable = "IMAGE_TAG";
  context.pin_file = ".env";
  EXPECT_THAT(between(was, is, context),
              ElementsAre("its env_file .env has IMAGE_TAG", "env_file app.env: SECRET changed",
                          "environment: LOG_LEVEL changed"));
}

TEST(Difference, NamesLabelsButNotComposes) {
  json is = basic();
  is["Labels"] = parsed(R"({"a": "c", "d": "e", "com.docker.compose.config-hash": "2"})");
  EXPECT_THAT(between(basic(), is), ElementsAre("labels: a changed; d added"));
}

TEST(Difference, NamesPortsAndVolumes) {
  json is = basic();
  is["HostConfig"]["PortBindings"] = parsed(R"({"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]})");
  is["HostConfig"]["Binds"] = parsed(R"(["data:/data:ro", "/srv/in:/in"])");
  EXPECT_THAT(between(basic(), is), ElementsAre("ports: 127.0.0.1:8081:80/tcp added; 8080:80/tcp removed",
                                                "volumes: /data changed; /in added"));
  EXPECT_THAT(between(is, basic()), ElementsAre("ports: 8080:80/tcp added; 127.0.0.1:8081:80/tcp removed",
                                                "volumes: /data changed; /in removed"));
}

TEST(Difference, TakesACarriedAnonymousVolumeForWhatItIs) {
  json was = basic();
  was["HostConfig"]["Mounts"] = parsed(R"([{"Type": "volume", "Target": "/var/lib/x",
      "Source": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}])");
  EXPECT_THAT(between(was, basic()), IsEmpty());
  json is = basic();
  is["HostConfig"]["Mounts"] = parsed(R"([{"Type": "volume", "Target": "/var/lib/x"}])");
  EXPECT_THAT(between(was, is), IsEmpty());
}

TEST(Difference, NamesNetworksAliasesAndAddresses) {
  json is = basic();
  json& endpoints = is["NetworkingConfig"]["EndpointsConfig"];
  endpoints["shop_back"] = parsed(R"({"Aliases": ["web"]})");
  endpoints["shop_default"] =
      parsed(R"({"Aliases": ["shop-web-1", "web", "api"], "IPAMConfig": {"IPv4Address": "10.0.0.2"}})");
  EXPECT_THAT(between(basic(), is),
              ElementsAre("networks: shop_back added", "networks: address on shop_default changed",
                          "networks: aliases on shop_default changed"));
  json joined = basic();
  joined.erase("NetworkingConfig");
  joined["HostConfig"]["NetworkMode"] = "host";
  EXPECT_THAT(between(basic(), joined), ElementsAre("network_mode changed"));
}

struct member_case {
  const char* body;
  const char* word;
};
void PrintTo(const member_case& c, std::ostream* out) { *out << c.word; }
class DifferenceOf : public testing::TestWithParam<member_case> {};

TEST_P(DifferenceOf, IsNamedInBothDirections) {
  json is = json::make_object();
  is["HostConfig"] = json::make_object();
  const json more = parsed(GetParam().body);
  for (const auto& [name, value] : more.object_members()) is[name] = value;
  difference_context context;
  context.image_config = json::make_object();
  EXPECT_THAT(between(json::make_object(), is, context), ElementsAre(std::string(GetParam().word) + " changed"));
  EXPECT_THAT(between(is, json::make_object(), context), ElementsAre(std::string(GetParam().word) + " changed"));
  EXPECT_THAT(between(is, is, context), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Attributes, DifferenceOf,
    testing::Values(
        member_case{R"({"Cmd": ["a", "b"]})", "command"}, member_case{R"({"Entrypoint": ["a"]})", "entrypoint"},
        member_case{R"({"User": "1000"})", "user"}, member_case{R"({"WorkingDir": "/app"})", "working_dir"},
        member_case{R"({"StopSignal": "SIGINT"})", "stop_signal"},
        member_case{R"({"StopTimeout": 30})", "stop_grace_period"},
        member_case{R"({"Healthcheck": {"Test": ["NONE"]}})", "healthcheck"}, member_case{R"({"Tty": true})", "tty"},
        member_case{R"({"OpenStdin": true})", "stdin_open"},
        member_case{R"({"HostConfig": {"Privileged": true}})", "privileged"},
        member_case{R"({"HostConfig": {"ReadonlyRootfs": true}})", "read_only"},
        member_case{R"({"HostConfig": {"Memory": 1048576}})", "mem_limit"},
        member_case{R"({"HostConfig": {"NanoCpus": 500000000}})", "cpus"},
        member_case{R"({"HostConfig": {"ShmSize": 1048576}})", "shm_size"},
        member_case{R"({"HostConfig": {"IpcMode": "host"}})", "ipc"},
        member_case{R"({"HostConfig": {"Init": true}})", "init"},
        member_case{R"({"HostConfig": {"CapDrop": ["ALL"]}})", "cap_drop"},
        member_case{R"({"HostConfig": {"ExtraHosts": ["a:1.2.3.4"]}})", "extra_hosts"},
        member_case{R"({"HostConfig": {"Sysctls": {"net.core.somaxconn": "1"}}})", "sysctls"},
        member_case{R"({"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}})", "ulimits"},
        member_case{R"({"HostConfig": {"RestartPolicy": {"Name": "always"}}})", "restart"},
        member_case{R"({"HostConfig": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}})", "logging"},
        member_case{R"({"HostConfig": {"Tmpfs": {"/run": ""}}})", "tmpfs"},
        member_case{R"({"HostConfig": {"Devices": [{"PathOnHost": "/dev/fuse"}]}})", "devices"}));

TEST(Difference, TakesCapabilitiesWithAndWithoutTheirPrefix) {
  json was = basic();
  was["HostConfig"]["CapAdd"] = parsed(R"(["CAP_NET_ADMIN"])");
  EXPECT_THAT(between(was, basic()), IsEmpty());
}

TEST(Difference, TakesNoDisarmedContainerForAnotherRestartPolicy) {
  json is = basic();
  is["HostConfig"]["RestartPolicy"] = parsed(R"({"Name": "always"})");
  observed_container c = shown(basic());
  set_state(c, container_state::exited);
  EXPECT_THAT(differences(c, is, {}), IsEmpty());
}

// --- per service -------------------------------------------------------------------------------------------------

std::string looked_ahead(const project& desired, const observed_state& observed,
                         const reconcile_options& o = options()) {
  return services_text(plan_update(desired, observed, o).services);
}

observed_state shop_runs() {
  observed_state s = run(shop("v1"));
  s.images.merge(nothing_but_images(shop("v2")).images);
  return s;
}

TEST(Outlook, SaysOfEachServiceWhatIsDoneAndWhy) {
  project_builder v2 = shop("v2");
  v2.value().services.at("web").document["environment"]["LOG_LEVEL"] = "debug";
  v2.service("cache", "redis:7");
  EXPECT_EQ(looked_ahead(v2, shop_runs()), lines(R"(
SERVICE  TO DO     WHY
cache    create    not there yet
db       restart   writes to volume shop-data
migrate  recreate  image shop-app:v1 -> shop-app:v2
web      recreate  image shop-app:v1 -> shop-app:v2
                   environment: LOG_LEVEL added

SERVICE  TAG  FROM
cache    7    written in compose.yaml:40
db       15   written in compose.yaml:10
migrate  v2   written in compose.yaml:20
web      v2   written in compose.yaml:30
)"));
}

TEST(Outlook, SaysSoWhenNothingIsDone) {
  observed_state s = shop_runs();
  set_state(container(s, "db"), container_state::exited, 0);
  const std::string text = looked_ahead(shop("v1"), s);
  EXPECT_EQ(text.substr(0, text.find("\n\n") + 1), lines(R"(
SERVICE  TO DO    WHY
db       nothing  is stopped, and stays so
migrate  nothing  has completed
web      nothing
)"));
}

TEST(Outlook, NamesTheReplicasThatDiffer) {
  project_builder one;
  one.service("web", "web:1");
  project_builder two;
  two.service("web", "web:1").scale(2);
  const std::string text = looked_ahead(two, run(one));
  EXPECT_EQ(text.substr(0, text.find("\n\n") + 1), lines(R"(
SERVICE  TO DO   WHY
web      create  web.2: not there yet
)"));
}

TEST(Outlook, SaysWhenAnEnvFileHasTheTag) {
  project_builder was;
  was.service("web", "web:1").env("IMAGE_TAG", "v1");
  project_builder is;
  is.service("web", "web:1").env("IMAGE_TAG", "v2");
  is.value().services.at("web").from_env_files["IMAGE_TAG"] = "/opt/shop/.env";
  reconcile_options o = options();
  o.pin = pin_tag{"/opt/shop/.env", "IMAGE_TAG", "v2", "v1"};
  const std::string text = looked_ahead(is, run(was), o);
  EXPECT_EQ(text.substr(0, text.find("\n\n") + 1), lines(R"(
SERVICE  TO DO     WHY
web      recreate  its env_file .env has IMAGE_TAG
)"));
}

TEST(Outlook, ShortensDigestsInTheTableOnly) {
  service_outlook s;
  s.service = "web";
  s.action = "nothing";
  s.tag = "v2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  s.tag_text = "IMAGE_TAG in .env:1";
  EXPECT_EQ(tags_text({s}),
            "SERVICE  TAG                     FROM\n"
            "web      v2@sha256:0123456789ab  IMAGE_TAG in .env:1\n");
}

}  // namespace
}  // namespace orchestration::test
