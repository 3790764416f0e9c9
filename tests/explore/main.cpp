// explore [--depth N] [--blows N] [--others N] [--second N] [--only SCENARIO] [--step N] [--replay …] [--disturb …]
// [--least-states N] [--least-passages N] …
#include <chrono>
#include <iostream>

#include "tests/explore/crashes.hpp"
#include "tests/explore/disturbances.hpp"
#include "tests/explore/duels.hpp"

namespace orchestration::explore {
namespace {

struct wishes {
  bounds within;
  std::uint64_t step = 0;  // of disturbances; 0: none
  std::string only;
  std::string replay;
  std::string disturb;
  std::uint64_t duels = 0;  // at each so-manieth call; 0: none
  std::string duel;
  std::uint64_t least_states = 0;  // fewer: what was to be walked was not
  std::uint64_t least_passages = 0;
};

std::vector<std::size_t> numbers(const std::string& text) {
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = 0;
    out.push_back(std::stoul(text.substr(at), &length));
    at += length + 1;
  }
  return out;
}

wishes read(int count, char** words) {
  wishes out;
  for (int i = 1; i < count; i += 2) {
    const std::string name = words[i];
    if (i + 1 == count) throw std::runtime_error(name + " wants a value");
    const std::string value = words[i + 1];
    if (name == "--depth")
      out.within.depth = std::stoi(value);
    else if (name == "--blows")
      out.within.blow_depth = std::stoi(value);
    else if (name == "--others")
      out.within.others_depth = std::stoi(value);
    else if (name == "--second")
      out.within.second_depth = std::stoi(value);
    else if (name == "--states")
      out.within.states = std::stoul(value);
    else if (name == "--duels")
      out.duels = std::stoul(value);
    else if (name == "--duel")
      out.duel = value;
    else if (name == "--lost")
      out.within.lost = numbers(value);
    else if (name == "--step")
      out.step = std::stoul(value);
    else if (name == "--only")
      out.only = value;
    else if (name == "--replay")
      out.replay = value;
    else if (name == "--least-states")
      out.least_states = std::stoul(value);
    else if (name == "--least-passages")
      out.least_passages = std::stoul(value);
    else if (name == "--disturb")
      out.disturb = value;
    else
      throw std::runtime_error("unknown: " + name);
  }
  return out;
}

tally walk(const scenario& s, const wishes& asked) {
  const std::string mine = s.name + ":";
  if (!asked.replay.empty() || !asked.disturb.empty() || !asked.duel.empty()) {
    if (asked.duel.starts_with(mine)) return duel_explorer(s, std::cout).replay(asked.duel.substr(mine.size()));
    if (asked.replay.starts_with(mine))
      return crash_explorer(s, asked.within, std::cout).replay(asked.replay.substr(mine.size()));
    if (asked.disturb.starts_with(mine))
      return disturbance_explorer(s, std::cout).replay(asked.disturb.substr(mine.size()));
    return {};
  }
  tally out;
  if (asked.within.depth > 0) out += crash_explorer(s, asked.within, std::cout).explore();
  if (asked.step > 0) out += disturbance_explorer(s, std::cout).explore(asked.step);
  if (asked.duels > 0) out += duel_explorer(s, std::cout).explore(asked.duels);
  return out;
}

int run(const wishes& asked) {
  tally all;
  for (const scenario& s : scenarios()) {
    if (!asked.only.empty() && asked.only != s.name) continue;
    const auto began = std::chrono::steady_clock::now();
    const tally t = walk(s, asked);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::cout << s.name << ": " << t.schedules << " schedules, " << t.states << " states, " << t.left << " left, "
              << t.runs << " runs, " << t.passages << " passages, " << t.violations << " violations, " << took.count()
              << " s\n"
              << std::flush;
    all += t;
  }
  std::cout << all.schedules << " schedules, " << all.violations << " violations\n";
  if (all.runs == 0) throw std::runtime_error("nothing was run: is there such a scenario, and such a schedule?");
  if (all.states < asked.least_states || all.passages < asked.least_passages)
    throw std::runtime_error("only " + std::to_string(all.states) + " states and " + std::to_string(all.passages) +
                             " passages were walked");
  return all.violations == 0 ? 0 : 1;
}

}  // namespace
}  // namespace orchestration::explore

int main(int count, char** words) {
  try {
    return orchestration::explore::run(orchestration::explore::read(count, words));
  } catch (const std::exception& error) {
    std::cerr << "explore: " << error.what() << "\n";
    return 2;
  }
}
