// What a run writes into the user's own files, and what it leaves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

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

TEST_F(InTheOverrideFile, WarnsOfWhatCannotBeEditedOnTheWayBack) {
  EXPECT_EQ(shop.update("v2").how, ending::done);
  put(shop.override_file(), "services: {web: {image: registry.test/shop-web:v2}}\n");
  const run_result result = back();
  EXPECT_EQ(result.how, ending::done);
  EXPECT_THAT(result.executed.notes, Contains(HasSubstr("is left as it is")));
  EXPECT_EQ(text_of(shop.override_file()), "services: {web: {image: registry.test/shop-web:v2}}\n");
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
