// Decides what a rollback does with each container: towards a stored release, from its create bodies alone.
#include <algorithm>

#include "orchestration/plan/body_volumes.hpp"
#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/dependency_label.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/joined.hpp"
#include "orchestration/plan/volumes_at_stake.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

// --- what a create body says ---

json host_config_in(const json& body) {
  const json* host = body.find("HostConfig");
  return host == nullptr ? json() : *host;
}

std::set<std::string> networks_in(const released_container& c) {
  std::set<std::string> out;
  if (const json* endpoints = c.body.path({"NetworkingConfig", "EndpointsConfig"}); endpoints && endpoints->is_object())
    for (const auto& [name, endpoint] : endpoints->object_members()) out.insert(name);
  for (const auto& [name, endpoint] : c.connect_after) out.insert(name);
  const std::string mode = c.body.string_at({"HostConfig", "NetworkMode"});
  if (!mode.empty()) out.insert(mode);
  return out;
}

bool made_by_dockupd(const observed_container& c) {
  return c.inspect.path({"Config", "Labels", "io.dockupd.attempt"}) != nullptr;
}

class rollback_planner {
 public:
  rollback_planner(const release& target, const observed_state& observed, const rollback_options& options)
      : target_(target), observed_(observed), options_(options) {
    for (const released_container& c : target.containers)
      dependencies_[c.service] = dependencies_of(c.body.find("Labels"));
    asked_ = asked_of(dependencies_);
  }

  intention decide() {
    refuse_dead(observed_);
    out_.project = target_.project;
    std::vector<const released_container*> in_order;
    for (const released_container& c : target_.containers) in_order.push_back(&c);
    std::stable_sort(in_order.begin(), in_order.end(),
                     [](const auto* a, const auto* b) { return a->start_level < b->start_level; });
    for (const released_container* c : in_order) decide_container(*c);
    for (const observed_container& c : observed_.containers) decide_stranger(c);
    check_joined();
    require_resources();
    choose_data();
    rest_with_joined(out_);
    out_.pins = options_.tag_lines;
    out_.image_pins = options_.image_pins;
    out_.proves_unchanged = true;
    return std::move(out_);
  }

 private:
  std::string name_of_target() const { return "r" + std::to_string(target_.number); }

  // --- containers ---

  const observed_container* find(const released_container& c) const {
    const observed_container* best = nullptr;
    for (const observed_container& o : observed_.containers) {
      if (belongs_to_attempt(o.name) || o.service != c.service || o.number != c.number) continue;
      if (best == nullptr || o.id == c.container_id || (best->id != c.container_id && o.name == c.name)) best = &o;
    }
    return best;
  }

  void decide_container(const released_container& c) {
    intended_container out;
    out.service = c.service;
    out.number = c.number;
    out.name = c.name;
    out.found = find(c);
    out.level = c.start_level;
    for (const labelled_dependency& d : dependencies_[c.service]) out.needs.insert(d.service);
    out.has_health_check = c.has_health_check;
    out.start_budget = c.has_health_check ? std::chrono::milliseconds(c.start_budget_ms) : running_budget;
    if (c.has_health_check && options_.health_budget) out.start_budget = *options_.health_budget;
    // The work of a one-shot is in the data, which stays or is restored: nobody waits for it.
    const auto asked = asked_.find(c.service);
    if (asked != asked_.end() && !c.completes) out.until = asked->second;
    if (out.found != nullptr) matched_.insert(out.found->id);
    if (out.found != nullptr && is_recorded(*out.found, c, observed_) && !joins_another(*out.found, c))
      keep(out, c);
    else
      make_new(out, c);
    out_.containers.push_back(std::move(out));
  }

  void keep(intended_container& out, const released_container& c) const {
    const observed_container& found = *out.found;
    out.expected = state_at_rest(found, c.completes);
    const bool runs = c.should_run && !c.completes;
    if (!runs && was_unsound(found)) {
      out.proven = proof::no;
      out.until = goal::started;
    }
    if (!runs || (is_up(found) && !was_unsound(found))) return;
    // What is asked for has to be proven in the end: what is not well begins anew.
    out.how = is_up(found) ? treatment::quiesce : treatment::start;
    out.cause = is_up(found) ? "is not well" : "is stopped";
    out.expected = c.paused ? run_state::paused : run_state::running;
    if (const json* policy = c.body.path({"HostConfig", "RestartPolicy"})) out.restart_policy = *policy;
  }

