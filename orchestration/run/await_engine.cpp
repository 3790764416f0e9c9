#include "orchestration/run/await_engine.hpp"

#include <algorithm>

#include "docker_client/error.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/pause.hpp"

namespace orchestration {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{100};
constexpr milliseconds longest_pause{2'000};  // a boot is waited for with a service down
constexpr milliseconds between_looks{200};    // at the stop request

docker::task<> pause_unless_stopped(milliseconds time, const std::stop_token& stop) {
  const milliseconds end = boot_time() + time;
  for (milliseconds now = boot_time(); now < end && !stop.stop_requested(); now = boot_time()) {
    co_await pause_for(std::min(end - now, between_looks));
  }
}

bool is_silence(const docker::error& error) {
  return error.kind() == docker::error_kind::not_connected || error.kind() == docker::error_kind::timeout ||
         error.kind() == docker::error_kind::truncated;
}

}  // namespace

docker::task<bool> await_engine(engine& e, milliseconds deadline, std::stop_token stop) {
  for (milliseconds pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
    try {
      co_await e.facts();
      co_return true;
    } catch (const docker::error& error) {
      if (!is_silence(error)) throw;
    }
    const milliseconds left = deadline - boot_time();
    if (left <= milliseconds(0) || stop.stop_requested()) co_return false;
    co_await pause_unless_stopped(std::min(pause, left), stop);
  }
}

}  // namespace orchestration
