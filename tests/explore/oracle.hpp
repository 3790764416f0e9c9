// Whether a state keeps the promises: I1 to I6 and I8 of dockupd's design. It looks at the engine, the volumes and the
// files alone, with code of its own, and never at what dockupd recorded.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/explore/stage.hpp"

namespace orchestration::explore {

/// What may be there: versions whose images, data and tag belong together.
struct expectation {
  std::vector<std::string> versions;  // one of them runs in the end; each can be brought back on the way
  std::string migrated;               // this version's migration may have run, once at most
  bool pruned = false;                // somebody has: what had ended may be gone
  bool left_is_gone = false;          // somebody took what the migrated version had written, and there was no copy yet
};

/// no: somebody took away what there was no copy of, so that it cannot is nobody's fault here.
enum class can_come_back { yes, no };

class oracle {
 public:
  explicit oracle(stage& looked_at) : stage_(looked_at) {}

  // Each: what is wrong, one line each; empty: nothing.

  /// At any instant, with dockupd dead or alive: one of the versions can be brought back (I1), no two of a service run
  /// or would after the engine or the machine went down (I2), a migration ran once.
  std::string on_the_way(const expectation& expected, can_come_back asked = can_come_back::yes);
  /// Of one of the versions, in the volume or in a snapshot.
  bool data_can_be_had(const expectation& expected);
  /// Once a command has ended well: one version runs whole (I3), no row was lost (I4), nothing is left over (I5).
  std::string at_the_end(const expectation& expected);
  /// Of what runs; empty: nothing does.
  std::string version() const;

 private:
  using lines = std::vector<std::string>;
  bool has_containers_of(const std::string& version) const;
  bool has_data_of(const std::string& version);
  const test::volume_content& archived(const std::string& archive);
  bool is_archived(const test::volume_content& content);
  lines writers() const;
  void check_containers(lines& out, const expectation& expected, const std::string& version) const;
  void check_data(lines& out, const expectation& expected, const std::string& version);
  void check_leftovers(lines& out) const;

  stage& stage_;
  std::map<digest, test::volume_content> archives_;  // by the archive's bytes
};

}  // namespace orchestration::explore
