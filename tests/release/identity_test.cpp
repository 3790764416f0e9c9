#include "orchestration/release/identity.hpp"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

using std::chrono::system_clock;

system_clock::time_point at(std::int64_t seconds) { return system_clock::time_point(std::chrono::seconds(seconds)); }

// date -u -d @1795258501 gives 2026-11-21T10:55:01Z.
constexpr std::int64_t november = 1795258501;

TEST(Identity, NamesAnAttemptAfterItsTimeInUtc) {
  EXPECT_EQ(attempt_id(at(november), 0x4f2a9c), "20261121T105501Z-4f2a9c");
  EXPECT_EQ(snapshot_id(at(0), 0), "19700101T000000Z-000000");
}

TEST(Identity, UsesTheLow24BitsOfTheRandomNumber) {
  EXPECT_EQ(attempt_id(at(november), 0xff00000aU), "20261121T105501Z-00000a");
}

TEST(Identity, SortsAsTextByTime) {
  EXPECT_LT(attempt_id(at(november), 0xffffff), attempt_id(at(november + 1), 0));
  EXPECT_LT(attempt_id(at(951782399), 0xffffff), attempt_id(at(951782400), 0));  // 28 and 29 February 2000
}

TEST(Identity, WritesTimesInWholeSecondsRoundedDown) {
  EXPECT_EQ(to_rfc3339(at(november)), "2026-11-21T10:55:01Z");
  EXPECT_EQ(to_rfc3339(at(november) + std::chrono::milliseconds(999)), "2026-11-21T10:55:01Z");
  EXPECT_EQ(to_rfc3339(at(951782400)), "2000-02-29T00:00:00Z");
  EXPECT_EQ(to_rfc3339(at(-1)), "1969-12-31T23:59:59Z");
}

TEST(Identity, ReadsBackWhatItWrote) {
  for (const std::int64_t seconds : {std::int64_t{0}, std::int64_t{-1}, november, std::int64_t{4102444799}})
    EXPECT_EQ(from_rfc3339(to_rfc3339(at(seconds))), at(seconds)) << seconds;
}

TEST(Identity, ReadsFractionsOffsetsAndLeapSeconds) {
  EXPECT_EQ(from_rfc3339("2026-11-21T10:55:01.123456789Z"), at(november) + std::chrono::nanoseconds(123456789));
  EXPECT_EQ(from_rfc3339("2026-11-21T10:55:01.1234567899Z"), at(november) + std::chrono::nanoseconds(123456789));
  EXPECT_EQ(from_rfc3339("2026-11-21T12:25:01+01:30"), at(november));
  EXPECT_EQ(from_rfc3339("2026-11-21T05:55:01-05:00"), at(november));
  EXPECT_EQ(from_rfc3339("2026-11-21t10:55:01z"), at(november));
  EXPECT_EQ(from_rfc3339("2016-12-31T23:59:60Z"), from_rfc3339("2017-01-01T00:00:00Z"));
}

TEST(Identity, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "2026", "2026-11-21", "2026-11-21T10:55:01", "2026-11-21T10:55Z", "2026-13-21T10:55:01Z",
        "2026-02-29T10:55:01Z", "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:55:61Z",
        "2026-11-21T10:55:01.Z", "2026-11-21T10:55:01Zx", "2026-11-21T10:55:01+0100", "2026-11-21T10:55:01+24:00",
        "+026-11-21T10:55:01Z", "2026-11-2110:55:01Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"})
    EXPECT_EQ(from_rfc3339(text), std::nullopt) << text;
}

}  // namespace
}  // namespace orchestration
