#include "orchestration/plan/photograph.hpp"

#include <algorithm>
#include <set>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/plan/dependency_label.hpp"
#include "orchestration/plan/drift.hpp"
#include "orchestration/plan/health_budget.hpp"
#include "orchestration/plan/intention.hpp"
#include "orchestration/plan/joined.hpp"
#include "orchestration/plan/volumes_at_stake.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

const json* labels_of(const observed_container& c) { return c.inspect.path({"Config", "Labels"}); }

std::string project_of(const json& labels) { return labels.string_at({"com.docker.compose.project"}); }

std::string digest_of(const observed_state& observed, const observed_container& c) {
  const auto image = observed.images.find(c.image_reference);
  const bool is_running_one = image != observed.images.end() && image->second.id == c.image_id;
  return is_running_one && !image->second.repo_digests.empty() ? image->second.repo_digests.front() : std::string();
}

class photographer {
 public:
  explicit photographer(const observed_state& observed) : observed_(observed) {
    for (const observed_container& c : observed.containers)
      if (!belongs_to_attempt(c.name)) containers_.push_back(&c);
    for (const observed_container* c : containers_) dependencies_[c->service] = dependencies_of(labels_of(*c));
    asked_ = asked_of(dependencies_);
    level_ = levels_of(dependencies_);
  }

  release take(int number, const std::string& created_at) const {
    release out;
    out.number = number;
    out.created_at = created_at;
    for (const observed_container* c : containers_) {
      if (out.project.empty() && labels_of(*c) != nullptr) out.project = project_of(*labels_of(*c));
      out.containers.push_back(released(*c));
    }
    for (const auto& [name, n] : observed_.networks)
      if (is_used(n)) out.networks.push_back(released(n, out.project));
    for (const auto& [name, v] : observed_.volumes)
      if (is_used(v)) out.volumes.push_back(released(v, out.project));
    return out;
  }

 private:
  released_container released(const observed_container& c) const {
    released_container out;
    out.service = c.service;
    out.number = c.number;
    out.name = c.name;
    out.container_id = c.id;
    out.image_reference = c.image_reference;
    out.image_id = c.image_id;
    out.image_digest = digest_of(observed_, c);
    out.config_hash = c.config_hash;
    out.should_run = is_up(c);
    const auto asked = asked_.find(c.service);
    out.completes = asked != asked_.end() && asked->second == goal::completed;
    out.paused = c.state == container_state::paused;
    out.has_health_check = has_health_check(c);
    out.start_budget_ms = start_budget_of(c, reconcile_options()).count();
    out.start_level = level_.at(c.service);
    create_request again = body_from_inspect(c.inspect, {observed_.api_major, observed_.api_minor});
    out.body = std::move(again.body);
    out.connect_after = std::move(again.connect_after);
    return out;
  }

  bool is_used(const observed_network& n) const {
    return std::any_of(containers_.begin(), containers_.end(), [&](const observed_container* c) {
      return std::find(c->networks.begin(), c->networks.end(), n.name) != c->networks.end();
    });
  }

  bool is_used(const observed_volume& v) const {
    return std::any_of(containers_.begin(), containers_.end(), [&](const observed_container* c) {
      return std::any_of(c->mounts.begin(), c->mounts.end(),
                         [&](const observed_mount& m) { return m.type == "volume" && m.name == v.name; });
    });
  }

  static void copy(const json& from, std::string_view name, json& to, std::string_view as) {
    if (const json* value = from.find(name); value != nullptr && !value->is_null()) to[as] = *value;
  }

  released_network released(const observed_network& n, const std::string& project) const {
    released_network out;
    out.name = n.name;
    const json* labels = n.inspect.find("Labels");
    out.external = labels == nullptr || project_of(*labels) != project;
    out.body = json::object({{"Name", n.name}});
    for (const char* name : {"Driver", "Options", "Internal", "Attachable", "EnableIPv6", "EnableIPv4", "Labels"})
      copy(n.inspect, name, out.body, name);
    if (has_chosen_addresses(n)) copy(n.inspect, "IPAM", out.body, "IPAM");
    return out;
  }

