// Networks, volumes, images and the snapshot of an update.
#include <algorithm>

#include "orchestration/plan/resource_definition.hpp"
#include "orchestration/plan/update_planner.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {

// --- networks and volumes --------------------------------------------------------------------------------------

void update_planner::require_resources() {
  for (const std::string& name : scope_) {
    const service& s = desired_.services.at(name);
    if (s.builds && s.image_template.empty()) continue;
    for (const std::string& key : s.networks) require_network(s, key);
    for (const service_mount& m : s.mounts)
      if (m.kind == mount_kind::volume) require_volume(s, m.source);
  }
  const auto by_name = [](const auto& a, const auto& b) { return a.name < b.name; };
  std::sort(out_.networks.begin(), out_.networks.end(), by_name);
  std::sort(out_.volumes.begin(), out_.volumes.end(), by_name);
}

void update_planner::require_network(const service& s, const std::string& key) {
  const auto declared = desired_.networks.find(key);
  if (declared == desired_.networks.end()) return;
  const network& n = declared->second;
  if (const auto found = observed_.networks.find(n.name); found != observed_.networks.end()) {
    if (!n.external) check_network(s, n, found->second);
    return;
  }
  if (n.external)
    throw plan_error(name_with_place(desired_, s) + ": its network " + n.name +
                     " is external and does not exist. Create it with: docker network create " + n.name);
  const bool planned = std::any_of(out_.networks.begin(), out_.networks.end(),
                                   [&](const ensure_network& each) { return each.name == n.name; });
  if (!planned) out_.networks.push_back({n.name, network_create_body(desired_, n)});
}

void update_planner::require_volume(const service& s, const std::string& key) {
  const auto declared = desired_.volumes.find(key);
  if (declared == desired_.volumes.end()) return;
  const volume& v = declared->second;
  if (const auto found = observed_.volumes.find(v.name); found != observed_.volumes.end()) {
    if (!v.external) note_volume(v, found->second);
    return;
  }
  if (v.external)
    throw plan_error(name_with_place(desired_, s) + ": its volume " + v.name +
                     " is external and does not exist. Create it with: docker volume create " + v.name);
  const bool planned = std::any_of(out_.volumes.begin(), out_.volumes.end(),
                                   [&](const ensure_volume& each) { return each.name == v.name; });
  if (!planned) out_.volumes.push_back({v.name, volume_create_body(desired_, v)});
}

// compose makes a network anew whose label says that its definition was another, and stops its services for that.
void update_planner::check_network(const service& s, const network& n, const observed_network& found) {
  const std::string key = found.inspect.string_at({"Labels", "com.docker.compose.network"});
  if (key != n.key)
    throw plan_error(name_with_place(desired_, s) + ": network " + n.name +
                     " exists, but its label com.docker.compose.network is \"" + key + "\", not \"" + n.key +
                     "\". If it is not this project's, declare it with `external: true`; else remove it.");
  const definition how = definition_of(n, found);
  if (how == definition::same) return;
  const std::string differing = join(differences_of(n, found, desired_));
  if (how == definition::another && !differing.empty())
    throw plan_error(name_with_place(desired_, s) + ": its network " + n.name + " was made otherwise than the files " +
                     "say (" + differing + "). dockupd does not make networks anew; docker compose does, and stops " +
                     "their services meanwhile. With the tag as it is now: docker compose up -d. Then run this again.");
  if (how == definition::another)
    note_once("network " + n.name + " bears another config-hash than its definition gives, though nothing of it " +
              "differs: left as it is; docker compose up may make it anew");
  else if (!differing.empty())
    note_once("network " + n.name + " was made otherwise than the files say (" + differing +
              "): left as it is, as docker compose does without a config-hash on it");
}

// To make it anew would cost the data.
void update_planner::note_volume(const volume& v, const observed_volume& found) {
  if (definition_of(v, found) != definition::another) return;
  const std::string differing = join(differences_of(v, found, desired_));
  note_once("volume " + v.name + " was made otherwise than the files say" +
            (differing.empty() ? std::string() : " (" + differing + ")") +
            ": left as it is, with its data. docker compose up asks whether to delete it");
}

// --- images ----------------------------------------------------------------------------------------------------

void update_planner::check_can_be_fetched(const service& s) const {
  const bool is_local = observed_.images.contains(s.image);
  if (is_local || options_.digests.contains(s.image)) return;
  if (s.pull_policy == "never" || s.pull_policy == "build")
    throw plan_error(name_with_place(desired_, s) + ": image " + s.image + " is not on this engine, and pull_policy " +
                     s.pull_policy + " forbids pulling it. Build or load it first.");
}

