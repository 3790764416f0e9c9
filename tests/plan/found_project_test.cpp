// Projects that are there only as containers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/plan/found_project.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

using docker::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What runs, with what its images fill in.
observed_state with_configs(observed_state s) {
  for (const observed_container& c : s.containers)
    s.image_configs[c.image_id] = json::object({{"Env", json::array_of(std::vector<std::string>{"OF_IMAGE=1"})}});
  return s;
}

observed_state found_shop() {
  observed_state s = run(shop("v1"));
  s.images.merge(nothing_but_images(shop("v2")).images);
  return with_configs(std::move(s));
}

image_changes to_tag(const std::string& tag, std::set<std::string> services = {}) {
  image_changes out;
  out.tag = tag;
  out.services = std::move(services);
  return out;
}
image_changes to_image(const std::string& service, const std::string& reference) {
  image_changes out;
  out.images[service] = reference;
  return out;
}

std::string plan_text(const observed_state& observed, const image_changes& changes) {
  const found_project found = project_from_containers("shop", observed, changes);
  reconcile_options o = options();
  o.services = found.services;
  o.snapshot = take_snapshot::no;
  return to_text(plan_update(found.value, observed, o));
}

std::string refusal(const observed_state& observed, const image_changes& changes) {
  try {
    return "planned:\n" + plan_text(observed, changes);
  } catch (const plan_error& error) {
    return error.what();
  }
}

std::map<std::string, std::string> images_of(const found_project& p) {
  std::map<std::string, std::string> out;
  for (const auto& [name, s] : p.value.services) out[name] = s.image;
  return out;
}

TEST(FoundProject, IsMovedAsItWouldBeFromItsFiles) {
  const std::string from_files = [] {
    reconcile_options o = options();
    o.services = {"web", "migrate"};
    o.snapshot = take_snapshot::no;
    return to_text(plan_update(shop("v2"), found_shop(), o));
  }();
  const std::string found = plan_text(found_shop(), to_tag("v2", {"web", "migrate"}));
  EXPECT_EQ(found, from_files);
  EXPECT_THAT(found, HasSubstr("create     web.1"));
}

TEST(FoundProject, NeedsNothingToBeDoneWhenTheTagIsThatAlready) {
  EXPECT_THAT(plan_text(found_shop(), to_tag("v1", {"web", "migrate"})), Not(HasSubstr("create")));
}

TEST(FoundProject, TakesTheOnlyTagForTheOneThatIsReplaced) {
  project_builder p;
  p.service("web", "host:5000/web:v1").service("worker", "worker:v1").service("pinned", "pinned@sha256:00");
  const found_project found = project_from_containers("shop", with_configs(run(p)), to_tag("v2"));
  EXPECT_THAT(images_of(found), ElementsAre(std::pair("pinned", "pinned@sha256:00"),
                                            std::pair("web", "host:5000/web:v2"), std::pair("worker", "worker:v2")));
  EXPECT_EQ(found.tag_before, "v1");
  EXPECT_THAT(found.services, IsEmpty());
  EXPECT_THAT(found.notes, testing::Contains("tag v1 -> v2 for web, worker"));
}

TEST(FoundProject, TakesAnImageWithoutATagForItsLatest) {
  project_builder p;
  p.service("web", "host:5000/web");
  const found_project found = project_from_containers("shop", with_configs(run(p)), to_tag("v2"));
  EXPECT_THAT(images_of(found), ElementsAre(std::pair("web", "host:5000/web:v2")));
  EXPECT_EQ(found.tag_before, "latest");
}

TEST(FoundProject, AsksWhichOfSeveralTagsIsMeant) {
  EXPECT_THAT(refusal(found_shop(), to_tag("v2")),
              HasSubstr("\n  dockupd update -p shop --tag v2 db   for those that are now 15\n"
                        "  dockupd update -p shop --tag v2 migrate web   for those that are now v1"));
}

TEST(FoundProject, SetsNoTagWhereThereIsNone) {
  project_builder p;
  p.service("web", image_id("web"));
  EXPECT_THAT(refusal(with_configs(run(p)), to_tag("v2", {"web"})), HasSubstr("--image web=REFERENCE"));
  EXPECT_THAT(refusal(with_configs(run(p)), to_tag("v2")), HasSubstr("--image SERVICE=REFERENCE"));
}

