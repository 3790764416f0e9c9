// A deadline on something that is ended by closing it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/any_io_executor.hpp>

namespace docker {

/// At most one at a time; destroyed or stopped, it never fires. A timer beside the operation, and not `operation ||
/// timer`, because the loser of that race may have consumed bytes.
class deadline {
 public:
  deadline(boost::asio::any_io_executor executor, std::function<void()> on_expiry);
  ~deadline();
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;

  void start(std::chrono::milliseconds limit);  // zero: none
  void stop() noexcept;
  bool passed() const noexcept;  // and on_expiry was called

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// "60 s", "1.5 s", "20 ms"
std::string to_text(std::chrono::milliseconds limit);

}  // namespace docker
