#include "docker_client/wire/exchange.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>

#include "tests/docker_client/recorded_replies.hpp"
#include "tests/support/scripted_stream.hpp"

namespace docker {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds none{0};
constexpr milliseconds short_deadline{3};

// How one exchange ended.
struct ending {
  ending() = default;
  int status = 0;
  std::string body;
  bool reusable = false;
  std::optional<error_kind> failure;
  acted how_far = acted::no;
  std::string text;
};

task<ending> converse(std::unique_ptr<byte_stream> connection, reply_to expected, milliseconds first_byte,
                      milliseconds idle) {
  exchange one(std::move(connection), request_line("GET", "/containers/json"));
  ending out;
  try {
    co_await one.send("GET /containers/json HTTP/1.1\r\n\r\n", expected, first_byte);
    out.status = one.head().status;
    one.set_idle(idle);
    std::vector<std::byte> buffer(7);  // smaller than any piece, so that pieces are cut once more
    while (const std::size_t count = co_await one.read_some(buffer))
      out.body.append(reinterpret_cast<const char*>(buffer.data()), count);
    out.reusable = one.release() != nullptr;
  } catch (const error& failure) {
    out.failure = failure.kind();
    out.how_far = failure.acted();
    out.text = failure.what();
  }
  co_return out;
}

class Exchange : public testing::Test {
 protected:
  ending run_script(reply_to expected = reply_to::any_other, milliseconds first_byte = none, milliseconds idle = none) {
    auto connection = std::make_unique<scripted_stream>(context.get_executor(), script);
    return run(context, converse(std::move(connection), expected, first_byte, idle));
  }
  void start_over() { script = std::make_shared<stream_script>(); }

