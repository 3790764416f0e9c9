#include "docker_client/wire/deadline.hpp"

#include <boost/asio/steady_timer.hpp>

namespace docker {

// Shared with the timer's handler, which may be queued already when the deadline is destroyed.
struct deadline::state {
  state(boost::asio::any_io_executor executor, std::function<void()> action)
      : timer(std::move(executor)), on_expiry(std::move(action)) {}
  boost::asio::steady_timer timer;
  std::function<void()> on_expiry;
  unsigned started = 0;  // tells a queued handler that it is of an earlier start
  bool passed = false;
};

deadline::deadline(boost::asio::any_io_executor executor, std::function<void()> on_expiry)
    : state_(std::make_shared<state>(std::move(executor), std::move(on_expiry))) {}
deadline::~deadline() { stop(); }

void deadline::start(std::chrono::milliseconds limit) {
  stop();
  if (limit == std::chrono::milliseconds::zero()) return;
  state_->timer.expires_after(limit);
  state_->timer.async_wait([state = state_, mine = state_->started](boost::system::error_code) {
    if (state->started != mine) return;
    state->passed = true;
    state->on_expiry();
  });
}

void deadline::stop() noexcept {
  ++state_->started;
  state_->timer.cancel();
}

bool deadline::passed() const noexcept { return state_->passed; }

std::string to_text(std::chrono::milliseconds limit) {
  const auto count = limit.count();
  if (count < 1000) return std::to_string(count) + " ms";
  const auto tenths = count % 1000 / 100;
  return std::to_string(count / 1000) + (tenths == 0 ? "" : "." + std::to_string(tenths)) + " s";
}

}  // namespace docker
