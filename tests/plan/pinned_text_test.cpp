#include "orchestration/plan/pinned_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/project/pin.hpp"

namespace orchestration {
namespace {

using testing::HasSubstr;

constexpr const char* file = "/opt/shop/compose.override.yaml";
const std::string users = "# mine\nservices:\n  db:\n    tty: true   # kept\n";

pin_images back_from(const pin_images& p) {
  pin_images back{p.file, p.images, p.new_text, p.old_text};
  for (pinned_image& each : back.images) std::swap(each.image, each.previous);
  return back;
}

TEST(PinnedText, IsThePlannedOneWhereTheFileIsAsItWas) {
  const pin_images p = pins_for(file, {{"web", "shop:v2", ""}, {"db", "db:2", ""}}, users);
  const std::string written =
      "# mine\nservices:\n  db:\n    image: db:2\n    tty: true   # kept\n  web:\n    image: shop:v2\n";
  EXPECT_EQ(text_with_pins(p, users).text, written);
  EXPECT_EQ(text_with_pins(p, written).text, written);
  EXPECT_EQ(text_with_pins(back_from(p), written).text, users);
  EXPECT_EQ(text_with_pins(back_from(p), users).text, users);
  EXPECT_EQ(text_with_pins(back_from(p), users).left, "");
}

TEST(PinnedText, IsNoFileAgainWhereThereWasNone) {
  const pin_images p = pins_for(file, {{"web", "shop:v2", ""}}, std::nullopt);
  const std::optional<std::string> written = text_with_pins(p, std::nullopt).text;
  ASSERT_TRUE(written);
  EXPECT_THAT(*written, HasSubstr("  web:\n    image: shop:v2\n"));
  EXPECT_EQ(text_with_pins(back_from(p), written).text, std::nullopt);
}

TEST(PinnedText, KeepsWhatTheUserEditedMeanwhile) {
  const pin_images p = pins_for(file, {{"web", "shop:v2", ""}}, users);
  const std::string edited = text_with_pins(p, users).text.value() + "# more\nvolumes: {}\n";
  const pinned_text back = text_with_pins(back_from(p), edited);
  EXPECT_EQ(back.text, users + "# more\nvolumes: {}\n");
  EXPECT_EQ(back.left, "");
  EXPECT_EQ(text_with_pins(p, *back.text).text,
            edited.substr(0, users.size()) + "  web:\n    image: shop:v2\n# more\nvolumes: {}\n");
}

TEST(PinnedText, LeavesAnImageThatSomebodyElseSet) {
  const pin_images p = pins_for(file, {{"web", "shop:v2", ""}}, users);
  const std::string other = users + "  web:\n    image: shop:v9\n";
  for (const pin_images& each : {p, back_from(p)}) {
    const pinned_text now = text_with_pins(each, other);
    EXPECT_EQ(now.text, other);
    EXPECT_EQ(now.left, "somebody changed services.web.image of /opt/shop/compose.override.yaml to shop:v9");
  }
}

TEST(PinnedText, LeavesWhatCannotBeRead) {
  const pin_images p = pins_for(file, {{"web", "shop:v2", ""}}, users);
  const pinned_text now = text_with_pins(p, "services: [\n");
  EXPECT_EQ(now.text, "services: [\n");
  EXPECT_THAT(now.left, HasSubstr("not YAML"));
}

TEST(PinnedText, IsRefusedBeforehandWhereItCannotBeEdited) {
  EXPECT_THROW(pins_for(file, {{"web", "shop:v2", ""}}, "services: {db: {tty: true}}\n"), pin_refused);
}

}  // namespace
}  // namespace orchestration
