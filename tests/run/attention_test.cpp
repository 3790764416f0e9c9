// What the next commands make of a project whose update failed, and whose way back failed too; and of records that were
// made on another engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/plan/rescue.hpp"
#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct killed {};

class Attention : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    before_ = content_of(shop_.data());
  }
  void fail_to_start_web(int times) {
    for (; times > 0; --times) {
      scripted_failure failure;
      failure.call = "start shop-web-1";
      failure.status = 500;
      failure.words = "OCI runtime create failed: scripted";
      shop_.engine().fail(failure);
    }
  }
  void break_the_way_back() {
    fail_to_start_web(2);
    ASSERT_EQ(shop_.update("v2").how, ending::needs_person);
  }
  void remove(const std::string& container) {
    shop_.stop_by_hand(container);
    run_task(shop_.engine().remove_container(container));
  }
  /// As somebody's `compose up` does it: another of the same, not started yet.
  void replace_web() {
    const fake_container made = *shop_.engine().container("shop-web-1");
    docker::json body = made.config;
    body["HostConfig"] = made.host_config;
    for (const char* label : {"io.dockupd.attempt", "io.dockupd.subject"}) body["Labels"].erase(label);
    remove("shop-web-1");
    run_task(shop_.engine().create_container("shop-web-1", std::move(body), ""));
  }
  static rollback_request with(data_choice data) {
    rollback_request out;
    out.data = data;
    return out;
  }
  bool runs(const std::string& container) {
    const fake_container* found = shop_.engine().container(container);
    return found != nullptr && found->is_up();
  }

  shop_run shop_;
  volume_content before_;
};

TEST_F(Attention, RollbackWithoutAReleaseMeansTheOneThatWasThere) {
  break_the_way_back();
  const run_result result = shop_.rollback(with(data_choice::restore));
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(result.release_now, 1);
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_TRUE(runs("shop-web-1"));
  EXPECT_EQ(content_of(shop_.data()), before_);
  EXPECT_FALSE(needs_a_person(shop_.records()));
}

TEST_F(Attention, TheDataHasToBeDecidedOn) {
  break_the_way_back();
  EXPECT_THAT(shop_.refused([&] { shop_.rollback(with(data_choice::as_policy)); }),
              AllOf(HasSubstr("may have written"), HasSubstr("r1 --with-data"), HasSubstr("r1 --no-data")));
}

TEST_F(Attention, ASafetyCopyOfUnknownDataIsNeverTakenForTheReleases) {
  break_the_way_back();
  fail_to_start_web(1);
  ASSERT_EQ(shop_.rollback(with(data_choice::restore)).how, ending::needs_person);
  // The same command again has to bring the same data.
  const run_result again = shop_.rollback(with(data_choice::restore));
  EXPECT_EQ(again.how, ending::done) << again.reason;
  EXPECT_EQ(content_of(shop_.data()), before_);
  for (const snapshot_row& row : shop_.records().snapshots()) {
    if (row.reason.starts_with("safety")) {
      EXPECT_EQ(row.of_release, 0) << row.id;
    }
  }
}

TEST_F(Attention, WhatWasLeftOverIsNoRelease) {
  break_the_way_back();
  for (const char* name : {"shop-db-1", "shop-migrate-1", "shop-web-1"}) remove(name);
  ASSERT_EQ(shop_.update("v1").how, ending::done);
  for (const release& r : shop_.records().releases()) EXPECT_EQ(r.containers.size(), 3u) << "r" << r.number;
}

TEST_F(Attention, WhatIsLeftOfAProjectIsNoVerifiedRelease) {
  break_the_way_back();
  remove("shop-web-1");
  ASSERT_EQ(shop_.update("v1").how, ending::done);
  for (const release& r : shop_.records().releases()) {
    if (r.containers.size() < 3) {
      EXPECT_EQ(r.verdict, release_verdict::unverified) << "r" << r.number;
    }
  }
}

class CommittedThenReplaced : public Attention {
 protected:
  void SetUp() override {
    Attention::SetUp();
    shop_.on_event = [](const progress_event& e) {
      if (e.what == progress_event::kind::phase && e.text == "commit") throw killed();
    };
    EXPECT_THROW(shop_.update("v2"), killed);
    shop_.on_event = nullptr;
  }
};

TEST_F(CommittedThenReplaced, EndsWhenTheOtherIsWell) {
  replace_web();
  run_task(shop_.engine().start_container("shop-web-1"));
  run_task(shop_.engine().inspect_container("shop-web-1"));  // each look moves its health on
  const std::string other = shop_.id_of("shop-web-1");
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->how, ending::done) << result->reason;
  EXPECT_EQ(shop_.id_of("shop-web-1"), other);
  EXPECT_TRUE(runs("shop-web-1"));
  EXPECT_EQ(shop_.container_named("shop-web-1.dockupd-"), "");
}

