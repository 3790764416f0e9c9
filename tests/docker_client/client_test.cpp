// The endpoints over scripted connections: what is asked, and what becomes of the answers.
#include "docker_client/client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/error.hpp>

#include "tests/docker_client/recorded_replies.hpp"
#include "tests/support/scripted_stream.hpp"

namespace docker {
namespace {

using testing::HasSubstr;

std::string reply(std::string_view status, std::string_view body, std::string_view type = "application/json") {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\nContent-Type: " + std::string(type) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string ping_of(std::string_view version) {
  return "HTTP/1.1 200 OK\r\nApi-Version: " + std::string(version) + "\r\nContent-Length: 0\r\n\r\n";
}

// A client whose nth connection plays the nth script.
class Client : public testing::Test {
 protected:
  stream_script& connection() {
    scripts_.push_back(std::make_shared<stream_script>());
    return *scripts_.back();
  }
  // One connection on which the version is known already after the first answer.
  stream_script& negotiated(std::string_view version = "1.41") { return connection().answers(ping_of(version)); }

  client make(client_options options = client_options()) {
    const stream_factory dial = [this]() -> task<std::unique_ptr<byte_stream>> { return open(); };
    return client(dial, "", options);
  }
  client pinned() {
    client_options options;
    options.pinned_api_version = "1.41";
    return make(options);
  }
  template <class T>
  T run(task<T> doing) {
    return docker::run(context_, std::move(doing));
  }
  void run(task<> doing) { docker::run(context_, std::move(doing)); }
  template <class T>
  error failure_of(task<T> doing) {
    try {
      run(std::move(doing));
    } catch (const error& failure) {
      return failure;
    }
    return error(error_kind::protocol, "it did not fail");
  }

  boost::asio::io_context context_;
  std::vector<std::shared_ptr<stream_script>> scripts_;
  std::size_t dialed_ = 0;

