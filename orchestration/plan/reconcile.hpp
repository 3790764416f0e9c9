// Desired and observed → plan. Pure: the same inputs give the same text.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "orchestration/plan/observed_state.hpp"
#include "orchestration/plan/plan.hpp"
#include "orchestration/project/project.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// There is no plan for what was asked. what() names the service and file line, the reason, and what to do.
class plan_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

enum class take_snapshot { yes, no };

struct reconcile_options {
  reconcile_options() = default;
  std::string attempt_id;   // becomes part of temporary names and labels
  std::string store_id;     // label io.dockupd.store
  std::string snapshot_id;  // for the snapshot this plan takes
  int from_release = 0;     // the release whose data is there now
  take_snapshot snapshot = take_snapshot::yes;
  std::set<std::string> services;                          // the chosen ones; empty: all
  std::map<std::string, std::string> digests;              // image reference → digest, as the registry resolved it
  std::optional<pin_tag> pin;                              // the tag line to write
  std::vector<pin_images> image_pins;                      // the override files to write
  std::optional<std::chrono::milliseconds> health_budget;  // instead of what the health check implies
  /// For a one-shot to complete; 0: no limit. It has no health check to derive a time from, and migrations of large
  /// databases take minutes.
  std::chrono::milliseconds one_shot_budget = std::chrono::minutes(10);
  std::chrono::milliseconds steady_for{10'000};      // without a health check
  std::chrono::milliseconds healthy_for{2'000};      // with one
  std::optional<std::chrono::seconds> grace_period;  // instead of the containers' own
};

/// What moves the project from what runs to what the files say. Empty when everything is as it should be (then only
/// notes). Services outside `services`, services that are only built, orphans and one-off containers are left alone
/// and named in notes. A service that was stopped stays stopped, a paused one is paused again.
plan plan_update(const project& desired, const observed_state& observed, const reconcile_options& options);

/// Where the tag of each service of the files comes from; nothing is done to any.
std::vector<service_outlook> tags_in(const project& desired);

/// What brings a stored release back: containers by their stored create bodies, volumes from `data_from`.
struct rollback_options : reconcile_options {
  rollback_options() = default;
  std::string data_from;           // snapshot id; empty: the data stays
  std::set<std::string> archived;  // real names of the volumes that it holds
  std::vector<pin_tag> tag_lines;  // what env files have to say again
};
plan plan_rollback(const release& target, const observed_state& observed, const rollback_options& options);

/// The way back from a plan that did not reach its commit. Works from the plan alone, wherever it stopped: every
/// operation of the undo asks first whether there is anything to undo.
enum class restore_data { yes, no };
enum class new_version_ran { maybe, no };
struct undo_options {
  undo_options() = default;
  restore_data data = restore_data::no;  // yes: safety copy, then the volumes of the plan's snapshot are put back
  std::string safety_snapshot_id;
  /// no: nothing of the plan was started, so volumes that it created are empty and are removed. maybe: they are kept
  /// and named in notes.
  new_version_ran ran = new_version_ran::maybe;
};
plan plan_undo(const plan& failed, const undo_options& options);

}  // namespace orchestration
