// One attempt from beginning to end: plan, check, execute under the update machine, and come back when it fails.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/found_project.hpp"
#include "orchestration/plan/reconcile.hpp"
#include "orchestration/project/project.hpp"
#include "orchestration/run/ending.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/run/guard.hpp"
#include "orchestration/run/setback.hpp"
#include "orchestration/run/targets.hpp"
#include "orchestration/update/update_machine.hpp"

namespace orchestration {

struct run_result {
  ending how = ending::nothing_to_do;
  std::string reason;  // why it did not go as asked; empty otherwise
  std::string attempt_id;
  int release_before = 0;  // 0: none
  int release_now = 0;
  std::string tag_before;
  std::string tag_now;
  std::string snapshot_id;            // of the data before; empty: none was taken
  std::string safety_snapshot_id;     // of what the failed or left version wrote; empty: none was taken
  std::vector<std::string> evidence;  // files
  std::vector<std::string> warnings;  // what a person has to see to, although it went on
  std::string rescue_script;          // brings the old version back without dockupd; empty: nothing is to be rescued
  plan executed;
  std::set<int> with_warning;  // numbers of its operations that were not done as planned, of which a warning tells
};

struct update_request {
  update_request() = default;
  project desired;
  /// No compose file is at hand: `desired`, of which only the name is given, is made of what runs.
  std::optional<image_changes> without_files;
  std::string tag;                       // value of the pinned variable; empty: no single variable decides the tags
  bool tag_given = false;                // --tag: then only images whose tag it sets are asked for
  std::string tag_before;                // what `tag` was, where that is not the pinned variable's
  std::set<std::string> retagged;        // services whose image this run sets: their tags are asked for
  std::optional<pin_tag> pin;            // where `tag` is to stand afterwards
  std::optional<pin_images> image_pins;  // the images that are to stand in the override file afterwards
  reconcile_options options;             // ids, digests and the release number are filled in
  std::vector<std::string> notes;        // for the plan: what is kept nowhere
  std::string who;
  std::string why;
};

struct rollback_request {
  rollback_request() = default;
  std::optional<int> to;  // release number; absent: the last verified before the present one
  data_choice data = data_choice::as_policy;
  reconcile_options options;
  std::string who;
  std::string why;
};

class updater {
 public:
  explicit updater(workspace& w) : workspace_(w) {}

  /// What update() would do now. Asks engine and registry, changes nothing. refusal, plan_error.
  docker::task<plan> plan_for(update_request request);
  docker::task<plan> plan_for(rollback_request request);

  /// Moves the project; comes back by itself when that fails. Throws refusal and plan_error before any change; later
  /// failures are in the result. While it lasts, the engine's guard is held: planned is what is seen after it is taken.
  docker::task<run_result> update(update_request request);
  docker::task<run_result> rollback(rollback_request request);

  /// Finishes or undoes the attempt that a killed run left open; nullopt: there is none, and no guard of ours any more.
  /// refusal(held): another state directory holds the guard. Engine errors pass through and leave the attempt open.
  docker::task<std::optional<run_result>> recover();

 private:
  enum class adopt_found { yes, no };
  struct prepared_plan {
    plan value;
    observed_state observed;
    int release_before = 0;
    int target = 0;   // rollback: the release it goes to
    std::string tag;  // rollback: the tag of that release
  };
  /// What a run does but once, before a person is called.
  struct tried {
    bool starts = false;
    bool mending = false;
  };
  struct failures {
    std::optional<operation_error::cause> first;  // what the run failed of
    std::optional<operation_error::cause> last;   // of the way back, when that failed too
  };
  docker::task<prepared_plan> prepare(update_request& request, adopt_found adopting);
  /// Fills in what is desired from what runs. Returns notes.
  docker::task<std::vector<std::string>> make_desired(update_request& request, observed_state& observed);
  docker::task<prepared_plan> prepare(rollback_request& request);
  docker::task<int> live_release(const observed_state& observed, const update_request& request, adopt_found adopting,
                                 std::vector<std::string>& notes);
  docker::task<> read_files(release& found, const project& p, std::vector<std::string>& notes);
  void fill_identity(reconcile_options& options, int release_before);
  docker::task<run_result> update_held(update_request request);
  docker::task<run_result> rollback_held(rollback_request request);
  docker::task<run_result> recover_held(std::optional<attempt> open);
  /// One that waits, for the engine or for room, was not interrupted.
  void forgive_recovery(const std::string& attempt_id);
  /// Runs it with the guard held, which stays when the attempt stays open.
  docker::task<run_result> guarded(guard_request by, docker::task<run_result> run);
  guard_request guard_for(std::string project, full_disk at_full) const;
  guard_request guard_of(const attempt& a) const;  // that the attempt holds, or takes up again
  docker::task<> sweep();                          // never fails for the engine's sake
  docker::task<std::string> let_go();              // why it could not be removed; empty: it is
  /// Why this run is to do no more, somebody else having acted on the project; empty: the guard is still ours.
  docker::task<std::string> fenced(const attempt& a);
  docker::task<std::string> acted_meanwhile(const attempt& a);
  docker::task<run_result> drive(attempt a);
  docker::task<> tidy_up(const attempt& a, std::string project);  // never fails a run
  /// Before a state of the way back: makes sure that what it counts on can be had.
  docker::task<setback> mend(attempt& a);
  /// Does `todo`, the state's own work or a part of another's.
  docker::task<setback> work(const attempt& a, update_state state, state_work todo);
  /// What can still be done about what a person would be called for. nullopt: the state that the attempt is in begins
  /// again.
  docker::task<std::optional<setback>> once_more(attempt& a, setback met, tried& before);
  /// From a disk that takes no writes nothing is brought back, not by a person either: the attempt waits for it.
  docker::task<setback> or_dead_disk(setback met);
  /// What the states before `found` did to containers, once more. Returns why that has to wait; empty: it is done, or
  /// fails again in the work of the state, which knows what follows.
  docker::task<std::string> work_again(const attempt& a, update_state found);
  /// Records it, and gives it to a person in case dockupd cannot be had. refusal.
  void begin(const attempt& a);
  docker::task<> enter(attempt& a, update_state state, std::string reason);
  std::optional<rescue_data> new_rescue(const attempt& a, update_state entered) const;  // nullopt: it stays as it is
  void renew_rescue(const attempt& a, update_state entered);
  run_result left_open(const attempt& a, const std::string& because) const;
  docker::task<> record(attempt& a);
  void plan_the_way_back(attempt& a);
  void hold_what_was_left(const attempt& a, update_state ended);
  run_result result_of(const attempt& a, const failures& seen) const;
  void say_phase(const std::string& text);
  void say_notes(const plan& p);

  workspace& workspace_;
  std::optional<held_guard> held_;
};

}  // namespace orchestration
