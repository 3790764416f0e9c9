#include <stdexcept>

#include "tests/explore/crashes.hpp"

namespace orchestration::explore {
namespace {

void must(const outcome& how) {
  if (how.how != "done") throw std::runtime_error("the scene could not be set: " + how.how + ": " + how.reason);
}

void deploy_v1(stage& s) {
  for (const char* version : {"v1", "v2", "v3", "v9"}) s.shop().publish(version);
  must(s.play({command::kind::update, "v1", 1}));
  s.end_processes();
  test::put(s.shop().data() / "rows", "a row written under v1\n");
}

void deploy_v1_before_a_sick_v2(stage& s) {
  deploy_v1(s);
  image_behaviour broken = s.shop().web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  s.shop().publish_web("v2", broken);
}

void deploy_v2_after_v1(stage& s) {
  deploy_v1(s);
  must(s.play({command::kind::update, "v2", 2}));
}

void compose_v1(stage& s) {
  for (const char* version : {"v1", "v2", "v3", "v9"}) s.shop().publish(version);
  s.shop().compose_up("v1");
  test::put(s.shop().data() / "rows", "a row written under v1\n");
}

}  // namespace

std::vector<scenario> scenarios() {
  const command update{command::kind::update, "v2", 20};
  const command rollback{command::kind::rollback, "", 20};
  return {{"update", &deploy_v1, update, "done", "v1", "v2", "v2"},
          {"failing", &deploy_v1_before_a_sick_v2, update, "rolled back", "v1", "v1", "v2"},
          {"rollback", &deploy_v2_after_v1, rollback, "done", "v2", "v1", ""},
          {"adopted", &compose_v1, update, "done", "v1", "v2", "v2"}};
}

}  // namespace orchestration::explore
