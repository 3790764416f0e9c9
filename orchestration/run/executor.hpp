// Executes the operations of a plan, one phase at a time, each as "make it so": read the truth, act only if needed,
// read again. So the same code serves the first run, a repeat after a lost reply, and recovery after a kill.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "orchestration/files/ballast.hpp"
#include "orchestration/plan/plan.hpp"
#include "orchestration/release/store.hpp"
#include "orchestration/run/engine.hpp"
#include "orchestration/run/progress.hpp"
#include "orchestration/run/rescue_files.hpp"
#include "orchestration/snapshot/snapshot_store.hpp"

namespace orchestration {

/// An operation could not be made so. what() names the thing, the reason and, where there is one, the way out.
class operation_error : public std::runtime_error {
 public:
  // unreachable: nothing can go on before something outside is mended (the engine, the records, a disk), which what()
  // names: nothing was decided, and all stays as it is.
  enum class cause { engine, pull, snapshot, restore, start, verification, pin, interrupted, unreachable };
  operation_error(cause why, const std::string& text) : std::runtime_error(text), why_(why) {}
  cause why() const { return why_; }

 private:
  cause why_;
};

/// Everything that a run works with. All references outlive it.
struct workspace {
  workspace(orchestration::engine& e, store& s, snapshot_store& snaps, boost::asio::thread_pool& p)
      : engine(e), records(s), snapshots(snaps), pool(p) {}
  orchestration::engine& engine;
  store& records;
  snapshot_store& snapshots;
  boost::asio::thread_pool& pool;
  std::filesystem::path evidence;  // directory; made when needed
  rescue_places rescue;
  std::string project;
  std::string who;                 // "maria@web1": for whoever is locked out meanwhile
  std::string what;                // "update --tag v2"
  orchestration::ballast ballast;  // without a place: none is kept
  progress_sink progress = [](const progress_event&) {};
  // For what containers wrote, before it is kept: whoever knows the secrets takes them out.
  std::function<std::string(std::string)> redact = [](std::string text) { return text; };
  std::stop_token interrupted;                   // asked to stop: checked between operations and in waits
  std::chrono::milliseconds guard_wait{0};       // for the run of another state directory to end
  std::chrono::milliseconds between_looks{200};  // at a container that has to become healthy, or end
  // Sixty of them at what a daemon that came back does not know: it is ended by SIGTERM, ten seconds, SIGKILL
  // (moby 20.10).
  std::chrono::milliseconds between_looks_for_a_task{250};
};

/// When there is no room for an operation.
enum class full_disk {
  gives_up,     // it fails: nothing has to go on, what runs may as well stay
  uses_ballast  // the ballast is given up for it; when that is not enough, all stays as it is until there is room
};

class executor {
 public:
  /// `which` is "plan" or "undo": the journal's name for the plan.
  executor(workspace& w, const std::string& attempt_id, std::string which, const plan& p,
           full_disk at_full = full_disk::gives_up);

  /// Makes every operation of the phase so, in order. `interruptible`: whether a stop request ends it between
  /// operations (operation_error::cause::interrupted). Throws operation_error; what was made so stays. What cannot be
  /// cleaned up (phase::commit) is a warning: the release runs, and the next plan names what is left over.
  docker::task<> run(phase when, bool interruptible);
  /// The same for what was made so before a power cut: the engine syncs little of what it says is done, so containers
  /// made, stopped, disarmed or renamed may be as they were. Not for images, data, files: those were synced.
  docker::task<> run_again(phase when);

 private:
  using result = docker::task<docker::json>;  // a detail for the journal; null: nothing worth keeping
  result ensure(pull_image o);
  result ensure(keep_image o);
  result ensure(ensure_network o);
  result ensure(ensure_volume o);
  result ensure(create_container o);
  result ensure(stop_container o);
  result ensure(rename_container o);
  result ensure(snapshot_volumes o);
  result ensure(restore_volumes o);
  result ensure(start_container o);
  bool has_completed(const start_container& o) const;
  result ensure(pin_tag o);
  result ensure(pin_images o);
  result ensure(remove_container o);
  result ensure(remove_network o);
  result ensure(remove_volume o);

  docker::task<> make_so(operation o);
  /// Once; again while there is no room for it and ballast to release.
  result make(operation o);
  bool goes_without(const operation& o) const;
  void passed(const operation& o, const char* what) const;  // its failpoints
  docker::task<> clean_up(operation o);
  result begin(operation o);
  docker::task<> prove_together(std::vector<operation> verifications, bool interruptible);
  docker::task<std::optional<docker::json>> inspect(std::string id);  // again when the reply gets lost
  /// A daemon that dies while it starts a container may not know that containerd did. What the engine takes for stopped
  /// is given the time to end; unreachable when it does not, since nothing is to write beside it.
  docker::task<> await_end_unseen(std::string id, std::string subject);
  /// Starts it, once that is no longer there.
  docker::task<> start_once_gone(std::string id, std::string subject);
  docker::task<std::string> last_lines(std::string id, int lines);       // empty when they cannot be had
  docker::task<std::string> find(container_ref ref);                     // id; empty: there is none
  docker::task<std::optional<docker::json>> look_at(container_ref ref);  // inspect; nullopt: there is none
  docker::task<docker::json> must_look_at(container_ref ref);            // operation_error when there is none
  using ids_by_service = std::map<std::string, std::string>;
  docker::task<ids_by_service> ids_of(std::vector<joined_service> joined);  // operation_error when one is not there
  docker::task<std::string> make_container(create_container o);             // its id
  docker::task<std::string> find_made(create_container o);  // empty: none, or one that joined what is no longer there
  docker::task<std::string> expected_hash(verify_container o);  // empty: not to be compared
  std::string keep_evidence(const docker::json& inspect, const std::string& subject, const std::string& lines);
  docker::task<> await_goal(start_container o, std::string id);
  bool brings_back() const;
  docker::task<std::string> expected_image_id(verify_container o);
  docker::task<std::vector<volume_source>> sources(std::vector<volume_target> volumes);
  /// Writes it, or removes the file when there is no text. Returns why not, where that may not fail a run.
  std::string write_for_user(const std::filesystem::path& file, const std::optional<std::string>& text);
  docker::json write_line(const pin_tag& o);
  docker::json write_images(const pin_images& o);
  bool is_somebody_elses(const pin_tag& o, const std::string& stands) const;
  /// Details for the journal, where the result finds them.
  [[nodiscard]] docker::json not_written(const pin_tag& o, const char* said, const std::string& why);
  [[nodiscard]] docker::json not_written(const pin_images& o, const char* said, const std::string& why);
  [[nodiscard]] docker::json warned(const std::filesystem::path& file, const char* said, const std::string& text);
  void report(const std::string& volume, const snapshot_finding& finding);
  void say(progress_event::kind what, const operation& o, std::string text);
  void check_interrupted() const;

  workspace& workspace_;
  std::string attempt_id_;
  std::string which_;
  const plan& plan_;
  full_disk at_full_;
  bool interruptible_ = true;
};

/// "repo@sha256:…": the very image that a tag meant when it was resolved; without digest the reference itself.
std::string pinned_reference(const std::string& reference, const std::string& digest);

/// Text of one operation for people: "create web.1". Stable; part of progress and errors.
std::string describe(const action& a);
/// What an operation acts on: "web.1", "shop-data", "127.0.0.1:5000/shop:v2".
std::string subject_of(const action& a);

}  // namespace orchestration
