// Addresses and platforms, as Go reads them.
#include "orchestration/project/short_forms.hpp"

#include <gtest/gtest.h>

#include "orchestration/project/platform.hpp"

namespace orchestration {
namespace {

TEST(IpAddress, IsFourNumbersOrEightGroups) {
  for (const char* good : {"127.0.0.1", "0.0.0.0", "255.255.255.255", "::", "::1", "1::", "2001:db8::1",
                           "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4"})
    EXPECT_TRUE(is_ip_address(good)) << good;
  for (const char* bad :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.x", ":", ":::", "1::2::3",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "fe80::1%eth0", "1.2.3.4::", "[::1]", "1:2:3:4:5:6:7::8"})
    EXPECT_FALSE(is_ip_address(bad)) << bad;
}

TEST(Platform, IsWrittenAsTheEngineIsAsked) {
  EXPECT_EQ(normal_platform("Linux/x86_64"), "linux/amd64");
  EXPECT_EQ(normal_platform("linux/amd64/v1"), "linux/amd64");
  EXPECT_EQ(normal_platform("arm64"), "linux/arm64");
  EXPECT_EQ(normal_platform("linux/arm64/8"), "linux/arm64/v8");
  EXPECT_EQ(normal_platform("armhf"), "linux/arm");
  EXPECT_EQ(normal_platform("linux/armel"), "linux/arm/v6");
  EXPECT_EQ(normal_platform("macos/i386"), "darwin/386");
  for (const char* bad : {"", "nothing", "linux//arm", "a/b/c/d", "linux/a b"})
    EXPECT_EQ(normal_platform(bad), std::nullopt);
}

}  // namespace
}  // namespace orchestration
