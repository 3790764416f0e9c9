// An engine in memory, with the semantics measured on Docker 20.10 as far as orchestration leans on them: container
// names are test-and-set, answers and refusals have the engine's shape, status and words, restart policies hold.
// engine_contract runs against it and against a real engine, so that it cannot drift.
//
// Nothing waits: time is a counter of seconds that each inspect of a container and each start moves on by one.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "orchestration/run/engine.hpp"
#include "tests/support/fake_containers.hpp"
#include "tests/support/fake_images.hpp"

namespace orchestration {

/// What kill -9 of dockupd looks like from inside a test: thrown out of a call, and derived from nothing that code
/// under test catches by type.
struct fake_kill {};

enum class failing {
  before,  // nothing was done
  after,   // it was done, the answer got lost
};
enum class failure_kind {
  refused,  // docker::error with status and words; acted(): no
  lost,     // docker::error: the connection broke; acted(): maybe
  killed,   // fake_kill, from this call and every later one until revive()
};

inline constexpr const char* every_call = "*";

struct scripted_failure {
  scripted_failure() = default;
  // The beginning of the line in calls(): "start", "start shop-web-1"; empty: any change; every_call: reads as well.
  std::string call;
  int nth = 1;  // counted from now
  failing when = failing::before;
  failure_kind kind = failure_kind::refused;
  int status = 500;
  std::string words = "scripted failure";
  bool passes = false;  // of a 5xx: when it is asked again at once, all is well; else it fails a second time
};

enum class real_volumes { no, yes };
enum class engine_stop { cleanly, killed };
enum class call_moment { before, after };
enum class pruned { containers, networks, volumes, images, system };

struct fake_network {
  std::string id;
  docker::json body;
  std::int64_t created_at = 0;
};
struct fake_volume {
  docker::json body;
  std::string mountpoint;
  std::int64_t created_at = 0;
};

/// All that an engine knows, as a value: to be looked at, kept, and put back. Not what stands in the volumes.
struct fake_world {
  fake_images images;
  std::map<std::string, fake_container> containers;   // by id
  std::multimap<std::string, fake_network> networks;  // by name: the engine allows duplicates
  std::map<std::string, fake_volume> volumes;         // by name
  std::set<std::string> foreign_ports;
  std::map<std::string, int> ids_given;  // how often one of that name was made
  std::int64_t now = 0;
  std::optional<std::int64_t> came_back;  // when the daemon did, the last time
};

class fake_engine : public engine {
 public:
  /// `real_volumes::yes`: mount points are directories that exist, under a temporary one that goes with the fake.
  explicit fake_engine(real_volumes volumes = real_volumes::no);
  ~fake_engine() override;
  fake_engine(const fake_engine&) = delete;
  fake_engine& operator=(const fake_engine&) = delete;

  // The world.
  fake_images& images() { return images_; }
  const fake_world& world() const { return world_; }
  void put_back(fake_world world) { world_ = std::move(world); }
  void occupy_port(std::string address_and_port) {
    foreign_ports_.insert(std::move(address_and_port));
  }  // "0.0.0.0:80"
  void free_port(const std::string& address_and_port) { foreign_ports_.erase(address_and_port); }
  std::int64_t now() const { return now_; }
  engine_facts& described() { return described_; }  // what facts() answers; local only with real volumes
  void change_health(const std::string& container, health_script health) {
    existing(container).behaviour.health = health;
  }
  void set_auto_remove(const std::string& container) { existing(container).host_config["AutoRemove"] = true; }
  /// The daemon goes down and comes back. As measured: what was killed stays down unless "always"; "always" comes back
  /// even when it was stopped by hand, "unless-stopped" after a clean stop only.
  void restart_engine(engine_stop stop);
  /// `docker container|network|volume|image prune -af` (volume: all that nobody mounts) and `system prune -af
  /// --volumes`, as measured on 20.10. What is named is what went, sorted.
  std::vector<std::string> prune(pruned what);

  /// While it answers true the data root is full. As measured on 20.10: stop, remove, pause and connecting a network
  /// still work; create, start, rename, tag and a new restart policy are refused, 500 and in the kernel's words: those
  /// for ENOSPC, or others that stand for a disk of another trouble.
  void full_while(std::function<bool()> is_full, std::string words = "no space left on device") {
    is_full_ = std::move(is_full);
    words_when_full_ = std::move(words);
  }

  /// Called at the beginning of each call, and when a change is made and not answered yet. Throws what the caller is to
  /// see.
  std::function<void(const std::string& line, call_moment)> on_call;

  /// Says of a container that the engine takes for stopped whether it runs all the same: containerd started it for a
  /// daemon that died meanwhile. Asked by name.
  std::function<bool(const std::string& container)> runs_unseen;