 private:
  task<std::unique_ptr<byte_stream>> open() {
    if (dialed_ == scripts_.size()) throw error(error_kind::not_connected, "no more connections in the script");
    co_return std::make_unique<scripted_stream>(context_.get_executor(), scripts_[dialed_++]);
  }
};

TEST_F(Client, SpeaksTheNewestVersionThatBothKnow) {
  for (const auto& [theirs, spoken] : std::vector<std::pair<std::string, std::string>>{
           {"1.41", "1.41"}, {"1.40", "1.40"}, {"1.55", "1.51"}, {"1.51", "1.51"}}) {
    negotiated(theirs);
    const client engine = make();
    EXPECT_EQ(to_text(run(engine.negotiate())), spoken);
  }
}

TEST_F(Client, AsksForTheVersionOnceAndReusesTheConnection) {
  stream_script& script = negotiated().answers(reply("200 OK", "[]")).answers(reply("200 OK", "[]"));
  const client engine = make();
  run(engine.containers().list());
  run(engine.containers().list());
  EXPECT_EQ(dialed_, 1U);
  EXPECT_THAT(script.written(), testing::StartsWith("HEAD /_ping HTTP/1.1\r\nHost: docker\r\n"));
  EXPECT_THAT(script.written(), HasSubstr("\r\n\r\nGET /v1.41/containers/json?all=1 HTTP/1.1\r\n"));
}

TEST_F(Client, PingsAgainWithGetWhenHeadIsRefused) {
  stream_script& script = connection().answers(recorded::head_not_found).answers(ping_of("1.43"));
  const client engine = make();
  EXPECT_EQ(to_text(run(engine.negotiate())), "1.43");
  EXPECT_THAT(script.written(), HasSubstr("GET /_ping HTTP/1.1\r\n"));
}

TEST_F(Client, RefusesAnEngineThatIsTooOld) {
  negotiated("1.39");
  const client engine = make();
  const error failure = failure_of(engine.containers().list());
  EXPECT_THAT(failure.what(), HasSubstr("the engine speaks API 1.39, and 1.40 is the oldest that is supported"));
}

TEST_F(Client, RefusesWhatIsNoEngine) {
  connection().answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const client engine = make();
  EXPECT_THAT(failure_of(engine.system().info()).what(), HasSubstr("does not come from a Docker engine"));
}

TEST_F(Client, NegotiatesAgainOnceWhenTheEngineWasReplaced) {
  const std::string too_new = reply(
      "400 Bad Request", R"({"message":"client version 1.51 is too new. Maximum supported API version is 1.41"})");
  stream_script& script =
      connection().answers(ping_of("1.51")).answers(too_new).answers(ping_of("1.41")).answers(reply("200 OK", "[]"));
  const client engine = make();
  run(engine.containers().list());
  EXPECT_THAT(script.written(), HasSubstr("GET /v1.41/containers/json"));

  // Text instead of JSON, and no version in common: the second refusal is the answer.
  connection()
      .answers(ping_of("1.60"))
      .answers(recorded::client_too_old)
      .answers(ping_of("1.60"))
      .answers(recorded::client_too_old);
  const client other = make();
  const error failure = failure_of(other.containers().list());
  EXPECT_EQ(failure.status(), 400);
  EXPECT_THAT(failure.engine_message(), HasSubstr("client version 1.51 is too old."));
}

TEST_F(Client, KeepsAPinnedVersion) {
  stream_script& script = connection().answers(recorded::client_too_old);
  const client engine = pinned();
  EXPECT_EQ(failure_of(engine.containers().list()).status(), 400);
  EXPECT_THAT(script.written(), testing::StartsWith("GET /v1.41/containers/json"));
}

TEST_F(Client, KnowsPodmanByItsHeader) {
  connection().answers(
      "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\nContent-Length: 0\r\n\r\n");
  const client engine = make();
  EXPECT_FALSE(engine.is_podman());
  EXPECT_TRUE(run(engine.system().ping()).podman);
  EXPECT_TRUE(engine.is_podman());
}

// The engine was restarted while the connection waited in the pool.
TEST_F(Client, TriesAgainWhenAWaitingConnectionHasDiedAndNothingWasAsked) {
  negotiated().ends();
  connection().answers(reply("200 OK", "[1]"));
  const client engine = make();
  EXPECT_EQ(run(engine.containers().list()).to_text(), "[1]");
  EXPECT_EQ(dialed_, 2U);
}

TEST_F(Client, TriesAChangingRequestAgainOnlyWhenItCannotHaveArrived) {
  negotiated().ends();
  connection().answers(recorded::no_content);
  const client engine = make();
  const error failure = failure_of(engine.containers().pause("web"));
  EXPECT_EQ(failure.kind(), error_kind::not_connected);
  EXPECT_EQ(failure.acted(), acted::maybe);
  EXPECT_EQ(dialed_, 1U);
}

TEST_F(Client, TriesAChangingRequestAgainWhenWritingToAWaitingConnectionFailed) {
  stream_script& dead = negotiated().ends();
  connection().answers(recorded::no_content);
  const client engine = make();
  run(engine.negotiate());
  dead.refuses_writing(boost::asio::error::broken_pipe);
  run(engine.containers().pause("web"));
  EXPECT_EQ(dialed_, 2U);
}

TEST_F(Client, DoesNotTryANewConnectionTwice) {
  connection().ends();
  connection().answers(reply("200 OK", "[]"));
  const client engine = pinned();
  EXPECT_EQ(failure_of(engine.containers().list()).kind(), error_kind::not_connected);
  EXPECT_EQ(dialed_, 1U);
}

TEST_F(Client, DoesNotTryAgainAfterAnyByteOfAnAnswer) {
  negotiated().answers("HTTP/1.1 200").ends();
  connection().answers(reply("200 OK", "[]"));
  const client engine = make();
  EXPECT_EQ(failure_of(engine.containers().list()).kind(), error_kind::truncated);
}

TEST_F(Client, SaysThatNothingLeftWhenThereIsNoConnection) {
  const client engine = pinned();
  const error failure = failure_of(engine.containers().start("web"));
  EXPECT_EQ(failure.acted(), acted::no);
  EXPECT_EQ(failure.path(), "/containers/web/start");
}

TEST_F(Client, TellsWhatTheEngineSaid) {
  connection().answers(recorded::not_found);
  const client engine = pinned();
  const error failure = failure_of(engine.containers().start("nobody"));
  EXPECT_EQ(std::string(failure.what()),
            "POST /containers/nobody/start: 404 Not Found: engine says: No such container: nobody");
  EXPECT_EQ(failure.acted(), acted::answered);
}

TEST_F(Client, TellsWhenSomethingElseAnswers) {
  connection().answers(
      "HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 43\r\n\r\n"
      "<html><body>\n<h1>403 Forbidden</h1>\n</body>");
  const client engine = pinned();
  EXPECT_THAT(failure_of(engine.images().list()).what(),
              HasSubstr("<html><body> <h1>403 Forbidden</h1> </body> (this does not look like an engine's answer"));
}

TEST_F(Client, TurnsExpectedAnswersIntoValues) {
  stream_script& script = connection();
  script.answers(recorded::not_modified).answers(recorded::no_content).answers(recorded::not_modified);
  script.answers(recorded::not_found).answers(recorded::not_found);
  script.answers(reply("409 Conflict", R"({"message":"removal of container 79 is already in progress"})"));
  const client engine = pinned();
  EXPECT_EQ(run(engine.containers().start("web")), start_result::already_running);
  EXPECT_EQ(run(engine.containers().start("web")), start_result::started);
  EXPECT_EQ(run(engine.containers().stop("web", std::chrono::seconds(3))), stop_result::already_stopped);
  EXPECT_EQ(run(engine.containers().inspect("web")), std::nullopt);
  EXPECT_EQ(run(engine.containers().remove("web")), remove_result::absent);
  EXPECT_EQ(run(engine.containers().remove("web")), remove_result::in_progress);
}

TEST_F(Client, WritesRequestsAsTheEngineReadsThem) {
  stream_script& script = connection();
  script.answers(reply("201 Created", R"({"Id":"79d1","Warnings":["no swap limit"]})"));
  script.answers(recorded::no_content).answers(reply("200 OK", "[]")).answers(recorded::no_content);
  const client engine = pinned();
  const create_result created =
      run(engine.containers().create("web.1", json::object({{"Image", "a:1"}}), "linux/arm64"));
  EXPECT_EQ(created.id, "79d1");
  EXPECT_THAT(created.warnings, testing::ElementsAre("no swap limit"));
  run(engine.containers().rename("/web.1", "web one"));
  run(engine.images().list(json::parse(R"({"label":["a=b&c"]})")));
  run(engine.containers().remove("79d1", remove_volumes::yes, force::yes));
  EXPECT_THAT(script.written(),
              HasSubstr("POST /v1.41/containers/create?name=web.1&platform=linux/arm64 HTTP/1.1\r\n"));
  EXPECT_THAT(script.written(),
              HasSubstr("Content-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"Image\":\"a:1\"}"));
  EXPECT_THAT(script.written(), HasSubstr("POST /v1.41/containers/web.1/rename?name=web%20one HTTP/1.1\r\n"));
  EXPECT_THAT(script.written(), HasSubstr("/images/json?filters=%7B%22label%22:%5B%22a%3Db%26c%22%5D%7D HTTP"));
  EXPECT_THAT(script.written(), HasSubstr("DELETE /v1.41/containers/79d1?v=1&force=1 HTTP/1.1\r\n"));
}

TEST_F(Client, RefusesNamesThatWouldReachAnotherEndpoint) {
  const client engine = pinned();
  for (const std::string name : {"", "/", ".", ".."}) {
    EXPECT_THROW(run(engine.containers().start(name)), std::invalid_argument) << name;
    EXPECT_THROW(run(engine.volumes().remove(name)), std::invalid_argument) << name;
  }
  EXPECT_THROW(run(engine.images().inspect("../containers/json")), std::invalid_argument);
  EXPECT_EQ(dialed_, 0U);
}

TEST_F(Client, DoesNotFollowARedirect) {
  connection().answers(
      "HTTP/1.1 301 Moved Permanently\r\nLocation: /v1.41/containers/start\r\nContent-Length: 0\r\n\r\n");
  const client engine = pinned();
  EXPECT_EQ(failure_of(engine.containers().inspect("web")).status(), 301);
}

TEST_F(Client, RefusesAnAnswerThatIsNotJson) {
  connection().answers(reply("200 OK", "<html>")).answers(reply("201 Created", "{}"));
  const client engine = pinned();
  EXPECT_EQ(failure_of(engine.containers().inspect("web")).kind(), error_kind::protocol);
  EXPECT_THAT(failure_of(engine.networks().create(json::make_object())).what(), HasSubstr("names no Id"));
}

TEST_F(Client, RefusesAnAnswerWithoutEnd) {
  connection().answers(reply("200 OK", "[" + std::string(64 << 20, ' ') + "]"));
  EXPECT_THAT(failure_of(pinned().containers().list()).what(), HasSubstr("larger than 64 MiB"));
}

constexpr std::string_view pull_head =
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::string_view text) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return std::string(size).append(text).append("\r\n");
}

