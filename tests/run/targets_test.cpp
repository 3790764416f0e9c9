// Which release a rollback goes to, and whose data it brings.
#include "orchestration/run/targets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/files/temporary_directory.hpp"

namespace orchestration::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Targets : public testing::Test {
 protected:
  Targets() {
    std::filesystem::permissions(directory_.path(), std::filesystem::perms::owner_all);
    records_.emplace(store::open(directory_.path(), open_mode::read_write));
  }

  release add(int number, release_verdict verdict = release_verdict::verified, bool migrated = false,
              int previous = 0) {
    release r;
    r.number = number;
    r.previous = previous;
    r.project = "shop";
    r.tag = "v" + std::to_string(number);
    r.verdict = verdict;
    r.ran_migration = migrated;
    records_->add_release(r);
    records_->set_current_release(number);
    return r;
  }
  void add_snapshot(const std::string& id, int of_release, const std::string& verified_at = "2026-01-02T00:00:00Z") {
    snapshot_row row;
    row.id = id;
    row.of_release = of_release;
    row.created_at = "2026-01-01T00:00:00Z";
    row.verified_at = verified_at;
    records_->add_snapshot(row);
  }
  std::string refusal_of(const std::function<void()>& doing) {
    try {
      doing();
    } catch (const refusal& error) {
      EXPECT_EQ(error.how(), ending::refused);
      return error.what();
    }
    return {};
  }
  std::string data(const release& target, const release& present, data_choice choice = data_choice::as_policy) {
    return choose_data(*records_, target, present, choice);
  }

  temporary_directory directory_;
  std::optional<store> records_;
};

TEST_F(Targets, NothingIsThereToGoBackFromAtFirst) {
  EXPECT_THAT(refusal_of([&] { choose_target(*records_, std::nullopt); }), HasSubstr("no release to roll back from"));
}

TEST_F(Targets, TheLastVerifiedReleaseBeforeThePresentOneIsTheTarget) {
  add(1);
  add(2);
  add(3, release_verdict::unverified);
  add(4, release_verdict::rolled_back);
  add(5);
  add(6);
  records_->set_current_release(5);
  EXPECT_EQ(choose_target(*records_, std::nullopt).number, 2);
}

TEST_F(Targets, AfterARollbackOverSeveralItIsWhatThePresentOneCameFrom) {
  const release seven = add(7);
  const release eight = add(8, release_verdict::verified, true, 7);
  add(9, release_verdict::rolled_back, false, 8);
  const release ten = add(10, release_verdict::verified, false, 7);
  add_snapshot("S7", 7);
  EXPECT_EQ(choose_target(*records_, std::nullopt).number, 7);
  EXPECT_EQ(data(seven, ten), "") << "the migration to r8 is not behind r10";
  EXPECT_THAT(refusal_of([&] { data(eight, ten); }), HasSubstr("a migration ran between"));
  std::vector<int> before;
  for (const release& r : came_from(*records_, ten)) before.push_back(r.number);
  EXPECT_EQ(before, std::vector<int>{7});
}

TEST_F(Targets, AnyReleaseMayBeNamed) {
  add(1, release_verdict::unverified);
  add(2);
  EXPECT_EQ(choose_target(*records_, 1).number, 1);
  EXPECT_THAT(refusal_of([&] { choose_target(*records_, 9); }),
              AllOf(HasSubstr("r9"), HasSubstr("dockupd history -p shop")));
}

TEST_F(Targets, WithoutAVerifiedReleaseBeforeThereIsNone) {
  add(1, release_verdict::unverified);
  add(2);
  EXPECT_THAT(refusal_of([&] { choose_target(*records_, std::nullopt); }),
              AllOf(HasSubstr("no verified release before r2 (v2)"), HasSubstr("r1 (v1) was not seen healthy"),
                    HasSubstr("dockupd rollback -p shop r1")));
}

TEST_F(Targets, DataStaysWhenNoMigrationRan) {
  const release one = add(1, release_verdict::verified, true);  // it ran to get to r1, not after
  const release two = add(2);
  add_snapshot("S1", 1);
  EXPECT_EQ(data(one, two), "");
}

