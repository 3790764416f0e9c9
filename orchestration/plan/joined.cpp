#include "orchestration/plan/joined.hpp"

#include <algorithm>

#include "orchestration/plan/container_names.hpp"
#include "orchestration/project/config_hash.hpp"
#include "orchestration/project/create_body.hpp"

namespace orchestration {
namespace {

using docker::json;

constexpr std::string_view service_prefix = "service:";

bool names(const std::string& reference, const observed_container& c) {
  return reference == c.id || reference == c.name || reference == "/" + c.name;
}

/// One that runs and only gets its restart policy back goes on in its namespaces.
bool is_interrupted(const intended_container& c) {
  return c.found != nullptr && (c.how == treatment::quiesce || (c.how == treatment::start && !is_up(*c.found)));
}

}  // namespace

std::optional<container_ref> stands_for(const std::string& service, const std::vector<intended_container>& intended) {
  const intended_container* first = nullptr;
  for (const intended_container& c : intended)
    if (c.service == service && c.how != treatment::retire && (first == nullptr || c.name < first->name)) first = &c;
  if (first == nullptr) return std::nullopt;
  return container_ref{first->subject(), first->makes_new() ? std::string() : first->found->id};
}

const observed_container* first_of(const std::string& service, const observed_state& observed) {
  const observed_container* first = nullptr;
  for (const observed_container& c : observed.containers)
    if (c.service == service && !belongs_to_attempt(c.name) && (first == nullptr || c.name < first->name)) first = &c;
  return first;
}

std::map<std::string, std::string> ids_of_first(const observed_state& observed) {
  std::map<std::string, std::string> out;
  for (const observed_container& c : observed.containers)
    if (const observed_container* first = first_of(c.service, observed)) out[c.service] = first->id;
  return out;
}

bool joins(const observed_container& o, const observed_container& other, joined_by how) {
  const json* host = o.inspect.find("HostConfig");
  if (host == nullptr) return false;
  json looked_at = *host;
  if (how == joined_by::namespaces) looked_at.erase("VolumesFrom");
  for (const std::string& reference : containers_joined_by(looked_at))
    if (names(reference, other)) return true;
  return false;
}

void rest_with_joined(intention& out) {
  for (bool changed = true; changed;) {
    changed = false;
    for (intended_container& c : out.containers) {
      if (c.how != treatment::leave || !is_up(*c.found)) continue;
      const auto with =
          std::find_if(out.containers.begin(), out.containers.end(), [&](const intended_container& other) {
            return is_interrupted(other) && joins(*c.found, *other.found, joined_by::namespaces);
          });
      if (with == out.containers.end()) continue;
      c.how = treatment::quiesce;
      c.cause = "joins " + with->subject() + ", which is started anew";
      c.needs.insert(with->service);
      if (!was_unsound(*c.found)) c.proven = proof::yes;
      changed = true;
    }
  }
}

json body_by_names(const released_container& c, const release& of) {
  std::map<std::string, std::string> services;
  for (const released_container& other : of.containers) services[other.container_id] = other.service;
  json out = c.body;
  name_containers(out, services);
  return out;
}

std::vector<std::string> services_joined_by(const json& body) {
  std::vector<std::string> out;
  const json* host = body.find("HostConfig");
  if (host == nullptr) return out;
  for (const std::string& reference : containers_joined_by(*host))
    if (reference.starts_with(service_prefix)) out.push_back(reference.substr(service_prefix.size()));
  return out;
}

bool is_recorded(const observed_container& o, const released_container& c, const observed_state& observed) {
  if (o.id == c.container_id) return true;
  if (o.config_hash.empty() || o.image_id != c.image_id) return false;
  if (o.config_hash == c.config_hash) return true;
  if (c.hashed.is_null()) return false;
  return o.config_hash == hash_of(c.hashed, ids_of_first(observed));
}

}  // namespace orchestration
