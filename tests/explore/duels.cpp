#include "tests/explore/duels.hpp"

#include <ostream>
#include <thread>

namespace orchestration::explore {
namespace {

constexpr std::array others = {command::kind::update, command::kind::recover, command::kind::rollback};

command as_other(command::kind what) { return {what, what == command::kind::update ? "v3" : "", 35}; }
char letter_of(command::kind what) {
  if (what == command::kind::update) return 'U';
  return what == command::kind::recover ? 'R' : 'B';
}
actor opponent(actor who) { return who == actor::first ? actor::second : actor::first; }

}  // namespace

duel_explorer::duel_explorer(const scenario& explored, std::ostream& out)
    : explored_(explored), out_(out), oracle_(stage_) {
  stage_.becomes(actor::first);
  explored_.prepare(stage_);
  stage_.end_processes();
  expected_.versions = {explored_.before, explored_.after, "v3"};
  expected_.migrated = explored_.migrated;
  beginning_ = stage_.freeze();
  stage_.watch([this](const passage& p) { passes(p); });
}

// ---- taking turns -----------------------------------------------------------------------------------------------

void duel_explorer::await_turn(std::unique_lock<std::mutex>& held, actor who) {
  turned_.wait(held, [&] { return turn_ == who; });
  stage_.becomes(who);
  auto seen = current_seams().on_failpoint;
  current_seams() = of(who).memory;
  current_seams().on_failpoint = std::move(seen);
}

void duel_explorer::hand_over(std::unique_lock<std::mutex>& held, actor to) {
  (void)held;
  of(turn_).memory = current_seams();
  turn_ = to;
  turned_.notify_all();
}

void duel_explorer::passes(const passage& p) {
  if (!p.is_call) return;
  std::unique_lock<std::mutex> held(lock_);
  const actor who = turn_;
  fighter& f = of(who);
  ++f.calls;
  if (is_talking_) out_ << (who == actor::first ? "  1: " : "  2: ") << f.calls << " " << p.name << "\n";
  const actor other = opponent(who);
  if (f.calls != f.stops || of(other).ended) return;
  hand_over(held, other);
  await_turn(held, who);
}

void duel_explorer::take_part(actor who) {
  {
    std::unique_lock<std::mutex> held(lock_);
    await_turn(held, who);
  }
  of(who).how = stage_.play(of(who).what, who);
  std::unique_lock<std::mutex> held(lock_);
  of(who).ended = true;
  hand_over(held, opponent(who));
}

std::array<std::uint64_t, 2> duel_explorer::fight(const command& other, std::uint64_t first_stops,
                                                  std::uint64_t second_stops) {
  stage_.thaw(beginning_);
  turn_ = actor::first;
  fighters_ = {};
  of(actor::first).what = explored_.act;
  of(actor::first).stops = first_stops;
  of(actor::second).what = other;
  of(actor::second).stops = second_stops;
  std::thread first([this] { take_part(actor::first); });
  std::thread second([this] { take_part(actor::second); });
  first.join();
  second.join();
  stage_.end_processes();
  tally_.runs += 2;
  tally_.passages += of(actor::first).calls + of(actor::second).calls;
  ++tally_.schedules;
  const std::array<std::uint64_t, 2> calls = {of(actor::first).calls, of(actor::second).calls};
  judge(explored_.name + ":" + letter_of(other.what) + "@" + std::to_string(first_stops) + "," +
        std::to_string(second_stops));
  return calls;
}

// ---- what came of it --------------------------------------------------------------------------------------------

void duel_explorer::judge(const std::string& path) {
  const outcome first = of(actor::first).how;
  const outcome second = of(actor::second).how;
  if (is_talking_)
    out_ << "1: " << first.how << " " << first.reason << "\n2: " << second.how << " " << second.reason << "\n";
  fighters_ = {};
  std::string wrong = oracle_.on_the_way(expected_);
  const auto is_over = [](const outcome& o) { return o.finished || o.refused; };
  if (!is_over(first) || !is_over(second)) {
    // Somebody's is open: whoever it is goes on with it, and then nothing is in the other's way.
    for (const actor who : {actor::first, actor::second, actor::first})
      stage_.play({command::kind::recover, "", 50}, who);
    stage_.end_processes();
  }
  wrong += oracle_.at_the_end(expected_);
  const std::string now = oracle_.version();
  if (first.refused && second.refused && now != explored_.before)
    wrong += "I8: both were refused, and " + now + " runs\n";
  if (!wrong.empty())
    violated("1: " + first.how + " " + first.reason + "\n2: " + second.how + " " + second.reason + "\n" + wrong, path);
}

void duel_explorer::violated(const std::string& what, const std::string& path) {
  tell_violation(out_, tally_, "--duel", path, what);
}

tally duel_explorer::explore(std::uint64_t step) {
  const std::uint64_t calls = fight(as_other(command::kind::recover), 0, 0)[0];  // one after the other
  for (std::uint64_t at = 1; at <= calls; at += step)
    for (const command::kind what : others) {
      // How many calls the other makes depends on where the first stands.
      const std::uint64_t its = fight(as_other(what), at, 0)[1];
      for (std::uint64_t stop = 2; stop <= its; ++stop) fight(as_other(what), at, stop);
    }
  return tally_;
}

tally duel_explorer::replay(const std::string& path) {
  is_talking_ = true;
  const std::size_t comma = path.find(',');
  if (comma == std::string::npos || comma < 3) throw std::runtime_error("stopped where? " + path);
  for (const command::kind what : others)
    if (letter_of(what) == path.at(0))
      fight(as_other(what), std::stoul(path.substr(2)), std::stoul(path.substr(comma + 1)));
  return tally_;
}

}  // namespace orchestration::explore
