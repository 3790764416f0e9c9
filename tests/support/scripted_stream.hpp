// A connection whose other side is a script: what it answers, where it stalls, ends or breaks.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include "docker_client/wire/byte_stream.hpp"

namespace docker {

/// Shared by the test and the stream. Each answers() is one read, in order; reading past the script throws
/// std::logic_error, so a test cannot hang on a forgotten line.
class stream_script {
 public:
  stream_script& answers(std::string_view bytes);
  stream_script& answers_bytewise(std::string_view bytes);
  stream_script& ends();                                     // clean end, for every later read too
  stream_script& breaks(boost::system::error_code failure);  // likewise
  stream_script& stalls();                                   // until closed or cancelled
  stream_script& refuses_writing(boost::system::error_code failure);
  stream_script& stalls_writing();

  const std::string& written() const { return written_; }
  bool closed() const { return closed_; }

 private:
  friend class scripted_stream;
  enum class kind { bytes, end, failure, stall };
  struct step {
    kind what = kind::bytes;
    std::string bytes;
    boost::system::error_code failure;
  };
  std::deque<step> reads_;
  std::optional<step> writing_;
  std::string written_;
  bool closed_ = false;
};

class scripted_stream : public byte_stream {
 public:
  scripted_stream(boost::asio::any_io_executor executor, std::shared_ptr<stream_script> script);
  ~scripted_stream() override;

  boost::asio::any_io_executor executor() const override { return executor_; }
  task<std::size_t> read_some(std::span<std::byte> buffer) override;
  task<> write(std::span<const std::byte> bytes) override;
  void close() noexcept override;

 private:
  task<> stall();
  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer never_;
  std::shared_ptr<stream_script> script_;
};

/// Runs a task to its end. What never ends fails after ten seconds instead of hanging the suite.
void run(boost::asio::io_context& context, task<> doing);

// co_spawn would want a default constructor of T.
template <class T>
task<> keep(task<T> doing, std::optional<T>& out) {
  out.emplace(co_await std::move(doing));
}

template <class T>
T run(boost::asio::io_context& context, task<T> doing) {
  std::optional<T> out;
  run(context, keep(std::move(doing), out));
  return std::move(*out);
}

}  // namespace docker
