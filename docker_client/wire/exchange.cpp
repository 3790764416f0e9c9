#include "docker_client/wire/exchange.hpp"

#include <algorithm>
#include <cstring>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

namespace docker {
namespace {

using boost::system::system_error;

constexpr std::size_t read_size = 64 * 1024;  // a socket's usual receive buffer holds a few of these

}  // namespace

exchange::exchange(std::unique_ptr<byte_stream> connection, request_line line)
    : connection_(std::move(connection)),
      line_(std::move(line)),
      parser_(reply_to::any_other),
      deadline_(connection_->executor(), [this] { connection_->close(); }),
      buffer_(read_size) {}

exchange::~exchange() { close(); }

void exchange::close() noexcept {
  closed_ = true;
  if (connection_ != nullptr) connection_->close();
}

std::unique_ptr<byte_stream> exchange::release() noexcept {
  if (closed_ || !parser_.keeps_alive()) return nullptr;
  return std::move(connection_);
}

task<> exchange::send(std::string request, reply_to expected, std::chrono::milliseconds first_byte) {
  parser_ = reply_parser(expected);
  deadline_.start(first_byte);
  try {
    co_await write_request(request);
    while (!parser_.has_head()) co_await receive();
    deadline_.stop();
  } catch (const system_error& reason) {
    throw failed(reason, first_byte);
  } catch (const error& reason) {
    close();
    throw reason.of(line_, acted::maybe);
  }
}

task<> exchange::write_request(const std::string& request) {
  try {
    co_await connection_->write(std::as_bytes(std::span(request)));
  } catch (const system_error& reason) {
    write_failed_ = true;
    if (closed_ || deadline_.passed() || reason.code() == boost::asio::error::operation_aborted) throw;
  }
  if (!write_failed_) co_return;
  // The answer that explains the failure may be waiting in the receive buffer. Without one this read fails too, and
  // says that the connection is gone.
  co_await receive();
}

task<> exchange::receive() {
  const std::size_t count = co_await connection_->read_some(buffer_);
  if (count == 0) {
    // Before the first byte this is a broken connection (and may be tried again), after it a broken answer.
    if (!any_byte_came_) throw system_error(boost::asio::error::eof);
    parser_.end_of_input();
    co_return;
  }
  any_byte_came_ = true;
  parser_.feed({reinterpret_cast<const char*>(buffer_.data()), count});
}

task<std::size_t> exchange::read_some(std::span<std::byte> buffer) {
  try {
    while (body_taken_ == body_.size()) {
      body_ = parser_.take_body();
      body_taken_ = 0;
      if (!body_.empty()) break;
      if (parser_.complete()) co_return 0;
      if (closed_) throw system_error(boost::asio::error::operation_aborted);
      deadline_.start(idle_);
      co_await receive();
      deadline_.stop();
    }
  } catch (const system_error& reason) {
    throw failed(reason, idle_);
  } catch (const error& reason) {
    close();
    throw reason.of(line_, acted::maybe);
  }
  const std::size_t count = std::min(buffer.size(), body_.size() - body_taken_);
  std::memcpy(buffer.data(), body_.data() + body_taken_, count);
  body_taken_ += count;
  co_return count;
}

error exchange::failed(const system_error& reason, std::chrono::milliseconds limit) {
  const bool head_is_here = parser_.has_head();
  const bool on_time = !deadline_.passed();
  deadline_.stop();
  close();
  const acted how_far = acted::maybe;
  if (!on_time && head_is_here)
    return {error_kind::timeout, "nothing more of the answer came for " + to_text(limit), line_, how_far};
  if (!on_time)
    return {error_kind::timeout, "the engine did not answer within " + to_text(limit) + "; it may still act", line_,
            how_far};
  if (reason.code() == boost::asio::error::operation_aborted)
    return {error_kind::cancelled, "cancelled; the engine may still act", line_, how_far};
  if (any_byte_came_)
    return {error_kind::truncated, "the connection broke inside the answer: " + reason.code().message(), line_,
            how_far};
  return {error_kind::not_connected, "the connection broke before an answer: " + reason.code().message(), line_,
          how_far};
}

}  // namespace docker
