#include "orchestration/files/descriptor.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "tests/files/temporary_directory.hpp"

namespace orchestration {
namespace {

using namespace std::chrono_literals;

volatile sig_atomic_t caught = 0;

TEST(Uninterrupted, CallsAgainWhileASignalInterrupts) {
  int calls = 0;
  const int result = uninterrupted([&] {
    errno = EINTR;
    return ++calls < 3 ? -1 : 7;
  });
  EXPECT_EQ(result, 7);
  EXPECT_EQ(calls, 3);
}

TEST(Uninterrupted, LeavesOtherFailuresAndTheirReason) {
  int calls = 0;
  const int result = uninterrupted([&] {
    ++calls;
    errno = EIO;
    return -1;
  });
  EXPECT_EQ(result, -1);
  EXPECT_EQ(errno, EIO);
  EXPECT_EQ(calls, 1);
}

TEST(OpenFile, WaitsOnAfterASignal) {
  test::temporary_directory place;
  const std::filesystem::path fifo = place / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  struct sigaction count {};
  struct sigaction before {};
  count.sa_handler = [](int) { caught = caught + 1; };
  ::sigaction(SIGUSR1, &count, &before);
  const pthread_t opener = ::pthread_self();
  std::thread other([&] {
    // Each of them ends an open(2) that waits for somebody at the other end.
    while (caught < 3) {
      ::pthread_kill(opener, SIGUSR1);
      std::this_thread::sleep_for(5ms);
    }
    const descriptor writer = open_file(fifo, O_WRONLY);
  });
  const descriptor reader = open_file(fifo, O_RDONLY);
  other.join();
  ::sigaction(SIGUSR1, &before, nullptr);
  EXPECT_TRUE(reader);
  EXPECT_GE(caught, 3);
  EXPECT_NE(::fcntl(reader.get(), F_GETFD) & FD_CLOEXEC, 0);
}

}  // namespace
}  // namespace orchestration
