// What a run writes into the user's own files, and what it leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/project/pin.hpp"
#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class InTheOverrideFile : public testing::Test {
 protected:
  InTheOverrideFile() {
    for (const char* version : {"v1", "v2"}) shop.publish(version);
    EXPECT_EQ(shop.update("v1").how, ending::done);
    put(shop.data() / "rows", "a row written under v1\n");
  }
  run_result back() {
    rollback_request asked;
    asked.data = data_choice::restore;
    return shop.rollback(std::move(asked));
  }
  shop_run shop{kept_in::override_file};
};

TEST_F(InTheOverrideFile, KeepsTheImagesOfTheVersionAndGoesBackWithIt) {
  EXPECT_EQ(text_of(shop.override_file()), shop.override_text("v1"));
  EXPECT_EQ(shop.update("v2").how, ending::done);
  EXPECT_EQ(shop.problems({"v2"}), "");
  EXPECT_EQ(back().how, ending::done);
  EXPECT_EQ(shop.problems({"v1"}), "");
}

TEST_F(InTheOverrideFile, RecordsThemWithTheRelease) {
  EXPECT_EQ(shop.update("v2").how, ending::done);
  const release now = *shop.records().current_release();
  ASSERT_EQ(now.pins.size(), 2U);
  EXPECT_EQ(now.pins.back().service, "web");
  EXPECT_EQ(now.pins.back().value, "registry.test/shop-web:v2");
  EXPECT_EQ(now.pins.back().previous, "registry.test/shop-web:v1");
}

TEST_F(InTheOverrideFile, IsRemovedByARollbackToWhenThereWasNone) {
  shop_run other(kept_in::override_file);
  std::filesystem::remove(other.override_file());
  for (const char* version : {"v1", "v2"}) other.publish(version);
  other.compose_up("v1");
  EXPECT_EQ(other.update("v2").how, ending::done);
  EXPECT_TRUE(std::filesystem::exists(other.override_file()));
  rollback_request asked;
  asked.data = data_choice::restore;
  EXPECT_EQ(other.rollback(std::move(asked)).how, ending::done);
  EXPECT_FALSE(std::filesystem::exists(other.override_file()));
}

TEST_F(InTheOverrideFile, KeepsWhatTheUserWroteWhileItRan) {
  shop.on_event = [&](const progress_event& event) {
    if (event.what == progress_event::kind::phase && event.text == "pin")
      put(shop.override_file(), text_of(shop.override_file()) + "# mine\n");
  };
  EXPECT_EQ(shop.update("v2").how, ending::done);
  shop.on_event = nullptr;
  EXPECT_EQ(text_of(shop.override_file()), shop.override_text("v2") + "# mine\n");
  EXPECT_EQ(back().how, ending::done);
  EXPECT_EQ(text_of(shop.override_file()), shop.override_text("v1") + "# mine\n");
}

TEST_F(InTheOverrideFile, LeavesAnImageThatSomebodyElseSetAndSaysSo) {
  EXPECT_EQ(shop.update("v2").how, ending::done);
  std::string others = shop.override_text("v2");
  others.replace(others.find("shop-web:v2"), 11, "shop-web:v7");
  put(shop.override_file(), others);
  const run_result result = back();
  EXPECT_EQ(result.how, ending::done);
  EXPECT_THAT(result.executed.notes,
              Contains(HasSubstr("somebody changed services.web.image to registry.test/shop-web:v7")));
  EXPECT_THAT(text_of(shop.override_file()), HasSubstr("shop-web:v7"));
  EXPECT_THAT(text_of(shop.override_file()), HasSubstr("shop-migrate:v1"));
}

TEST_F(InTheOverrideFile, NamesAChangedImageAlsoWhenAnUpdateFails) {
  image_behaviour broken = shop.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop.publish_web("v2", broken);
  std::string others = shop.override_text("v1");
  others.replace(others.find("shop-web:v1"), 11, "shop-web:v7");
  shop.on_event = [&](const progress_event& event) {
    if (event.what == progress_event::kind::phase && event.text == "verify") put(shop.override_file(), others);
  };
  const run_result result = shop.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_EQ(text_of(shop.override_file()), others);
  EXPECT_THAT(result.warnings, Contains(HasSubstr("registry.test/shop-web:v7")));
}

TEST_F(InTheOverrideFile, WarnsOfWhatCannotBeEditedOnTheWayBack) {
  EXPECT_EQ(shop.update("v2").how, ending::done);
  put(shop.override_file(), "services: {web: {image: registry.test/shop-web:v2}}\n");
  const run_result result = back();
  EXPECT_EQ(result.how, ending::done);
  EXPECT_THAT(result.executed.notes, Contains(HasSubstr("is left as it is")));
  EXPECT_EQ(text_of(shop.override_file()), "services: {web: {image: registry.test/shop-web:v2}}\n");
}