void update_planner::choose_pulls() {
  std::map<std::string, intended_pull> by_reference;
  for (const intended_container& c : out_.containers) {
    if (!c.makes_new()) continue;
    const std::string& reference = c.request.image;
    if (c.request.digest.empty() && observed_.images.contains(reference)) continue;
    auto [place, is_new] = by_reference.try_emplace(reference);
    pull_image& pull = place->second.what;
    pull.reference = reference;
    pull.digest = c.request.digest;
    pull.platform = c.request.platform;
    if (const auto local = observed_.images.find(reference); local != observed_.images.end())
      pull.meant_before = local->second.id;
    if (std::find(pull.services.begin(), pull.services.end(), c.service) == pull.services.end())
      pull.services.push_back(c.service);
    if (is_new) place->second.cause = c.causes.front();
  }
  for (auto& [reference, pull] : by_reference) {
    std::sort(pull.what.services.begin(), pull.what.services.end());
    out_.pulls.push_back(std::move(pull));
  }
}

// --- the snapshot ----------------------------------------------------------------------------------------------

// With services chosen: those that change and all that they depend on, since a new web migrates its database over the
// network. Otherwise every service of the project: not everybody writes depends_on.
std::set<std::string> update_planner::services_at_stake() const {
  std::set<std::string> out;
  if (!options_.services.empty()) return with_dependencies(changed_services());
  for (const auto& [name, containers] : found_) out.insert(name);
  for (const auto& [name, s] : desired_.services) out.insert(name);
  return out;
}

std::map<std::string, known_volume> update_planner::known_volumes() const {
  std::map<std::string, known_volume> out;
  for (const auto& [key, v] : desired_.volumes) out[v.name] = known_volume{key, v.external};
  return out;
}

// More containers of what runs already write nothing that those do not.
bool update_planner::risks_data() const {
  std::set<std::string> run_already;
  for (const intended_container& c : out_.containers)
    if (c.how == treatment::leave || c.how == treatment::quiesce) run_already.insert(c.service);
  return std::any_of(out_.containers.begin(), out_.containers.end(), [&](const intended_container& c) {
    return c.how == treatment::replace || (c.how == treatment::create && !run_already.contains(c.service));
  });
}

void update_planner::choose_snapshot() {
  const std::set<std::string> services = services_at_stake();
  const std::set<std::string> changed = changed_services();
  std::vector<const observed_container*> writers;
  std::set<std::string> mounted_next;
  for (const intended_container& c : out_.containers)
    if (c.found != nullptr && services.contains(c.service)) writers.push_back(c.found);
  for (const std::string& name : changed)
    for (const service_mount& m : desired_.services.at(name).mounts)
      if (const auto v = desired_.volumes.find(m.source); !m.read_only && v != desired_.volumes.end())
        mounted_next.insert(v->second.name);
  volumes_at_stake data = find_volumes_at_stake(observed_, desired_.name, known_volumes(), writers, mounted_next);
  if (data.volumes.empty() && data.notes.empty()) return;
  if (options_.snapshot == take_snapshot::no) {
    note("no snapshot was asked for: a rollback will not be able to bring the data back");
    return;
  }
  for (std::string& text : data.notes) note(std::move(text));
  if (data.volumes.empty()) return;
  snapshot_volumes snapshot;
  snapshot.snapshot_id = options_.snapshot_id;
  snapshot.reason = "before update";
  if (options_.pin)
    snapshot.reason += " to " + options_.pin->value;
  else if (!options_.image_pins.empty())
    snapshot.reason += " to " + options_.image_pins.front().images.front().image;
  snapshot.of_release = options_.from_release;
  snapshot.volumes = std::move(data.volumes);
  out_.snapshot = std::move(snapshot);
  quiesce_writers();
}

void update_planner::quiesce_writers() {
  for (intended_container& c : out_.containers) {
    if (c.how != treatment::leave || !is_up(*c.found)) continue;
    const std::vector<std::string> written = volumes_of(*c.found, out_.snapshot->volumes, mounted::writable);
    if (written.empty()) continue;
    c.how = treatment::quiesce;
    c.cause = "writes to volume " + written.front() + (written.size() > 1 ? " and others" : "");
    // It was touched, so it has to be shown to be as well as it was.
    if (!was_unsound(*c.found)) c.proven = proof::yes;
  }
}

}  // namespace orchestration
