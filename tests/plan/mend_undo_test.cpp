// The way back when what it counts on was removed, as text.
#include "orchestration/plan/mend_undo.hpp"

#include <gtest/gtest.h>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/photograph.hpp"
#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

class PlanMendUndo : public testing::Test {
 protected:
  PlanMendUndo() {
    now_.images.merge(nothing_but_images(shop("v2")).images);
    before_ = release_from_observed(now_, 1, "2026-11-21T12:00:00Z");
    undo_options o;
    o.data = restore_data::yes;
    o.safety_snapshot_id = "S2";
    undo_ = plan_undo(plan_update(shop("v2"), now_, options()), o);
    options_.snapshot_id = "S1";
    options_.archived = {"shop-data"};
    for (const released_container& c : before_.containers) options_.local_images.insert(c.image_id);
  }
  void remove_containers(const std::string& service) {
    std::erase_if(now_.containers, [&](const observed_container& c) { return c.service == service; });
  }
  std::string mended() const { return to_text(mend_undo(undo_, before_, now_, options_)); }

  observed_state now_ = run(shop("v1"));
  release before_;
  plan undo_;
  mend_options options_;
};

TEST_F(PlanMendUndo, LeavesItAsItIsWhileNothingIsGone) { EXPECT_EQ(mended(), to_text(undo_)); }

TEST_F(PlanMendUndo, MakesAContainerAnewThatWasSetAside) {
  remove_containers("web");
  EXPECT_EQ(mended(), lines(R"(
 1 create     web.1.anew                     was removed
 2 stop       web.1                          part of the failed version
 3 stop       migrate.1                      part of the failed version
 4 stop       db.1                           its data is put back
 5 snapshot   shop-data                      safety copy of what shop-app:v2 wrote  after 2-4
 6 set aside  web.1                          part of the failed version             after 5
 7 set aside  migrate.1                      part of the failed version             after 5
 8 rename     migrate.1   to shop-migrate-1  the old version                        after 7
 9 rename     web.1.anew  to shop-web-1      the old version
10 restore    shop-data   from S1            as before the update                   after 5
11 start      db.1        until healthy      ran before                             after 10
12 start      web.1.anew                     ran before                             after 10, 11
13 verify     db.1        healthy                                                   after 11
14 verify     web.1.anew  healthy                                                   after 12
15 remove     migrate.1                      part of the failed version             after 13, 14
16 remove     web.1                          part of the failed version             after 13, 14
)"));
}

TEST_F(PlanMendUndo, RestoresOnlyWhatIsGoneOnceTheDataWasBack) {
  for (const char* service : {"web", "migrate", "db"}) remove_containers(service);
  now_.volumes.clear();
  now_.networks.clear();
  options_.data_is_back = true;
  const std::string text = mended();
  EXPECT_NE(text.find("volume shop-data "), std::string::npos) << text;
  EXPECT_NE(text.find("from S1            was removed\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("safety copy"), std::string::npos) << text;
}

TEST_F(PlanMendUndo, PullsAnImageThatIsGoneByItsDigest) {
  remove_containers("web");
  options_.local_images.clear();
  for (released_container& c : before_.containers)
    if (c.service == "web") c.image_digest = "registry.test/shop-web@sha256:" + std::string(64, 'a');
  const plan out = mend_undo(undo_, before_, now_, options_);
  const auto* pull = std::get_if<pull_image>(&out.operations.front().what);
  ASSERT_NE(pull, nullptr) << to_text(out);
  EXPECT_EQ(pull->digest, "sha256:" + std::string(64, 'a'));
}

TEST_F(PlanMendUndo, RefusesAVolumeThatNoSnapshotHolds) {
  remove_containers("db");
  now_.volumes.clear();
  options_.archived.clear();
  EXPECT_THROW(mended(), plan_error);
}

TEST_F(PlanMendUndo, RefusesAContainerThatTheReleaseDoesNotKnow) {
  remove_containers("web");
  std::erase_if(before_.containers, [](const released_container& c) { return c.service == "web"; });
  EXPECT_THROW(mended(), plan_error);
}

TEST_F(PlanMendUndo, MendedTwiceIsMendedOnce) {
  remove_containers("web");
  const plan once = mend_undo(undo_, before_, now_, options_);
  EXPECT_EQ(to_text(mend_undo(once, before_, now_, options_)), to_text(once));
  EXPECT_EQ(targets_of_undo(once).made_anew, std::set<std::string>{"web.1.anew"});
}

class MendJoined : public testing::Test {
 protected:
  MendJoined() {
    now_.images.merge(nothing_but_images(joined("v2")).images);
    before_ = release_from_observed(now_, 1, "");
    recall_hashed(before_, now_, joined("v1"));
    undo_ = plan_undo(plan_update(joined("v2"), now_, options()), undo_options());
    for (observed_container& c : now_.containers) c.name = name_set_aside(c.name, attempt);
    for (const released_container& c : before_.containers) options_.local_images.insert(c.image_id);
  }
  void remove_containers(const std::string& service) {
    std::erase_if(now_.containers, [&](const observed_container& c) { return c.service == service; });
  }
  std::vector<create_container> made() const {
    std::vector<create_container> out;
    for (const operation& o : mend_undo(undo_, before_, now_, options_).operations)
      if (const auto* create = std::get_if<create_container>(&o.what)) out.push_back(*create);
    return out;
  }

  observed_state now_ = run(joined("v1"));
  release before_;
  plan undo_;
  mend_options options_;
};

TEST_F(MendJoined, AnewJoinsTheOldOneThatIsStillThere) {
  remove_containers("web");
  ASSERT_EQ(made().size(), 1U);
  EXPECT_EQ(made()[0].joins, (std::vector<joined_service>{{"vpn", {"vpn.1", id_of("shop-vpn-1")}}}));
}

TEST_F(MendJoined, AnewJoinsTheOneMadeAnewBeforeIt) {
  remove_containers("web");
  remove_containers("vpn");
  ASSERT_EQ(made().size(), 2U);
  EXPECT_EQ(made()[0].target.subject, "vpn.1.anew");
  EXPECT_EQ(made()[1].joins, (std::vector<joined_service>{{"vpn", {"vpn.1.anew", ""}}}));
}

TEST_F(MendJoined, WhoJoinsWhatIsGoneIsMadeAnewAsWell) {
  remove_containers("vpn");
  const plan out = mend_undo(undo_, before_, now_, options_);
  ASSERT_EQ(made().size(), 2U) << to_text(out);
  EXPECT_EQ(made()[1].replaces, id_of("shop-web-1"));
  for (const operation& o : out.operations) {
    if (const auto* remove = std::get_if<remove_container>(&o.what); remove != nullptr && !remove->target.id.empty()) {
      EXPECT_EQ(remove->target.id, id_of("shop-web-1"));
    }
    if (const auto* verify = std::get_if<verify_container>(&o.what); verify && verify->target.subject == "web.1.anew") {
      EXPECT_EQ(verify->config_hash, "");
    }
  }
  EXPECT_EQ(to_text(mend_undo(out, before_, now_, options_)), to_text(out));
}

}  // namespace
}  // namespace orchestration::test