TEST_F(CommittedThenReplaced, TakesNoNameThatAPowerCutGaveBackForSomebodysDoing) {
  const std::string old = shop_.container_named("shop-web-1.dockupd-old.");
  const std::string id = old.substr(old.rfind('.') + 1);
  run_task(shop_.engine().rename_container("shop-web-1", "shop-web-1.dockupd-new." + id));
  run_task(shop_.engine().rename_container(old, "shop-web-1"));
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->how, ending::done) << result->reason;
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(CommittedThenReplaced, CallsForAPersonWhenTheOtherDoesNotRun) {
  replace_web();
  const std::string old = shop_.container_named("shop-web-1.dockupd-old.");
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->how, ending::needs_person);
  EXPECT_EQ(shop_.container_named("shop-web-1.dockupd-"), old) << "what there was before has to stay";
}

TEST_F(Attention, WhatSomebodyPutInThePlaceOfAnUnprovenVersionGetsNoSecondWriterBesideIt) {
  shop_.on_event = [](const progress_event& e) {
    if (e.what == progress_event::kind::phase && e.text == "verify") throw killed();
  };
  EXPECT_THROW(shop_.update("v2"), killed);
  shop_.on_event = nullptr;
  replace_web();
  run_task(shop_.engine().start_container("shop-web-1"));
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->how, ending::needs_person);
  int running = 0;
  for (const std::string& line : shop_.engine().container_names())
    running += line.starts_with("shop-web-1") && line.ends_with(" running");
  EXPECT_EQ(running, 1) << testing::PrintToString(shop_.engine().container_names());
}

// As rescue.sh leaves it: the old container runs again under its name, its data is in place, and both marks are set.
class Rescued : public Attention {
 protected:
  void rescue() {
    break_the_way_back();
    const std::string old = shop_.container_named("shop-web-1.dockupd-old.");
    if (!old.empty()) {
      if (shop_.engine().container("shop-web-1") != nullptr) remove("shop-web-1");
      run_task(shop_.engine().rename_container(old, "shop-web-1"));
    }
    shop_.put_data(before_);
    run_task(shop_.engine().start_container("shop-web-1"));
    const std::filesystem::path directory = shop_.attempts() / shop_.records().attempts().front().id;
    for (const char* mark : {rescue_begun, rescue_done}) put(directory / mark, "");
  }
};

TEST_F(Rescued, ByHandAfterAPersonWasCalledForIsAgreedToByRecover) {
  rescue();
  put(shop_.data() / "rows", "a row written since\n");
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_FALSE(needs_a_person(shop_.records()));
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  EXPECT_TRUE(runs("shop-web-1"));
  EXPECT_EQ(text_of(shop_.data() / "rows"), "a row written since\n") << "the data was put back a second time";
  EXPECT_EQ(shop_.engine().container_names().size(), 3u);
  EXPECT_TRUE(!std::filesystem::exists(shop_.attempts()) || std::filesystem::is_empty(shop_.attempts()));
}

TEST_F(Attention, ARescueThatWasOnlyBegunDoesNotPutBackDataThatIsBack) {
  break_the_way_back();
  put(shop_.attempts() / shop_.records().attempts().front().id / rescue_begun, "");
  put(shop_.data() / "rows", "a row written since\n");
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->how, ending::rolled_back) << result->reason;
  EXPECT_EQ(text_of(shop_.data() / "rows"), "a row written since\n");
}

TEST_F(Rescued, WithoutSuccessStaysAPersonsBusiness) {
  rescue();
  shop_.make_unhealthy("shop-web-1");
  const std::optional<run_result> result = shop_.recover();
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->how == ending::needs_person || result->how == ending::rolled_back_unproven);
  EXPECT_TRUE(needs_a_person(shop_.records()));
}

TEST_F(Rescued, ByNobodyARecoverChangesNothing) {
  break_the_way_back();
  EXPECT_FALSE(shop_.recover());
  EXPECT_TRUE(needs_a_person(shop_.records()));
}

class AnotherEngine : public Attention {
 protected:
  void move_to(const std::string& engine_id) { shop_.engine().described().id = engine_id; }
};

TEST_F(AnotherEngine, IsLeftAlone) {
  const std::string home = shop_.engine().described().id;
  move_to("ANOTHER");
  shop_.engine().forget_calls();
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }),
              AllOf(HasSubstr(home), HasSubstr("ANOTHER"), HasSubstr("-H")));
  EXPECT_EQ(shop_.engine().changes(), "");
  move_to(home);
  EXPECT_EQ(shop_.update("v2").how, ending::done);
  move_to("ANOTHER");
  EXPECT_THAT(shop_.refused([&] { shop_.rollback(with(data_choice::keep)); }), HasSubstr("ANOTHER"));
}

TEST_F(AnotherEngine, DoesNotEndTheAttemptThatWasInterruptedOnTheFirst) {
  const std::string home = shop_.engine().described().id;
  scripted_failure kill;
  kill.call = "start shop-web-1";
  kill.kind = failure_kind::killed;
  shop_.engine().fail(kill);
  EXPECT_THROW(shop_.update("v2"), fake_kill);
  shop_.engine().forget_failures();
  move_to("ANOTHER");
  EXPECT_THAT(shop_.refused([&] { shop_.recover(); }), HasSubstr("ANOTHER"));
  move_to(home);
  EXPECT_EQ(shop_.recover()->how, ending::done);
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

}  // namespace
}  // namespace orchestration::test
