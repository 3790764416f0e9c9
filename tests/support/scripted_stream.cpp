#include "tests/support/scripted_stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace docker {

using boost::system::error_code;
using boost::system::system_error;

stream_script& stream_script::answers(std::string_view bytes) {
  reads_.push_back({kind::bytes, std::string(bytes), {}});
  return *this;
}
stream_script& stream_script::answers_bytewise(std::string_view bytes) {
  for (const char& c : bytes) answers({&c, 1});
  return *this;
}
stream_script& stream_script::ends() {
  reads_.push_back({kind::end, {}, {}});
  return *this;
}
stream_script& stream_script::breaks(error_code failure) {
  reads_.push_back({kind::failure, {}, failure});
  return *this;
}
stream_script& stream_script::stalls() {
  reads_.push_back({kind::stall, {}, {}});
  return *this;
}
stream_script& stream_script::refuses_writing(error_code failure) {
  writing_ = step{kind::failure, {}, failure};
  return *this;
}
stream_script& stream_script::stalls_writing() {
  writing_ = step{kind::stall, {}, {}};
  return *this;
}

scripted_stream::scripted_stream(boost::asio::any_io_executor executor, std::shared_ptr<stream_script> script)
    : executor_(executor), never_(executor), script_(std::move(script)) {}
scripted_stream::~scripted_stream() { script_->closed_ = true; }

void scripted_stream::close() noexcept {
  script_->closed_ = true;
  never_.cancel();
}

task<> scripted_stream::stall() {
  never_.expires_at(boost::asio::steady_timer::time_point::max());
  co_await never_.async_wait(boost::asio::use_awaitable);
}

task<std::size_t> scripted_stream::read_some(std::span<std::byte> buffer) {
  if (script_->closed_) throw system_error(boost::asio::error::bad_descriptor);
  if (script_->reads_.empty()) throw std::logic_error("read past the end of the script");
  auto& next = script_->reads_.front();
  if (next.what == stream_script::kind::end) co_return 0;
  if (next.what == stream_script::kind::failure) throw system_error(next.failure);
  if (next.what == stream_script::kind::stall) co_await stall();
  const std::size_t count = std::min(buffer.size(), next.bytes.size());
  std::memcpy(buffer.data(), next.bytes.data(), count);
  next.bytes.erase(0, count);
  if (next.bytes.empty()) script_->reads_.pop_front();
  co_return count;
}

task<> scripted_stream::write(std::span<const std::byte> bytes) {
  if (script_->closed_) throw system_error(boost::asio::error::bad_descriptor);
  const auto& fault = script_->writing_;
  if (fault && fault->what == stream_script::kind::failure) throw system_error(fault->failure);
  if (fault) co_await stall();
  script_->written_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void run(boost::asio::io_context& context, task<> doing) {
  std::exception_ptr failed;
  bool ended = false;
  boost::asio::co_spawn(context, std::move(doing), [&](std::exception_ptr thrown) {
    failed = thrown;
    ended = true;
  });
  context.restart();
  // Not until the context has nothing left to do: the other side's pending reads are no concern of the task.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!ended && context.run_one_until(limit) != 0) continue;
  if (failed) std::rethrow_exception(failed);
  if (!ended) throw std::logic_error("the task never ended");
}

}  // namespace docker
