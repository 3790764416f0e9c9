// tests/support/engine_semantics.txt, played on the fake: what a real dockerd does as well
// (tests/e2e/semantics_test.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/support/fake_engine.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration {
namespace {

using docker::json;

struct line {
  std::string how;                 // "killed", "stopped", "prune system"
  std::vector<std::string> words;  // behind the bar
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

std::vector<line> semantics(bool of_prune) {
  std::ifstream file(SEMANTICS_FILE);
  std::vector<line> out;
  for (std::string text; std::getline(file, text);) {
    if (text.empty() || text[0] == '#' || text.starts_with("prune") != of_prune) continue;
    const std::size_t bar = text.find('|');
    line one;
    const std::vector<std::string> how = words_of(text.substr(0, bar));
    one.how = how.size() > 1 ? how[0] + " " + how[1] : how[0];
    one.words = words_of(text.substr(bar + 1));
    out.push_back(one);
  }
  return out;
}

std::string create(fake_engine& engine, const std::string& name, json host) {
  const std::string image = "semantics.local/" + name + ":v1";
  engine.images().load(image, {});
  json body = json::object({{"Image", image}});
  body["HostConfig"] = std::move(host);
  return run_task(engine.create_container(name, std::move(body), ""));
}

void bring_to(fake_engine& engine, const std::string& id, const std::string& state) {
  if (state != "created") run_task(engine.start_container(id));
  if (state == "stopped" || state == "exited") run_task(engine.stop_container(id, std::nullopt));
  if (state == "paused") run_task(engine.pause_container(id));
}

TEST(EngineSemantics, OfADaemonThatComesBackHold) {
  const std::vector<line> all = semantics(false);
  ASSERT_GE(all.size(), 19U);
  for (const line& l : all) {
    fake_engine engine;
    json policy = json::object({{"Name", l.words.at(0)}});
    const std::string id = create(engine, "semantics", json::object({{"RestartPolicy", std::move(policy)}}));
    bring_to(engine, id, l.words.at(1));
    if (l.words.at(2) == "disarmed") run_task(engine.set_restart_policy(id, json::object({{"Name", "no"}})));
    engine.restart_engine(l.how == "killed" ? engine_stop::killed : engine_stop::cleanly);
    EXPECT_EQ(to_text(engine.container(id)->state), l.words.back()) << l.how << " " << l.words[0] << " " << l.words[1];
  }
}

std::vector<std::string> left_in(const fake_engine& engine) {
  std::vector<std::string> out;
  for (const auto& [id, c] : engine.world().containers) out.push_back("c:" + c.name);
  for (const auto& [name, n] : engine.world().networks) out.push_back("n:" + name);
  for (const auto& [name, v] : engine.world().volumes) out.push_back("v:" + name);
  for (const auto& [id, image] : engine.world().images.local())
    for (const std::string& tag : image.tags)
      out.push_back("i:" + tag.substr(tag.find('/') + 1, tag.rfind(':') - tag.find('/') - 1));
  std::sort(out.begin(), out.end());
  return out;
}

void make_volume_and_network(fake_engine& engine, const std::string& name) {
  run_task(engine.create_volume(json::object({{"Name", name}})));
  run_task(engine.create_network(json::object({{"Name", name}})));
}

TEST(EngineSemantics, OfPruneHold) {
  const std::map<std::string, pruned> kinds = {{"prune containers", pruned::containers},
                                               {"prune networks", pruned::networks},
                                               {"prune volumes", pruned::volumes},
                                               {"prune images", pruned::images},
                                               {"prune system", pruned::system}};
  const std::vector<line> all = semantics(true);
  ASSERT_EQ(all.size(), kinds.size());
  for (const line& l : all) {
    fake_engine engine;
    for (const char* state : {"created", "exited", "paused", "running"}) {
      make_volume_and_network(engine, state);
      json host = json::object({{"NetworkMode", state}});
      host["Binds"] = json::array_of(std::vector<std::string>{std::string(state) + ":/data"});
      bring_to(engine, create(engine, state, std::move(host)), state);
    }
    make_volume_and_network(engine, "nobody");
    engine.images().load("semantics.local/nobody:v1", {});
    engine.prune(kinds.at(l.how));
    EXPECT_EQ(left_in(engine), l.words) << l.how;
  }
}

}  // namespace
}  // namespace orchestration
