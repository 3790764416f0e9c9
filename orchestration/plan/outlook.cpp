// What becomes of each service, from what becomes of its containers.
#include <algorithm>

#include "orchestration/plan/intention.hpp"

namespace orchestration {
namespace {

std::string word_for(treatment how) {
  switch (how) {
    case treatment::leave:
      return "nothing";
    case treatment::quiesce:
      return "restart";
    case treatment::start:
      return "start";
    case treatment::create:
      return "create";
    case treatment::replace:
      return "recreate";
    case treatment::retire:
      return "remove";
  }
  return "";
}

// The more is done to a container, the more it says about its service.
int weight_of(treatment how) {
  static constexpr treatment by_weight[] = {treatment::leave,  treatment::quiesce, treatment::start,
                                            treatment::retire, treatment::create,  treatment::replace};
  return static_cast<int>(std::find(std::begin(by_weight), std::end(by_weight), how) - std::begin(by_weight));
}

std::vector<std::string> causes_of(const intended_container& c) {
  if (!c.causes.empty()) return c.causes;
  if (!c.cause.empty()) return {c.cause};
  if (c.how != treatment::leave || c.found == nullptr || c.found->state == container_state::running) return {};
  if (c.expected == run_state::completed) return {"has completed"};
  const bool at_rest = c.found->state == container_state::exited || c.found->state == container_state::created;
  return {"is " + (at_rest ? "stopped" : std::string(to_text(c.found->state))) + ", and stays so"};
}

}  // namespace

std::vector<service_outlook> outlooks_of(const intention& wanted) {
  std::map<std::string, service_outlook> all = wanted.outlooks;
  std::map<std::string, std::vector<const intended_container*>> by_service;
  for (const intended_container& c : wanted.containers) by_service[c.service].push_back(&c);
  for (const auto& [name, containers] : by_service) {
    service_outlook& out = all[name];
    const auto heaviest = std::max_element(containers.begin(), containers.end(), [](const auto* a, const auto* b) {
      return weight_of(a->how) < weight_of(b->how);
    });
    out.action = word_for((*heaviest)->how);
    const std::vector<std::string> first = causes_of(*containers.front());
    const bool alike = std::all_of(containers.begin(), containers.end(), [&](const auto* c) {
      return c->how == containers.front()->how && causes_of(*c) == first;
    });
    for (const intended_container* c : containers)
      for (const std::string& cause : causes_of(*c)) {
        if (alike && c != containers.front()) continue;
        out.causes.push_back(alike ? cause : c->subject() + ": " + cause);
      }
  }
  std::vector<service_outlook> out;
  for (auto& [name, each] : all) {
    each.service = name;
    out.push_back(std::move(each));
  }
  return out;
}

}  // namespace orchestration
