// Which containers a service keeps and gets, and who joins or depends on those that change.
#include <algorithm>
#include <tuple>

#include "orchestration/plan/joined.hpp"
#include "orchestration/plan/update_planner.hpp"

namespace orchestration {
namespace {

struct replica {
  const observed_container* found;
  std::vector<std::string> causes;  // why it is replaced; none: it is as it should be
};

bool is_first_to_stay(const replica& a, const replica& b) {
  return std::make_tuple(!a.causes.empty(), a.found->number) < std::make_tuple(!b.causes.empty(), b.found->number);
}

}  // namespace

// --- scale -----------------------------------------------------------------------------------------------------

// As compose: those that are as they should be stay first, then the lowest numbers; numbers are never filled up. Among
// several that are not, compose leaves it to the order in which its engine lists them.
void update_planner::decide_replicas(const service& s, const desired_container& wanted) {
  std::vector<replica> replicas;
  int highest = 0;
  if (const auto found = found_.find(s.name); found != found_.end())
    for (const auto& [number, c] : found->second) {
      if (number < 1) {
        note("container " + c->name + " of service " + s.name + " bears no number: left alone");
        out_.containers.push_back(left_alone(*c, proof::no));
        continue;
      }
      highest = std::max(highest, number);
      replica each{c, drift_of(*c, wanted, observed_)};
      if (std::string cause = cause_of_joining(s); !cause.empty()) each.causes.push_back(std::move(cause));
      replicas.push_back(std::move(each));
    }
  std::sort(replicas.begin(), replicas.end(), is_first_to_stay);
  const auto scale = static_cast<std::size_t>(std::max(s.scale, 0));
  for (std::size_t i = 0; i < replicas.size(); ++i) {
    const observed_container& c = *replicas[i].found;
    if (i < scale)
      decide_replica(s, c.number, replicas[i].causes, wanted);
    else
      retire(c, s);
  }
  for (std::size_t count = replicas.size(); count < scale; ++count)
    decide_replica(s, ++highest, {"not there yet"}, wanted);
}

void update_planner::retire(const observed_container& c, const service& s) {
  intended_container out = left_alone(c, proof::no);
  if (c.config_hash.empty()) {
    note(out.subject() + " is beyond the " + std::to_string(s.scale) +
         " of its service, but not labelled by docker compose: left alone. To remove it: docker rm --force " + c.name);
  } else {
    out.how = treatment::retire;
    out.cause = "beyond the " + std::to_string(s.scale) + " of its service";
  }
  out_.containers.push_back(std::move(out));
}

// --- services that join others ---------------------------------------------------------------------------------

std::map<std::string, std::string> update_planner::ids_of_joined(const service& s) const {
  std::map<std::string, std::string> out;
  for (const auto& [joined, attribute] : joined_services(s))
    if (const observed_container* first = first_of(joined, observed_)) out[joined] = first->id;
  return out;
}

std::vector<joined_service> update_planner::joined_by(const service& s) const {
  std::vector<joined_service> out;
  for (const auto& [joined, attribute] : joined_services(s)) {
    const std::optional<container_ref> container = stands_for(joined, out_.containers);
    if (!container)
      throw plan_error(name_with_place(desired_, s) + ": " + attribute + " joins service " + joined +
                       ", of which there is no container. Give it an image and a scale of at least 1.");
    const bool known =
        std::any_of(out.begin(), out.end(), [&](const joined_service& other) { return other.service == joined; });
    if (!known) out.push_back({joined, *container});
  }
  return out;
}

std::string update_planner::cause_of_joining(const service& s) const {
  for (const joined_service& j : joined_by(s)) {
    const observed_container* first = first_of(j.service, observed_);
    if (j.container.id.empty()) return "joins " + j.service + ", which is " + (first == nullptr ? "new" : "replaced");
    if (first->id != j.container.id) return "joins " + j.service + ", of which another container stays";
  }
  return {};
}

void update_planner::put_identity(create_context& context, create_container& request, const service& s) const {
  request.joins = joined_by(s);
  if (request.joins.empty() || !s.found.empty())
    context.config_hash = service_hash(s, dialect_.hash);
  else
    request.hashed = hashed_document(s, dialect_.hash);
}

// Whoever joins what is replaced has to be made anew as well, or loses its network when it is started next.
void update_planner::check_left_behind() const {
  for (const intended_container& gone : out_.containers) {
    if (gone.how != treatment::replace && gone.how != treatment::retire) continue;
    for (const intended_container& c : out_.containers) {
      if (c.how != treatment::leave || !joins(*c.found, *gone.found, joined_by::any)) continue;
      const auto s = desired_.services.find(c.service);
      std::string text = "container " + c.name + " joins " + gone.subject() + ", which is ";
      text += gone.how == treatment::replace ? "replaced, and would have to be replaced as well" : "removed";
      if (s == desired_.services.end())
        text += ", but is in no file. Remove it first: docker rm --force " + c.name;
      else if (in_scope(c.service))
        text += ", but dockupd leaves it alone. Do it with: docker compose up -d " + gone.service + " " + c.service;
      else
        text += ". Choose its service too: " + gone.service + " " + c.service;
      throw plan_error(text + ".");
    }
  }
}

// As compose: only those that depend directly, and only on what is replaced.
void update_planner::restart_dependents() {
  std::set<std::string> replaced;
  for (const intended_container& c : out_.containers)
    if (c.how == treatment::replace) replaced.insert(c.service);
  for (intended_container& c : out_.containers) {
    const auto s = desired_.services.find(c.service);
    if (c.how != treatment::leave || s == desired_.services.end() || !is_up(*c.found)) continue;
    for (const dependency& d : s->second.depends_on) {
      if (!d.restart || !replaced.contains(d.service)) continue;
      c.how = treatment::quiesce;
      c.cause = "restarts with " + d.service;
      c.restarts = true;
      if (!was_unsound(*c.found)) c.proven = proof::yes;
    }
  }
}

}  // namespace orchestration
