#include "orchestration/snapshot/retention.hpp"

#include <algorithm>
#include <cstddef>

namespace orchestration {

std::vector<std::string> removable(std::vector<kept_snapshot> snapshots, const retention_rule& rule) {
  std::sort(snapshots.begin(), snapshots.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
  std::set<std::string> covered;  // volumes with a newer verified snapshot
  std::vector<std::string> out;
  for (std::size_t age = 0; age < snapshots.size(); ++age) {
    const kept_snapshot& s = snapshots[age];
    bool needed = static_cast<int>(age) < rule.keep_last || rule.protected_ids.contains(s.id);
    for (const std::string& volume : s.volumes)
      if (s.verified && covered.insert(volume).second) needed = true;
    if (!needed) out.push_back(s.id);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace orchestration
