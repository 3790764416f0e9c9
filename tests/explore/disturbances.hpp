// What happens to a command that lives on: at any passage of it dockerd dies and comes back, somebody prunes, or the
// engine's disk fills up. However it ends, `recover` afterwards leaves a project that keeps every promise.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "tests/explore/crashes.hpp"

namespace orchestration::explore {

struct disturbance {
  enum class kind { engine_dies, prune, disk_full };
  kind what = kind::engine_dies;
  pruned of = pruned::system;
};
std::string to_text(const disturbance& d);
std::vector<disturbance> disturbances();

class disturbance_explorer {
 public:
  disturbance_explorer(const scenario& explored, std::ostream& out);
  /// Each disturbance at each `step`-th passage of those that leave a state of their own.
  tally explore(std::uint64_t step);
  /// "system@17"
  tally replay(const std::string& path);

 private:
  std::vector<std::uint64_t> instants();
  void disturb(const disturbance& d, std::uint64_t at);
  void strike(const disturbance& d, const passage& p);
  outcome by_hand();
  void judge(const outcome& how, bool has_pruned, const std::string& path);
  void violated(const std::string& what, const std::string& path);

  const scenario& explored_;
  std::ostream& out_;
  stage stage_;
  oracle oracle_;
  expectation expected_;
  frozen beginning_;
  std::uint64_t passed_ = 0;
  std::string struck_at_;
  bool data_can_be_had_ = true;
  bool is_full_ = false;
  bool has_planned_ = false;
  bool is_talking_ = false;
  tally tally_;
};

}  // namespace orchestration::explore
