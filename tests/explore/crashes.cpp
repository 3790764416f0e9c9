#include "tests/explore/crashes.hpp"

#include <algorithm>
#include <ostream>

#include "tests/explore/seams.hpp"

namespace orchestration::explore {
namespace {

const command recovery{command::kind::recover, "", 30};
const command update_of_the_second{command::kind::update, "v3", 35};
const command another_update{command::kind::update, "v9", 40};
const command and_back{command::kind::rollback, "", 50};

/// In paths: "r" recovers, "u" updates; of the second state directory "R" and "U".
std::string name_of(const command& c, actor who) {
  const bool first = who == actor::first;
  if (c.what == command::kind::recover) return first ? "r" : "R";
  return first ? "u" : "U";
}

bool is_way_back(const std::string& how) {
  return how == "rolled back" || how == "abandoned" || how == "snapshot failed" || how == "pull failed";
}

}  // namespace

std::string to_text(const blow& b) {
  if (b.what == blow::kind::power) return "p" + std::to_string(b.lost);
  return b.what == blow::kind::engine ? "e" : "k";
}

blow blow_from_text(const std::string& text) {
  if (text == "k") return {};
  if (text == "e") return {blow::kind::engine, 0};
  if (text.starts_with("p")) return {blow::kind::power, std::stoul(text.substr(1))};
  throw std::runtime_error("\"" + text + "\" is no way to die");
}

void tell_violation(std::ostream& out, tally& counted, const char* option, const std::string& path,
                    const std::string& what) {
  constexpr std::uint64_t most_told = 20;
  if (++counted.violations > most_told) return;
  out << "VIOLATION " << path << "\n" << what << (what.ends_with("\n") ? "" : "\n");
  out << "  again: explore " << option << " '" << path << "'\n" << std::flush;
}

tally& tally::operator+=(const tally& more) {
  schedules += more.schedules;
  runs += more.runs;
  passages += more.passages;
  states += more.states;
  violations += more.violations;
  left += more.left;
  return *this;
}

crash_explorer::crash_explorer(const scenario& explored, const bounds& within, std::ostream& out)
    : explored_(explored), within_(within), out_(out), oracle_(stage_) {
  stage_.becomes(actor::first);
  explored_.prepare(stage_);
  stage_.end_processes();
  expected_.versions = {explored_.before, explored_.after};
  expected_.migrated = explored_.migrated;
  beginning_ = std::make_shared<const frozen>(stage_.freeze());
  stage_.watch([this](const passage& p) { passes(p.name); });
}

// ---- one run ----------------------------------------------------------------------------------------------------

void crash_explorer::passes(const std::string& name) {
  ++seen_.passed;
  if (is_talking_) out_ << "  " << seen_.passed << " " << name << "\n";
  if (seen_.passed == seen_.wanted) seen_.cut = std::make_shared<const frozen>(stage_.freeze());
  if (!seen_.records) return;
  const digest key = stage_.key();
  if (!seen_.groups.empty() && seen_.groups.back().key == key) {
    ++seen_.groups.back().passages;
    return;
  }
  seen_.groups.push_back({key, seen_.passed, 1});
  if (index_.contains(key)) return;
  const auto is_same = [&](const auto& state) { return state->key == key; };
  if (std::any_of(seen_.fresh.begin(), seen_.fresh.end(), is_same)) return;
  seen_.fresh.push_back(std::make_shared<const frozen>(stage_.freeze()));
  expectation expected = expected_;
  if (within_.second_depth > 0) expected.versions.push_back(update_of_the_second.version);
  const std::string wrong = oracle_.on_the_way(expected);
  if (!wrong.empty()) violated(wrong + "at " + name, path_now_ + std::to_string(seen_.passed) + "k");
}

outcome crash_explorer::run(const move& m, bool records) {
  seen_ = run_seen{};
  seen_.records = records;
  outcome out = stage_.play(m.what, m.who);
  stage_.end_processes();
  ++tally_.runs;
  tally_.passages += seen_.passed;
  return out;
}

// ---- places -----------------------------------------------------------------------------------------------------

int crash_explorer::add_place(std::shared_ptr<const frozen> state, int parent, std::uint64_t passage, blow how,
                              int depth, const move& made) {
  const auto [found, is_new] = index_.try_emplace(state->key, static_cast<int>(places_.size()));
  if (!is_new) return found->second;
  place p;
  p.key = state->key;
  p.state = std::move(state);
  p.depth = depth;
  p.parent = parent;
  p.passage = passage;
  p.how = how;
  p.made = made;
  places_.push_back(std::move(p));
  return found->second;
}

void crash_explorer::take_places(int parent, int depth, const move& made,
                                 std::vector<std::pair<int, std::uint64_t>>& cuts) {
  const run_seen seen = std::move(seen_);
  std::vector<int> fresh;
  std::size_t next = 0;
  for (const group& g : seen.groups) {
    if (next < seen.fresh.size() && seen.fresh[next]->key == g.key)
      fresh.push_back(add_place(seen.fresh[next++], parent, g.first, blow{}, depth, made));
    cuts.emplace_back(index_.at(g.key), g.passages);
  }
  for (const int at : fresh) add_variants(at);
}

void crash_explorer::add_variants(int at) {
  places_[static_cast<std::size_t>(at)].variants = {at};
  const place origin = places_[static_cast<std::size_t>(at)];
  if (origin.depth > within_.blow_depth) return;
  std::set<blow> blows = {{blow::kind::engine, 0}};
  for (const std::size_t lost : within_.lost) {
    const std::size_t possible = std::min(lost, origin.state->unsynced.size());
    if (possible > 0) blows.insert({blow::kind::power, possible});
  }
  std::vector<int> variants = {at};
  for (const blow& b : blows) {
    stage_.thaw(*origin.state);
    if (b.what == blow::kind::engine) stage_.engine_dies();
    if (b.what == blow::kind::power) stage_.power_cut(b.lost);
    path_now_ = path_of(origin.parent) + "." + std::to_string(origin.passage) + to_text(b);
    const bool is_known = index_.contains(stage_.key());
    const int other = add_place(std::make_shared<const frozen>(stage_.freeze()), origin.parent, origin.passage, b,
                                origin.depth, origin.made);
    variants.push_back(other);
    if (is_known) continue;
    places_[static_cast<std::size_t>(other)].variants = {other};
    const std::string wrong = oracle_.on_the_way(expected_);
    if (!wrong.empty()) violated(wrong, path_now_);
  }
  places_[static_cast<std::size_t>(at)].variants = std::move(variants);
}

std::string crash_explorer::path_of(int at) const {
  if (at < 0) return explored_.name + ":";
  const place& p = places_[static_cast<std::size_t>(at)];
  const std::string before = path_of(p.parent);
  const std::string command = p.parent < 0 ? "" : name_of(p.made.what, p.made.who);
  return before + (before.ends_with(":") ? "" : ".") + command + std::to_string(p.passage) + to_text(p.how);
}

// ---- walking ----------------------------------------------------------------------------------------------------

void crash_explorer::violated(const std::string& what, const std::string& path) {
  tell_violation(out_, tally_, "--replay", path, what);
}

/// One of these has to run when that command has ended.
std::vector<std::string> crash_explorer::versions_after(const move& m, bool second_was_there) const {
  if (m.what.what == command::kind::update) return {m.what.version};
  std::vector<std::string> out = expected_.versions;
  if (second_was_there || m.who == actor::second || m.what.what == command::kind::rollback)
    out.push_back(update_of_the_second.version);
  return out;
}

/// Nothing has happened to it.
void crash_explorer::act_ends(const outcome& how) {
  std::string wrong;
  if (how.how != explored_.how) wrong = "it ended otherwise: " + how.how + ": " + how.reason + "\n";
  wrong += oracle_.at_the_end(expected_);
  if (!wrong.empty()) violated(wrong, path_of(-1));
}

void crash_explorer::ends(const outcome& how, const std::vector<std::string>& versions, const std::string& path) {
  expectation expected = expected_;
  expected.versions = versions;
  std::string wrong;
  if (!how.finished || how.refused) wrong = "I3: it ended otherwise: " + how.how + ": " + how.reason + "\n";
  wrong += oracle_.at_the_end(expected);
  const std::string now = oracle_.version();
  if (explored_.act.what == command::kind::update && versions == expected_.versions) {
    if (how.how == "done" && now != explored_.after && explored_.after != explored_.before)
      wrong += "I8: done, and " + now + " runs\n";
    if (is_way_back(how.how) && now != explored_.before) wrong += "I8: " + how.how + ", and " + now + " runs\n";
  }
  if (!wrong.empty()) violated(wrong, path);
}

void crash_explorer::works_afterwards(const std::string& path) {
  if (!ended_.insert(stage_.key_without_records()).second) return;
  const move next{another_update};
  ends(run(next, false), versions_after(next, false), path + ".u");
  const move back{and_back};
  ends(run(back, false), versions_after(back, false), path + ".u.b");
}

std::vector<crash_explorer::move> crash_explorer::moves_from(const place& from) const {
  std::vector<move> out = {move{recovery, actor::first}};
  const bool second_was_there = from.state->records[1] != beginning_->records[1];
  // Killed before it had recorded anything, it has left its guard.
  if (second_was_there || (from.made.who == actor::second && from.parent >= 0))
    out.push_back({recovery, actor::second});
  else if (from.depth <= within_.second_depth)
    out.push_back({update_of_the_second, actor::second});
  // What went down with the engine, an update takes for stopped by hand: recover brings it up first (FOUND.md, Open).
  const bool all_is_up = from.how.what == blow::kind::dockupd;
  if (!second_was_there && all_is_up && from.depth <= within_.others_depth)
    out.push_back({another_update, actor::first});
  return out;
}

bool crash_explorer::make(const move& m, int at, std::vector<std::pair<int, std::uint64_t>>& cuts) {
  const place from = places_[static_cast<std::size_t>(at)];
  path_now_ = path_of(at) + "." + name_of(m.what, m.who);
  const std::string path = path_now_;
  stage_.thaw(*from.state);
  const digest engine_before = digest_of(stage_.engine().world());
  const bool is_another = m.what.what == command::kind::update && m.who == actor::first;
  const bool goes_on = from.depth < within_.depth && !is_another;
  const outcome how = run(m, goes_on);
  const bool in_the_way = how.refused && within_.second_depth > 0;
  if (in_the_way && digest_of(stage_.engine().world()) != engine_before)
    violated("I8: it was refused, and has changed the engine: " + how.reason, path);
  const bool second_was_there = from.state->records[1] != beginning_->records[1];
  if (!in_the_way) ends(how, versions_after(m, second_was_there), path);
  run_seen seen = std::move(seen_);
  if (!in_the_way) works_afterwards(path);
  seen_ = std::move(seen);
  if (goes_on) take_places(at, from.depth + 1, m, cuts);
  return !in_the_way;
}

void crash_explorer::go_on_from(int at) {
  std::vector<std::pair<int, std::uint64_t>> cuts;
  int made = 0;
  bool any = false;
  for (const move& m : moves_from(places_[static_cast<std::size_t>(at)])) {
    any |= make(m, at, cuts);
    ++made;
  }
  if (!any) violated("I3: nobody can go on", path_of(at));
  place& done = places_[static_cast<std::size_t>(at)];
  done.cuts = std::move(cuts);
  done.moves = made;
  done.state = nullptr;
  ++tally_.states;
}

tally crash_explorer::explore() {
  stage_.thaw(*beginning_);
  path_now_ = path_of(-1);
  const move act{explored_.act};
  const outcome whole = run(act, true);
  act_ends(whole);
  std::vector<std::pair<int, std::uint64_t>> cuts;
  take_places(-1, 1, act, cuts);
  for (std::size_t at = 0; at < places_.size() && (within_.states == 0 || at < within_.states); ++at)
    go_on_from(static_cast<int>(at));
  tally_.left = places_.size() - tally_.states;
  tally_.schedules = schedules_through(cuts, within_.depth - 1);
  return tally_;
}

// ---- counting ---------------------------------------------------------------------------------------------------

std::uint64_t crash_explorer::schedules_through(const std::vector<std::pair<int, std::uint64_t>>& cuts,
                                                int crashes_left) {
  std::uint64_t out = 0;
  for (const auto& [at, passages] : cuts)
    for (const int variant : places_[static_cast<std::size_t>(at)].variants)
      out += passages * schedules_from(variant, crashes_left);
  return out;
}

std::uint64_t crash_explorer::schedules_from(int at, int crashes_left) {
  const auto moves = static_cast<std::uint64_t>(places_[static_cast<std::size_t>(at)].moves);
  if (crashes_left == 0) return moves;
  const std::uint64_t id = static_cast<std::uint64_t>(at) * 8 + static_cast<std::uint64_t>(crashes_left);
  if (const auto known = counted_.find(id); known != counted_.end()) return known->second;
  const std::uint64_t out = moves + schedules_through(places_[static_cast<std::size_t>(at)].cuts, crashes_left - 1);
  counted_[id] = out;
  return out;
}

// ---- again ------------------------------------------------------------------------------------------------------

crash_explorer::move crash_explorer::move_of(char letter) const {
  switch (letter) {
    case 'r':
      return {recovery, actor::first};
    case 'u':
      return {another_update, actor::first};
    case 'b':
      return {and_back, actor::first};
    case 'R':
      return {recovery, actor::second};
    case 'U':
      return {update_of_the_second, actor::second};
    default:
      throw std::runtime_error(std::string("'") + letter + "' is no command");
  }
}

void crash_explorer::tell(const std::string& what) {
  out_ << what << "\n";
  for (const std::string& line : stage_.engine().container_names()) out_ << "    " << line << "\n";
}

void crash_explorer::replay_step(const move& m, const std::string& cut, bool second_was_there,
                                 const std::string& path) {
  seen_ = run_seen{};
  seen_.wanted = cut.empty() ? 0 : std::stoul(cut);
  out_ << to_text(m.what) << "\n";
  const outcome how = stage_.play(m.what, m.who);
  stage_.end_processes();
  ++tally_.runs;
  tally_.passages += seen_.passed;
  if (cut.empty()) {
    tell("ended: " + how.how + " " + how.reason);
    return path.ends_with(":") ? act_ends(how) : ends(how, versions_after(m, second_was_there), path);
  }
  if (!seen_.cut) throw std::runtime_error("it has no passage " + cut);
  const std::shared_ptr<const frozen> state = seen_.cut;
  stage_.thaw(*state);
  ++tally_.states;
  const blow b = blow_from_text(cut.substr(std::min(cut.find_first_not_of("0123456789"), cut.size())));
  if (b.what == blow::kind::engine) stage_.engine_dies();
  if (b.what == blow::kind::power) stage_.power_cut(b.lost);
  tell("cut: " + cut);
  const std::string wrong = oracle_.on_the_way(expected_);
  if (!wrong.empty()) violated(wrong, path);
}

tally crash_explorer::replay(const std::string& path) {
  is_talking_ = true;
  stage_.thaw(*beginning_);
  std::string walked = explored_.name + ":";
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t end = std::min(path.find('.', at), path.size());
    std::string step = path.substr(at, end - at);
    walked += (at == 0 ? "" : ".") + step;
    move made{explored_.act};
    if (at > 0) {
      made = move_of(step.empty() ? '.' : step[0]);
      step.erase(0, 1);
    }
    at = end + 1;
    const bool second_was_there = stage_.freeze().records[1] != beginning_->records[1];
    replay_step(made, step, second_was_there, walked);
  }
  ++tally_.schedules;
  return tally_;
}

}  // namespace orchestration::explore
