#include "orchestration/project/dependency_order.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orchestration {
namespace {

using testing::ElementsAre;

project project_with(const std::map<std::string, std::vector<std::string>>& services) {
  project out;
  for (const auto& [name, needed] : services) {
    service& s = out.services[name];
    s.name = name;
    for (const std::string& other : needed) {
      dependency d;
      d.service = other;
      s.depends_on.push_back(d);
    }
  }
  return out;
}

TEST(StartOrder, PutsADependencyInAnEarlierLevel) {
  const project p = project_with({{"web", {"db", "migrate"}}, {"migrate", {"db"}}, {"db", {}}});
  EXPECT_THAT(start_order(p), ElementsAre(ElementsAre("db"), ElementsAre("migrate"), ElementsAre("web")));
}

TEST(StartOrder, PutsServicesAsEarlyAsTheyCanAndSortsThem) {
  const project p = project_with(
      {{"zoo", {}}, {"api", {"db"}}, {"db", {}}, {"cache", {}}, {"web", {"api", "cache"}}, {"cron", {"cache"}}});
  EXPECT_THAT(start_order(p),
              ElementsAre(ElementsAre("cache", "db", "zoo"), ElementsAre("api", "cron"), ElementsAre("web")));
}

TEST(StartOrder, IgnoresServicesThatAreOff) {
  const project p = project_with({{"web", {"debug"}}});
  EXPECT_THAT(start_order(p), ElementsAre(ElementsAre("web")));
}

TEST(StartOrder, IsEmptyForNoServices) { EXPECT_TRUE(start_order({}).empty()); }

TEST(StartOrder, NamesTheCycleAndNotWhatHangsOnIt) {
  const project p = project_with({{"a", {"web"}}, {"web", {"queue"}}, {"queue", {"db"}}, {"db", {"web"}}, {"log", {}}});
  try {
    start_order(p);
    FAIL() << "accepted";
  } catch (const dependency_cycle& error) {
    EXPECT_STREQ(error.what(), "services depend on each other: db -> web -> queue -> db");
    EXPECT_THAT(error.cycle(), ElementsAre("db", "web", "queue", "db"));
  }
}

TEST(StartOrder, NamesAServiceThatDependsOnItself) {
  try {
    start_order(project_with({{"web", {"web"}}}));
    FAIL() << "accepted";
  } catch (const dependency_cycle& error) {
    EXPECT_STREQ(error.what(), "services depend on each other: web -> web");
  }
}

TEST(StopOrder, IsTheOtherWayRound) {
  const project p = project_with({{"web", {"db"}}, {"db", {}}});
  EXPECT_THAT(stop_order(p), ElementsAre(ElementsAre("web"), ElementsAre("db")));
}

}  // namespace
}  // namespace orchestration