TEST_F(Client, PullsByTagOrByDigestButNeverBoth) {
  const std::string done =
      std::string(pull_head) + chunk("{\"status\":\"Status: Image is up to date\"}\r\n") + "0\r\n\r\n";
  stream_script& script = connection().answers(done).answers(done).answers(done);
  const client engine = pinned();
  const image_reference tagged = image_reference::parse("127.0.0.1:5000/app:v1");
  run(engine.images().pull(tagged, "linux/amd64", "eyJ9", nullptr));
  EXPECT_THAT(script.written(),
              HasSubstr("POST /v1.41/images/create?fromImage=127.0.0.1:5000/app&tag=v1&platform=linux/amd64 HTTP"));
  EXPECT_THAT(script.written(), HasSubstr("X-Registry-Auth: eyJ9\r\n"));
  const std::string digest = "sha256:" + std::string(64, 'a');
  run(engine.images().pull(tagged.with_digest(digest), "", "", nullptr));
  EXPECT_THAT(script.written(), HasSubstr("fromImage=127.0.0.1:5000/app&tag=" + digest + " HTTP"));
  run(engine.images().pull(image_reference::parse("nginx"), "", "", nullptr));
  EXPECT_THAT(script.written(), HasSubstr("fromImage=docker.io/library/nginx&tag=latest HTTP"));
}

