// In which order services start: what a service depends on comes first.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "orchestration/project/project.hpp"

namespace orchestration {

/// Services wait for each other in a circle. what() names it: "services depend on each other: db -> web -> db".
class dependency_cycle : public std::runtime_error {
 public:
  explicit dependency_cycle(std::vector<std::string> cycle);
  const std::vector<std::string>& cycle() const { return cycle_; }  // first and last are the same

 private:
  std::vector<std::string> cycle_;
};

/// Levels of service names: each service stands as early as it can, and only depends on earlier levels. Names are
/// sorted within a level. Dependencies on services that are off do not count. Throws dependency_cycle.
std::vector<std::vector<std::string>> start_order(const project& p);

/// The same levels the other way round: dependents first.
std::vector<std::vector<std::string>> stop_order(const project& p);

}  // namespace orchestration