  // Failures. Several may be set; each fires once ("killed" goes on).
  void fail(scripted_failure failure);
  void revive() { killed_ = false; }
  /// None is scripted any more; a killed one is revived.
  void forget_failures() {
    failures_.clear();
    revive();
  }

  // What was asked for. Lines like "start shop-web-1": the verb, then the name (not the id) that the thing has then.
  const std::vector<std::string>& calls() const { return calls_; }  // changes and reads
  std::string changes() const;                                      // the changes alone, one a line
  void forget_calls();

  // What is there, for assertions without a call.
  const fake_container* container(const std::string& name_or_id) const;
  std::vector<std::string> container_names() const;  // sorted: "shop-web-1 running"
  std::filesystem::path volume_directory(const std::string& name) const;
  bool has_volume(const std::string& name) const { return volumes_.contains(name); }
  bool has_network(const std::string& name) const;

  docker::task<engine_facts> facts() override;
  docker::task<std::vector<docker::json>> list_containers(std::vector<std::string> labels) override;
  docker::task<std::optional<docker::json>> inspect_container(std::string id) override;
  docker::task<std::string> create_container(std::string name, docker::json body, std::string platform) override;
  docker::task<> start_container(std::string id) override;
  docker::task<> stop_container(std::string id, std::optional<std::chrono::seconds> grace_period) override;
  docker::task<> pause_container(std::string id) override;
  docker::task<> unpause_container(std::string id) override;
  docker::task<> rename_container(std::string id, std::string name) override;
  docker::task<> remove_container(std::string id) override;
  docker::task<> set_restart_policy(std::string id, docker::json policy) override;
  docker::task<> put_archive(std::string id, std::string tar, file_owner owner) override;
  docker::task<std::optional<std::string>> get_archive(std::string id, std::string path) override;
  bool has_processes(const std::string& id) override;
  docker::task<std::string> last_log_lines(std::string id, int lines) override;
  docker::task<std::optional<docker::json>> inspect_image(std::string reference) override;
  docker::task<std::string> resolve_digest(std::string reference) override;
  docker::task<> pull_image(std::string reference, std::string platform,
                            std::function<void(const pull_progress&)> on_progress) override;
  docker::task<> tag_image(std::string image, std::string reference) override;
  docker::task<> remove_image(std::string reference) override;
  docker::task<> import_empty_image(std::string reference) override;
  docker::task<std::optional<docker::json>> inspect_network(std::string name) override;
  docker::task<std::string> create_network(docker::json body) override;
  docker::task<> remove_network(std::string name) override;
  docker::task<> connect_network(std::string network, std::string container, docker::json endpoint) override;
  docker::task<std::optional<docker::json>> inspect_volume(std::string name) override;
  docker::task<> create_volume(docker::json body) override;
  docker::task<> remove_volume(std::string name) override;

 private:
  struct armed_failure {
    scripted_failure what;
    int seen = 0;
  };
  class call;  // one call: writes the log line, fires failures before and after

  void read(const std::string& line);
  std::string new_id(const std::string& kind, const std::string& name);
  fake_container& existing(const std::string& name_or_id);
  fake_container* find(const std::string& name_or_id);
  std::string name_of(const std::string& name_or_id) const;
  void check_name_is_free(const std::string& name, const std::string& context);
  void check_create(const std::string& name, const docker::json& body);
  void attach_volumes(fake_container& container);
  void take_volumes_from(fake_container& container);
  void check_joined_runs(fake_container& container);
  void attach_networks(fake_container& container, const docker::json& body);
  void check_can_start(fake_container& container);
  void refuse_start(fake_container& container, int status, std::int64_t code, const std::string& words);
  void run(fake_container& container);
  fake_network* find_network(const std::string& name_or_id);
  fake_volume& ensure_volume(const std::string& name, const docker::json& body);

  engine_facts described_;
  fake_world world_;
  fake_images& images_ = world_.images;
  std::map<std::string, fake_container>& containers_ = world_.containers;
  std::multimap<std::string, fake_network>& networks_ = world_.networks;
  std::map<std::string, fake_volume>& volumes_ = world_.volumes;
  std::set<std::string>& foreign_ports_ = world_.foreign_ports;
  std::int64_t& now_ = world_.now;
  std::filesystem::path volume_root_;  // empty: mount points do not exist
  std::vector<std::string> calls_;
  std::set<std::size_t> reads_;  // indexes into calls_
  std::vector<armed_failure> failures_;
  bool killed_ = false;
  std::function<bool()> is_full_;
  std::string words_when_full_;
};

}  // namespace orchestration
