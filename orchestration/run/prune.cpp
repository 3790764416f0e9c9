#include "orchestration/run/prune.hpp"

#include <algorithm>
#include <map>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/run/targets.hpp"
#include "orchestration/snapshot/retention.hpp"

namespace orchestration {
namespace {

constexpr std::size_t releases_to_go_back_to = 5;

void want_verified(std::set<int>& wanted, const std::vector<release>& newest_first) {
  std::size_t verified = 0;
  for (const release& r : newest_first)
    if (r.verdict == release_verdict::verified && verified++ < releases_to_go_back_to) wanted.insert(r.number);
}

/// The present release and the verified ones that a rollback may want: the newest, and those that the present one came
/// from, which after a rollback are others.
std::set<int> wanted_releases(const store& records) {
  std::set<int> wanted;
  want_verified(wanted, records.releases());
  const std::optional<release> present = records.current_release();
  if (!present) return wanted;
  std::vector<release> way_back = came_from(records, *present);
  way_back.insert(way_back.begin(), *present);
  wanted.insert(present->number);
  want_verified(wanted, way_back);
  return wanted;
}

void remove_snapshots(workspace& w, const std::set<int>& wanted) {
  std::map<std::string, snapshot_row> rows;
  for (const snapshot_row& row : w.records.snapshots()) rows.emplace(row.id, row);
  retention_rule rule;
  std::vector<kept_snapshot> all;
  // A rollback takes the newest of its release. An update of chosen services archives only what those write.
  std::set<std::pair<int, std::string>> has_data;
  for (const manifest& m : w.snapshots.list()) {  // newest first
    kept_snapshot kept;
    kept.id = m.id;
    const auto row = rows.find(m.id);
    kept.verified = row != rows.end() && !row->second.verified_at.empty();
    for (const archived_volume& v : m.volumes) {
      kept.volumes.push_back(v.name);
      const bool is_newest = kept.verified && has_data.emplace(m.release, v.name).second;
      if (is_newest && wanted.contains(m.release)) rule.protected_ids.insert(m.id);
    }
    all.push_back(std::move(kept));
  }
  for (const std::string& id : removable(std::move(all), rule)) {
    w.snapshots.remove(id);
    w.records.remove_snapshot(id);
  }
}

}  // namespace

void prune_snapshots(workspace& w) { remove_snapshots(w, wanted_releases(w.records)); }

docker::task<> prune(workspace& w, std::string project) {
  const std::set<int> wanted = wanted_releases(w.records);
  remove_snapshots(w, wanted);
  std::set<std::string> names;
  for (const release& r : w.records.releases()) {
    if (wanted.contains(r.number)) continue;
    for (const released_container& c : r.containers) names.insert(kept_image_name(project, c.service, r.number));
  }
  for (const std::string& name : names) co_await w.engine.remove_image(name);
}

}  // namespace orchestration
