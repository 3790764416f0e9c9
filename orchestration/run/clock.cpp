#include "orchestration/run/clock.hpp"

#include <ctime>
#include <random>

#include "orchestration/release/identity.hpp"

namespace orchestration {

std::string now_text() { return to_rfc3339(std::chrono::system_clock::now()); }

std::chrono::milliseconds boot_time() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::milliseconds(t.tv_nsec / 1'000'000);
}

std::string new_id() {
  std::random_device random;
  return attempt_id(std::chrono::system_clock::now(), random());
}

}  // namespace orchestration
