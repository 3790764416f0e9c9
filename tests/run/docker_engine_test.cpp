// What docker_engine asks of the engine and what it forgives, on canned answers. What the engine itself does is the
// contract's business (tests/e2e).
#include "orchestration/run/docker_engine.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>

#include "tests/support/run_task.hpp"

namespace orchestration {
namespace {

using docker::json;
using docker::task;

struct conversation {
  std::deque<std::string> answers;  // one for each request; "": the connection closes instead
  std::vector<std::string> requests;

  void will_answer(int status, const std::string& body) {
    answers.push_back("HTTP/1.1 " + std::to_string(status) +
                      " Said\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  /// "POST /containers/x/stop?t=5", one a line.
  std::string asked() const {
    std::string out;
    for (const auto& request : requests) {
      const std::string line = request.substr(0, request.find(" HTTP/"));
      out += line.substr(0, line.find('/')) + line.substr(line.find('/', line.find('/') + 1)) + "\n";  // no version
    }
    return out;
  }
};

/// Answers each request with the next canned answer.
class canned_stream : public docker::byte_stream {
 public:
  canned_stream(boost::asio::any_io_executor executor, conversation& talk)
      : executor_(std::move(executor)), talk_(talk) {}

  boost::asio::any_io_executor executor() const override { return executor_; }
  task<std::size_t> read_some(std::span<std::byte> buffer) override {
    if (pending_.empty() && !talk_.answers.empty()) {
      pending_ = talk_.answers.front();
      talk_.answers.pop_front();
    }
    const std::size_t count = std::min(buffer.size(), pending_.size());
    std::memcpy(buffer.data(), pending_.data(), count);
    pending_.erase(0, count);
    co_return count;
  }
  task<> write(std::span<const std::byte> bytes) override {
    const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.find(" HTTP/1.1\r\n") != std::string::npos) talk_.requests.push_back(text);
    co_return;
  }
  void close() noexcept override {}

 private:
  boost::asio::any_io_executor executor_;
  conversation& talk_;
  std::string pending_;
};

task<std::unique_ptr<docker::byte_stream>> dial(conversation* talk) {
  const auto executor = co_await boost::asio::this_coro::executor;
  co_return std::make_unique<canned_stream>(executor, *talk);
}

class DockerEngine : public testing::Test {
 protected:
  docker_engine engine() {
    docker::client_options options;
    options.pinned_api_version = "1.41";
    const docker::stream_factory open = [talk = &talk_] { return dial(talk); };
    return docker_engine(docker::client(open, "", options));
  }

  template <class T>
  T run(task<T> doing) {
    return run_task(std::move(doing), context_);
  }

