// Every schedule of crashes up to a depth: dockupd dies at any passage of a command, and again at any passage of the
// recovery, and again. One run shows all passages of itself: at each the state is taken as a dead process leaves it,
// and the run goes on. A state that was seen before is not walked from again; how many schedules lead through it is
// counted.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/explore/oracle.hpp"
#include "tests/explore/stage.hpp"

namespace orchestration::explore {

/// What dies with dockupd.
struct blow {
  enum class kind {
    dockupd,  // nothing else
    engine,   // dockerd too; both come back
    power     // the machine: the last `lost` changes of the engine are undone
  };
  kind what = kind::dockupd;
  std::size_t lost = 0;
  auto operator<=>(const blow&) const = default;
};
std::string to_text(const blow& b);  // "k", "e", "p3"
blow blow_from_text(const std::string& text);

struct scenario {
  std::string name;
  std::function<void(stage&)> prepare;
  command act;
  std::string how;     // it ends
  std::string before;  // the version that ran
  std::string after;   // that runs when nothing happens
  std::string migrated;
};
std::vector<scenario> scenarios();

struct bounds {
  int depth = 3;                        // crashes, one after the other
  int blow_depth = 3;                   // up to here others than dockupd die too
  std::vector<std::size_t> lost = {1};  // changes that a power cut undoes; more than there are: all
  int others_depth = 1;                 // up to here the next command may be another update instead of recover
  std::size_t states = 0;               // recovered from, at most, in the order in which they are found; 0: all
  int second_depth = 0;                 // up to here another state directory's update may come first; 0: there is none
};

struct tally {
  std::uint64_t schedules = 0;  // of crashes at single passages, as walked or as come to the same
  std::uint64_t runs = 0;       // commands that were executed
  std::uint64_t passages = 0;   // of calls and failpoints in these
  std::uint64_t states = 0;     // different ones that were recovered from
  std::uint64_t left = 0;       // states that were found and not recovered from, for the bound's sake
  std::uint64_t violations = 0;
  tally& operator+=(const tally& more);
};

/// Counts it and, while they are few, says it, and with which `option` the schedule at `path` is walked again.
void tell_violation(std::ostream& out, tally& counted, const char* option, const std::string& path,
                    const std::string& what);

class crash_explorer {
 public:
  crash_explorer(const scenario& explored, const bounds& within, std::ostream& out);
  tally explore();
  /// One schedule, "12k.r40p1.r": cut at passage 12 of the act, then at 40 of the recovery, then recovered. Says what
  /// it passes.
  tally replay(const std::string& path);

 private:
  struct move {
    command what;
    actor who = actor::first;
  };
  struct group {  // passages that leave the same state
    digest key;
    std::uint64_t first = 0;
    std::uint64_t passages = 0;
  };
  struct place {
    std::shared_ptr<const frozen> state;  // until it was recovered from
    digest key;
    int depth = 0;
    int parent = -1;  // where the run began that was cut
    std::uint64_t passage = 0;
    blow how;
    std::vector<std::pair<int, std::uint64_t>> cuts;  // what the recovery leaves when it is cut: place, passages
    std::vector<int> variants;                        // this place, and what other blows leave there
    int moves = 0;
    move made;  // the command that was cut
  };
  struct run_seen {
    std::vector<group> groups;
    std::vector<std::shared_ptr<const frozen>> fresh;
    std::uint64_t passed = 0;
    bool records = false;
    std::uint64_t wanted = 0;  // replay: the passage to be cut at
    std::shared_ptr<const frozen> cut;
  };

  void passes(const std::string& name);
  outcome run(const move& m, bool records);
  void take_places(int parent, int depth, const move& made, std::vector<std::pair<int, std::uint64_t>>& cuts);
  int add_place(std::shared_ptr<const frozen> state, int parent, std::uint64_t passage, blow how, int depth,
                const move& made);
  void add_variants(int at);
  std::vector<move> moves_from(const place& from) const;
  void go_on_from(int at);
  /// Whether it was let: nobody else was in the way.
  bool make(const move& m, int at, std::vector<std::pair<int, std::uint64_t>>& cuts);
  void act_ends(const outcome& how);
  void ends(const outcome& how, const std::vector<std::string>& versions, const std::string& path);
  void works_afterwards(const std::string& path);
  void violated(const std::string& what, const std::string& path);
  std::vector<std::string> versions_after(const move& m, bool second_was_there) const;
  std::string path_of(int at) const;
  move move_of(char letter) const;
  void tell(const std::string& what);
  void replay_step(const move& m, const std::string& cut, bool second_was_there, const std::string& path);
  std::uint64_t schedules_from(int at, int crashes_left);
  std::uint64_t schedules_through(const std::vector<std::pair<int, std::uint64_t>>& cuts, int crashes_left);

  const scenario& explored_;
  const bounds& within_;
  std::ostream& out_;
  stage stage_;
  oracle oracle_;
  expectation expected_;
  std::shared_ptr<const frozen> beginning_;
  run_seen seen_;
  std::string path_now_;
  bool is_talking_ = false;
  std::vector<place> places_;
  std::unordered_map<digest, int, digest_hash> index_;
  std::set<digest> ended_;
  std::unordered_map<std::uint64_t, std::uint64_t> counted_;
  tally tally_;
};

}  // namespace orchestration::explore