TEST(FoundProject, NamesTheServicesThatThereAre) {
  EXPECT_THAT(refusal(found_shop(), to_tag("v2", {"wob"})), HasSubstr("db, migrate, web"));
  EXPECT_THAT(refusal(found_shop(), to_image("wob", "x:1")), HasSubstr("db, migrate, web"));
  EXPECT_THAT(refusal(observed_state(), to_tag("v2")), HasSubstr("no container of project shop"));
}

TEST(FoundProject, LeavesTheOthersAloneWhenImagesAreNamed) {
  const found_project found = project_from_containers("shop", found_shop(), to_image("web", "shop-app:v2"));
  EXPECT_THAT(found.services, ElementsAre("web"));
  EXPECT_EQ(found.value.services.at("db").pull_policy, "missing");
  EXPECT_EQ(found.value.services.at("web").pull_policy, "");
}

TEST(FoundProject, SaysWhichOfDifferentImagesOfOneServiceIsMissing) {
  project_builder p;
  p.service("web", "web:v1").scale(2);
  observed_state s = run(p);
  container(s, "web", 2).image_reference = "other:v1";
  EXPECT_THAT(refusal(with_configs(s), to_tag("v2")), HasSubstr("other:v1, web:v1"));
  EXPECT_EQ(images_of(project_from_containers("shop", with_configs(s), to_image("web", "web:v2"))).at("web"), "web:v2");
}

TEST(FoundProject, KeepsNamesAndNumbers) {
  project_builder p;
  p.service("web", "web:v1").scale(3);
  observed_state s = run(p);
  s.containers.erase(s.containers.begin());
  container(s, "web", 2).name = "shop_web_2";
  container(s, "web", 2).inspect["Name"] = "/shop_web_2";
  const found_project found = project_from_containers("shop", with_configs(s), to_tag("v2"));
  EXPECT_EQ(found.value.services.at("web").scale, 2);
  EXPECT_EQ(container_name(found.value, found.value.services.at("web"), 3), "shop-web-3");
  EXPECT_EQ(container_name(found.value, found.value.services.at("web"), 2), "shop_web_2");
}

TEST(FoundProject, TakesOutWhatTheOldImageSaid) {
  project_builder p;
  p.service("web", "web:v1").env("OWN", "1");
  observed_state s = run(p);
  container(s, "web").inspect["Config"]["Env"].push_back("OF_IMAGE=1");
  const found_project found = project_from_containers("shop", with_configs(s), to_tag("v2"));
  EXPECT_EQ(found.value.services.at("web").found.at(1).body.at("Env").to_text(), R"(["OWN=1"])");
}

TEST(FoundProject, CannotTellWhatAnImageSaidThatIsGone) {
  observed_state s = found_shop();
  s.image_configs.erase(container(s, "web").image_id);
  EXPECT_THAT(refusal(s, to_tag("v2", {"web"})), HasSubstr("is no longer on this engine"));
  EXPECT_THAT(refusal(s, to_tag("16", {"db"})), HasSubstr("planned"));
}

std::string hash_of(const found_project& p, const std::string& service) {
  return p.value.services.at(service).found.begin()->second.body.string_at(
      {"Labels", "com.docker.compose.config-hash"});
}

TEST(FoundProject, KeepsTheConfigHashOnlyWhileTheImageStaysTheSame) {
  observed_state s = found_shop();
  const std::string before = container(s, "web").config_hash;
  EXPECT_EQ(hash_of(project_from_containers("shop", s, image_changes()), "web"), before);
  const std::string after = hash_of(project_from_containers("shop", s, to_tag("v2", {"web"})), "web");
  EXPECT_EQ(after.size(), 64U);
  EXPECT_NE(after, before);
  EXPECT_EQ(after, hash_of(project_from_containers("shop", s, to_tag("v2", {"web"})), "web"));
}

