// What an image has filled in, taken out again.
#include <gtest/gtest.h>

#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

// Config of an image that says everything.
json image() {
  return json::parse(R"({"Entrypoint":["sh","-c"],"Cmd":["echo","image"],"Env":["PATH=/bin","MODE=fast"],
    "Labels":{"version":"1","kind":"rich"},"Volumes":{"/data/":{}},"ExposedPorts":{"80/tcp":{},"81/tcp":{}},
    "WorkingDir":"/work/","User":"app","StopSignal":"SIGQUIT","Shell":["/bin/sh"],
    "Healthcheck":{"Test":["CMD","true"],"Interval":1000,"Retries":3}})");
}

std::string left(const char* body, const json& config) {
  json out = json::parse(body);
  subtract_image_defaults(out, config);
  out.erase("HostConfig");
  if (const json* labels = out.find("Labels"); labels != nullptr && labels->empty()) out.erase("Labels");
  return out.to_text();
}

TEST(SubtractImageDefaults, LeavesNothingOfWhatTheImageSays) {
  EXPECT_EQ(left(image().to_text().c_str(), image()), "{}");
}

TEST(SubtractImageDefaults, LeavesEverythingBesideAnImageThatSaysNothing) {
  json body = image();
  subtract_image_defaults(body, json::make_object());
  const json all = image();
  for (const auto& [name, value] : all.object_members()) EXPECT_EQ(body.at(name), value) << name;
}

struct command_case {
  const char* stored;
  const char* sent;
};

TEST(SubtractImageDefaults, SendsTheCommandThatTheEngineStoresAgain) {
  // Each row was stored by a real engine (20.10) for an image with both.
  const command_case cases[] = {
      {R"({"Entrypoint":["sh","-c"],"Cmd":["echo","image"]})", "{}"},
      {R"({"Entrypoint":["sh","-c"],"Cmd":["x"]})", R"({"Cmd":["x"]})"},
      {R"({"Entrypoint":["sh"],"Cmd":null})", R"({"Entrypoint":["sh"],"Cmd":null})"},
      {R"({"Entrypoint":["sh","-c"],"Cmd":null})", R"({"Entrypoint":["sh","-c"],"Cmd":null})"},
      {R"({"Entrypoint":["own"],"Cmd":["echo","image"]})", R"({"Entrypoint":["own"],"Cmd":["echo","image"]})"},
      {R"({"Entrypoint":[],"Cmd":["echo","image"]})", R"({"Entrypoint":[]})"},
      {R"({"Entrypoint":[],"Cmd":["x"]})", R"({"Entrypoint":[],"Cmd":["x"]})"},
      {R"({"Entrypoint":[""],"Cmd":["echo","image"]})", R"({"Entrypoint":[""],"Cmd":["echo","image"]})"}};
  for (const command_case& each : cases) EXPECT_EQ(left(each.stored, image()), each.sent) << each.stored;
}

TEST(SubtractImageDefaults, TakesAnEmptiedEntrypointForNoneWhereTheImageHasNone) {
  const json config = json::parse(R"({"Cmd":["serve"]})");
  EXPECT_EQ(left(R"({"Entrypoint":[""],"Cmd":["serve"]})", config), "{}");
  EXPECT_EQ(left(R"({"Entrypoint":[""],"Cmd":["own"]})", config), R"({"Cmd":["own"]})");
}

TEST(SubtractImageDefaults, TellsAVariableThatWasAskedForByItsPlace) {
  const json config = json::parse(R"({"Env":["PATH=/bin","MODE=fast"]})");
  const command_case cases[] = {
      {R"({"Env":["PATH=/bin","MODE=fast"]})", "{}"},
      {R"({"Env":["A=1","PATH=/bin","MODE=fast"]})", R"({"Env":["A=1"]})"},
      {R"({"Env":["MODE=slow","PATH=/bin"]})", R"({"Env":["MODE=slow"]})"},
      {R"({"Env":["MODE=fast","A=1","PATH=/bin"]})",
       R"({"Env":["MODE=fast","A=1"]})"},                          // asked for, by chance the same
      {R"({"Env":["MODE","PATH=/bin"]})", R"({"Env":["MODE"]})"},  // taken away
      {R"({"Env":["MODE=fast","PATH=/bin","A=1"]})", R"({"Env":["MODE=fast","PATH=/bin","A=1"]})"}};
  for (const command_case& each : cases) EXPECT_EQ(left(each.stored, config), each.sent) << each.stored;
}

TEST(SubtractImageDefaults, KeepsLabelsOfComposeThatTheImageBearsToo) {
  const json config = json::parse(R"({"Labels":{"com.docker.compose.project":"shop","a":"1","b":"2"}})");
  EXPECT_EQ(left(R"({"Labels":{"com.docker.compose.project":"shop","a":"1","b":"own"}})", config),
            R"({"Labels":{"com.docker.compose.project":"shop","b":"own"}})");
}

TEST(SubtractImageDefaults, KeepsThePortsThatArePublished) {
  const json config = json::parse(R"({"ExposedPorts":{"80/tcp":{},"81/tcp":{}}})");
  EXPECT_EQ(left(R"({"ExposedPorts":{"80/tcp":{},"81/tcp":{},"9/udp":{}},
                     "HostConfig":{"PortBindings":{"81/tcp":[{"HostPort":"8081"}]}}})",
                 config),
            R"({"ExposedPorts":{"81/tcp":{},"9/udp":{}}})");
}

TEST(SubtractImageDefaults, KeepsThePartsOfAHealthCheckThatDiffer) {
  EXPECT_EQ(left(R"({"Healthcheck":{"Test":["CMD","true"],"Interval":9,"Retries":3}})", image()),
            R"({"Healthcheck":{"Interval":9}})");
  EXPECT_EQ(left(R"({"Healthcheck":{"Test":["NONE"]}})", image()), R"({"Healthcheck":{"Test":["NONE"]}})");
}

TEST(SubtractImageDefaults, ComparesPathsWithoutTheirSlash) {
  EXPECT_EQ(left(R"({"WorkingDir":"/work","Volumes":{"/data":{},"/own":{}}})", image()), R"({"Volumes":{"/own":{}}})");
}

}  // namespace
}  // namespace orchestration
