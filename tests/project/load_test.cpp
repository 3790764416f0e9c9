#include "orchestration/project/load.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "load_fixture.hpp"

namespace orchestration {
namespace {

using files = std::map<std::string, std::string>;

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& each : texts) out += (out.empty() ? "" : " ") + each;
  return out;
}

std::string names_of(const project& p) {
  std::string out;
  for (const auto& [name, s] : p.services) out += (out.empty() ? "" : " ") + name;
  return out;
}

// --- what planning reads ---

TEST(Load, FillsTheMembersOfAService) {
  const loaded all = written_project(files{{".env", "TAG=v1\n"}, {"compose.yaml", R"(services:
  web:
    image: shop/web:${TAG}
    scale: 2
    pull_policy: always
    stop_grace_period: 1m30s
    labels: {dockupd.priority: 5, empty: }
    healthcheck: {test: [CMD, "true"]}
    ports: ["127.0.0.1:8000-8001:80-81/udp", "90"]
    volumes: ["data:/data:ro", ./conf:/etc/conf, /cache, {type: tmpfs, target: /run}]
    networks: {back: , front: {priority: 10}}
volumes: {data: , unused: }
networks: {back: , front: {name: real}, unused: }
)"}}).load();
  const service& web = all.value.services.at("web");
  EXPECT_EQ(web.image, "shop/web:v1");
  EXPECT_EQ(web.image_template, "shop/web:${TAG}");
  EXPECT_EQ(web.image_place.line, 3);
  EXPECT_FALSE(web.builds);
  EXPECT_EQ(web.scale, 2);
  EXPECT_EQ(web.pull_policy, "always");
  EXPECT_EQ(web.stop_grace_period, std::chrono::seconds(90));
  const std::map<std::string, std::string> labels = {{"dockupd.priority", "5"}, {"empty", ""}};
  EXPECT_EQ(web.labels, labels);
  EXPECT_TRUE(web.declares_health_check);
  ASSERT_EQ(web.ports.size(), 3u);
  EXPECT_EQ(web.ports[1].host_ip + " " + web.ports[1].published + " " + std::to_string(web.ports[1].target) + " " +
                web.ports[1].protocol,
            "127.0.0.1 8001 81 udp");
  EXPECT_EQ(web.ports[2].published, "");
  ASSERT_EQ(web.mounts.size(), 4u);
  EXPECT_EQ(web.mounts[0].kind, mount_kind::volume);
  EXPECT_EQ(web.mounts[0].source, "data");
  EXPECT_TRUE(web.mounts[0].read_only);
  EXPECT_EQ(web.mounts[1].kind, mount_kind::bind);
  EXPECT_EQ(web.mounts[1].source, (all.value.working_dir / "conf").string());
  EXPECT_EQ(web.mounts[2].kind, mount_kind::anonymous_volume);
  EXPECT_EQ(web.mounts[2].target, "/cache");
  EXPECT_EQ(web.mounts[3].kind, mount_kind::tmpfs);
  EXPECT_EQ(joined(web.networks), "front back");
  EXPECT_EQ(container_name(all.value, web, 2), "shop-web-2");
}

TEST(Load, NamesResourcesAndLeavesOutThoseNobodyUses) {
  const project p = written_project(R"(services:
  web: {image: x, volumes: ["data:/data", "kept:/kept"], networks: [front], secrets: [key]}
volumes: {data: , kept: {external: true, name: elsewhere}, unused: }
networks: {front: {name: real}, unused: }
secrets: {key: {file: ./key.txt}, unused: {file: ./other}}
)")
                        .load()
                        .value;
  ASSERT_EQ(p.volumes.size(), 2u);
  EXPECT_EQ(p.volumes.at("data").name, "shop_data");
  EXPECT_FALSE(p.volumes.at("data").external);
  EXPECT_EQ(p.volumes.at("kept").name, "elsewhere");
  EXPECT_TRUE(p.volumes.at("kept").external);
  ASSERT_EQ(p.networks.size(), 1u);
  EXPECT_EQ(p.networks.at("front").name, "real");
  ASSERT_EQ(p.secrets.size(), 1u);
  EXPECT_EQ(p.secrets.at("key").document.at("file").as_string(), (p.working_dir / "key.txt").string());
}

TEST(Load, KnowsTheContentOfSecretsAndConfigs) {
  const project p = written_project(files{{".env", "TOKEN=t0ken\nEMPTY=\n"}, {"compose.yaml", R"(services:
  web: {image: x, secrets: [token, empty, unset, file], configs: [app]}
secrets:
  token: {environment: TOKEN}
  empty: {environment: EMPTY}
  unset: {environment: NOT_SET_ANYWHERE}
  file: {file: ./key}
configs:
  app: {content: "token is ${TOKEN}"}
)"}})
                        .load()
                        .value;
  EXPECT_EQ(p.secrets.at("token").content, "t0ken");
  EXPECT_EQ(p.secrets.at("empty").content, "");
  EXPECT_EQ(p.secrets.at("unset").content, std::nullopt);
  EXPECT_EQ(p.secrets.at("file").content, std::nullopt);
  EXPECT_FALSE(p.secrets.at("file").is_written());
  EXPECT_EQ(p.configs.at("app").content, "token is t0ken");
  EXPECT_TRUE(p.configs.at("app").is_written());
}

TEST(Load, KnowsImplicitDependencies) {
  const project p = written_project(R"(services:
  a: {image: x}
  b: {image: x}
  web:
    image: x
    depends_on: {a: {condition: service_healthy, required: false}}
    links: ["b:alias"]
    volumes_from: [a]
    pid: "service:c"
  c: {image: x}
)")
                        .load()
                        .value;
  std::string out;
  for (const dependency& d : p.services.at("web").depends_on)
    out += d.service + " " + std::to_string(static_cast<int>(d.condition)) + (d.restart ? " restart" : "") +
           (d.required ? " required" : "") + (d.implicit ? " implicit" : "") + "\n";
  EXPECT_EQ(out, "a 1\nb 0 restart required implicit\nc 0 restart required implicit\n");
}

TEST(Load, TakesAHealthCheckThatIsSwitchedOffForNone) {
  const project p = written_project(R"(services:
  off: {image: x, healthcheck: {disable: true}}
  none: {image: x, healthcheck: {test: [NONE]}}
  times: {image: x, healthcheck: {interval: 5s}}
)")
                        .load()
                        .value;
  for (const auto& [name, s] : p.services) EXPECT_FALSE(s.declares_health_check) << name;
}

TEST(Load, KeepsWhatTheHashLeavesOutInTheDocument) {
  const project p = written_project(R"(services:
  web: {image: x, build: {context: .}, pull_policy: never, deploy: {replicas: 2}, depends_on: [db]}
  db: {image: y}
)")
                        .load()
                        .value;
  const docker::json& document = p.services.at("web").document;
  EXPECT_EQ(document.path({"build", "context"})->as_string(), p.working_dir.string());
  EXPECT_EQ(document.at("pull_policy").as_string(), "never");
  EXPECT_EQ(document.path({"deploy", "replicas"})->as_int64(), 2);
  EXPECT_EQ(document.path({"depends_on", "db", "condition"})->as_string(), "service_started");
}

// --- where variables come from ---

std::string origin_of(const written_project& project, const std::string& name) {
  const loaded all = project.load();
  const auto found = all.value.variables.find(name);
  if (found == all.value.variables.end()) return "not interpolated";
  static const char* const sources[] = {"unset", "default", "env file", "process", "override"};
  const variable_origin& origin = found->second;
  std::string out = sources[static_cast<int>(origin.source)];
  if (origin.value) out += " \"" + *origin.value + "\"";
  if (origin.where.line > 0)
    out += " " + std::filesystem::path(origin.where.file).lexically_relative(project.folder.path()).string() + ":" +
           std::to_string(origin.where.line);
  return out;
}

TEST(Load, TellsWhereEachVariableCameFrom) {
  written_project project(files{{".env", "# note\nTAG=v1\nEMPTY=\nREF=${TAG}-x\n"},
                                {"compose.yaml",
                                 "services:\n  web:\n    image: x:${TAG}-${NOPE-d}\n    labels: [\"$SHELL_ONE $MISSING "
                                 "${EMPTY:-e} ${REF} ${X:+y}\"]\n"}});
  project.request.environment["SHELL_ONE"] = "s";
  EXPECT_EQ(origin_of(project, "TAG"), "env file \"v1\" .env:2");
  EXPECT_EQ(origin_of(project, "REF"), "env file \"v1-x\" .env:4");
  EXPECT_EQ(origin_of(project, "NOPE"), "default \"d\"");
  EXPECT_EQ(origin_of(project, "SHELL_ONE"), "process \"s\"");
  EXPECT_EQ(origin_of(project, "MISSING"), "unset");
  EXPECT_EQ(origin_of(project, "X"), "unset");
  EXPECT_EQ(origin_of(project, "HOME"), "not interpolated");
  project.request.environment["TAG"] = "shell";
  EXPECT_EQ(origin_of(project, "TAG"), "process \"shell\"");
  project.request.overrides["TAG"] = "asked";
  EXPECT_EQ(origin_of(project, "TAG"), "override \"asked\"");
  EXPECT_EQ(project.load().value.services.at("web").image, "x:asked-d");
}

TEST(Load, WarnsOnceOfAVariableThatIsNotSet) {
  EXPECT_EQ(
      written_project("services:\n  web:\n    image: x:${TAG}\n    labels: [\"$TAG\", '${OK:-}']\n").findings(),
      "compose.yaml:3:12: warning: services.web.image: the variable TAG is not set and has no default, so it becomes "
      "empty. Set it in the .env file, or write ${TAG:-default}\n");
}

TEST(Load, PutsTheImageThatIsAskedForIntoTheService) {
  written_project project("services:\n  web:\n    image: x:${TAG:-1}\n  db: {image: y}\n");
  project.request.images["web"] = "z:2";
  const service web = project.load().value.services.at("web");
  EXPECT_EQ(web.image, "z:2");
  EXPECT_EQ(web.document.at("image").as_string(), "z:2");
  EXPECT_EQ(web.image_template, "x:${TAG:-1}");
  project.request.images = {{"nope", "z"}};
  EXPECT_EQ(project.refusal(), "error: there is no service \"nope\" to set the image of");
}

// --- names, files, profiles ---

TEST(Load, NamesTheProjectByOptionEnvironmentFileOrFolder) {
  written_project project(files{{"My.Shop_1/compose.yaml", "services: {a: {image: x}}\n"}});
  project.request.current_directory /= "My.Shop_1";
  project.request.project_name = "";
  EXPECT_EQ(project.load().value.name, "myshop_1");
  project.folder.write("My.Shop_1/compose.yaml", "name: Its-Own\nservices: {a: {image: x}}\n");
  EXPECT_EQ(project.load().value.name, "its-own");
  project.folder.write("My.Shop_1/.env", "COMPOSE_PROJECT_NAME=from-file\n");
  EXPECT_EQ(project.load().value.name, "from-file");
  project.request.environment["COMPOSE_PROJECT_NAME"] = "from-shell";
  EXPECT_EQ(project.load().value.name, "from-shell");
  project.request.project_name = "from-option";
  EXPECT_EQ(project.load().value.name, "from-option");
  project.request.project_name = "Wrong.Name";
  EXPECT_EQ(project.refusal(), "error: \"Wrong.Name\", given by -p, is no project name. Use wrongname");
}

TEST(Load, FindsTheFilesAsComposeDoes) {
  written_project project(files{{"compose.yaml", "services: {a: {image: x}}\n"},
                                {"docker-compose.yml", "services: {never: {image: x}}\n"},
                                {"compose.override.yml", "services: {b: {image: y}}\n"},
                                {"docker-compose.override.yml", "services: {never: {image: y}}\n"},
                                {"deep/er/.keep", ""},
                                {"c.yaml", "services: {c: {image: z}}\n"}});
  EXPECT_EQ(names_of(project.load().value), "a b");
  project.request.current_directory /= "deep/er";
  const auto above = project.load().value;
  EXPECT_EQ(above.working_dir, project.folder.path());
  EXPECT_EQ(joined(above.config_files),
            project.folder / "compose.yaml" + " " + (project.folder / "compose.override.yml"));
  project.request.files = {"../../c.yaml"};
  EXPECT_EQ(names_of(project.load().value), "c");
  project.request.files.clear();
  project.request.environment["COMPOSE_FILE"] = "../../c.yaml:../../compose.yaml";
  EXPECT_EQ(names_of(project.load().value), "a c");
  project.request.environment["COMPOSE_PATH_SEPARATOR"] = ";";
  project.request.environment["COMPOSE_FILE"] = "../../c.yaml;../../compose.yaml";
  EXPECT_EQ(names_of(project.load().value), "a c");
}

TEST(Load, SaysWhenThereIsNoFile) {
  written_project project(files{{"x/.keep", ""}});
  project.request.files = {"nope.yaml"};
  EXPECT_EQ(project.refusal(), "nope.yaml: error: there is no such file");
  project.request.files = {"x"};
  EXPECT_EQ(project.refusal(), "x: error: is no regular file");
  project.request.files = {"-"};
  EXPECT_EQ(project.refusal(), "error: dockupd does not read a compose file from standard input. Save it to a file");
  project.request.files = {};
  EXPECT_EQ(project.refusal(), "error: there is no compose file in " + project.folder.path().string() +
                                   " or above it. Go to the project's folder, or name the file with -f");
}

TEST(Load, ReadsTheEnvFilesThatCount) {
  written_project project(files{{"compose.yaml", "services: {a: {image: \"x:${A:-}-${B:-}\"}}\n"},
                                {".env", "A=default\n"},
                                {"one.env", "A=1\nB=1\n"},
                                {"two.env", "B=$A$A\n"}});
  const auto image = [&] { return project.load().value.services.at("a").image; };
  EXPECT_EQ(image(), "x:default-");
  EXPECT_FALSE(project.load().value.explicit_env_files);
  project.request.env_files = {"one.env", "two.env"};
  EXPECT_EQ(image(), "x:1-11");
  EXPECT_TRUE(project.load().value.explicit_env_files);
  EXPECT_EQ(joined(project.load().value.env_files), project.folder / "one.env" + " " + (project.folder / "two.env"));
  project.request.env_files = {};
  project.request.environment["COMPOSE_ENV_FILES"] = "two.env,one.env";
  EXPECT_EQ(image(), "x:1-1");
  project.request.environment.erase("COMPOSE_ENV_FILES");
  project.request.environment["COMPOSE_DISABLE_ENV_FILE"] = "true";
  EXPECT_EQ(image(), "x:-");
  project.request.env_files = {"nope.env"};
  EXPECT_EQ(project.refusal(), "nope.env: error: there is no such file");
  project.request.env_files = {"one.env"};
  project.folder.write("one.env", "A=1\nB C=2\n");
  EXPECT_EQ(project.refusal(), "one.env:2: error: a name cannot contain a space");
}

TEST(Load, SwitchesServicesOnByProfile) {
  written_project project(
      "services:\n  a: {image: x}\n  b: {image: x, profiles: [debug]}\n  c: {image: x, profiles: [debug, tools]}\n  d: "
      "{image: x, "
      "profiles: [d]}\n");
  EXPECT_EQ(names_of(project.load().value), "a");
  EXPECT_EQ(joined(project.load().value.disabled), "b c d");
  project.request.profiles = {"tools"};
  EXPECT_EQ(names_of(project.load().value), "a c");
  project.request.profiles = {"*"};
  EXPECT_EQ(names_of(project.load().value), "a b c d");
  project.request.profiles = {};
  project.request.services = {"b"};
  EXPECT_EQ(names_of(project.load().value), "a b c");
  project.request.environment["COMPOSE_PROFILES"] = "d, tools";
  project.request.services = {};
  EXPECT_EQ(names_of(project.load().value), "a c d");
  project.request.services = {"bb"};
  EXPECT_EQ(project.refusal(), "error: there is no service \"bb\". Did you mean b?");
}

// --- findings ---

struct refused {
  std::string compose;
  std::string text;
};

TEST(Load, SaysWhatIsWrongAndWhere) {
  const refused all[] = {
      {"services:\n  web:\n    image: x\n    enviroment: {A: 1}\n",
       "compose.yaml:4:5: error: services.web.enviroment: unknown attribute. Did you mean environment?"},
      {"services:\n  web:\n    image: x\n    frobnicate: 1\n",
       "compose.yaml:4:5: error: services.web.frobnicate: unknown attribute. Check the spelling, or name it "
       "x-frobnicate "
       "when it is your own"},
      {"service:\n  web: {image: x}\n", "compose.yaml:1:1: error: service: unknown attribute. Did you mean services?"},
      {"services:\n  web:\n    image: x\n    ports: 80\n",
       "compose.yaml:4:12: error: services.web.ports: expected a list, found a number"},
      {"services:\n  web:\n    image: x\n    volumes:\n",
       "compose.yaml:4:13: error: services.web.volumes: expected a list, found nothing"},
      {"services:\n  web:\n    image: 1.5\n",
       "compose.yaml:3:12: error: services.web.image: expected text, found a number. Put it in quotes"},
      {"services:\n  web:\n    image: x\n    labels: {day: 2024-01-01}\n",
       "compose.yaml:4:19: error: services.web.labels.day: expected text, a number, true or false or nothing, found a "
       "date. "
       "Put it in quotes"},
      {"services:\n  web:\n    image: x\n    depends_on: {web2: {condition: healthy}}\n",
       "compose.yaml:4:36: error: services.web.depends_on.web2.condition: \"healthy\" is not known here. Use one of: "
       "service_started, service_healthy, service_completed_successfully"},
      {"services:\n  web:\n    image: x\n    cap_add: [A, B, A]\n    group_add: [1, \"1\", 1]\n",
       "compose.yaml:5:25: error: services.web.group_add[2]: \"1\" stands in the list twice. Remove one of them"},
      {"services:\n  web:\n    image: x\n    scale: 1.5\n",
       "compose.yaml:4:12: error: services.web.scale: expected text or a whole number, found a number. Leave out the "
       "fraction"},
      {"services:\n  \"we b\": {image: x}\n",
       "compose.yaml:2:3: error: services.we b: \"we b\" is no name. Use letters, digits and . _ - only"},
      {"services:\n  web:\n    image: x\n    ulimits: {nofile: {soft: 1}}\n",
       "compose.yaml:4:23: error: services.web.ulimits.nofile: \"hard\" is missing"},
      {"services:\n  web:\n    image: x\n    mem_limit: 5 horses\n",
       "compose.yaml:4:16: error: services.web.mem_limit: expected a size, found \"5 horses\". Write it like 512m"},
      {"services:\n  web:\n    image: x\n    stop_grace_period: 5 min\n",
       "compose.yaml:4:24: error: services.web.stop_grace_period: expected a duration, found \"5 min\". Write it like "
       "30s or "
       "1m30s"},
      {"services:\n  web:\n    image: x\n    privileged: perhaps\n",
       "compose.yaml:4:17: error: services.web.privileged: expected true or false, found \"perhaps\". Write it like "
       "true"},
      {"services:\n  web:\n    image: x\n    ports: [\"80:abc\"]\n",
       "compose.yaml:4:13: error: services.web.ports[0]: \"abc\" is no port. Ports are numbers up to 65535"},
      {"services:\n  web:\n    image: x\n    volumes: [\"ab::c\"]\n",
       "compose.yaml:4:15: error: services.web.volumes[0]: \"ab::c\" has nothing between two colons. Write "
       "SOURCE:TARGET:OPTIONS"},
      {"services:\n  web:\n    image: x\n    command: echo \"a\n",
       "compose.yaml:4:14: error: services.web.command: a command line with open quotes: echo \"a. Close them, or "
       "write a "
       "list of words"},
      {"services:\n  web: {command: x}\n",
       "compose.yaml:2:8: error: services.web: has neither image nor build. Add `image:`"},
      {"services:\n  web: {image: x, volumes: [\"dta:/data\"]}\nvolumes: {data: }\n",
       "compose.yaml:2:29: error: services.web.volumes[0]: \"dta\" is not defined under the top-level volumes. Did you "
       "mean "
       "data?"},
      {"services:\n  web: {image: x, networks: [front]}\n",
       "compose.yaml:2:30: error: services.web.networks.front: \"front\" is not defined under the top-level networks. "
       "Define "
       "it there"},
      {"services:\n  web: {image: x, secrets: [key]}\n",
       "compose.yaml:2:29: error: services.web.secrets[0]: \"key\" is not defined under the top-level secrets. Define "
       "it "
       "there"},
      {"services:\n  web: {image: x, depends_on: [bd]}\n  db: {image: y}\n",
       "compose.yaml:2:32: error: services.web.depends_on.bd: there is no service \"bd\""},
      {"services:\n  web: {image: x, depends_on: [db]}\n  db: {image: y, profiles: [p]}\n",
       "compose.yaml:2:32: error: services.web.depends_on.db: \"db\" is switched off by its profiles. Give its "
       "profile, or "
       "write `required: false`"},
      {"services:\n  web: {image: x, network_mode: host, networks: [n]}\nnetworks: {n: }\n",
       "compose.yaml:2:49: error: services.web.networks: networks and network_mode exclude each other. Remove one of "
       "them"},
      {"services:\n  web: {image: x, healthcheck: {test: [curl, x]}}\n",
       "compose.yaml:2:39: error: services.web.healthcheck.test: the list begins with \"curl\". Begin it with CMD, "
       "CMD-SHELL "
       "or NONE"},
      {"services:\n  web: {image: x, container_name: cc, scale: 2}\n",
       "compose.yaml:2:35: error: services.web.container_name: only one container can have it, and 2 are asked for. "
       "Remove "
       "it"},
      {"services:\n  a: {image: x, container_name: cc}\n  b: {image: x, container_name: cc}\n",
       "compose.yaml:3:33: error: services.b.container_name: service a has the same one"},
      {"services:\n  a: {image: x, container_name: _c}\n",
       "compose.yaml:2:33: error: services.a.container_name: \"_c\" is no container name. Use two or more letters, "
       "digits and _ . - only, a letter or digit first"},
      {"services:\n  a: {image: x, pull_policy: sometimes}\n",
       "compose.yaml:2:30: error: services.a.pull_policy: \"sometimes\" is not known. Use always, missing, never, "
       "build, daily, weekly or every_12h"},
      {"services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}\n",
       "compose.yaml:2:30: error: services.a: services depend on each other: a -> b -> a. Remove one of the "
       "dependencies"},
      {"services:\n  web: {image: x}\nvolumes:\n  v: {external: true, driver: local}\n",
       "compose.yaml:4:31: error: volumes.v.driver: means nothing for what is external. Remove it, or `external`"},
      {"services:\n  web: {image: x, post_start: [{command: x}]}\n",
       "compose.yaml:2:31: error: services.web.post_start: dockupd does not run post_start hooks. Run the command from "
       "the "
       "image's entrypoint"},
      {"services:\n  web: {image: x, secrets: [k]}\nsecrets: {k: {external: true}}\n",
       "compose.yaml:2:29: error: services.web.secrets[0]: \"k\" is external, which only Swarm has. Give it a `file:` "
       "under the top-level secrets"},
      {"services:\n  web: {image: x, env_file: no.env}\n", ""},
      {"[1]\n", "compose.yaml:1:1: error: expected a mapping with `services:`, found a list"},
      {"", "compose.yaml: error: the file is empty. Add `services:`"},
      {"volumes: {a: }\n", "compose.yaml: error: defines no services. Add `services:`"},
      {"services:\n  web: {extends: nope}\n",
       "compose.yaml:2:18: error: services.web.extends: there is no service \"nope\" in FOLDER/compose.yaml. Check the "
       "spelling"},
      {"services:\n  a: {extends: b}\n  b: {extends: a}\n",
       "compose.yaml:2:16: error: services.a.extends: services extend each other in a circle. Remove one of the "
       "extends"},
      {"services:\n  a: {extends: {service: b, file: no.yaml}}\n",
       "compose.yaml:2:35: error: services.a.extends.file: there is no file FOLDER/no.yaml. Relative paths begin at "
       "FOLDER"},
      {"include: [compose.yaml]\nservices: {a: {image: x}}\n",
       "compose.yaml:1:11: error: include: FOLDER/compose.yaml includes itself by way of this file. Remove this "
       "include"},
      {"include: [\"https://example.org/x.git\"]\n",
       "compose.yaml:1:11: error: include: dockupd does not fetch https://example.org/x.git. Keep a copy beside the "
       "compose "
       "file"},
      {"include: [5]\n",
       "compose.yaml:1:11: error: include[0]: expected text or a mapping, found a number. Put it in quotes"},
  };
  for (const refused& each : all) {
    const written_project project(each.compose);
    std::string expected = each.text;
    const std::string folder = project.folder.path().string();
    for (std::size_t at = 0; (at = expected.find("FOLDER", at)) != std::string::npos; at += folder.size())
      expected.replace(at, 6, folder);
    if (expected.empty())
      expected = "compose.yaml:2:29: error: services.web.env_file: there is no file " + folder +
                 "/no.env. Create it, or write `required: false` beside its path";
    EXPECT_EQ(project.refusal(), expected) << each.compose;
  }
}

TEST(Load, NamesEveryWrongAttributeAtOnce) {
  EXPECT_EQ(written_project("services:\n  web:\n    imag: x\n    port: []\n  db:\n    comand: x\n").refusal(),
            "compose.yaml:3:5: error: services.web.imag: unknown attribute. Did you mean image?\n"
            "compose.yaml:4:5: error: services.web.port: unknown attribute. Did you mean ports?\n"
            "compose.yaml:6:5: error: services.db.comand: unknown attribute. Did you mean command?");
}

TEST(Load, NamesTheFileThatIsWrongAmongSeveral) {
  written_project project(files{{"compose.yaml", "services:\n  web: {image: x, ports: [80], labels: {a: b}}\n"},
                                {"compose.override.yaml", "services:\n  web:\n    ports: {a: b}\n"}});
  EXPECT_EQ(project.refusal(),
            "compose.override.yaml:3:12: error: services.web.ports: is a mapping here and a list in " +
                (project.folder / "compose.yaml") + ":2:26. Write both the same way, or mark this one with !override");
  project.folder.write("compose.override.yaml", "services:\n  web:\n    init: nope\n    lables: {}\n");
  EXPECT_EQ(project.refusal(),
            "compose.override.yaml:4:5: error: services.web.lables: unknown attribute. Did you mean labels?");
}

TEST(Load, NotesWhatIsBuilt) {
  EXPECT_EQ(
      written_project("services:\n  a: {image: x, build: .}\n  b: {build: .}\n").findings(),
      "compose.yaml:2:24: note: services.a.build: dockupd uses the image and builds nothing\n"
      "compose.yaml:3:14: note: services.b.build: the service is only built and never updated by dockupd. Add `image:` "
      "to have it updated\n");
  const project p = written_project("services:\n  b: {build: .}\n").load().value;
  EXPECT_TRUE(p.services.at("b").builds);
  EXPECT_EQ(p.services.at("b").image, "shop-b");
  EXPECT_EQ(p.services.at("b").image_template, "");
}

TEST(Load, LetsExtensionsPass) {
  EXPECT_EQ(
      names_of(written_project("x-a: 1\nservices:\n  web: {image: x, x-own: [2024-01-01]}\nvolumes: {v: {x-b: }}\n")
                   .load()
                   .value),
      "web");
}

TEST(Load, IgnoresWhatIsWrongInServicesThatAreOff) {
  EXPECT_EQ(names_of(written_project(
                         "services:\n  a: {image: x}\n  b: {image: x, profiles: [p], networks: [nope], env_file: no}\n")
                         .load()
                         .value),
            "a");
}

// --- files that are yet to be written ---

TEST(LoadTexts, AreReadInPlaceOfTheFiles) {
  written_project project(
      files{{"compose.yaml", "services: {web: {image: 'shop:${TAG}', env_file: [.env, app.env]}}\n"},
            {".env", "TAG=v1\nA=1\n"},
            {"app.env", "A=2\n"}});
  project.request.texts[project.folder / ".env"] = "# more\nTAG=v2\nA=1\n";
  const orchestration::project value = project.load().value;
  const service& web = value.services.at("web");
  EXPECT_EQ(web.image, "shop:v2");
  EXPECT_EQ(web.document.string_at({"environment", "TAG"}), "v2");
  EXPECT_EQ(value.variables.at("TAG").where.line, 2);
  EXPECT_EQ(web.from_env_files, (files{{"A", project.folder / "app.env"}, {"TAG", project.folder / ".env"}}));
}

TEST(LoadTexts, MakeFilesThatAreNotThere) {
  written_project project("services: {web: {image: 'shop:${TAG:-v1}'}}\n");
  EXPECT_EQ(project.load().value.override_file, project.folder / "compose.override.yaml");
  project.request.texts[project.folder / ".env"] = "TAG=v2\n";
  EXPECT_EQ(project.load().value.services.at("web").image, "shop:v2");
  project.request.texts[project.folder / "compose.override.yaml"] = "services: {web: {image: 'shop:v3'}}\n";
  const orchestration::project value = project.load().value;
  EXPECT_EQ(value.services.at("web").image, "shop:v3");
  EXPECT_EQ(value.config_files.size(), 2U);
}

TEST(LoadTexts, AreFoundBehindSymlinks) {
  written_project project(
      files{{"compose.yaml", "services: {web: {image: 'shop:${TAG}'}}\n"}, {"shared/real.env", "TAG=v1\n"}});
  std::filesystem::create_symlink("shared/real.env", project.folder / ".env");
  project.request.texts[project.folder / "shared/real.env"] = "TAG=v2\n";
  EXPECT_EQ(project.load().value.services.at("web").image, "shop:v2");
}

TEST(Load, TellsWhichOverrideFileComposeReads) {
  written_project project(files{{"docker-compose.yml", "services: {web: {image: a}}\n"},
                                {"docker-compose.override.yml", "services: {web: {tty: true}}\n"}});
  EXPECT_EQ(project.load().value.override_file, project.folder / "docker-compose.override.yml");
  project.request.files = {"docker-compose.yml"};
  EXPECT_EQ(project.load().value.override_file, "") << "compose looks for none beside -f";
}

// --- limits ---

class hostile_project : public testing::Test {
 protected:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  void TearDown() override { EXPECT_LT(std::chrono::steady_clock::now() - start_, std::chrono::seconds(5)); }
};

TEST_F(hostile_project, EndsIncludesThatMultiply) {
  files all;
  for (int i = 0; i < 30; ++i) {
    const std::string next = std::to_string(i + 1) + ".yaml";
    all[std::to_string(i) + ".yaml"] = "include: [" + next + ", {path: " + next + "}]\nservices: {}\n";
  }
  all["30.yaml"] = "services: {a: {image: x}}\n";
  written_project project(all);
  project.request.files = {"0.yaml"};
  EXPECT_NE(project.refusal().find("error: too many files are read for one project"), std::string::npos);
}

TEST_F(hostile_project, EndsLongChainsOfExtends) {
  std::string text = "services:\n  s0: {image: x}\n";
  for (int i = 5000; i > 0; --i) text += "  s" + std::to_string(i) + ": {extends: s" + std::to_string(i - 1) + "}\n";
  EXPECT_NE(written_project(text).refusal().find("extends more than 64 deep"), std::string::npos);
}

TEST_F(hostile_project, EndsAHugeEnvFile) {
  written_project project(files{{"compose.yaml", "services: {a: {image: x}}\n"}, {".env", std::string(2 << 20, '#')}});
  EXPECT_EQ(project.refusal(), ".env: error: larger than 1048576 bytes. Is it the right file?");
}

TEST_F(hostile_project, EndsTenThousandUnknownAttributes) {
  std::string text = "services:\n  web:\n    image: x\n";
  for (int i = 0; i < 10'000; ++i) text += "    k" + std::to_string(i) + ": 1\n";
  const std::string refusal = written_project(text).refusal();
  EXPECT_EQ(std::count(refusal.begin(), refusal.end(), '\n'), 49);
}

}  // namespace
}  // namespace orchestration
