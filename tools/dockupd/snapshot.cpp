#include "tools/dockupd/printable.hpp"
#include "tools/dockupd/render.hpp"
#include "tools/dockupd/verbs.hpp"

namespace dockupd {
namespace {

std::string mebibytes(std::uint64_t bytes) {
  const std::uint64_t tenths = bytes * 10 / (1 << 20);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

std::string release_of(const orchestration::manifest& m) {
  return m.release == 0 ? "unverified" : "r" + std::to_string(m.release);
}

/// The one asked for, or the newest.
orchestration::manifest chosen(session& s, const orchestration::snapshot_store& snapshots) {
  const std::string& asked = s.asked().id;
  if (!asked.empty() && !snapshots.contains(asked))
    throw fatal(exit_code::usage, "there is no snapshot " + asked + " in " + snapshots.directory().string() +
                                      ". To see which there are: dockupd snapshot list");
  if (!asked.empty()) return snapshots.read(asked);
  const orchestration::snapshot_listing all = snapshots.listing();
  if (all.readable.empty() && all.unreadable.empty())
    throw fatal(exit_code::usage, "project " + s.project_name() + " has no snapshot yet");
  // An older one that is sound is not the answer when the newest cannot be read: ids sort by time.
  if (!all.unreadable.empty() && (all.readable.empty() || all.readable.front().id < all.unreadable.front().id))
    return snapshots.read(all.unreadable.front().id);
  return all.readable.front();
}

}  // namespace

exit_code run_snapshot_list(session& s) {
  const orchestration::snapshot_store snapshots = s.snapshots();
  const orchestration::snapshot_listing found = snapshots.listing();
  if (s.asked().json) {
    docker::json out = document("snapshot list", s.project_name(), "done", exit_code::ok);
    out["snapshots"] = docker::json::make_array();
    for (const orchestration::manifest& m : found.readable) out["snapshots"].push_back(to_json(m));
    out["unreadable"] = docker::json::make_array();
    for (const auto& u : found.unreadable)
      out["unreadable"].push_back(docker::json::object({{"id", u.id}, {"problem", u.problem}}));
    print(out);
    return exit_code::ok;
  }
  std::vector<std::vector<std::string>> rows{{"SNAPSHOT", "DATA OF", "VOLUMES", "ARCHIVES", "WHY"}};
  for (const orchestration::manifest& m : found.readable)
    rows.push_back({m.id, release_of(m), std::to_string(m.volumes.size()), mebibytes(m.archive_bytes()), m.reason});
  for (const auto& u : found.unreadable) rows.push_back({u.id, "?", "?", "?", "UNREADABLE: " + u.problem});
  print(table(rows));
  return exit_code::ok;
}

exit_code run_snapshot_show(session& s) {
  const orchestration::snapshot_store snapshots = s.snapshots();
  const orchestration::manifest m = chosen(s, snapshots);
  if (s.asked().json) {
    docker::json out = document("snapshot show", s.project_name(), "done", exit_code::ok);
    out["snapshot"] = to_json(m);
    print(out);
    return exit_code::ok;
  }
  print("snapshot " + m.id + " of " + m.created_at + ", data of " + release_of(m) + ": " + one_line(m.reason) + "\n");
  std::vector<std::vector<std::string>> rows{{"VOLUME", "ENTRIES", "CONTENT", "ARCHIVE", "NOT EXACT", "FILE"}};
  for (const orchestration::archived_volume& v : m.volumes)
    rows.push_back({v.name, std::to_string(v.entries), mebibytes(v.bytes), mebibytes(v.archive_bytes),
                    std::to_string(v.finding_count), (snapshots.directory() / m.id / v.archive).string()});
  print(table(rows));
  return exit_code::ok;
}

exit_code run_snapshot_verify(session& s) {
  const orchestration::snapshot_store snapshots = s.snapshots();
  const std::string id = chosen(s, snapshots).id;
  const orchestration::verification proof = snapshots.verify(id);
  const exit_code code = proof.good() ? exit_code::ok : exit_code::refused;
  if (s.asked().json) {
    docker::json out = document("snapshot verify", s.project_name(), proof.good() ? "done" : "refused", code);
    out["snapshot"] = id;
    out["entries"] = proof.entries;
    out["problems"] = docker::json::array_of(proof.problems);
    print(out);
    return code;
  }
  std::string text = "snapshot " + id + ": " + std::to_string(proof.entries) + " entries, " + mebibytes(proof.bytes);
  text += proof.good() ? ", every byte read back as written.\n" : ": DAMAGED\n";
  for (const std::string& problem : proof.problems) text += "  " + problem + "\n";
  print(text);
  return code;
}

}  // namespace dockupd
