// What others have put where a plan's containers were, as values.
#include "orchestration/plan/stand_in.hpp"

#include <gtest/gtest.h>

#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

class StandIn : public testing::Test {
 protected:
  // The update has set the old ones aside and made its own; then somebody's compose has made all anew.
  StandIn() {
    observed_state before = run(shop("v1"));
    before.images.merge(nothing_but_images(shop("v2")).images);
    update = plan_update(shop("v2"), before, options());
    for (const char* service : {"web", "migrate"}) {
      observed_container& c = container(now, service);
      c.inspect["Id"] = id_of("somebody's " + std::string(service));
      c = container_from_inspect(docker::json(c.inspect));
    }
  }

  stand_in found() const { return stand_in_for(update, now); }

  void is_of_the_attempt(const char* service) {
    docker::json& inspect = container(now, service).inspect;
    docker::json labels = docker::json::make_object();
    labels["io.dockupd.attempt"] = update.attempt_id;
    docker::json config = docker::json::make_object();
    config["Labels"] = labels;
    inspect["Config"] = config;
  }

  plan update;
  observed_state now = run(shop("v2"));
};

TEST_F(StandIn, IsWellWhenAllOfItIs) { EXPECT_EQ(found(), stand_in::well); }

TEST_F(StandIn, IsNoneWhereThePlansOwnContainersAre) {
  is_of_the_attempt("web");
  is_of_the_attempt("migrate");
  EXPECT_EQ(found(), stand_in::none);
}

TEST_F(StandIn, IsNoneWhereNothingStands) {
  std::erase_if(now.containers, [](const observed_container& c) { return c.service != "db"; });
  EXPECT_EQ(found(), stand_in::none);
}

TEST_F(StandIn, IsNotWhatThePlanKnewAlready) {
  observed_state before = run(shop("v1"));
  for (const char* service : {"web", "migrate"}) container(now, service).id = container(before, service).id;
  EXPECT_EQ(found(), stand_in::none);
}

TEST_F(StandIn, IsNotWhatAnAttemptHasSetAside) {
  container(now, "web").name += ".dockupd-old.A0";
  container(now, "migrate").name += ".dockupd-old.A0";
  EXPECT_EQ(found(), stand_in::none);
}

TEST_F(StandIn, IsUnwellWhenOneIs) {
  container(now, "web").health = health_state::unhealthy;
  EXPECT_EQ(found(), stand_in::unwell);
  is_of_the_attempt("web");
  EXPECT_EQ(found(), stand_in::well) << "nothing stands in for that one";
}

TEST_F(StandIn, HasToEndWellWhereThePlanWaitsForAnEnd) {
  set_state(container(now, "migrate"), container_state::exited, 1);
  EXPECT_EQ(found(), stand_in::unwell);
  set_state(container(now, "migrate"), container_state::running);
  EXPECT_EQ(found(), stand_in::unwell);
}

}  // namespace
}  // namespace orchestration::test
