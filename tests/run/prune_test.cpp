// What an update lets go of when it is done.
#include <gtest/gtest.h>

#include <algorithm>

#include "orchestration/run/targets.hpp"
#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

TEST(Prune, KeepsTheSnapshotsAndImagesThatARollbackMayWant) {
  shop_run shop;
  constexpr int deployed = 14;
  for (int n = 1; n <= deployed; ++n) {
    shop.publish("v" + std::to_string(n));
    ASSERT_EQ(shop.update("v" + std::to_string(n)).how, ending::done);
  }
  // The present release, four verified ones before it: r10 to r14. r14 has no snapshot yet.
  std::vector<int> kept;
  for (const snapshot_row& row : shop.records().snapshots()) kept.push_back(row.of_release);
  // The newest five by id; ids of one second are in no order, so only what is protected is certain here.
  for (int n = 10; n < deployed; ++n) EXPECT_EQ(std::count(kept.begin(), kept.end(), n), 1) << n;
  EXPECT_LE(kept.size(), 9U);  // of 13 taken
  EXPECT_EQ(shop.snapshots().list().size(), kept.size());
  const auto has = [&](int release) {
    return shop.engine().images().find("dockupd.local/kept:shop.web.r" + std::to_string(release)) != nullptr;
  };
  for (int n = 1; n < 10; ++n) EXPECT_FALSE(has(n)) << n;
  for (int n = 10; n < deployed; ++n) EXPECT_TRUE(has(n)) << n;
}

TEST(Prune, KeepsOfARunOfFailuresTheNewestAlone) {
  shop_run shop;
  shop.publish("v1");
  ASSERT_EQ(shop.update("v1").how, ending::done);
  image_behaviour broken = shop.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  for (int n = 2; n <= 9; ++n) {
    shop.publish("v" + std::to_string(n));
    shop.publish_web("v" + std::to_string(n), broken);
    ASSERT_EQ(shop.update("v" + std::to_string(n)).how, ending::rolled_back);
  }
  // Each has left an archive and a safety copy. The newest five, and the one that a rollback to r1 takes.
  EXPECT_LE(shop.snapshots().list().size(), 6U);
  EXPECT_NE(newest_snapshot_of(shop.records(), 1), std::nullopt);
}

TEST(Prune, AfterARollbackKeepsTheWayToTheReleaseThatWasLeft) {
  shop_run shop;
  for (const char* version : {"v1", "v2"}) {
    shop.publish(version);
    ASSERT_EQ(shop.update(version).how, ending::done);
  }
  rollback_request back;
  back.data = data_choice::restore;
  ASSERT_EQ(shop.rollback(std::move(back)).how, ending::done);
  EXPECT_NE(shop.engine().images().find("dockupd.local/kept:shop.web.r2"), nullptr);
}

TEST(Prune, KeepsWhatThePresentReleaseCameFromThoughOthersAreNewer) {
  shop_run shop;
  for (int n = 1; n <= 8; ++n) shop.publish("v" + std::to_string(n));
  for (int n = 1; n <= 6; ++n) ASSERT_EQ(shop.update("v" + std::to_string(n)).how, ending::done);
  rollback_request back;
  back.to = 2;
  back.data = data_choice::keep;
  ASSERT_EQ(shop.rollback(std::move(back)).how, ending::done);
  for (const char* version : {"v7", "v8"}) ASSERT_EQ(shop.update(version).how, ending::done);
  EXPECT_NE(shop.engine().images().find("dockupd.local/kept:shop.web.r2"), nullptr);
  EXPECT_EQ(shop.engine().images().find("dockupd.local/kept:shop.web.r1"), nullptr) << "gone since r6";
}

}  // namespace
}  // namespace orchestration::test
