// Which snapshots may go. Pure: nothing is read or removed here.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace orchestration {

struct kept_snapshot {
  kept_snapshot() = default;
  std::string id;  // sorts by time
  bool verified = false;
  std::vector<std::string> volumes;  // names
};

struct retention_rule {
  retention_rule() = default;
  int keep_last = 5;                    // the newest ones; 0: none for their age alone
  std::set<std::string> protected_ids;  // a rollback target's, an open attempt's
};

/// Ids that may be removed, oldest first. Never: one of the newest `keep_last`, a protected one, and for each volume
/// the newest verified snapshot that holds it.
std::vector<std::string> removable(std::vector<kept_snapshot> snapshots, const retention_rule& rule);

}  // namespace orchestration
