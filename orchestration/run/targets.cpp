#include "orchestration/run/targets.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/joined.hpp"
#include "orchestration/update/update_machine.hpp"

namespace orchestration {
namespace {

std::string r(int number) { return "r" + std::to_string(number); }

std::string with_tag(const release& rel) {
  return rel.tag.empty() ? r(rel.number) : r(rel.number) + " (" + rel.tag + ")";
}

// In either direction: an older version may not understand the data, and a newer one may miss its migration, which a
// rollback does not run. What both came from is behind both.
bool migrated_between(const store& records, const release& one, const release& other) {
  std::map<int, int> paths;  // by number of a release that migrated: on how many of the two
  for (const release* each : {&one, &other}) {
    if (each->ran_migration) ++paths[each->number];
    for (const release& before : came_from(records, *each))
      if (before.ran_migration) ++paths[before.number];
  }
  return std::any_of(paths.begin(), paths.end(), [](const auto& found) { return found.second == 1; });
}

/// A release that somebody left for an older one is not where a rollback goes by itself.
bool is_on_hold(const store& records, const release& rel) {
  for (const hold& h : records.holds())
    for (const released_container& c : rel.containers)
      if (c.image_reference == h.reference && (h.digest.empty() || c.image_digest.ends_with(h.digest))) return true;
  return false;
}

}  // namespace

std::vector<release> came_from(const store& records, const release& present) {
  std::vector<release> out;
  int above = present.number;
  int wanted = present.previous;
  for (release& rel : records.releases()) {
    if (rel.number >= above || (wanted != 0 && rel.number > wanted)) continue;
    above = rel.number;
    wanted = rel.previous;
    out.push_back(std::move(rel));
  }
  return out;
}

bool describes(const release& rel, const observed_state& observed) {
  using identity = std::tuple<std::string, int, std::string, std::string>;
  std::set<identity> recorded;
  std::set<identity> running;
  for (const released_container& c : rel.containers) recorded.emplace(c.service, c.number, c.image_id, c.config_hash);
  for (const observed_container& o : observed.containers) {
    if (belongs_to_attempt(o.name)) continue;
    // One that was come back to has another hash when it joins another container: that has another id.
    const auto same = std::find_if(rel.containers.begin(), rel.containers.end(), [&](const released_container& c) {
      return c.service == o.service && c.number == o.number && o.image_id == c.image_id && !c.hashed.is_null() &&
             is_recorded(o, c, observed);
    });
    running.emplace(o.service, o.number, o.image_id, same == rel.containers.end() ? o.config_hash : same->config_hash);
  }
  return recorded == running;
}

bool covers(const observed_state& observed, const release& rel) {
  return std::all_of(rel.containers.begin(), rel.containers.end(), [&](const released_container& wanted) {
    return std::any_of(observed.containers.begin(), observed.containers.end(), [&](const observed_container& c) {
      return c.service == wanted.service && c.number == wanted.number && c.name.find(".dockupd-") == std::string::npos;
    });
  });
}

bool runs_well(const observed_state& observed) {
  return std::all_of(observed.containers.begin(), observed.containers.end(), [](const observed_container& c) {
    // 137 and 143: stopped by hand, with SIGKILL and SIGTERM.
    const bool ended_well = c.exit_code == 0 || c.exit_code == 137 || c.exit_code == 143;
    switch (c.state) {
      case container_state::running:
        return runs_well(c);
      case container_state::paused:
      case container_state::created:
        return true;
      case container_state::exited:
        return ended_well;
      case container_state::restarting:
      case container_state::removing:
      case container_state::dead:
        break;
    }
    return false;
  });
}

bool needs_a_person(const store& records) {
  const std::vector<attempt> all = records.attempts();
  return !all.empty() && all.front().state == to_text(update_state::needs_attention);
}

void refuse_another_engine(const store& records, const std::string& engine_id, ending how) {
  const std::vector<attempt> all = records.attempts();
  const std::optional<attempt> last = all.empty() ? std::nullopt : records.find_attempt(all.front().id);
  const std::string known = last ? last->settings.string_at({"engine"}) : std::string();
  if (known.empty() || known == engine_id) return;
  throw refusal(how, "the records of this project are of engine " + known + ", and the one that answers is " +
                         engine_id +
                         ". Nothing was changed. Choose the engine with -H, --context or DOCKER_HOST; when it was " +
                         "installed anew, begin anew with another --state-dir");
}

release choose_target(const store& records, std::optional<int> asked) {
  const std::optional<release> present = records.current_release();
  if (!present)
    throw refusal(ending::refused, "there is no release to roll back from: dockupd has not deployed this project yet");
  const std::string history = ". See: dockupd history -p " + present->project;
  if (asked) {
    const std::optional<release> found = records.find_release(*asked);
    if (!found) throw refusal(ending::refused, "there is no release " + r(*asked) + history);
    return *found;
  }
  if (needs_a_person(records)) return *present;
  std::optional<release> best;
  std::optional<release> unproven;
  for (const release& rel : came_from(records, *present)) {
    if (is_on_hold(records, rel)) continue;
    if (rel.verdict == release_verdict::verified && !best) best = rel;
    if (rel.verdict == release_verdict::unverified && !unproven) unproven = rel;
  }
  if (best) return *best;
  const std::string none = "there is no verified release before " + with_tag(*present);
  if (!unproven) throw refusal(ending::refused, none + history);
  throw refusal(ending::refused, none + ". " + with_tag(*unproven) + " was not seen healthy. To go there all the " +
                                     "same: dockupd rollback -p " + present->project + " " + r(unproven->number));
}

void expect_recorded(snapshot_store& snapshots, const store& records) {
  for (const snapshot_row& row : records.snapshots()) snapshots.expect_manifest(row.id, row.manifest_sha256);
}

std::optional<snapshot_row> newest_snapshot_of(const store& records, int release_number) {
  for (const snapshot_row& row : records.snapshots())
    if (row.of_release == release_number && !row.verified_at.empty()) return row;
  return std::nullopt;
}

std::string choose_data(const store& records, const release& target, const release& present, data_choice choice) {
  if (choice == data_choice::keep) return {};
  const std::optional<snapshot_row> snapshot = newest_snapshot_of(records, target.number);
  if (choice == data_choice::restore) {
    if (!snapshot)
      throw refusal(ending::refused, "there is no verified snapshot of the data of " + with_tag(target) +
                                         ". To go back and keep the present data: dockupd rollback -p " +
                                         target.project + " " + r(target.number) + " --no-data");
    return snapshot->id;
  }
  const bool is_foreign = needs_a_person(records) && records.attempts().front().dirty;
  if (!is_foreign && !migrated_between(records, target, present)) return {};
  std::string text = is_foreign ? "the last attempt failed, and so did the way back; it may have written to the volumes"
                                : "a migration ran between " + with_tag(target) + " and " + with_tag(present);
  text += ", so the data has to be decided on:\n";
  const std::string command = "  dockupd rollback -p " + target.project + " " + r(target.number);
  if (snapshot)
    text += command + " --with-data   puts back the data of " + snapshot->created_at + " (snapshot " + snapshot->id +
            "); what was written since is kept only in a safety snapshot\n";
  text +=
      command + " --no-data     keeps the present data; " + with_tag(target) + " has to understand what became of it";
  throw refusal(ending::refused, text);
}

std::vector<released_container> left_behind(const store& records, int from, int to) {
  const std::optional<release> left = records.find_release(from);
  const std::optional<release> kept = records.find_release(to);
  std::vector<released_container> out;
  if (!left || !kept || from <= to) return out;
  std::set<std::string> still_run;
  for (const released_container& c : kept->containers) still_run.insert(c.image_id);
  for (const released_container& c : left->containers)
    if (!still_run.contains(c.image_id)) out.push_back(c);
  return out;
}

}  // namespace orchestration
