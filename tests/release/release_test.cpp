#include "orchestration/release/release.hpp"

#include <gtest/gtest.h>

#include "sample_release.hpp"

namespace orchestration {
namespace {

using docker::json;

std::string error_of(const json& document) {
  try {
    release_from_json(document);
  } catch (const docker::json_error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Release, ComesBackFromJsonAsItWas) {
  const release r = sample_release(41);
  EXPECT_EQ(release_from_json(json::parse(to_json(r).to_text())), r);
}

TEST(Release, ComesBackWithEveryVerdict) {
  for (const release_verdict verdict :
       {release_verdict::verified, release_verdict::unverified, release_verdict::rolled_back}) {
    release r = sample_release(2);
    r.verdict = verdict;
    EXPECT_EQ(release_from_json(to_json(r)).verdict, verdict) << to_text(verdict);
  }
}

TEST(Release, KeepsNumbersOfTheBodyThatFitNoDouble) {
  release r = sample_release(1);
  r.containers[0].body["HostConfig"]["Memory"] = json(json::number{"9007199254740993"});
  const release back = release_from_json(json::parse(to_json(r).to_text()));
  EXPECT_EQ(back.containers[0].body.path({"HostConfig", "Memory"})->as_int64(), 9007199254740993);
}

TEST(Release, ToleratesMembersItDoesNotKnowAndOptionalOnesThatAreMissing) {
  json document = to_json(sample_release(7));
  document["mood"] = "sunny";
  document["containers"].elements()[0]["colour"] = "green";
  document.erase("pins");
  document["networks"] = json();
  const release r = release_from_json(document);
  EXPECT_EQ(r.number, 7);
  EXPECT_TRUE(r.pins.empty());
  EXPECT_TRUE(r.networks.empty());
  EXPECT_EQ(r.containers.size(), 2U);
}

TEST(Release, SaysItsFormatAndRefusesOneItDoesNotKnow) {
  json document = to_json(sample_release(1));
  EXPECT_EQ(document.at("format").as_int64(), 1);
  document["format"] = 2;
  EXPECT_EQ(error_of(document), "format: 2 is not known; the newest this program reads is 1");
  document.erase("format");
  EXPECT_EQ(error_of(document), "format: member format is missing");
}

TEST(Release, NamesTheMemberThatIsWrong) {
  json document = to_json(sample_release(1));
  document["containers"].elements()[1].erase("image_id");
  EXPECT_EQ(error_of(document), "containers[1]: member image_id is missing");

  document = to_json(sample_release(1));
  document["containers"].elements()[0]["connect_after"].elements()[0]["network"] = 5;
  EXPECT_EQ(error_of(document), "containers[0]: connect_after[0]: network: expected a string, found a number");

  document = to_json(sample_release(1));
  document["volumes"] = "data";
  EXPECT_EQ(error_of(document), "volumes: expected an array, found a string");

  document = to_json(sample_release(1));
  document["verdict"] = "perhaps";
  EXPECT_EQ(error_of(document), "verdict: expected verified, unverified or rolled_back, found \"perhaps\"");

  document = to_json(sample_release(1));
  document["number"] = json(json::number{"4294967297"});
  EXPECT_EQ(error_of(document), "number: 4294967297 is out of range");

  document.erase("containers");
  document["number"] = 1;
  EXPECT_EQ(error_of(document), "member containers is missing");
  EXPECT_EQ(error_of(json::make_array()), "format: member format is missing");
}

TEST(Release, NamesNoEnvironmentValueInAnError) {
  json document = to_json(sample_release(1));
  document["containers"].elements()[0]["body"]["Env"] = json::array_of(std::vector<std::string>{"KEY=canary-5813"});
  document["containers"].elements()[0].erase("name");
  EXPECT_EQ(error_of(document).find("canary-5813"), std::string::npos);
}

}  // namespace
}  // namespace orchestration