TEST(FoundProject, GivesNoHashToWhatComposeHasNeverSeen) {
  observed_state s = found_shop();
  observed_container& web = container(s, "web");
  web.config_hash.clear();
  web.inspect["Config"]["Labels"].erase("com.docker.compose.config-hash");
  EXPECT_EQ(hash_of(project_from_containers("shop", s, to_tag("v2", {"web"})), "web"), "");
}

TEST(FoundProject, TellsWhomAContainerJoinsByItsService) {
  project_builder p;
  p.service("web", "web:v1").service("proxy", "proxy:v1").network_mode("service:web");
  const found_project found = project_from_containers("shop", with_configs(run(p)), to_tag("v2"));
  const service& proxy = found.value.services.at("proxy");
  EXPECT_EQ(proxy.found.at(1).body.string_at({"HostConfig", "NetworkMode"}), "service:web");
  EXPECT_EQ(proxy.document.string_at({"network_mode"}), "service:web");
  ASSERT_EQ(proxy.depends_on.size(), 1U);
  EXPECT_TRUE(proxy.depends_on[0].service == "web" && proxy.depends_on[0].restart);
}

TEST(FoundProject, ReadsItsOrderFromLabels) {
  const found_project found = project_from_containers("shop", found_shop(), to_tag("v2", {"web"}));
  const service& web = found.value.services.at("web");
  ASSERT_EQ(web.depends_on.size(), 2U);
  EXPECT_EQ(web.depends_on[0].service, "db");
  EXPECT_EQ(web.depends_on[0].condition, start_condition::healthy);
  EXPECT_EQ(web.depends_on[1].condition, start_condition::completed_successfully);
}

TEST(FoundProject, CannotGoWithoutANetworkThatIsGone) {
  observed_state s = found_shop();
  s.networks.clear();
  EXPECT_THAT(refusal(s, to_tag("v2", {"web"})), HasSubstr("docker network create shop_default"));
}

TEST(FoundProject, CannotMoveALinkOfTheDefaultBridge) {
  project_builder p;
  p.service("web", "web:v1").service("proxy", "proxy:v1").network_mode("bridge");
  observed_state s = run(p);
  container(s, "proxy").inspect["HostConfig"]["Links"] =
      json::array_of(std::vector<std::string>{"/shop-web-1:/shop-proxy-1/upstream"});
  EXPECT_THAT(refusal(with_configs(s), to_tag("v2")), HasSubstr("is linked to shop-web-1"));
}

void label_files(observed_container& c, const char* directory, const char* files, const char* environment = "") {
  json& labels = c.inspect["Config"]["Labels"];
  labels["com.docker.compose.project.working_dir"] = directory;
  labels["com.docker.compose.project.config_files"] = files;
  labels["com.docker.compose.project.environment_file"] = environment;
}

TEST(FilesByLabel, AreThoseOfTheNewestContainer) {
  observed_state s = found_shop();
  label_files(container(s, "db"), "/old", "/old/compose.yaml");
  container(s, "db").inspect["Created"] = "2026-01-01T00:00:00Z";
  label_files(container(s, "web"), "/new", "/new/a.yaml,/new/b.yaml", "/new/x.env");
  container(s, "web").inspect["Created"] = "2026-01-02T00:00:00Z";
  label_files(container(s, "migrate"), "", "");
  const labelled_files found = files_by_label(s);
  EXPECT_EQ(found.working_dir, "/new");
  EXPECT_THAT(found.files, ElementsAre("/new/a.yaml", "/new/b.yaml"));
  EXPECT_THAT(found.environment, ElementsAre("/new/x.env"));
}

TEST(FilesByLabel, OfCompose1StandInItsFolder) {
  observed_state s = found_shop();
  for (observed_container& c : s.containers) label_files(c, "/opt/shop", "docker-compose.yml,../more.yml");
  EXPECT_THAT(files_by_label(s).files, ElementsAre("/opt/shop/docker-compose.yml", "/opt/more.yml"));
}

TEST(FilesByLabel, AreNotKnownWithoutLabels) {
  observed_state s = found_shop();
  for (observed_container& c : s.containers) label_files(c, "", "");
  EXPECT_THAT(files_by_label(s).files, IsEmpty());
}

}  // namespace
}  // namespace orchestration::test
