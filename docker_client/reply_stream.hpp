// The body of one reply, read as it arrives.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "docker_client/error.hpp"
#include "docker_client/task.hpp"
#include "docker_client/wire/http_codec.hpp"

namespace docker {

class pool;
class exchange;

/// Owns its connection: read to its end the connection is used again, destroyed or closed earlier it is closed.
class reply_stream {
 public:
  reply_stream(std::unique_ptr<exchange> answered, std::shared_ptr<pool> origin, request_line line);
  reply_stream(reply_stream&&) noexcept;
  reply_stream& operator=(reply_stream&&) noexcept;
  ~reply_stream();

  const reply_head& head() const noexcept { return head_; }
  const request_line& line() const noexcept { return line_; }

  /// At least one byte, or 0 when the body is complete. docker::error: truncated, timeout (no byte within the idle
  /// deadline), cancelled, not_connected.
  task<std::size_t> read_some(std::span<std::byte> buffer);

  /// Ends a pending read (kind cancelled) and every later one; from the same thread.
  void close() noexcept;

 private:
  std::unique_ptr<exchange> exchange_;
  std::shared_ptr<pool> pool_;
  reply_head head_;
  request_line line_;
};

}  // namespace docker