  void make_new(intended_container& out, const released_container& c) {
    out.how = out.found == nullptr ? treatment::create : treatment::replace;
    out.cause = cause_of(out.found, c);
    put_body(out, c);
    out.networks = networks_in(c);
    for (const body_volume& m : volumes_in(c.body)) out.volumes.insert(m.volume);
    out.starts = c.should_run && !c.completes;
    out.expected = !out.starts ? run_state::stopped : c.paused ? run_state::paused : run_state::running;
    out.request.image = c.image_reference;
    out.request.image_id = c.image_id;
    if (const auto local = observed_.images.find(c.image_reference);
        local != observed_.images.end() && local->second.id != c.image_id)
      out.request.meant_before = local->second.id;
    out.request.files = c.files;
    out.request.connect_after = c.connect_after;
  }

  void put_body(intended_container& out, const released_container& c) {
    out.config_hash = c.config_hash;
    out.request.body = c.body;
    json by_names = body_by_names(c, target_);
    std::vector<joined_service> joined = joined_by(by_names);
    const std::set<std::string> recorded = containers_joined_by(host_config_in(c.body));
    if (std::all_of(joined.begin(), joined.end(),
                    [&](const joined_service& j) { return recorded.contains(j.container.id); }))
      return;
    out.request.body = std::move(by_names);
    out.request.joins = std::move(joined);
    out.request.hashed = c.hashed;
    if (!c.hashed.is_null()) out.config_hash.clear();
    if (c.hashed.is_null())
      out_.notes.push_back(out.subject() + " joins another container by its id, and how its config hash was made is " +
                           "not recorded: docker compose up will recreate it once");
  }

  /// With the containers of this plan that stand for the services in the body.
  std::vector<joined_service> joined_by(const json& body) const {
    std::vector<joined_service> out;
    for (const std::string& service : services_joined_by(body))
      if (const std::optional<container_ref> container = stands_for(service, out_.containers))
        out.push_back({service, *container});
    return out;
  }

  /// Than the one that stands for its service after the rollback.
  bool joins_another(const observed_container& o, const released_container& c) const {
    const json* host = o.inspect.find("HostConfig");
    for (const joined_service& j : joined_by(body_by_names(c, target_)))
      if (j.container.id.empty() || host == nullptr || !containers_joined_by(*host).contains(j.container.id))
        return true;
    return false;
  }

  std::string cause_of(const observed_container* found, const released_container& c) const {
    if (found == nullptr) return "in " + name_of_target();
    if (found->image_reference != c.image_reference)
      return "image " + last_part(found->image_reference) + " -> " + last_part(c.image_reference);
    if (found->image_id != c.image_id) return "image of " + name_of_target();
    for (const joined_service& j : joined_by(body_by_names(c, target_)))
      if (j.container.id.empty()) return "joins " + j.service + ", which is replaced";
    return "configuration of " + name_of_target();
  }

  static std::string last_part(const std::string& reference) {
    const std::size_t slash = reference.rfind('/');
    return slash == std::string::npos ? reference : reference.substr(slash + 1);
  }

  void decide_stranger(const observed_container& c) {
    if (matched_.contains(c.id)) return;
    if (belongs_to_attempt(c.name)) {
      out_.notes.push_back("container " + c.name + " is left over from an earlier attempt. Remove it with: docker rm " +
                           c.name);
      return;
    }
    intended_container out;
    out.service = c.service;
    out.number = c.number;
    out.name = c.name;
    out.found = &c;
    for (const released_container& r : target_.containers) out.level = std::max(out.level, r.start_level + 1);
    out.proven = proof::no;
    out.expected = state_at_rest(c, false);
    if (made_by_dockupd(c)) {
      out.how = treatment::retire;
      out.cause = "not in " + name_of_target();
    } else {
      out_.notes.push_back(out.subject() + " is not in " + name_of_target() +
                           " and was not made by dockupd: left alone");
    }
    out_.containers.push_back(std::move(out));
  }

  // A namespace or volumes_from names a container by its id, which is another one after the rollback.
  void check_joined() const {
    std::set<std::string> replaced;
    for (const intended_container& c : out_.containers)
      if (c.how == treatment::replace || c.how == treatment::retire) replaced.insert(c.found->id);
    for (const intended_container& c : out_.containers) {
      if (!c.makes_new()) continue;
      for (const std::string& id : containers_joined_by(host_config_in(c.request.body))) {
        if (is_resolved(c.request, id)) continue;
        const bool exists = std::any_of(observed_.containers.begin(), observed_.containers.end(),
                                        [&](const observed_container& o) { return o.id == id || o.name == id; });
        if (exists && !replaced.contains(id)) continue;
        throw plan_error("service " + c.service + " of " + name_of_target() +
                         " shares a namespace or volumes with a container that " +
                         (exists ? "has to be replaced" : "is gone") +
                         ", and which one takes its place is not recorded. Use docker compose with the files of that "
                         "time.");
      }
    }
  }

  static bool is_resolved(const create_container& request, const std::string& reference) {
    return std::any_of(request.joins.begin(), request.joins.end(),
                       [&](const joined_service& j) { return reference == "service:" + j.service; });
  }

