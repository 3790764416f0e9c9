// One request and its reply over one connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "docker_client/error.hpp"
#include "docker_client/task.hpp"
#include "docker_client/wire/byte_stream.hpp"
#include "docker_client/wire/deadline.hpp"
#include "docker_client/wire/http_codec.hpp"

namespace docker {

/// Every failure is a docker::error of this request and leaves the connection closed, as does destroying an exchange
/// whose reply was not read to its end.
class exchange {
 public:
  exchange(std::unique_ptr<byte_stream> connection, request_line line);
  ~exchange();
  exchange(const exchange&) = delete;
  exchange& operator=(const exchange&) = delete;

  /// Sends `request` (to_bytes) and returns when the reply's head is complete. `first_byte` is for all of that, zero:
  /// none. Where writing fails, a reply that is there already is read: an engine refuses early and closes.
  task<> send(std::string request, reply_to expected, std::chrono::milliseconds first_byte);

  const reply_head& head() const noexcept { return parser_.head(); }  // after send()
  /// For every later read; zero: none.
  void set_idle(std::chrono::milliseconds limit) noexcept { idle_ = limit; }
  /// At least one byte of the body, or 0: it is complete.
  task<std::size_t> read_some(std::span<std::byte> buffer);

  /// A pending operation ends as cancelled.
  void close() noexcept;
  /// The connection, when the reply is complete and leaves it usable; nullptr otherwise.
  std::unique_ptr<byte_stream> release() noexcept;

  // What a retry may depend on, after send() failed.
  bool any_byte_came() const noexcept { return any_byte_came_; }
  bool write_failed() const noexcept { return write_failed_; }

 private:
  task<> write_request(const std::string& request);
  task<> receive();
  error failed(const boost::system::system_error& reason, std::chrono::milliseconds limit);

  std::unique_ptr<byte_stream> connection_;
  request_line line_;
  reply_parser parser_;
  deadline deadline_;
  std::chrono::milliseconds idle_{0};
  std::vector<std::byte> buffer_;
  std::string body_;            // decoded, not yet taken
  std::size_t body_taken_ = 0;  // of body_
  bool any_byte_came_ = false;
  bool write_failed_ = false;
  bool closed_ = false;
};

}  // namespace docker
