// A shop on the fake engine that can be frozen at any moment and thawed again: the engine, every file, what outsiders
// saw. Whatever a dockupd that dies leaves behind is in it, and nothing else.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/explore/database_probe.hpp"
#include "tests/explore/watched_tree.hpp"
#include "tests/run/shop_run.hpp"

namespace orchestration::explore {

using test::shop_run;

/// Engines as they were before each change that no disk has yet, oldest first.
using unsynced_changes = std::vector<std::shared_ptr<const fake_world>>;

struct frozen {
  fake_world engine;
  unsynced_changes unsynced;
  shop_run::witness seen;
  kept_tree files;
  std::array<digest, 2> records;
  digest key;
};

/// What one operator asks of dockupd. Each is a process of its own: lock, records, whatever was interrupted first.
struct command {
  enum class kind { update, rollback, recover };
  kind what = kind::recover;
  std::string version;  // update
  int number = 0;       // sorts what it makes after what lower ones made
};
std::string to_text(const command& c);

/// How a command ended, for whoever asked.
struct outcome {
  bool finished = false;  // nothing is open, and nobody is called for
  bool refused = false;   // and nothing was changed
  std::string how;        // words
  std::string reason;
};

enum class actor { first, second };

/// Where a process may die: at a failpoint, before a call to the engine, or when a change is made and not answered yet.
struct passage {
  std::string name;
  bool is_call = false;
};

class stage {
 public:
  stage();

  shop_run& shop(actor who = actor::first) { return who == actor::first ? first_ : *second_; }
  fake_engine& engine() { return first_.engine(); }
  const unsynced_changes& unsynced() const { return unsynced_; }

  /// Called at each passage of whatever runs, in the thread that passes.
  void watch(std::function<void(const passage&)> seen);

  /// Whose process works from now on: its database is the open one.
  void becomes(actor who);
  /// Runs to the end; what the seams throw passes through.
  outcome play(const command& c, actor who = actor::first);
  /// The processes are gone, and what they held in memory.
  void end_processes();

  /// Tells states apart by what matters to whoever comes next: not by times, nor by how often somebody looked.
  digest key();
  /// The same without dockupd's own records.
  digest key_without_records();
  frozen freeze();
  void thaw(const frozen& state);

  /// dockerd dies and comes back, and with it what its restart policies say.
  void engine_dies();
  /// The machine does: what the engine changed last, `lost` changes, was on no disk.
  void power_cut(std::size_t lost);

 private:
  void changes(const std::string& line);
  static docker::task<outcome> recovered(workspace& w);
  static docker::task<outcome> asked(workspace& w, const command& c, shop_run& shop);
  shop_run first_;
  std::unique_ptr<shop_run> second_;
  std::array<database_probe, 2> probes_;
  unsynced_changes unsynced_;
  std::unique_ptr<watched_tree> files_;
};

digest digest_of(const fake_world& world);

}  // namespace orchestration::explore