TEST_F(InTheOverrideFile, StaysWithAReleaseThatWroteNothingThere) {
  EXPECT_EQ(shop.update("v2").how, ending::done);
  update_request asked = shop.request("v2");
  asked.image_pins.reset();
  asked.desired.services.at("web").document["labels"] = docker::json::object({{"tier", "front"}});
  EXPECT_EQ(shop.update(std::move(asked)).how, ending::done);
  EXPECT_EQ(shop.records().current_release()->pins.size(), 2U);
  const auto go_to = [&](int number) {
    rollback_request back;
    back.to = number;
    back.data = data_choice::keep;
    return shop.rollback(std::move(back)).how;
  };
  EXPECT_EQ(go_to(1), ending::done);
  EXPECT_EQ(text_of(shop.override_file()), shop.override_text("v1"));
  EXPECT_EQ(go_to(3), ending::done);
  EXPECT_EQ(shop.version_of("shop-web-1"), "v2");
  EXPECT_EQ(text_of(shop.override_file()), shop.override_text("v2"));
}

class InTheEnvFile : public testing::Test {
 protected:
  InTheEnvFile() {
    for (const char* version : {"v1", "v2", "v3"}) shop.publish(version);
  }
  run_result back(std::optional<int> to = std::nullopt) {
    rollback_request asked;
    asked.to = to;
    asked.data = data_choice::keep;
    return shop.rollback(std::move(asked));
  }
  /// At the beginning of the phase, once.
  void when(const std::string& phase, const std::function<void()>& doing) {
    shop.on_event = [this, phase, doing](const progress_event& event) {
      if (event.what != progress_event::kind::phase || event.text != phase) return;
      shop.on_event = nullptr;
      doing();
    };
  }
  void break_web(const std::string& version) {
    image_behaviour broken = shop.web_behaviour();
    broken.health = health_script::becomes_unhealthy;
    shop.publish_web(version, broken);
  }
  std::string line() const { return read_env_value(text_of(shop.env_file()), "IMAGE_TAG").value_or("none"); }
  /// Number of the operation that writes the line; 0: none does.
  static int pin_in(const plan& p) {
    for (const operation& o : p.operations)
      if (std::holds_alternative<pin_tag>(o.what)) return o.number;
    return 0;
  }
  shop_run shop;
};

constexpr const char* conflict = "<<<<<<< HEAD\nIMAGE_TAG=v2\n";

TEST_F(InTheEnvFile, ThatIsNoneAnyMoreHoldsUpNoRollback) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  ASSERT_EQ(shop.update("v2").how, ending::done);
  when("pin", [&] { put(shop.env_file(), conflict); });
  const run_result during = back();
  EXPECT_EQ(during.how, ending::done) << during.reason;
  EXPECT_THAT(during.warnings, Contains(AllOf(HasSubstr("IMAGE_TAG=v1 was not written"), HasSubstr("line 1"))));
  EXPECT_TRUE(during.with_warning.contains(pin_in(during.executed)));
  const run_result before = back(2);
  EXPECT_EQ(before.how, ending::done) << before.reason;
  EXPECT_THAT(before.executed.notes, Contains(AllOf(HasSubstr("is left as it is"), HasSubstr("line 1"))));
  EXPECT_EQ(text_of(shop.env_file()), conflict);
}

TEST_F(InTheEnvFile, ThatCannotBeReadHoldsUpNoWayBack) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  break_web("v2");
  when("verify", [&] {
    std::filesystem::remove(shop.env_file());
    std::filesystem::create_directory(shop.env_file());
  });
  const run_result result = shop.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_THAT(result.warnings, Contains(HasSubstr("IMAGE_TAG=v1 was not written")));
}

TEST_F(InTheEnvFile, IsNamedInTheResultWhenItsFolderIsGone) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  ASSERT_EQ(shop.update("v2").how, ending::done);
  when("pin", [&] { std::filesystem::remove_all(shop.env_file().parent_path()); });
  const run_result result = back();
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_THAT(result.warnings, Contains(HasSubstr("its folder is gone")));
}

