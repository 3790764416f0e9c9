// Two dockupds with state directories of their own on one engine, at the same time. The first is stopped before any of
// its calls, the other works up to any of its own, then the first goes on to its end, and then the other: what each has
// read may be out of date by then. Who was let through is done, who was not has changed nothing.
#pragma once

#include <array>
#include <condition_variable>
#include <iosfwd>
#include <mutex>
#include <string>
#include <vector>

#include "tests/explore/crashes.hpp"
#include "tests/explore/seams.hpp"

namespace orchestration::explore {

class duel_explorer {
 public:
  duel_explorer(const scenario& explored, std::ostream& out);
  /// Stops the first at each `step`-th of its calls.
  tally explore(std::uint64_t step);
  /// "U@17,3": stopped before call 17; the other's update up to call 3.
  tally replay(const std::string& path);

 private:
  struct fighter {
    command what;
    outcome how;
    seams memory;             // of its process
    std::uint64_t calls = 0;  // that it made
    std::uint64_t stops = 0;  // before which of them it stops; 0: never
    bool ended = false;
  };
  /// How many calls each made.
  std::array<std::uint64_t, 2> fight(const command& others, std::uint64_t first_stops, std::uint64_t second_stops);
  void take_part(actor who);
  void passes(const passage& p);
  void hand_over(std::unique_lock<std::mutex>& held, actor to);
  void await_turn(std::unique_lock<std::mutex>& held, actor who);
  void judge(const std::string& path);
  void violated(const std::string& what, const std::string& path);
  fighter& of(actor who) { return fighters_[static_cast<std::size_t>(who)]; }

  const scenario& explored_;
  std::ostream& out_;
  stage stage_;
  oracle oracle_;
  expectation expected_;
  frozen beginning_;
  std::mutex lock_;
  std::condition_variable turned_;
  actor turn_ = actor::first;
  std::array<fighter, 2> fighters_;
  bool is_talking_ = false;
  tally tally_;
};

}  // namespace orchestration::explore
