#include "orchestration/plan/stand_in.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "orchestration/plan/container_names.hpp"

namespace orchestration {
namespace {

bool is_one_shot(const plan& p, const container_ref& target) {
  return std::any_of(p.operations.begin(), p.operations.end(), [&](const operation& o) {
    const auto* start = std::get_if<start_container>(&o.what);
    return start != nullptr && start->target == target && start->until == goal::completed;
  });
}

/// Of the containers that were there when it was planned.
std::set<std::string> ids_in(const plan& p) {
  std::set<std::string> out;
  for (const operation& o : p.operations) {
    if (const auto* s = std::get_if<stop_container>(&o.what)) out.insert(s->target.id);
    if (const auto* r = std::get_if<rename_container>(&o.what)) out.insert(r->target.id);
    if (const auto* r = std::get_if<remove_container>(&o.what)) out.insert(r->target.id);
  }
  return out;
}

}  // namespace

stand_in stand_in_for(const plan& p, const observed_state& observed) {
  const std::set<std::string> known = ids_in(p);
  stand_in out = stand_in::none;
  for (const operation& o : p.operations) {
    const auto* create = std::get_if<create_container>(&o.what);
    if (create == nullptr) continue;
    std::vector<const observed_container*> others;
    bool is_there = false;  // under whatever name: a power cut may have given that back
    for (const observed_container& c : observed.containers) {
      if (c.service + "." + std::to_string(c.number) != create->target.subject) continue;
      if (c.inspect.string_at({"Config", "Labels", "io.dockupd.attempt"}) == p.attempt_id)
        is_there = true;
      else if (!belongs_to_attempt(c.name) && !known.contains(c.id))
        others.push_back(&c);
    }
    if (is_there) continue;
    const bool ends = is_one_shot(p, create->target);
    for (const observed_container* c : others) {
      const bool is_well = ends ? c->state == container_state::exited && c->exit_code == 0 : runs_well(*c);
      if (!is_well) return stand_in::unwell;
      out = stand_in::well;
    }
  }
  return out;
}

}  // namespace orchestration
