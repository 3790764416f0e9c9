#include <gtest/gtest.h>

#include <set>

#include "orchestration/plan/photograph.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

/// One operation of every kind with every member set to something that is not its default.
plan everything() {
  const container_ref web{"web.1", "id"};
  const docker::json body =
      docker::json::object({{"Env", docker::json::array_of(std::vector<std::string>{"A=canary"})}});
  create_container create;
  create.target = web;
  create.name = "n", create.temporary_name = "t", create.image = "i", create.digest = "d", create.image_id = "x";
  create.platform = "p", create.replaces = "r", create.body = body, create.connect_after = {{"net", body}};
  stop_container stop;
  stop.target = web, stop.was = run_state::paused, stop.grace_period = std::chrono::seconds(9), stop.name = "n";
  stop.image_id = "x", stop.config_hash = "h", stop.restart_policy = body, stop.until = goal::healthy;
  stop.has_health_check = true, stop.sound = false, stop.budget = std::chrono::seconds(1);
  stop.steady_for = std::chrono::seconds(2);
  start_container start;
  start.target = web, start.until = goal::completed, start.restart_policy = body, start.leave = run_state::stopped;
  start.budget = std::chrono::milliseconds(1234);
  verify_container verify;
  verify.target = web, verify.name = "n", verify.expected = run_state::completed, verify.image = "i";
  verify.digest = "d", verify.image_id = "x", verify.config_hash = "h", verify.has_health_check = true;
  verify.budget = std::chrono::seconds(3), verify.steady_for = std::chrono::seconds(4);
  const std::vector<volume_target> volumes = {{"v", "k", "/m"}};

  plan p;
  p.project = "shop";
  p.attempt_id = "A1";
  p.notes = {"a note"};
  service_outlook outlook{
      "web", "recreate", {"image v1 -> v2", "ports changed"}, "shop:v2", "v2", "env_file", "TAG", "/f", 3, ""};
  outlook.tag_text = "TAG in .env:3";
  p.services = {outlook};
  const std::vector<action> actions = {pull_image{"ref", "sha256:d", "linux/arm64", {"web"}, "sha256:before"},
                                       keep_image{"x", "as"},
                                       ensure_network{"net", body},
                                       ensure_volume{"vol", body},
                                       create,
                                       stop,
                                       rename_container{web, "a", "b"},
                                       snapshot_volumes{"S", "reason", 3, volumes},
                                       restore_volumes{"S", volumes},
                                       start,
                                       verify,
                                       pin_tag{"/f", "V", "new", "old", false},
                                       remove_container{web, true},
                                       remove_network{"net"},
                                       remove_volume{"vol"},
                                       pin_images{"/f", {{"web", "new", "old"}}, "old text", "new text"}};
  for (const action& each : actions) {
    operation o;
    o.number = static_cast<int>(p.operations.size()) + 1;
    o.when = static_cast<phase>(p.operations.size() % 8);
    o.what = each;
    o.cause = "because";
    o.after = {1, 2};
    p.operations.push_back(o);
  }
  return p;
}

TEST(PlanJson, ComesBackAsItWasForEveryKindOfOperation) {
  const plan p = everything();
  std::set<std::size_t> kinds;
  for (const operation& o : p.operations) kinds.insert(o.what.index());
  ASSERT_EQ(kinds.size(), std::variant_size_v<action>);

  const plan back = plan_from_json(docker::json::parse(to_json(p).to_text()));
  EXPECT_EQ(to_json(back).to_pretty_text(), to_json(p).to_pretty_text());
  EXPECT_EQ(to_text(back), to_text(p));
  EXPECT_EQ(back.services, p.services);
  const auto& stop = std::get<stop_container>(back.operations[5].what);
  EXPECT_EQ(stop.was, run_state::paused);
  EXPECT_EQ(stop.grace_period, std::chrono::seconds(9));
  EXPECT_FALSE(stop.sound);
  EXPECT_EQ(std::get<create_container>(back.operations[4].what).connect_after.at(0).first, "net");
  EXPECT_EQ(std::get<start_container>(back.operations[9].what).budget, std::chrono::milliseconds(1234));
}

// A member that is forgotten in the list would be silently lost from the journal.
TEST(PlanJson, WritesEveryMemberThatWasSet) {
  const std::string text = to_json(everything()).to_text();
  for (const char* absent : {R"(:"")", ":0", ":[]"}) EXPECT_EQ(text.find(absent), std::string::npos) << absent;
  const docker::json create = to_json(everything()).at("operations").elements().at(4);
  EXPECT_EQ(create.object_members().size(), 10U + 5U);  // and number, phase, kind, cause, after
}

TEST(PlanJson, ComesBackForARealPlan) {
  const plan p = plan_update(shop("v1"), nothing_but_images(shop("v1")), options());
  EXPECT_EQ(to_json(plan_from_json(to_json(p))), to_json(p));
}

TEST(PlanJson, NamesTheMemberThatIsWrong) {
  const auto problem = [](const char* member, docker::json value) {
    docker::json document = to_json(everything());
    document["operations"].elements().at(5)[member] = std::move(value);
    try {
      plan_from_json(document);
      return std::string("read");
    } catch (const docker::json_error& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(problem("was", "asleep"), "operations[5]: was: \"asleep\" is not known to this version of dockupd");
  EXPECT_EQ(problem("kind", "explode"), "operations[5]: \"explode\" is not known to this version of dockupd");
  EXPECT_EQ(problem("number", std::int64_t{4294967297}),
            "operations[5]: number: expected a small number, found 4294967297");
  EXPECT_NE(problem("sound", "no").find("operations[5]: sound: "), std::string::npos);
}

TEST(PlanJson, PublicViewHoldsNoBodyAndNoEnvironmentValue) {
  const plan p = plan_update(shop("v1"), nothing_but_images(shop("v1")), options());
  EXPECT_NE(to_json(p).to_text().find("canary-of-the-database"), std::string::npos);
  for (const plan& each : {p, everything(), plan_undo(p, undo_options())}) {
    const std::string text = to_public_json(each).to_text();
    EXPECT_EQ(text.find("canary"), std::string::npos);
    EXPECT_EQ(text.find("\"body\""), std::string::npos);
    EXPECT_EQ(to_text(each).find("canary"), std::string::npos);
  }
}

TEST(PlanText, PushesOnlyItsOwnLineWhenACellIsLong) {
  plan p;
  p.operations.resize(2);
  p.operations[0] = {1, phase::pull, pull_image{std::string(60, 'x'), "", "", {"web"}, "sha256:before"}, "cause", {}};
  p.operations[1] = {2, phase::pull, pull_image{"short", "", "", {"web"}, "sha256:before"}, "cause", {1}};
  EXPECT_EQ(to_text(p),
            "1 pull  " + std::string(60, 'x') + "  for web  cause\n" + "2 pull  short  for web  cause  after 1\n");
}

}  // namespace
}  // namespace orchestration::test