  boost::asio::io_context context;
  std::shared_ptr<stream_script> script = std::make_shared<stream_script>();
};

TEST_F(Exchange, ReadsAReplyThatComesWhole) {
  for (const auto& reply : recorded::delimited()) {
    SCOPED_TRACE(reply.name);
    start_over();
    script->answers(reply.bytes);
    const ending end = run_script(reply.request);
    EXPECT_EQ(end.text, "");
    EXPECT_EQ(end.status, reply.status);
    EXPECT_EQ(end.body, reply.body);
    EXPECT_EQ(end.reusable, reply.status != 101);
    EXPECT_EQ(script->written(), "GET /containers/json HTTP/1.1\r\n\r\n");
  }
}

TEST_F(Exchange, ReadsAReplyThatComesOneByteAtATime) {
  for (const auto& reply : recorded::delimited()) {
    SCOPED_TRACE(reply.name);
    start_over();
    script->answers_bytewise(reply.bytes);
    const ending end = run_script(reply.request);
    EXPECT_EQ(end.text, "");
    EXPECT_EQ(end.body, reply.body);
  }
}

TEST_F(Exchange, IsNeverASuccessWhenTheReplyIsCut) {
  for (const auto& reply : recorded::delimited())
    for (std::size_t cut = 0; cut < reply.bytes.size(); ++cut) {
      SCOPED_TRACE(std::string(reply.name) + " cut at " + std::to_string(cut));
      start_over();
      if (cut != 0) script->answers(reply.bytes.substr(0, cut));
      script->ends();
      const ending end = run_script(reply.request);
      // Without any byte the connection was dead, which a caller may treat otherwise.
      EXPECT_EQ(end.failure, cut == 0 ? error_kind::not_connected : error_kind::truncated);
      EXPECT_EQ(end.how_far, acted::maybe);
      EXPECT_TRUE(script->closed());
    }
}

TEST_F(Exchange, IsNeverASuccessWhenTheConnectionIsReset) {
  const auto reset = boost::asio::error::make_error_code(boost::asio::error::connection_reset);
  for (std::size_t cut = 0; cut < recorded::list_chunked.size(); ++cut) {
    start_over();
    if (cut != 0) script->answers(recorded::list_chunked.substr(0, cut));
    script->breaks(reset);
    EXPECT_EQ(run_script().failure, cut == 0 ? error_kind::not_connected : error_kind::truncated) << cut;
  }
}

TEST_F(Exchange, EndsByItsDeadlineWhereverTheReplyStalls) {
  for (const std::string_view reply : {recorded::list_chunked, recorded::not_found})
    for (std::size_t cut = 0; cut < reply.size(); ++cut) {
      SCOPED_TRACE(std::string(reply.substr(9, 3)) + " stalls at " + std::to_string(cut));
      start_over();
      if (cut != 0) script->answers(reply.substr(0, cut));
      script->stalls();
      const ending end = run_script(reply_to::any_other, short_deadline, short_deadline);
      EXPECT_EQ(end.failure, error_kind::timeout);
      EXPECT_EQ(end.how_far, acted::maybe);
      EXPECT_TRUE(script->closed());
    }
}

TEST_F(Exchange, TellsASlowHeadFromASlowBody) {
  script->stalls();
  EXPECT_EQ(run_script(reply_to::any_other, short_deadline, none).text,
            "GET /containers/json: the engine did not answer within 3 ms; it may still act");
  start_over();
  script->answers(recorded::list_chunked.substr(0, recorded::list_chunked.size() - 20)).stalls();
  EXPECT_EQ(run_script(reply_to::any_other, none, short_deadline).text,
            "GET /containers/json: nothing more of the answer came for 3 ms");
}

TEST_F(Exchange, EndsByItsDeadlineWhenTheRequestIsNotTaken) {
  script->stalls_writing();
  EXPECT_EQ(run_script(reply_to::any_other, short_deadline, none).failure, error_kind::timeout);
}

TEST_F(Exchange, ReadsTheAnswerThatExplainsWhyWritingFailed) {
  script->refuses_writing(boost::asio::error::broken_pipe).answers(recorded::not_found);
  const ending end = run_script();
  EXPECT_EQ(end.status, 404);
  EXPECT_EQ(end.body, "{\"message\":\"No such container: nobody\"}");
}

TEST_F(Exchange, FailsWhenWritingFailsAndNoAnswerWaits) {
  script->refuses_writing(boost::asio::error::broken_pipe).ends();
  const ending end = run_script();
  EXPECT_EQ(end.failure, error_kind::not_connected);
  EXPECT_EQ(end.how_far, acted::maybe);
}

TEST_F(Exchange, IsAProtocolErrorWhenSomethingElseAnswers) {
  script->answers("SSH-2.0-OpenSSH_9.2\r\n");
  const ending end = run_script();
  EXPECT_EQ(end.failure, error_kind::protocol);
  EXPECT_TRUE(script->closed());
}

TEST_F(Exchange, LeavesAClosedConnectionWhenCancelled) {
  for (const bool in_body : {false, true}) {
    start_over();
    if (in_body) script->answers(recorded::list_chunked.substr(0, recorded::list_chunked.size() - 20));
    script->stalls();
    std::optional<ending> end;
    boost::asio::cancellation_signal stop;
    auto connection = std::make_unique<scripted_stream>(context.get_executor(), script);
    auto doing = converse(std::move(connection), reply_to::any_other, none, none);
    const auto note = [&](std::exception_ptr, ending value) { end = std::move(value); };
    boost::asio::co_spawn(context, std::move(doing), boost::asio::bind_cancellation_slot(stop.slot(), note));
    context.restart();
    context.poll();  // as far as the stall
    ASSERT_FALSE(end.has_value());
    stop.emit(boost::asio::cancellation_type::terminal);
    context.restart();
    context.run_for(std::chrono::seconds(10));
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->failure, error_kind::cancelled);
    EXPECT_EQ(end->how_far, acted::maybe);
    EXPECT_TRUE(script->closed());
  }
}

task<int> read_head_only(std::unique_ptr<byte_stream> connection) {
  exchange one(std::move(connection), request_line("GET", "/events"));
  co_await one.send("GET /events HTTP/1.1\r\n\r\n", reply_to::any_other, none);
  co_return one.head().status;
}

TEST_F(Exchange, ReturnsAtTheHeadOfAStreamThatHasNoBodyYet) {
  script->answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").stalls();
  auto connection = std::make_unique<scripted_stream>(context.get_executor(), script);
  EXPECT_EQ(run(context, read_head_only(std::move(connection))), 200);
  EXPECT_TRUE(script->closed()) << "a reply that was not read to its end takes its connection along";
}

}  // namespace
}  // namespace docker