TEST_F(Client, ReportsThePullAsItGoes) {
  connection().answers(
      std::string(pull_head) +
      chunk("{\"status\":\"Downloading\",\"progressDetail\":{\"current\":5,\"total\":9},\"id\":\"9b\"}\r\n"
            "{\"status\":\"Pull complete\",\"progressDetail\":{},\"id\":\"9b\"}\n{\"sta") +
      chunk("tus\":\"Digest: sha256:67\"}") + "0\r\n\r\n");
  const client engine = pinned();
  std::vector<std::string> seen;
  const pull_observer note = [&](const pull_progress& at) {
    seen.push_back(at.id + "|" + at.status + "|" + std::to_string(at.current) + "/" + std::to_string(at.total));
  };
  run(engine.images().pull(image_reference::parse("app"), "", "", note));
  EXPECT_THAT(seen, testing::ElementsAre("9b|Downloading|5/9", "9b|Pull complete|0/0", "|Digest: sha256:67|0/0"));
}

TEST_F(Client, FailsAPullWhoseStreamHoldsAnError) {
  connection().answers(std::string(pull_head) + chunk("{\"status\":\"Pulling fs layer\",\"id\":\"9b\"}\r\n") +
                       chunk("{\"errorDetail\":{\"message\":\"no space left on device\"},\"error\":\"old\"}\r\n") +
                       "0\r\n\r\n");
  const client engine = pinned();
  const error failure = failure_of(engine.images().pull(image_reference::parse("app"), "", "", nullptr));
  EXPECT_EQ(failure.kind(), error_kind::in_stream);
  EXPECT_EQ(failure.engine_message(), "no space left on device");
  EXPECT_EQ(failure.status(), 200);
}