TEST_F(InTheEnvFile, LeavesALineThatSomebodyChangedMeanwhileAndNamesIt) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  const auto change_it = [&] { put(shop.env_file(), "IMAGE_TAG=v9\n"); };
  when("pin", change_it);
  const run_result forward = shop.update("v2");
  EXPECT_EQ(forward.how, ending::done) << forward.reason;
  EXPECT_THAT(forward.warnings, Contains(HasSubstr("somebody changed it to v9")));
  EXPECT_TRUE(forward.with_warning.contains(pin_in(forward.executed)));
  EXPECT_EQ(line(), "v9");
  put(shop.env_file(), "IMAGE_TAG=v2\n");
  when("pin", change_it);
  const run_result rolled = back();
  EXPECT_EQ(rolled.how, ending::done) << rolled.reason;
  EXPECT_THAT(rolled.warnings, Contains(HasSubstr("somebody changed it to v9")));
  EXPECT_EQ(line(), "v9");
}

// Two state directories: each reads the file before it holds the engine.
TEST(Pins, ThatAnotherRunChangedSinceTheyWereReadRefuseTheUpdate) {
  shop_run shop;
  for (const char* version : {"v1", "v2", "v3"}) shop.publish(version);
  ASSERT_EQ(shop.update("v1").how, ending::done);
  update_request early = shop.request("v2");
  ASSERT_EQ(shop.update("v3").how, ending::done);
  EXPECT_THAT(shop.refused([&] { shop.update(std::move(early)); }),
              AllOf(HasSubstr("said IMAGE_TAG=v1"), HasSubstr("says v3 now"), HasSubstr("Run the command again")));
  EXPECT_EQ(shop.version_of("shop-web-1"), "v3");

  shop_run other(kept_in::override_file);
  for (const char* version : {"v1", "v2", "v3"}) other.publish(version);
  ASSERT_EQ(other.update("v1").how, ending::done);
  early = other.request("v2");
  ASSERT_EQ(other.update("v3").how, ending::done);
  EXPECT_THAT(other.refused([&] { other.update(std::move(early)); }), HasSubstr("was changed after it was read"));
  EXPECT_EQ(other.version_of("shop-web-1"), "v3");
}

TEST_F(InTheEnvFile, NamesAChangedLineAlsoWhenAnUpdateFails) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  break_web("v2");
  const run_result untouched = shop.update("v2");
  EXPECT_EQ(untouched.how, ending::rolled_back);
  EXPECT_THAT(untouched.warnings, testing::IsEmpty());
  break_web("v3");
  when("verify", [&] { put(shop.env_file(), "IMAGE_TAG=v9\n"); });
  const run_result result = shop.update("v3");
  EXPECT_EQ(result.how, ending::rolled_back) << result.reason;
  EXPECT_THAT(result.warnings, Contains(AllOf(HasSubstr("IMAGE_TAG=v1"), HasSubstr("somebody changed it to v9"))));
  EXPECT_EQ(line(), "v9");
}

TEST_F(InTheEnvFile, OverwritesALineThatRefersToOthersAndTakesItForNobodysChange) {
  put(shop.env_file(), "BASE=v1\nIMAGE_TAG=${BASE}\n");
  shop.compose_up("v1");
  update_request asked = shop.request("v2");
  asked.pin->previous = "v1";
  const run_result result = shop.update(std::move(asked));
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_THAT(result.warnings, testing::IsEmpty());
  EXPECT_EQ(line(), "v2");
  EXPECT_EQ(back().how, ending::done);
  EXPECT_EQ(line(), "v1");
}

TEST_F(InTheEnvFile, PutsBackWhatStoodThereForAReleaseThatWroteNothing) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  update_request unpinned = shop.request("v2");
  unpinned.pin.reset();
  ASSERT_EQ(shop.update(std::move(unpinned)).how, ending::done);
  ASSERT_EQ(shop.update("v3").how, ending::done);
  const run_result result = back(2);
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop.version_of("shop-web-1"), "v2");
  EXPECT_EQ(line(), "v1");
  EXPECT_THAT(result.executed.notes, Contains(AllOf(HasSubstr("IMAGE_TAG=v1 stood in"), HasSubstr("ran v2"))));
}

TEST_F(InTheEnvFile, PutsBackWhatStoodThereBeforeTheFirstReleaseThatWrote) {
  update_request first = shop.request("v1");
  first.pin.reset();
  put(shop.env_file(), "IMAGE_TAG=v7\n");
  ASSERT_EQ(shop.update(std::move(first)).how, ending::done);
  ASSERT_EQ(shop.update("v2").how, ending::done);
  EXPECT_EQ(back().how, ending::done);
  EXPECT_EQ(line(), "v7");
}

