#include "docker_client/wire/pool.hpp"

#include <gtest/gtest.h>

#include "tests/support/scripted_stream.hpp"

namespace docker {
namespace {

class Pool : public testing::Test {
 protected:
  std::unique_ptr<byte_stream> stream() {
    return std::make_unique<scripted_stream>(context.get_executor(), std::make_shared<stream_script>());
  }
  boost::asio::io_context context;
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  pool connections{nullptr, [this] { return now; }};
};

TEST_F(Pool, GivesTheConnectionThatWaitedLeast) {
  auto older = stream();
  auto newer = stream();
  const byte_stream* const newest = newer.get();
  connections.give_back(std::move(older));
  connections.give_back(std::move(newer));
  EXPECT_EQ(connections.take_idle().get(), newest);
  EXPECT_EQ(connections.idle(), 1U);
}

TEST_F(Pool, DropsWhatWaitedTooLong) {
  connections.give_back(stream());
  now += pool::longest_idle + std::chrono::milliseconds(1);
  EXPECT_EQ(connections.take_idle(), nullptr);
  EXPECT_EQ(connections.idle(), 0U);
}

TEST_F(Pool, KeepsWhatWaitedLess) {
  connections.give_back(stream());
  now += pool::longest_idle;
  EXPECT_NE(connections.take_idle(), nullptr);
}

TEST_F(Pool, KeepsNoMoreThanItsLimit) {
  for (std::size_t i = 0; i < pool::most_idle + 3; ++i) connections.give_back(stream());
  EXPECT_EQ(connections.idle(), pool::most_idle);
}

TEST_F(Pool, TakesNoUnusableConnection) {
  connections.give_back(nullptr);
  EXPECT_EQ(connections.take_idle(), nullptr);
}

}  // namespace
}  // namespace docker
