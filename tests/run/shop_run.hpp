// A shop on the fake engine, with real volumes, real state on disk and real snapshots: what an operator has, without a
// daemon. db (unchanged, keeps the data), migrate (one-shot, rewrites the data for its version) and web.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "orchestration/run/bring_up.hpp"
#include "orchestration/run/updater.hpp"
#include "tests/files/temporary_directory.hpp"
#include "tests/plan/world.hpp"
#include "tests/support/fake_engine.hpp"

namespace orchestration::test {

/// Path below the volume's mount point → content.
using volume_content = std::map<std::string, std::string>;
volume_content content_of(const std::filesystem::path& directory);

/// Where the version of the shop is kept: in its .env, or, with images written out, in compose's override file.
enum class kept_in { env_file, override_file };

class shop_run {
 public:
  explicit shop_run(kept_in where = kept_in::env_file);
  /// Another operator of the same shop, on the same engine, who keeps the records elsewhere.
  shop_run(const shop_run& same_shop, const std::string& state);

  // The world.
  fake_engine& engine() { return *engine_; }
  /// Puts both images of the version into the registry. `web` and `migrate` are changed before by the caller's will.
  void publish(const std::string& version);
  image_behaviour web_behaviour();
  image_behaviour migrate_behaviour(const std::string& version);
  void publish_web(const std::string& version, image_behaviour behaviour);
  void publish_migrate(const std::string& version, image_behaviour behaviour);
  /// What the compose files say with IMAGE_TAG=`version`.
  project desired(const std::string& version) const;
  /// As `docker compose up` did it, before dockupd was there.
  void compose_up(const std::string& version);
  void stop_by_hand(const std::string& container);
  void make_unhealthy(const std::string& container) {
    engine_->change_health(container, health_script::becomes_unhealthy);
  }

  // What dockupd is asked to do; each time a new process: the state is opened anew.
  update_request request(const std::string& version);
  run_result update(const std::string& version) { return update(request(version)); }
  run_result update(update_request asked);
  run_result rollback(rollback_request asked);
  std::optional<run_result> recover();
  bring_up_result bring_up();
  plan plan_for(update_request asked);
  /// A process that does anything else.
  void run(const std::function<docker::task<bool>(workspace&)>& doing);
  /// The words of the refusal; empty: it was not refused.
  std::string refused(const std::function<void()>& doing);

  /// Adds services to the project of that version, whose images are published with publish(); problems() asks
  /// `more_problems` about them.
  std::function<void(project_builder&, const std::string& version)> more_services;
  std::function<std::vector<std::string>(const std::string& version)> more_problems;

  /// Called for each event of a run, after it was noted.
  std::function<void(const progress_event&)> on_event;
  std::vector<std::string> events() const { return events_; }  // of the last run
  std::stop_source stop;
  ballast kept_back;  // without a place: none is
  std::chrono::milliseconds guard_wait{0};

  // What is there.
  store& records();
  /// As at the end of a process; records() opens them again.
  void close_records() { records_.reset(); }
  snapshot_store& snapshots() { return snapshots_; }
  std::filesystem::path data() const { return engine_->volume_directory("shop-data"); }
  std::filesystem::path env_file() const { return project_directory() / ".env"; }
  std::filesystem::path override_file() const { return project_directory() / "compose.override.yaml"; }
  /// The users' text of it, with the version's images.
  std::string override_text(const std::string& version) const;
  std::filesystem::path directory() const { return directory_->path(); }  // the project's and all state
  std::filesystem::path state() const { return state_; }
  std::filesystem::path evidence() const { return state_ / "evidence"; }
  std::filesystem::path attempts() const { return state_ / "attempts"; }
  /// What was seen from outside, whatever became of the data: how often each version's migration began, and where two
  /// wrote at once.
  struct witness {
    std::map<std::string, int> migrations;
    std::vector<std::string> breaches;
  };
  witness& seen() { return seen_; }
  int migrations_of(const std::string& version) const;
  std::string id_of(const std::string& container) const;
  /// The name of the one that begins so; empty: there is none.
  std::string container_named(const std::string& beginning) const;
  void put_data(const volume_content& content);  // instead of what is there
  /// The tag of the image that the container was made with.
  std::string version_of(const std::string& container) const;
  /// changes() of the engine but for the guard's, which every run makes and takes away.
  std::string changes() const;
  /// The same, ids and the attempt's name replaced by words.
  std::string changes(const std::string& attempt_id) const;

  /// What is not as it has to be once a run has ended well: one line each; empty: nothing. `versions`: those that may
  /// run.
  std::string problems(const std::vector<std::string>& versions);

 private:
  std::filesystem::path project_directory() const { return *directory_ / "project"; }
  template <class T>
  T in_a_workspace(const std::function<docker::task<T>(workspace&)>& doing);
  template <class T>
  T in_a_process(const std::function<docker::task<T>(updater&)>& doing);
  void note(const progress_event& event);
  bool has_volumes(const std::string& name_and_state) const;
  void watch_volume(const std::string& by);
  void check_containers(std::vector<std::string>& out, const std::string& version);
  void check_data(std::vector<std::string>& out, const std::string& version) const;
  void check_records(std::vector<std::string>& out, const std::string& version);

  kept_in where_;
  std::shared_ptr<temporary_directory> directory_;
  std::shared_ptr<fake_engine> engine_;
  std::filesystem::path state_;
  snapshot_store snapshots_;
  boost::asio::thread_pool pool_{1};
  std::optional<store> records_;
  std::vector<std::string> events_;
  witness seen_;
};

/// What the volume holds once `version` was deployed after v1, with the rows that users wrote.
volume_content data_of(const std::string& version);

}  // namespace orchestration::test
