// Connections that wait for their next request.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "docker_client/task.hpp"
#include "docker_client/wire/byte_stream.hpp"

namespace docker {

/// Keeps at most `most_idle`, none longer than `longest_idle`: docker's own client does the same, because of engines
/// that ran out of file descriptors (moby#45539). How many are in use is not limited: a stream holds its own for hours.
class pool {
 public:
  static constexpr std::size_t most_idle = 6;
  static constexpr std::chrono::seconds longest_idle{30};
  using clock = std::function<std::chrono::steady_clock::time_point()>;

  explicit pool(stream_factory dial, clock now = &std::chrono::steady_clock::now)
      : dial_(std::move(dial)), now_(std::move(now)) {}

  /// The one used last, which is the least likely to be dead; nullptr when none waits. The old ones are dropped here:
  /// a timer for it would keep the program from ending.
  std::unique_ptr<byte_stream> take_idle();
  task<std::unique_ptr<byte_stream>> dial() { return dial_(); }
  void give_back(std::unique_ptr<byte_stream> connection);
  /// After one of them was found dead the others are too: the engine was restarted.
  void forget_idle() noexcept { idle_.clear(); }
  std::size_t idle() const noexcept { return idle_.size(); }

 private:
  struct waiting {
    std::unique_ptr<byte_stream> connection;
    std::chrono::steady_clock::time_point since;
  };
  stream_factory dial_;
  clock now_;
  std::vector<waiting> idle_;  // oldest first
};

}  // namespace docker
