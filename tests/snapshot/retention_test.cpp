#include "orchestration/snapshot/retention.hpp"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

kept_snapshot of(const std::string& id, bool verified, std::vector<std::string> volumes = {"pg"}) {
  kept_snapshot out;
  out.id = id;
  out.verified = verified;
  out.volumes = std::move(volumes);
  return out;
}

retention_rule keep(int last, std::set<std::string> named = {}) {
  retention_rule out;
  out.keep_last = last;
  out.protected_ids = std::move(named);
  return out;
}

using ids = std::vector<std::string>;

TEST(Retention, KeepsTheNewestWhateverTheirOrder) {
  EXPECT_EQ(removable({of("2", true), of("4", true), of("1", true), of("3", true)}, keep(2)), (ids{"1", "2"}));
}

TEST(Retention, KeepsTheNamedOnes) {
  EXPECT_EQ(removable({of("1", true), of("2", true), of("3", true)}, keep(1, {"1"})), (ids{"2"}));
}

TEST(Retention, KeepsTheNewestVerifiedOfEachVolume) {
  EXPECT_EQ(removable({of("1", true), of("2", true), of("3", false), of("4", false)}, keep(1)), (ids{"1", "3"}));
  EXPECT_EQ(
      removable({of("1", true, {"pg", "uploads"}), of("2", true, {"uploads"}), of("3", true, {"uploads"})}, keep(0)),
      (ids{"2"}));
}

TEST(Retention, NeverEmptiesAStoreOfVerifiedOnes) { EXPECT_EQ(removable({of("1", true)}, keep(0)), ids{}); }

TEST(Retention, HasNothingToSayAboutNothing) { EXPECT_EQ(removable({}, keep(3)), ids{}); }

TEST(Retention, KeepsAllWhenThereAreFewerThanTheRule) {
  EXPECT_EQ(removable({of("1", false), of("2", false)}, keep(5)), ids{});
}

}  // namespace
}  // namespace orchestration