  conversation talk_;
  boost::asio::io_context context_;
};

const char* const refused = R"({"message": "the engine's words"})";
const char* const paused = R"({"Id": "x", "Name": "/web", "State": {"Running": true, "Paused": true}})";
const char* const running = R"({"Id": "x", "Name": "/web", "State": {"Running": true, "Paused": false}})";

TEST_F(DockerEngine, ListsEveryStateAndLetsTheEngineFilter) {
  talk_.will_answer(200, R"([{"Id": "one"}, {"Id": "two"}])");
  auto tested = engine();
  const std::vector<std::string> labels = {"a=b", "c"};
  const auto listed = run(tested.list_containers(labels));
  EXPECT_EQ(listed.size(), 2u);
  const std::string asked = talk_.asked();
  EXPECT_TRUE(asked.starts_with("GET /containers/json?all=1&filters=")) << asked;
  EXPECT_NE(asked.find("%22a%3Db%22"), std::string::npos) << asked;
  EXPECT_NE(asked.find("%22c%22"), std::string::npos) << asked;
}

TEST_F(DockerEngine, StopsWithTheGracePeriodOnceMoreWithoutHarm) {
  talk_.will_answer(204, "");
  talk_.will_answer(304, "");
  auto tested = engine();
  run(tested.stop_container("web", std::chrono::seconds(5)));
  run(tested.stop_container("web", std::chrono::seconds(5)));
  EXPECT_EQ(talk_.asked(), "POST /containers/web/stop?t=5\nPOST /containers/web/stop?t=5\n");
}

TEST_F(DockerEngine, ForgivesWhatIsSoAlready) {
  talk_.will_answer(409, refused);
  talk_.will_answer(200, paused);
  talk_.will_answer(500, refused);
  talk_.will_answer(200, running);
  talk_.will_answer(400, refused);
  talk_.will_answer(200, running);
  auto tested = engine();
  run(tested.pause_container("web"));
  run(tested.unpause_container("web"));
  run(tested.rename_container("x", "web"));
  EXPECT_TRUE(talk_.answers.empty());
}

TEST_F(DockerEngine, DoesNotForgiveWhatIsNotSo) {
  talk_.will_answer(409, refused);
  talk_.will_answer(200, running);
  auto tested = engine();
  try {
    run(tested.rename_container("x", "other"));
    FAIL() << "nothing was thrown";
  } catch (const docker::error& error) {
    EXPECT_EQ(error.status(), 409);
    EXPECT_EQ(error.engine_message(), "the engine's words");
  }
}

TEST_F(DockerEngine, WaitsForARemovalThatSomeoneElseBegan) {
  talk_.will_answer(409, R"({"message": "removal of container web is already in progress"})");
  talk_.will_answer(200, running);
  talk_.will_answer(404, R"({"message": "No such container: web"})");
  auto tested = engine();
  run(tested.remove_container("web"));
  EXPECT_TRUE(talk_.answers.empty()) << "it did not wait until the name was free";
}

TEST_F(DockerEngine, RemovesNeitherAnonymousVolumesNorByForce) {
  talk_.will_answer(204, "");
  auto tested = engine();
  run(tested.remove_container("web"));
  const std::string asked = talk_.asked();
  EXPECT_TRUE(asked.starts_with("DELETE /containers/web")) << asked;
  EXPECT_EQ(asked.find("v=1"), std::string::npos) << asked;
  EXPECT_EQ(asked.find("force=1"), std::string::npos) << asked;
}

TEST_F(DockerEngine, LeavesAnImageThatIsInUse) {
  talk_.will_answer(409, refused);
  talk_.will_answer(404, refused);
  auto tested = engine();
  run(tested.remove_image("app:v1"));
  run(tested.remove_image("app:v1"));
  talk_.will_answer(500, refused);
  EXPECT_THROW(run(tested.remove_image("app:v1")), docker::error);
}

TEST_F(DockerEngine, ResolvesByDigestAloneWhenThereIsOne) {
  const std::string digest = "sha256:" + std::string(64, 'a');
  talk_.will_answer(200, R"({"Descriptor": {"digest": ")" + digest + R"("}})");
  talk_.will_answer(200, R"({"Descriptor": {}})");
  auto tested = engine();
  EXPECT_EQ(run(tested.resolve_digest("registry.test:5000/app:v1@" + digest)), digest);
  EXPECT_EQ(talk_.asked().find(":v1"), std::string::npos) << talk_.asked();
  EXPECT_THROW(run(tested.resolve_digest("registry.test:5000/app")), docker::error);
  EXPECT_NE(talk_.asked().find("app:latest"), std::string::npos) << talk_.asked();
}

TEST_F(DockerEngine, SaysWhetherTheEngineMayHaveActedWhenTheAnswerIsLost) {
  talk_.answers.push_back("");
  auto tested = engine();
  const json body = json::object({{"Image", "app:v1"}});
  try {
    run(tested.create_container("web", body, ""));
    FAIL() << "nothing was thrown";
  } catch (const docker::error& error) {
    EXPECT_EQ(error.acted(), docker::acted::maybe);
    EXPECT_EQ(error.path(), "/containers/create?name=web");
  }
}

TEST_F(DockerEngine, KeepsTheEngineFromMakingASecondNetworkOfOneName) {
  talk_.will_answer(201, R"({"Id": "net", "Warning": ""})");
  auto tested = engine();
  EXPECT_EQ(run(tested.create_network(json::object({{"Name", "shop_default"}}))), "net");
  EXPECT_NE(talk_.requests.at(0).find(R"("CheckDuplicate":true)"), std::string::npos) << talk_.requests.at(0);
}

TEST_F(DockerEngine, FreesTheEndpointThatAFullDiskHasLeftAndStartsAgain) {
  talk_.will_answer(403, R"({"message":"endpoint with name shop-db-1 already exists in network shop_default"})");
  talk_.will_answer(200, R"({"Id":"x","Name":"/shop-db-1"})");
  talk_.will_answer(204, "");
  talk_.will_answer(200, "");
  talk_.will_answer(204, "");
  talk_.will_answer(204, "");
  docker_engine subject = engine();
  run(subject.start_container("x"));
  EXPECT_EQ(talk_.asked(),
            "POST /containers/x/start\n"
            "GET /containers/x/json\n"
            "POST /containers/x/rename?name=shop-db-1.dockupd-restart\n"
            "POST /networks/shop_default/disconnect\n"
            "POST /containers/x/rename?name=shop-db-1\n"
            "POST /containers/x/start\n");
}

TEST_F(DockerEngine, FreesTheEndpointOfAContainerThatIsCalledOtherwiseByNow) {
  talk_.will_answer(403, R"({"message":"endpoint with name shop-db-1 already exists in network shop_default"})");
  talk_.will_answer(200, R"({"Id":"x","Name":"/shop-db-1.dockupd-new.a"})");
  talk_.will_answer(200, "");
  talk_.will_answer(204, "");
  docker_engine subject = engine();
  run(subject.start_container("x"));
  EXPECT_EQ(talk_.asked(),
            "POST /containers/x/start\n"
            "GET /containers/x/json\n"
            "POST /networks/shop_default/disconnect\n"
            "POST /containers/x/start\n");
}

TEST_F(DockerEngine, AsksForTheFactsOnce) {
  talk_.will_answer(200, R"({"ID": "E:N", "DockerRootDir": "/var/lib/docker", "Architecture": "x86_64"})");
  talk_.will_answer(200, R"({"Version": "20.10.24", "Os": "linux", "Arch": "amd64"})");
  auto tested = engine();
  const engine_facts first = run(tested.facts());
  const engine_facts second = run(tested.facts());
  EXPECT_EQ(first.platform, "linux/amd64");
  EXPECT_EQ(first.api_minor, 41);
  EXPECT_FALSE(first.local);
  EXPECT_EQ(second.id, "E:N");
}

}  // namespace
}  // namespace orchestration
