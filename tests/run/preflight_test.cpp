// What is refused before anything stops.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/run/shop_run.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::test {
namespace {

using docker::json;
using testing::AllOf;
using testing::HasSubstr;

class Preflight : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
    shop_.engine().forget_calls();
  }
  void expect_untouched() {
    EXPECT_EQ(shop_.changes(), "");
    EXPECT_FALSE(shop_.records().open_attempt().has_value());
    EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
  }
  /// Of no project, with the volume mounted so.
  std::string run_foreigner(const std::string& bind) {
    const json host = json::object({{"Binds", json::array_of(std::vector<std::string>{bind})}});
    json body =
        json::object({{"Image", "registry.test/shop-db:15"}, {"HostConfig", host}, {"Labels", json::make_object()}});
    const std::string id = run_task(shop_.engine().create_container("backup", std::move(body), ""));
    run_task(shop_.engine().start_container(id));
    return id;
  }
  update_request publishing(int port) {
    update_request out = shop_.request("v2");
    out.desired.services.at("web").document["ports"].push_back(json::object({{"mode", "ingress"},
                                                                             {"host_ip", "127.0.0.1"},
                                                                             {"target", 80},
                                                                             {"published", std::to_string(port)},
                                                                             {"protocol", "tcp"}}));
    return out;
  }
  shop_run shop_;
};

TEST_F(Preflight, RefusesAPortThatAProcessHolds) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  const int port = ntohs(address.sin_port);
  EXPECT_THAT(shop_.refused([&] { shop_.update(publishing(port)); }),
              AllOf(HasSubstr("127.0.0.1:" + std::to_string(port) + "/tcp of web.1"), HasSubstr("process on this host"),
                    HasSubstr("ss -ltnp")));
  close(fd);
  expect_untouched();
  EXPECT_EQ(shop_.update(publishing(port)).how, ending::done);
}

TEST_F(Preflight, RefusesWhatTheEngineWouldDeleteWhenItStops) {
  shop_.engine().set_auto_remove("shop-web-1");
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), AllOf(HasSubstr("web.1"), HasSubstr("--rm")));
  expect_untouched();
}

TEST_F(Preflight, RefusesWithoutAWayBack) {
  fake_images& images = shop_.engine().images();
  images.remove(shop_.engine().container("shop-web-1")->image_id, false);
  EXPECT_THAT(shop_.refused([&] { shop_.update("v2"); }), AllOf(HasSubstr("web.1"), HasSubstr("no way back")));
  expect_untouched();
}

TEST_F(Preflight, RefusesVolumesThatSomebodyElseWritesTo) {
  const std::string id = run_foreigner("shop-data:/d");
  EXPECT_THAT(
      shop_.refused([&] { shop_.update("v2"); }),
      AllOf(HasSubstr("backup (" + id.substr(0, 12) + ") writes to volume shop-data"), HasSubstr("--no-snapshot")));
  shop_.stop_by_hand("backup");
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  run_task(shop_.engine().start_container("backup"));
  rollback_request asked;
  asked.data = data_choice::restore;
  EXPECT_THAT(shop_.refused([&] { shop_.rollback(std::move(asked)); }),
              AllOf(HasSubstr("writes to volume shop-data"), HasSubstr("--no-data")));
}

TEST_F(Preflight, AllowsWhoOnlyReads) {
  run_foreigner("shop-data:/d:ro");
  EXPECT_EQ(shop_.update("v2").how, ending::done);
}

TEST_F(Preflight, LeavesOpenWhatSomebodyElseBeganToWriteToMeanwhile) {
  image_behaviour broken = shop_.web_behaviour();
  broken.health = health_script::becomes_unhealthy;
  shop_.publish_web("v2", broken);
  shop_.on_event = [&](const progress_event& e) {
    if (e.what == progress_event::kind::phase && e.text == "undo: restore") run_foreigner("shop-data:/d");
  };
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::left_open);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("backup ("), HasSubstr("dockupd recover")));
  EXPECT_EQ(content_of(shop_.data()), data_of("v2")) << "nothing was put back";
  shop_.seen().breaches.clear();  // whose watcher goes by the step's beginning
  shop_.stop_by_hand("backup");
  run_task(shop_.engine().remove_container("backup"));
  EXPECT_EQ(shop_.recover()->how, ending::rolled_back);
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(Preflight, ArchivesNothingThatSomebodyElseBeganToWriteToMeanwhile) {
  shop_.on_event = [&](const progress_event& e) {
    if (e.what == progress_event::kind::begin && e.text.starts_with("snapshot")) run_foreigner("shop-data:/d");
  };
  const run_result result = shop_.update("v2");
  shop_.on_event = nullptr;
  EXPECT_EQ(result.how, ending::snapshot_failed) << result.reason;
  EXPECT_THAT(result.reason, AllOf(HasSubstr("backup ("), HasSubstr("writes to volume shop-data")));
  EXPECT_TRUE(shop_.snapshots().list().empty());
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
}

TEST_F(Preflight, RefusesADamagedArchiveThatIsToBePutBack) {
  const run_result updated = shop_.update("v2");
  ASSERT_EQ(updated.how, ending::done);
  shop_.engine().forget_calls();
  for (const auto& entry : std::filesystem::directory_iterator(shop_.snapshots().directory() / updated.snapshot_id))
    if (entry.path().extension() == ".zst") {
      std::string bytes = text_of(entry.path());
      bytes[bytes.size() / 2] ^= 1;
      put(entry.path(), bytes);
    }
  rollback_request asked;
  asked.data = data_choice::restore;
  EXPECT_THAT(shop_.refused([&] { shop_.rollback(std::move(asked)); }),
              AllOf(HasSubstr(updated.snapshot_id), HasSubstr("damaged"), HasSubstr("--no-data")));
  EXPECT_EQ(shop_.changes(), "");
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

TEST_F(Preflight, RefusesAManifestThatIsNotTheOneRecorded) {
  const run_result updated = shop_.update("v2");
  ASSERT_EQ(updated.how, ending::done);
  shop_.engine().forget_calls();
  const std::filesystem::path manifest = shop_.snapshots().directory() / updated.snapshot_id / "manifest.json";
  std::string text = text_of(manifest);
  const std::string date = "\"created_at\": \"2";
  text.replace(text.find(date), date.size(), "\"created_at\": \"1");
  put(manifest, text);
  rollback_request asked;
  asked.data = data_choice::restore;
  std::optional<ending> how;
  try {
    shop_.rollback(std::move(asked));
  } catch (const refusal& error) {
    how = error.how();
    EXPECT_THAT(error.what(), AllOf(HasSubstr(manifest.string()), HasSubstr("recorded is"), HasSubstr("--no-data")));
  }
  EXPECT_EQ(how, ending::refused);
  EXPECT_EQ(shop_.changes(), "");
  EXPECT_EQ(shop_.problems({"v2"}), "");
}

}  // namespace
}  // namespace orchestration::test
