#include "docker_client/wire/dial.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "docker_client/error.hpp"
#include "docker_client/wire/deadline.hpp"

namespace docker {
namespace {

namespace asio = boost::asio;
using local = asio::local::stream_protocol;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using boost::system::system_error;

template <class Socket>
class socket_stream : public byte_stream {
 public:
  explicit socket_stream(asio::any_io_executor executor) : socket_(std::move(executor)) {}

  asio::any_io_executor executor() const override { return executor_of(socket_); }
  task<std::size_t> read_some(std::span<std::byte> buffer) override {
    error_code failure;
    const std::size_t count = co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()),
                                                               asio::redirect_error(asio::use_awaitable, failure));
    if (failure && failure != asio::error::eof) throw system_error(failure, "read");
    co_return count;
  }
  task<> write(std::span<const std::byte> bytes) override {
    co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), asio::use_awaitable);
  }
  void close() noexcept override {
    error_code ignored;
    socket_.close(ignored);
  }
  Socket& socket() { return socket_; }

 private:
  static asio::any_io_executor executor_of(const Socket& socket) { return const_cast<Socket&>(socket).get_executor(); }
  Socket socket_;
};

std::string shown(const engine_address& address) {
  return address.origin.empty() ? address.text : address.text + " (from " + address.origin + ")";
}

std::string advice(const engine_address& address, const error_code& failure) {
  using boost::system::errc::no_such_file_or_directory;
  using boost::system::errc::permission_denied;
  if (address.transport == transport::unix_socket) {
    if (failure == no_such_file_or_directory)
      return "there is no such socket: the engine is not installed or not running. Start it, or name another with "
             "--host or DOCKER_HOST";
    if (failure == permission_denied)
      return "permission denied: run as root, or as a member of the socket's group (usually \"docker\")";
    if (failure == asio::error::connection_refused)
      return "nothing listens on the socket: the engine has ended or is still starting. Start it and try again";
  }
  if (failure == asio::error::connection_refused) return "nothing listens there: is the engine running, on this port?";
  if (failure == asio::error::host_not_found || failure == asio::error::host_not_found_try_again)
    return "the host name is not known: check its spelling and the name service";
  return failure.message();
}

error not_connected(const engine_address& address, const error_code& failure) {
  return error(error_kind::not_connected,
               "cannot connect to the engine at " + shown(address) + ": " + advice(address, failure));
}

task<> connect(socket_stream<local::socket>& stream, const engine_address& address) {
  co_await stream.socket().async_connect(local::endpoint(address.socket_path), asio::use_awaitable);
}

task<> connect(socket_stream<tcp::socket>& stream, const engine_address& address) {
  tcp::resolver resolver(stream.executor());
  const auto found = co_await resolver.async_resolve(address.host, address.port, asio::use_awaitable);
  co_await asio::async_connect(stream.socket(), found, asio::use_awaitable);
  stream.socket().set_option(tcp::no_delay(true));
  // Long streams through firewalls: the kernel's default of two hours is too late.
  stream.socket().set_option(asio::socket_base::keep_alive(true));
}

template <class Socket>
task<std::unique_ptr<byte_stream>> open(asio::any_io_executor executor, engine_address address,
                                        std::chrono::milliseconds limit) {
  auto stream = std::make_unique<socket_stream<Socket>>(executor);
  deadline timer(executor, [&] { stream->close(); });
  timer.start(limit);
  try {
    co_await connect(*stream, address);
  } catch (const system_error& failure) {
    if (timer.passed())
      throw error(error_kind::timeout,
                  "no connection to the engine at " + shown(address) + " within " + to_text(limit));
    if (failure.code() == asio::error::operation_aborted)
      throw error(error_kind::cancelled, "cancelled while connecting to the engine at " + shown(address));
    throw not_connected(address, failure.code());
  }
  co_return std::unique_ptr<byte_stream>(std::move(stream));
}

}  // namespace

task<std::unique_ptr<byte_stream>> dial(asio::any_io_executor executor, engine_address address,
                                        std::chrono::milliseconds limit) {
  switch (address.transport) {
    case transport::unix_socket:
      return open<local::socket>(std::move(executor), std::move(address), limit);
    case transport::tcp:
      return open<tcp::socket>(std::move(executor), std::move(address), limit);
    case transport::tls:
    case transport::ssh:
      break;
  }
  throw error(error_kind::not_connected,
              "cannot connect to the engine at " + shown(address) + ": " +
                  (address.transport == transport::ssh ? "ssh" : "TLS") +
                  " connections are not supported yet; use a unix:// or plain tcp:// address");
}

}  // namespace docker
