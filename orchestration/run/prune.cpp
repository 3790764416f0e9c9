#include "orchestration/run/prune.hpp"

#include <algorithm>
#include <map>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/snapshot/retention.hpp"

namespace orchestration {
namespace {

constexpr std::size_t releases_to_go_back_to = 5;

/// The present release and the verified ones before it that a rollback may want.
std::set<int> wanted_releases(const store& records) {
  std::set<int> wanted;
  if (const std::optional<release> present = records.current_release()) wanted.insert(present->number);
  std::size_t verified = 0;
  for (const release& r : records.releases())
    if (r.verdict == release_verdict::verified && verified++ < releases_to_go_back_to) wanted.insert(r.number);
  return wanted;
}

void prune_snapshots(workspace& w, const std::set<int>& wanted) {
  std::map<std::string, snapshot_row> rows;
  for (const snapshot_row& row : w.records.snapshots()) rows.emplace(row.id, row);
  retention_rule rule;
  std::vector<kept_snapshot> all;
  for (const manifest& m : w.snapshots.list()) {
    kept_snapshot kept;
    kept.id = m.id;
    const auto row = rows.find(m.id);
    kept.verified = row != rows.end() && !row->second.verified_at.empty();
    for (const archived_volume& v : m.volumes) kept.volumes.push_back(v.name);
    if (wanted.contains(m.release)) rule.protected_ids.insert(m.id);
    all.push_back(std::move(kept));
  }
  for (const std::string& id : removable(std::move(all), rule)) {
    w.snapshots.remove(id);
    w.records.remove_snapshot(id);
  }
}

}  // namespace

docker::task<> prune(workspace& w, std::string project) {
  const std::set<int> wanted = wanted_releases(w.records);
  prune_snapshots(w, wanted);
  std::set<std::string> names;
  for (const release& r : w.records.releases()) {
    if (wanted.contains(r.number)) continue;
    for (const released_container& c : r.containers) names.insert(kept_image_name(project, c.service, r.number));
  }
  for (const std::string& name : names) co_await w.engine.remove_image(name);
}

}  // namespace orchestration