  // The engine shows the subnet it chose like one that was asked for. Asking for it again may collide with a network
  // that was made since, so it is kept only where somebody relies on it.
  bool has_chosen_addresses(const observed_network& n) const {
    if (const json* pools = n.inspect.path({"IPAM", "Config"}); pools != nullptr && pools->is_array())
      for (const json& pool : pools->elements())
        if (pool.contains("IPRange") || pool.contains("AuxiliaryAddresses")) return true;
    return std::any_of(containers_.begin(), containers_.end(), [&](const observed_container* c) {
      const json* asked = c->inspect.path({"NetworkSettings", "Networks", n.name, "IPAMConfig"});
      return asked != nullptr && !asked->empty();
    });
  }

  static released_volume released(const observed_volume& v, const std::string& project) {
    released_volume out;
    out.name = v.name;
    const json* labels = v.inspect.find("Labels");
    const bool has_labels = labels != nullptr && labels->is_object();
    if (has_labels) out.key = labels->string_at({"com.docker.compose.volume"});
    const bool ours = has_labels && project_of(*labels) == project;
    out.external = !ours && !is_anonymous_volume(v);
    out.body = json::object({{"Name", v.name}, {"Driver", v.driver}});
    copy(v.inspect, "Options", out.body, "DriverOpts");
    copy(v.inspect, "Labels", out.body, "Labels");
    return out;
  }

  const observed_state& observed_;
  std::vector<const observed_container*> containers_;
  dependencies_by_service dependencies_;
  std::map<std::string, goal> asked_;
  std::map<std::string, int> level_;
};

}  // namespace

namespace {

const observed_container* find(const observed_state& observed, const std::string& id) {
  for (const observed_container& o : observed.containers)
    if (o.id == id) return &o;
  return nullptr;
}

const create_container* made_in(const plan& p, const observed_container& o) {
  const auto label = [&](const char* name) { return o.inspect.string_at({"Config", "Labels", name}); };
  if (label("io.dockupd.attempt") != p.attempt_id) return nullptr;
  for (const operation& each : p.operations) {
    const auto* create = std::get_if<create_container>(&each.what);
    if (create != nullptr && create->target.subject == label("io.dockupd.subject")) return create;
  }
  return nullptr;
}

const released_container* recorded_in(const release& r, const observed_container& o, const observed_state& observed) {
  for (const released_container& c : r.containers)
    if (c.service == o.service && c.number == o.number && is_recorded(o, c, observed)) return &c;
  return nullptr;
}

}  // namespace

void remember_unseen(release& r, const observed_state& observed, const plan* made_by, const release* before) {
  for (released_container& c : r.containers) {
    const observed_container* o = find(observed, c.container_id);
    if (o == nullptr) continue;
    const create_container* made = made_by == nullptr ? nullptr : made_in(*made_by, *o);
    const released_container* known = before == nullptr ? nullptr : recorded_in(*before, *o, observed);
    if (made != nullptr) {
      c.files = made->files;
      c.hashed = made->hashed;
    } else if (known != nullptr) {
      c.files = known->files;
      c.hashed = known->hashed;
    }
  }
}

void recall_hashed(release& r, const observed_state& observed, const project& p) {
  const std::map<std::string, std::string> ids = ids_of_first(observed);
  for (released_container& c : r.containers) {
    const auto found = p.services.find(c.service);
    if (!c.hashed.is_null() || found == p.services.end() || joined_services(found->second).empty()) continue;
    service as_it_was = found->second;
    as_it_was.document["image"] = c.image_reference;
    for (const hash_dialect dialect : hash_dialects) {
      json hashed = hashed_document(as_it_was, dialect);
      if (hash_of(hashed, ids) != c.config_hash) continue;
      c.hashed = std::move(hashed);
      break;
    }
  }
}

release release_from_observed(const observed_state& observed, int number, const std::string& created_at) {
  return photographer(observed).take(number, created_at);
}

}  // namespace orchestration