TEST_F(Targets, DataHasToBeDecidedOnWhenAMigrationRanInBetween) {
  const release one = add(1);
  add(2, release_verdict::verified, true);
  const release three = add(3);
  add_snapshot("S1", 1);
  const std::string both = refusal_of([&] { data(one, three); });
  EXPECT_THAT(both,
              AllOf(HasSubstr("r1 (v1)"), HasSubstr("r3 (v3)"), HasSubstr("rollback -p shop r1 --with-data"),
                    HasSubstr("S1"), HasSubstr("2026-01-01T00:00:00Z"), HasSubstr("rollback -p shop r1 --no-data")));
  EXPECT_NE(refusal_of([&] { data(three, one); }), "");
  EXPECT_EQ(data(one, three, data_choice::keep), "");
  EXPECT_EQ(data(one, three, data_choice::restore), "S1");
}

TEST_F(Targets, WithoutASnapshotWithDataIsNotOffered) {
  const release one = add(1);
  const release two = add(2, release_verdict::verified, true);
  EXPECT_THAT(refusal_of([&] { data(one, two); }), Not(HasSubstr("--with-data")));
  EXPECT_THAT(refusal_of([&] { data(one, two, data_choice::restore); }),
              AllOf(HasSubstr("no verified snapshot"), HasSubstr("--no-data")));
}

TEST_F(Targets, TheNewestVerifiedSnapshotOfTheReleaseIsTaken) {
  const release one = add(1);
  const release two = add(2);
  add_snapshot("20260101T000000Z-a", 1);
  add_snapshot("20260103T000000Z-b", 1);
  add_snapshot("20260104T000000Z-c", 1, "");
  add_snapshot("20260105T000000Z-d", 2);
  add_snapshot("20260106T000000Z-e", 0);
  EXPECT_EQ(data(one, two, data_choice::restore), "20260103T000000Z-b");
}

// --- whether a release is what runs ----------------------------------------------------------------------------

observed_container seen(const std::string& service, const std::string& image, const std::string& hash) {
  observed_container out;
  out.service = service;
  out.number = 1;
  out.name = "shop-" + service + "-1";
  out.image_id = image;
  out.config_hash = hash;
  out.state = container_state::running;
  return out;
}

release recorded(const std::vector<observed_container>& containers) {
  release out;
  for (const observed_container& c : containers) {
    released_container r;
    r.service = c.service;
    r.number = c.number;
    r.image_id = c.image_id;
    r.config_hash = c.config_hash;
    out.containers.push_back(r);
  }
  return out;
}

TEST(Describes, TheSameServicesImagesAndHashes) {
  observed_state state;
  state.containers = {seen("db", "I1", "H1"), seen("web", "I2", "H2")};
  const release r = recorded(state.containers);
  EXPECT_TRUE(describes(r, state));
  state.containers[1].image_id = "I3";
  EXPECT_FALSE(describes(r, state));
  state.containers[1] = seen("web", "I2", "H3");
  EXPECT_FALSE(describes(r, state));
  state.containers.pop_back();
  EXPECT_FALSE(describes(r, state));
}

TEST(Describes, WithoutWhatAnAttemptLeftBehind) {
  observed_state state;
  state.containers = {seen("web", "I2", "H2")};
  const release r = recorded(state.containers);
  state.containers.push_back(seen("web", "I1", "H1"));
  state.containers.back().name = "shop-web-1.dockupd-old.A1";
  EXPECT_TRUE(describes(r, state));
}

TEST(RunsWell, WhenNothingThatRunsIsUnwell) {
  observed_state state;
  state.containers = {seen("db", "I1", "H1"), seen("migrate", "I2", "H2")};
  state.containers[0].health = health_state::healthy;
  state.containers[1].state = container_state::exited;
  EXPECT_TRUE(runs_well(state));
  state.containers[0].health = health_state::unhealthy;
  EXPECT_FALSE(runs_well(state));
  state.containers[0].health = health_state::starting;
  EXPECT_FALSE(runs_well(state));
  state.containers[0] = seen("db", "I1", "H1");
  state.containers[0].state = container_state::restarting;
  EXPECT_FALSE(runs_well(state));
}

TEST_F(Targets, LeftBehindIsWhatTheKeptReleaseDoesNotRun) {
  release one = recorded({seen("db", "I1", "H1"), seen("web", "I2", "H2")});
  release two = recorded({seen("db", "I1", "H1"), seen("web", "I3", "H3")});
  one.number = 1;
  two.number = 2;
  records_->add_release(one);
  records_->add_release(two);
  const std::vector<released_container> left = left_behind(*records_, 2, 1);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].image_id, "I3");
  EXPECT_TRUE(left_behind(*records_, 1, 2).empty());
  EXPECT_TRUE(left_behind(*records_, 9, 1).empty());
}

}  // namespace
}  // namespace orchestration::test