TEST_F(Client, FailsAPullThatIsCutAnywhere) {
  const std::string whole = std::string(pull_head) + chunk("{\"status\":\"Pulling\"}\r\n") +
                            chunk("{\"status\":\"Digest: sha256:67\"}\r\n") + "0\r\n\r\n";
  for (std::size_t cut = 1; cut < whole.size(); ++cut) {
    connection().answers(std::string_view(whole).substr(0, cut)).ends();
    const client engine = pinned();
    EXPECT_EQ(failure_of(engine.images().pull(image_reference::parse("app"), "", "", nullptr)).kind(),
              error_kind::truncated)
        << cut;
  }
}

TEST_F(Client, FailsAPullThatSaysNothing) {
  connection().answers(std::string(pull_head) + "0\r\n\r\n");
  const client engine = pinned();
  EXPECT_EQ(failure_of(engine.images().pull(image_reference::parse("app"), "", "", nullptr)).kind(),
            error_kind::truncated);
}

TEST_F(Client, WaitsInTwoSteps) {
  stream_script& script =
      connection().answers(pull_head).answers(chunk("{\"StatusCode\":7,\"Error\":null}\n") + "0\r\n\r\n");
  const client engine = pinned();
  pending_wait wait = run(engine.containers().wait("web", wait_condition::next_exit));
  EXPECT_THAT(script.written(), HasSubstr("POST /v1.41/containers/web/wait?condition=next-exit HTTP"));
  EXPECT_EQ(run(wait.get()).code, 7);

  connection().answers(pull_head).answers(chunk("{\"StatusCode\":125,\"Error\":{\"Message\":\"lost\"}}") + "0\r\n\r\n");
  const client second = pinned();
  pending_wait failing = run(second.containers().wait("web", wait_condition::removed));
  EXPECT_EQ(run(failing.get()).engine_message, "lost");
}

TEST_F(Client, DoesNotInventAnExitCode) {
  connection().answers(std::string(pull_head) + "0\r\n\r\n");
  const client engine = pinned();
  pending_wait wait = run(engine.containers().wait("web", wait_condition::next_exit));
  EXPECT_EQ(failure_of(wait.get()).kind(), error_kind::truncated);
}

std::string frame(char source, std::string_view text) {
  return std::string{source, 0, 0, 0, 0, 0, 0, static_cast<char>(text.size())}.append(text);
}

TEST_F(Client, ReadsLogsByTheContainersTerminal) {
  const std::string frames = frame(1, "out\n") + frame(2, "err\n");
  connection().answers(reply("200 OK", R"({"Config":{"Tty":false}})")).answers(reply("200 OK", frames, ""));
  EXPECT_EQ(run(pinned().containers().last_lines("web", 10)), "out\nerr\n");
  connection().answers(reply("200 OK", R"({"Config":{"Tty":true}})")).answers(reply("200 OK", "\x01tty\r\n", ""));
  const client terminal = pinned();
  EXPECT_EQ(run(terminal.containers().last_lines("web", 10)), "\x01tty\r\n");
}

