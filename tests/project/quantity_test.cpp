#include "orchestration/project/quantity.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace orchestration {
namespace {

std::string canonical(std::string_view duration) {
  const std::optional<std::int64_t> time = parse_duration(duration);
  return time ? duration_text(*time) : "none";
}

TEST(Quantity, WritesDurationsAsGoDoes) {
  EXPECT_EQ(canonical("90s"), "1m30s");
  EXPECT_EQ(canonical("1h"), "1h0m0s");
  EXPECT_EQ(canonical("1500ms"), "1.5s");
  EXPECT_EQ(canonical("0.5ms"), "500\u00b5s");
  EXPECT_EQ(canonical("1ns"), "1ns");
  EXPECT_EQ(canonical("2d1w"), "216h0m0s");
  EXPECT_EQ(canonical("-1.5h"), "-1h30m0s");
  EXPECT_EQ(canonical("0"), "0s");
  EXPECT_EQ(duration_text(std::numeric_limits<std::int64_t>::min()), "-2562047h47m16.854775808s");
}

TEST(Quantity, RefusesWhatIsNoDuration) {
  for (const std::string_view text : {"", "5", "s", "1x", "1 s", ".s", "1m-5s", "99999999999999999999s", "300000000h"})
    EXPECT_EQ(canonical(text), "none") << text;
}

TEST(Quantity, ReadsSizes) {
  EXPECT_EQ(parse_size("512"), 512);
  EXPECT_EQ(parse_size("1k"), 1024);
  EXPECT_EQ(parse_size("1.5 GB"), 1610612736);
  EXPECT_EQ(parse_size("2MiB"), 2097152);
  EXPECT_EQ(parse_size("10b"), 10);
  for (const std::string_view text : {"", "k", "-1", "1x", "1kk", "nan", "1e30", "9000000p"})
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
}

TEST(Quantity, WritesRealNumbersAsGoDoes) {
  EXPECT_EQ(real_text(1.10), "1.1");
  EXPECT_EQ(real_text(100000), "100000");
  EXPECT_EQ(real_text(1000000), "1e+06");
  EXPECT_EQ(real_text(0.0001), "0.0001");
  EXPECT_EQ(real_text(0.00001), "1e-05");
  EXPECT_EQ(real_text(-0.0), "-0");
  EXPECT_EQ(json_real_text(0.1F), "0.1");
  EXPECT_EQ(json_real_text(0.30000001F), "0.3");
  EXPECT_EQ(json_real_text(1e20), "100000000000000000000");
  EXPECT_EQ(json_real_text(1e21), "1e+21");
  EXPECT_EQ(json_real_text(1e-7), "1e-7");
}

TEST(Quantity, ReadsBooleansAsComposeDoes) {
  for (const std::string_view text : {"true", "Yes", "ON", "y"}) EXPECT_EQ(parse_bool(text), true) << text;
  for (const std::string_view text : {"false", "No", "off", "N"}) EXPECT_EQ(parse_bool(text), false) << text;
  for (const std::string_view text : {"", "1", "0", "perhaps"}) EXPECT_EQ(parse_bool(text), std::nullopt) << text;
}

TEST(Quantity, ReadsRealNumbersAsGoDoes) {
  EXPECT_EQ(parse_real("1_000"), 1000);
  EXPECT_EQ(parse_real("1__000"), std::nullopt);
  EXPECT_EQ(parse_real("1e-400"), 0);
  EXPECT_EQ(parse_real("1e400"), std::nullopt);
}

}  // namespace
}  // namespace orchestration
