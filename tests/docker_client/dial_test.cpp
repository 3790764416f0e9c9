// Real sockets, on loopback and in a folder of the test's own.
#include "docker_client/wire/dial.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>

#include "docker_client/client.hpp"
#include "docker_client/error.hpp"
#include "tests/support/scripted_stream.hpp"

namespace docker {
namespace {

namespace fs = std::filesystem;
using boost::asio::ip::tcp;
using local = boost::asio::local::stream_protocol;
using testing::HasSubstr;

class Dial : public testing::Test {
 protected:
  Dial() {
    std::string name = (fs::temp_directory_path() / "dial-XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~Dial() override { fs::remove_all(folder); }

  engine_address unix_address() const { return parse_engine_address("unix://" + (folder / "s").string()); }
  std::unique_ptr<byte_stream> open(engine_address address) {
    return run(context, dial(context.get_executor(), std::move(address), std::chrono::seconds(5)));
  }
  error failure_of(engine_address address) {
    try {
      open(std::move(address));
    } catch (const error& failure) {
      return failure;
    }
    return error(error_kind::protocol, "it did not fail");
  }

  boost::asio::io_context context;
  fs::path folder;
};

task<std::string> echo(std::unique_ptr<byte_stream> stream) {
  const std::string text = "hello";
  co_await stream->write(std::as_bytes(std::span(text)));
  std::vector<std::byte> buffer(16);
  const std::size_t count = co_await stream->read_some(buffer);
  std::string out(reinterpret_cast<const char*>(buffer.data()), count);
  if (co_await stream->read_some(buffer) == 0) out += ", end";
  co_return out;
}

// Accepts one connection, sends back what came, and closes.
template <class Protocol>
void serve_echo(boost::asio::basic_socket_acceptor<Protocol>& acceptor) {
  auto peer = std::make_shared<typename Protocol::socket>(acceptor.get_executor());
  auto bytes = std::make_shared<std::string>(16, ' ');
  acceptor.async_accept(*peer, [=](boost::system::error_code) {
    peer->async_read_some(boost::asio::buffer(*bytes), [=](boost::system::error_code, std::size_t count) {
      peer->async_write_some(boost::asio::buffer(bytes->data(), count),
                             [=](boost::system::error_code, std::size_t) { peer->close(); });
    });
  });
}

TEST_F(Dial, SpeaksOverAUnixSocket) {
  local::acceptor acceptor(context, local::endpoint((folder / "s").string()));
  serve_echo(acceptor);
  EXPECT_EQ(run(context, echo(open(unix_address()))), "hello, end");
}

TEST_F(Dial, SpeaksOverTcp) {
  tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  serve_echo(acceptor);
  const std::string port = std::to_string(acceptor.local_endpoint().port());
  EXPECT_EQ(run(context, echo(open(parse_engine_address("tcp://127.0.0.1:" + port)))), "hello, end");
}

TEST_F(Dial, SaysThatThereIsNoSocket) {
  engine_address address = unix_address();
  address.origin = "DOCKER_HOST";
  const error failure = failure_of(address);
  EXPECT_EQ(failure.kind(), error_kind::not_connected);
  EXPECT_EQ(failure.acted(), acted::no);
  EXPECT_THAT(failure.what(), HasSubstr(address.text + " (from DOCKER_HOST): there is no such socket"));
}

TEST_F(Dial, SaysThatNothingListens) {
  { const local::acceptor gone(context, local::endpoint((folder / "s").string())); }
  EXPECT_THAT(failure_of(unix_address()).what(), HasSubstr("nothing listens on the socket"));
}

TEST_F(Dial, SaysThatThePortIsClosed) {
  tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  const std::string port = std::to_string(acceptor.local_endpoint().port());
  acceptor.close();
  EXPECT_THAT(failure_of(parse_engine_address("tcp://127.0.0.1:" + port)).what(), HasSubstr("nothing listens there"));
}

TEST_F(Dial, RefusesWhatItCannotSpeakYet) {
  EXPECT_THAT(failure_of(parse_engine_address("ssh://me@host")).what(), HasSubstr("ssh connections are not supported"));
  EXPECT_THAT(failure_of(parse_engine_address("https://host")).what(), HasSubstr("TLS connections are not supported"));
}

TEST_F(Dial, EndsAReadThatIsPendingWhenTheStreamIsClosed) {
  local::acceptor acceptor(context, local::endpoint((folder / "s").string()));
  local::socket peer(context);
  acceptor.async_accept(peer, [](boost::system::error_code) {});
  const std::unique_ptr<byte_stream> stream = open(unix_address());
  std::vector<std::byte> buffer(16);
  boost::asio::post(context, [&] { stream->close(); });
  EXPECT_THROW(run(context, stream->read_some(buffer)), boost::system::system_error);
}

// A listener that accepts and never answers.
TEST_F(Dial, GivesUpOnASilentEngineByTheClientsDeadline) {
  const local::acceptor acceptor(context, local::endpoint((folder / "s").string()));
  client_options options;
  options.first_byte = std::chrono::milliseconds(5);
  const client engine(context.get_executor(), unix_address(), options);
  try {
    run(context, engine.system().ping());
    FAIL();
  } catch (const error& failure) {
    EXPECT_EQ(failure.kind(), error_kind::timeout);
  }
}

}  // namespace
}  // namespace docker