TEST_F(Client, ReadsLogsByTheirTypeFromVersion142On) {
  client_options options;
  options.pinned_api_version = "1.42";
  stream_script& script = connection();
  script.answers(reply("200 OK", frame(1, "out"), "application/vnd.docker.multiplexed-stream"));
  script.answers(reply("200 OK", "raw", "application/vnd.docker.raw-stream"));
  const client engine = make(options);
  EXPECT_EQ(run(engine.containers().last_lines("web", 1)), "out");
  EXPECT_EQ(run(engine.containers().last_lines("web", 1)), "raw");
  EXPECT_THAT(script.written(), HasSubstr("GET /v1.42/containers/web/logs?stdout=1&stderr=1&tail=1 HTTP"));
}

TEST_F(Client, FailsALogWhereTheEngineReportsAFault) {
  connection()
      .answers(reply("200 OK", R"({"Config":{"Tty":false}})"))
      .answers(reply("200 OK", frame(1, "out") + frame(3, "error from daemon in stream: gone"), ""));
  const client engine = pinned();
  const error failure = failure_of(engine.containers().last_lines("web", 10));
  EXPECT_EQ(failure.kind(), error_kind::in_stream);
  EXPECT_EQ(failure.engine_message(), "error from daemon in stream: gone");
}

TEST_F(Client, KeepsTheLastOfALongLog) {
  connection()
      .answers(reply("200 OK", R"({"Config":{"Tty":true}})"))
      .answers(reply("200 OK", "first line\nlast line\n", ""));
  const client engine = pinned();
  EXPECT_EQ(run(engine.containers().last_lines("web", 10, 10)), "last line\n");
}

task<std::string> read_all_events(const client& engine) {
  event_options options;
  options.since = "1700000000.5";
  event_stream events = co_await engine.system().events(options);
  std::string out;
  while (const auto event = co_await events.next()) out += event->to_text() + "\n";
  co_return out;
}

TEST_F(Client, ReadsEventsOneByOne) {
  stream_script& script = connection().answers(std::string(pull_head) + chunk("{\"Action\":\"die\"}\n{\"Action\":") +
                                               chunk("\"start\"}\n") + "0\r\n\r\n");
  const client engine = pinned();
  EXPECT_EQ(run(read_all_events(engine)), "{\"Action\":\"die\"}\n{\"Action\":\"start\"}\n");
  EXPECT_THAT(script.written(), HasSubstr("GET /v1.41/events?since=1700000000.5 HTTP"));
}

TEST_F(Client, ShowsNoSecretsInAFailure) {
  EXPECT_EQ(request_line("POST", "/build?remote=https://u:p@host&t=a&buildargs=%7B%22K%22%7D").path,
            "/build?remote=(removed)&t=a&buildargs=(removed)");
}

TEST_F(Client, PutsAnArchive) {
  stream_script& script = connection().answers(reply("200 OK", "")).answers(reply("200 OK", ""));
  const client engine = pinned();
  run(engine.containers().archive_put("web", "/", "a tar"));
  EXPECT_THAT(script.written(),
              HasSubstr("PUT /v1.41/containers/web/archive?path=/&noOverwriteDirNonDir=true HTTP/1.1"));
  EXPECT_THAT(script.written(), HasSubstr("Content-Type: application/x-tar\r\n"));
  EXPECT_THAT(script.written(), testing::EndsWith("\r\n\r\na tar"));
  run(engine.containers().archive_put("web", "/", "a tar", give_to_user::yes));
  EXPECT_THAT(script.written(), HasSubstr("&copyUIDGID=true HTTP/1.1"));
}

TEST_F(Client, KeepsNoConnectionWhoseReplyWasLeftUnread) {
  connection().answers(std::string(pull_head) + chunk("part"));
  connection().answers(reply("200 OK", "[]"));
  const client engine = pinned();
  { const reply_stream unread = run(engine.containers().archive_get("web", "/data")); }
  EXPECT_TRUE(scripts_[0]->closed());
  run(engine.containers().list());
  EXPECT_EQ(dialed_, 2U);
}

}  // namespace
}  // namespace docker
