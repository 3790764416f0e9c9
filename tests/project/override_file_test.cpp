#include "orchestration/project/override_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/project/load.hpp"
#include "orchestration/project/pin.hpp"

namespace orchestration {
namespace {

using testing::HasSubstr;

constexpr const char* file = "/srv/shop/compose.override.yaml";

std::string with_image(const std::string& text, const std::string& image = "shop:v2") {
  return with_override_image(text, "web", image, file);
}

struct edit {
  const char* why;
  const char* before;
  const char* after;
};
void PrintTo(const edit& e, std::ostream* out) { *out << e.why; }

const edit edits[] = {
    {"the scalar alone", "services:\n  web:\n    image: shop:v1\n", "services:\n  web:\n    image: shop:v2\n"},
    {"between comments", "# a\nservices: # b\n  # c\n  web: # d\n    image: shop:v1  # e\n    # f\n",
     "# a\nservices: # b\n  # c\n  web: # d\n    image: shop:v2  # e\n    # f\n"},
    {"in double quotes", "services:\n  web:\n    image: \"shop:v1\"\n", "services:\n  web:\n    image: \"shop:v2\"\n"},
    {"in single quotes", "services:\n  web:\n    image: 'shop:v1' # x\n",
     "services:\n  web:\n    image: 'shop:v2' # x\n"},
    {"among others, of one name",
     "services:\n  db:\n    image: shop:v1\n  web:\n    ports: ['80:80']\n    image: shop:v1\n",
     "services:\n  db:\n    image: shop:v1\n  web:\n    ports: ['80:80']\n    image: shop:v2\n"},
    {"without a line break at the end", "services:\n  web:\n    image: shop:v1",
     "services:\n  web:\n    image: shop:v2"},
    {"of several bytes a character",
     "# \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\nservices:\n  web: # \xC3\xA9\n    image: shop:v1 # \xC3\xA9\n",
     "# \xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\nservices:\n  web: # \xC3\xA9\n    image: shop:v2 # \xC3\xA9\n"},
    {"behind a byte order mark", "\xEF\xBB\xBFservices:\n  web:\n    image: shop:v1\n",
     "\xEF\xBB\xBFservices:\n  web:\n    image: shop:v2\n"},
    {"with CRLF", "services:\r\n  web:\r\n    image: shop:v1\r\n    tty: true\r\n",
     "services:\r\n  web:\r\n    image: shop:v2\r\n    tty: true\r\n"},
    {"where nothing stands yet", "services:\n  web:\n    image:   # later\n    tty: true\n",
     "services:\n  web:\n    image: shop:v2   # later\n    tty: true\n"},
    {"with a key in quotes", "\"services\":\n  'web':\n    \"image\": shop:v1\n",
     "\"services\":\n  'web':\n    \"image\": shop:v2\n"},
    {"behind a document mark", "---\nservices:\n  web:\n    image: shop:v1\n...\n",
     "---\nservices:\n  web:\n    image: shop:v2\n...\n"},
    {"added to a service", "services:\n  web:\n    # why\n    tty: true\n",
     "services:\n  web:\n    # why\n    image: shop:v2\n    tty: true\n"},
    {"added to a service with a merge key", "x-a: &a {tty: true}\nservices:\n  web:\n    <<: *a\n",
     "x-a: &a {tty: true}\nservices:\n  web:\n    image: shop:v2\n    <<: *a\n"},
    {"added to a service with CRLF", "services:\r\n    web:\r\n        tty: true\r\n",
     "services:\r\n    web:\r\n        image: shop:v2\r\n        tty: true\r\n"},
    {"added to a service of nothing", "services:\n  web:   # x\n  db:\n    tty: true\n",
     "services:\n  web:   # x\n    image: shop:v2\n  db:\n    tty: true\n"},
    {"added as a service", "services:\n  db:\n    tty: true # x\n\n# the end\nvolumes:\n  data:\n",
     "services:\n  db:\n    tty: true # x\n  web:\n    image: shop:v2\n\n# the end\nvolumes:\n  data:\n"},
    {"added behind text in lines",
     "services:\n    db:\n        command: |\n            one\n            two\n\nvolumes: {}\n",
     "services:\n    db:\n        command: |\n            one\n            two\n    web:\n      image: "
     "shop:v2\n\nvolumes: {}\n"},
    {"added behind a list", "services:\n  db:\n    ports:\n    - 80:80\n    - 81:81 # x\n# y\n",
     "services:\n  db:\n    ports:\n    - 80:80\n    - 81:81 # x\n  web:\n    image: shop:v2\n# y\n"},
    {"added behind braces", "services:\n  db: {tty: true, environment: {A: b,\n     C: d}}\n",
     "services:\n  db: {tty: true, environment: {A: b,\n     C: d}}\n  web:\n    image: shop:v2\n"},
    {"added behind a service of nothing", "services:\n  db:\n\n\n",
     "services:\n  db:\n  web:\n    image: shop:v2\n\n\n"},
    {"added without a line break at the end", "services:\n  db:\n    tty: true",
     "services:\n  db:\n    tty: true\n  web:\n    image: shop:v2"},
    {"added with CRLF", "services:\r\n  db:\r\n    tty: true\r\n",
     "services:\r\n  db:\r\n    tty: true\r\n  web:\r\n    image: shop:v2\r\n"},
    {"added to services of nothing in braces", "services: {}\n", "services:\n  web:\n    image: shop:v2\n"},
    {"added to services of nothing in braces, with a comment", "services:   {}  # none\r\nvolumes: {}\r\n",
     "services:    # none\r\n  web:\r\n    image: shop:v2\r\nvolumes: {}\r\n"},
    {"added to a service of nothing in braces", "services:\n  web: {}   # x\n  db: {}\n",
     "services:\n  web:   # x\n    image: shop:v2\n  db: {}\n"},
    {"added to a file of nothing in braces", "{}\n", "\nservices:\n  web:\n    image: shop:v2\n"},
    {"added to services of nothing", "services:\n", "services:\n  web:\n    image: shop:v2\n"},
    {"added with services", "volumes:\n  data:\n    labels: {a: b}\n",
     "volumes:\n  data:\n    labels: {a: b}\nservices:\n  web:\n    image: shop:v2\n"},
    {"added to comments", "# nothing yet\n", "# nothing yet\nservices:\n  web:\n    image: shop:v2\n"},
};

class OverrideImage : public testing::TestWithParam<edit> {};
TEST_P(OverrideImage, IsSetAndEveryOtherByteStays) { EXPECT_EQ(with_image(GetParam().before), GetParam().after); }
TEST_P(OverrideImage, IsReadBack) { EXPECT_EQ(override_image(GetParam().after, "web"), "shop:v2"); }
TEST_P(OverrideImage, TwiceIsOnce) { EXPECT_EQ(with_image(GetParam().after), GetParam().after); }
TEST_P(OverrideImage, GoesAgainWithWhatCameForIt) {
  const std::string before = GetParam().before;
  if (override_image(before, "web") || before.find("image:  ") != std::string::npos) return;
  // Of a mapping that was nothing, nothing is left of it either.
  const bool was_nothing = before.find("web:   #") != std::string::npos || before.find("services:  ") == 0 ||
                           before == "services:\n" || before[0] == '#' || before[0] == '{';
  const std::optional<std::string> left = without_override_image(GetParam().after, "web", file);
  if (!was_nothing && before.starts_with("volumes")) {
    EXPECT_EQ(left, before);
    return;
  }
  ASSERT_TRUE(left);
  EXPECT_EQ(override_image(*left, "web"), std::nullopt);
  if (!was_nothing) {
    EXPECT_EQ(*left, before);
  }
}
INSTANTIATE_TEST_SUITE_P(OverrideFile, OverrideImage, testing::ValuesIn(edits));

TEST(OverrideFile, IsMadeWhole) {
  const std::string made = with_override_image(std::nullopt, "web", "shop:v2@sha256:01", file);
  EXPECT_EQ(
      made,
      "# Images that `dockupd update --pin override` set. docker compose reads this file after the compose file.\n"
      "services:\n  web:\n    image: shop:v2@sha256:01\n");
  EXPECT_EQ(without_override_image(made, "web", file), std::nullopt);
  const std::string two = with_override_image(made, "db", "db:16", file);
  EXPECT_EQ(without_override_image(two, "db", file), made);
  EXPECT_EQ(without_override_image(made + "# mine\n", "web", file),
            made.substr(0, made.find("services")) + "services: {}\n# mine\n");
}

TEST(OverrideFile, IsEditedAgainAfterItsLastImageWent) {
  const std::string mine = "# mine\nservices:\n  web:\n    image: shop:v1\n";
  const std::string empty = *without_override_image(mine, "web", file);
  EXPECT_EQ(empty, "# mine\nservices: {}\n");
  EXPECT_EQ(with_image(empty, "shop:v1"), mine);
  EXPECT_EQ(without_override_image(empty, "web", file), empty);
}

TEST(OverrideFile, KeepsCommentsWhenTheImageGoes) {
  const auto without = [](const std::string& text) {
    return without_override_image(text, "web", file).value_or("none");
  };
  EXPECT_EQ(without("services:\n  web: # note\n    image: shop:v1\n  db: {}\n"),
            "services:\n  web: {} # note\n  db: {}\n");
  EXPECT_EQ(without("services:\n  web:\n    # why\n    image: shop:v1\n"), "services:\n  web: {}\n    # why\n");
  EXPECT_EQ(without("services: # all\n  # one\n  web:\n    image: shop:v1\n"), "services: {} # all\n  # one\n");
  EXPECT_EQ(without("services:\n  web:\n    tty: true\n    image: 'shop:v1'  # why\n"),
            "services:\n  web:\n    tty: true\n    # why\n");
  EXPECT_EQ(without("services:\n  web:\n    image: shop:v1  # why"), "services:\n  web: {}\n    # why");
  EXPECT_EQ(without("services:\r\n  web: # a\r\n    image: shop:v1\r\n"), "services:\r\n  web: {} # a\r\n");
  EXPECT_EQ(without("services:\n  db: {tty: true} # db\n  web:\n    image: shop:v1"),
            "services:\n  db: {tty: true} # db");
  EXPECT_EQ(without("services:\n  web:\n    image: shop:v1\n# end\nvolumes: {}\n"), "# end\nvolumes: {}\n");
}

TEST(OverrideFile, RefusesToTakeAnImageOutWhereAnotherWouldShow) {
  const std::string text = "x: &a {image: shop:v0}\nservices:\n  web:\n    <<: *a\n    image: shop:v1\n";
  EXPECT_THROW(without_override_image(text, "web", file), pin_refused);
}

TEST(OverrideFile, QuotesNamesThatWouldBeNumbers) {
  EXPECT_THAT(with_override_image(std::nullopt, "123", "456", file), HasSubstr("  \"123\":\n    image: \"456\"\n"));
}

std::string refusal(const std::string& text) {
  try {
    with_image(text);
  } catch (const pin_refused& error) {
    return error.what();
  }
  return "edited";
}

TEST(OverrideFile, RefusesWhereMoreThanTheImageWouldChange) {
  const auto why = [](const std::string& text) {
    const std::string all = refusal(text);
    return all.substr(0, all.find(", which dockupd"));
  };
  const std::string begin = std::string(file) + ": ";
  EXPECT_EQ(why("services: {web: {image: shop:v1}}\n"), begin + "services is written in braces");
  EXPECT_EQ(why("services:\n  web: {image: shop:v1}\n"), begin + "services.web is written in braces");
  EXPECT_EQ(why("services:\n  web: &w\n    image: shop:v1\n  b: *w\n"), begin + "services.web has an anchor or a tag");
  EXPECT_EQ(why("x-w: &w\n  image: shop:v1\nservices:\n  web: *w\n"), begin + "services.web is an alias");
  EXPECT_EQ(why("services:\n  web:\n    image: &i shop:v1\n"), begin + "services.web.image has an anchor or a tag");
  EXPECT_EQ(why("x-i: &i shop:v1\nservices:\n  web:\n    image: *i\n"), begin + "services.web.image is an alias");
  EXPECT_EQ(why("services:\n  web:\n    image: !reset null\n"), begin + "services.web.image has an anchor or a tag");
  EXPECT_EQ(why("services:\n  web: !override\n    tty: true\n"), begin + "services.web has an anchor or a tag");
  EXPECT_EQ(why("services:\n  web:\n    image: >\n      shop:v1\n"),
            begin + "services.web.image is not written as one word");
  EXPECT_EQ(why("services:\n  web:\n    image: shop:${TAG}\n"),
            begin + "services.web.image has a variable (shop:${TAG})");
  EXPECT_EQ(why("x-s: &s {web: {tty: true}}\nservices:\n  <<: *s\n  db: {}\n"), begin + "services has a merge key");
  EXPECT_EQ(why("a: 1\n---\nb: 2\n"), begin + "it holds several documents");
  EXPECT_EQ(why("services:\n  web: text\n"), begin + "services.web is no mapping");
  EXPECT_EQ(why("services: []\n"), begin + "services is written in braces");
  EXPECT_THAT(refusal("services: {web: {}}\n"),
              HasSubstr("Either write there by hand, below services: web:, image: shop:v2, or "));
}

TEST(OverrideFile, SaysWhereItIsNoYaml) { EXPECT_THROW(with_image("services:\n web: [\n"), load_error); }

}  // namespace
}  // namespace orchestration
