#include "orchestration/project/dependency_order.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace orchestration {
namespace {

using graph = std::map<std::string, std::set<std::string>>;  // service → what it waits for

graph waits_for(const project& p) {
  graph out;
  for (const auto& [name, s] : p.services) {
    std::set<std::string>& needed = out[name];
    for (const dependency& d : s.depends_on)
      if (p.services.contains(d.service)) needed.insert(d.service);
  }
  return out;
}

// `left` holds only services that wait for one of their own: following first names must come round.
std::vector<std::string> find_cycle(const graph& left) {
  std::vector<std::string> walked;
  std::string here = left.begin()->first;
  for (;;) {
    const auto seen = std::find(walked.begin(), walked.end(), here);
    if (seen != walked.end()) {
      std::vector<std::string> cycle(seen, walked.end());
      // Told from its first name on, so that the text does not depend on where the walk began.
      std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
      cycle.push_back(cycle.front());
      return cycle;
    }
    walked.push_back(here);
    here = *left.at(here).begin();
  }
}

std::string cycle_text(const std::vector<std::string>& cycle) {
  std::string out = "services depend on each other: ";
  for (const std::string& name : cycle) out += (&name == &cycle.front() ? "" : " -> ") + name;
  return out;
}

}  // namespace

dependency_cycle::dependency_cycle(std::vector<std::string> cycle)
    : std::runtime_error(cycle_text(cycle)), cycle_(std::move(cycle)) {}

std::vector<std::vector<std::string>> start_order(const project& p) {
  graph left = waits_for(p);
  std::vector<std::vector<std::string>> levels;
  while (!left.empty()) {
    std::vector<std::string> ready;
    for (const auto& [name, needed] : left)
      if (needed.empty()) ready.push_back(name);
    if (ready.empty()) throw dependency_cycle(find_cycle(left));
    for (const std::string& name : ready) left.erase(name);
    for (auto& [name, needed] : left)
      for (const std::string& done : ready) needed.erase(done);
    levels.push_back(std::move(ready));
  }
  return levels;
}

std::vector<std::vector<std::string>> stop_order(const project& p) {
  std::vector<std::vector<std::string>> levels = start_order(p);
  std::reverse(levels.begin(), levels.end());
  return levels;
}

}  // namespace orchestration