  // --- networks and volumes ---

  void require_resources() {
    std::set<std::string> networks;
    std::set<std::string> volumes;
    for (const intended_container& c : out_.containers) {
      networks.insert(c.networks.begin(), c.networks.end());
      volumes.insert(c.volumes.begin(), c.volumes.end());
    }
    for (const released_network& n : target_.networks)
      if (networks.contains(n.name) && !observed_.networks.contains(n.name)) {
        if (n.external) throw missing("network", n.name);
        out_.networks.push_back({n.name, n.body});
      }
    for (const released_volume& v : target_.volumes)
      if (volumes.contains(v.name) && !observed_.volumes.contains(v.name)) {
        if (v.external) throw missing("volume", v.name);
        out_.volumes.push_back({v.name, v.body});
      }
  }

  plan_error missing(const std::string& kind, const std::string& name) const {
    return plan_error(name_of_target() + " needs the external " + kind + " " + name +
                      ", which does not exist. Create it with: docker " + kind + " create " + name);
  }

  // --- data ---

  std::map<std::string, known_volume> known_volumes() const {
    std::map<std::string, known_volume> out;
    for (const released_volume& v : target_.volumes) out[v.name] = known_volume{v.key, v.external};
    return out;
  }

  std::set<std::string> written_by_target() const {
    std::set<std::string> out;
    for (const released_container& c : target_.containers)
      for (const body_volume& m : volumes_in(c.body))
        if (m.writable) out.insert(m.volume);
    return out;
  }

  void choose_data() {
    const bool restores = !options_.data_from.empty();
    const bool changes = std::any_of(out_.containers.begin(), out_.containers.end(),
                                     [](const intended_container& c) { return c.how != treatment::leave; });
    if (!changes && !restores) return;
    std::vector<const observed_container*> writers;
    for (const intended_container& c : out_.containers)
      if (c.found != nullptr) writers.push_back(c.found);
    volumes_at_stake data =
        find_volumes_at_stake(observed_, target_.project, known_volumes(), writers, written_by_target());
    out_.notes.insert(out_.notes.end(), data.notes.begin(), data.notes.end());
    if (restores) choose_restore();
    if (!data.volumes.empty()) {
      snapshot_volumes safety;
      safety.snapshot_id = options_.snapshot_id;
      safety.reason = "safety copy before rollback to " + name_of_target();
      safety.of_release = options_.from_release;
      safety.volumes = data.volumes;
      out_.snapshot = std::move(safety);
    }
    quiesce(data.volumes);
  }

  void choose_restore() {
    restore_volumes restore;
    restore.snapshot_id = options_.data_from;
    const std::set<std::string> written = written_by_target();
    for (const released_volume& v : target_.volumes) {
      if (v.external || !written.contains(v.name)) continue;
      const auto found = observed_.volumes.find(v.name);
      if (found != observed_.volumes.end() && !is_plain_local_volume(found->second)) continue;
      if (v.body.string_at({"Driver"}, "local") != "local") continue;
      if (!options_.archived.contains(v.name)) {
        // An update of chosen services archives what those write.
        out_.notes.push_back("volume " + v.name + " is not in snapshot " + options_.data_from +
                             ": its present data stays");
        continue;
      }
      const std::string mountpoint = found == observed_.volumes.end() ? std::string() : found->second.mountpoint;
      restore.volumes.push_back({v.name, v.key, mountpoint});
    }
    std::sort(restore.volumes.begin(), restore.volumes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    if (!restore.volumes.empty()) out_.restore = std::move(restore);
  }

  // Under a restore even a reader must not run: it would see files go and come.
  void quiesce(const std::vector<volume_target>& copied) {
    for (intended_container& c : out_.containers) {
      if (c.how != treatment::leave || !is_up(*c.found)) continue;
      const std::vector<std::string> written = volumes_of(*c.found, copied, mounted::writable);
      std::vector<std::string> replaced;
      if (out_.restore) replaced = volumes_of(*c.found, out_.restore->volumes, mounted::any);
      if (written.empty() && replaced.empty()) continue;
      c.how = treatment::quiesce;
      c.cause = replaced.empty() ? "writes to volume " + written.front() : "uses volume " + replaced.front();
      if (!was_unsound(*c.found)) c.proven = proof::yes;
    }
  }

  const release& target_;
  const observed_state& observed_;
  const rollback_options& options_;
  intention out_;
  dependencies_by_service dependencies_;
  std::map<std::string, goal> asked_;
  std::set<std::string> matched_;  // ids of containers that stand for one of the release
};

}  // namespace

plan plan_rollback(const release& target, const observed_state& observed, const rollback_options& options) {
  return assemble(rollback_planner(target, observed, options).decide(), options);
}

}  // namespace orchestration