TEST_F(InTheEnvFile, TakesTheLineOutAgainWhereNoneWas) {
  const std::string users = "TITLE='a shop'\n";
  put(shop.env_file(), users);
  shop.compose_up("v1");
  const auto over_a_default = [&](const std::string& version) {
    update_request asked = shop.request(version);
    if (!asked.pin->has_line) asked.pin->previous = "v1";
    return asked;
  };
  ASSERT_EQ(shop.update(over_a_default("v2")).how, ending::done);
  EXPECT_EQ(text_of(shop.env_file()), users + "IMAGE_TAG=v2\n");
  EXPECT_EQ(back().how, ending::done);
  EXPECT_EQ(shop.version_of("shop-web-1"), "v1");
  EXPECT_EQ(text_of(shop.env_file()), users);
  EXPECT_EQ(shop.records().current_release()->tag, "v1");
}

TEST_F(InTheEnvFile, OfARollbackThatFailsIsKnown) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  ASSERT_EQ(shop.update("v2").how, ending::done);
  scripted_failure refused;
  refused.call = "create shop-web-1";
  shop.engine().fail(refused);
  const run_result result = back();
  EXPECT_EQ(result.how, ending::abandoned) << result.reason;
  EXPECT_EQ(line(), "v2");
  const auto last = shop.records().find_attempt(result.attempt_id);
  for (const std::string& note : plan_from_json(last->undo).notes) EXPECT_THAT(note, Not(HasSubstr("is not known")));
}

TEST_F(InTheEnvFile, IsLeftAndNamedWhereAnEarlierVersionDidNotRecordIt) {
  ASSERT_EQ(shop.update("v1").how, ending::done);
  ASSERT_EQ(shop.update("v2").how, ending::done);
  // Records as they were: r3 has no line, r4 does not say what was there.
  release r1 = *shop.records().find_release(1);
  r1.number = 3;
  r1.pins.clear();
  shop.records().add_release(r1);
  release r4 = *shop.records().find_release(2);
  r4.number = 4;
  r4.pins = {{shop.env_file().string(), "IMAGE_TAG", "v2", "", std::nullopt}};
  shop.records().add_release(r4);
  shop.records().set_current_release(4);
  const run_result result = back(3);
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_THAT(result.executed.notes, Contains(HasSubstr("what IMAGE_TAG was under r3 is not recorded")));
  EXPECT_EQ(line(), "v2");
}

TEST(Pins, AreCheckedBeforeAnythingIsChanged) {
  shop_run shop;
  for (const char* version : {"v1", "v2"}) shop.publish(version);
  EXPECT_EQ(shop.update("v1").how, ending::done);
  shop.engine().forget_calls();
  update_request asked = shop.request("v2");
  asked.pin->file = "/proc/self/.env";  // no file can be made there
  const std::string refused = shop.refused([&] { shop.update(std::move(asked)); });
  EXPECT_THAT(refused, HasSubstr("the new tag could not be kept"));
  EXPECT_THAT(refused, HasSubstr("--pin none"));
  EXPECT_EQ(shop.changes(), "");
}

TEST(Pins, OfNoneAreSaidAndWhatStandsThereIsRecorded) {
  shop_run shop;
  for (const char* version : {"v1", "v2"}) shop.publish(version);
  EXPECT_EQ(shop.update("v1").how, ending::done);
  update_request asked = shop.request("v2");
  asked.pin.reset();
  asked.notes = {"IMAGE_TAG=v2 is kept nowhere"};
  const run_result result = shop.update(std::move(asked));
  EXPECT_EQ(result.how, ending::done);
  EXPECT_THAT(result.executed.notes, Contains("IMAGE_TAG=v2 is kept nowhere"));
  const std::vector<released_pin> pins = shop.records().current_release()->pins;
  ASSERT_EQ(pins.size(), 1U);
  EXPECT_EQ(pins[0].value, "v1");
  EXPECT_THAT(text_of(shop.env_file()), HasSubstr("IMAGE_TAG=v1"));
}

TEST(Pins, HoldAnImageWhateverTagNamesIt) {
  shop_run shop;
  for (const char* version : {"v1", "v2"}) shop.publish(version);
  EXPECT_EQ(shop.update("v1").how, ending::done);
  EXPECT_EQ(shop.update("v2").how, ending::done);
  rollback_request back;
  back.data = data_choice::restore;
  EXPECT_EQ(shop.rollback(std::move(back)).how, ending::done);
  std::string digest;
  for (const hold& each : shop.records().holds())
    if (each.reference.find("web") != std::string::npos) digest = each.digest;
  ASSERT_NE(digest, "");
  update_request asked = shop.request("v2");
  service& web = asked.desired.services.at("web");
  web.image += "@" + digest;
  web.document["image"] = web.image;
  asked.options.services = {"web"};
  EXPECT_THAT(shop.refused([&] { shop.update(std::move(asked)); }), HasSubstr("is on hold"));
}

}  // namespace
}  // namespace orchestration::test
