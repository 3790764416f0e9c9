#include "tests/explore/disturbances.hpp"

#include <ostream>

#include "docker_client/error.hpp"
#include "tests/support/run_task.hpp"

namespace orchestration::explore {
namespace {

const command recovery{command::kind::recover, "", 30};
const command back_with_data{command::kind::rollback, "", 50};

docker::error connection_lost(const std::string& line) {
  return docker::error(docker::error_kind::not_connected, "the connection broke", docker::request_line("POST", line),
                       docker::acted::maybe);
}

}  // namespace

std::string to_text(const disturbance& d) {
  if (d.what == disturbance::kind::engine_dies) return "engine";
  if (d.what == disturbance::kind::disk_full) return "full";
  switch (d.of) {
    case pruned::containers:
      return "containers";
    case pruned::networks:
      return "networks";
    case pruned::volumes:
      return "volumes";
    case pruned::images:
      return "images";
    case pruned::system:
      break;
  }
  return "system";
}

std::vector<disturbance> disturbances() {
  using kind = disturbance::kind;
  return {{kind::engine_dies, {}},         {kind::disk_full, {}},          {kind::prune, pruned::containers},
          {kind::prune, pruned::networks}, {kind::prune, pruned::volumes}, {kind::prune, pruned::images},
          {kind::prune, pruned::system}};
}

disturbance_explorer::disturbance_explorer(const scenario& explored, std::ostream& out)
    : explored_(explored), out_(out), oracle_(stage_) {
  stage_.becomes(actor::first);
  explored_.prepare(stage_);
  stage_.end_processes();
  expected_.versions = {explored_.before, explored_.after};
  expected_.migrated = explored_.migrated;
  beginning_ = stage_.freeze();
  stage_.engine().full_while([this] { return is_full_; });
}

std::vector<std::uint64_t> disturbance_explorer::instants() {
  std::vector<std::uint64_t> out;
  digest last;
  std::uint64_t passed = 0;
  stage_.watch([&](const passage&) {
    ++passed;
    const digest key = stage_.key();
    if (out.empty() || key != last) out.push_back(passed);
    last = key;
  });
  stage_.thaw(beginning_);
  stage_.play(explored_.act);
  stage_.end_processes();
  return out;
}

tally disturbance_explorer::explore(std::uint64_t step) {
  const std::vector<std::uint64_t> all = instants();
  for (const disturbance& d : disturbances())
    for (std::size_t i = 0; i < all.size(); i += step) disturb(d, all[i]);
  return tally_;
}

void disturbance_explorer::strike(const disturbance& d, const passage& p) {
  struck_at_ = p.name;
  // What is down when the plan is made counts as stopped by hand (../crash/FOUND.md, Open).
  if (d.what == disturbance::kind::engine_dies && !has_planned_) return;
  if (d.what == disturbance::kind::disk_full) is_full_ = true;
  if (d.what == disturbance::kind::prune) {
    stage_.engine().prune(d.of);
    // What somebody takes away of which there is no copy yet, nobody brings back.
    data_can_be_had_ = oracle_.data_can_be_had(expected_);
    const bool wrote = !expected_.migrated.empty() && stage_.shop().migrations_of(expected_.migrated) > 0;
    expectation left;
    left.versions = {expected_.migrated};
    expected_.left_is_gone = wrote && !oracle_.data_can_be_had(left);
  }
  if (d.what != disturbance::kind::engine_dies) return;
  stage_.engine_dies();
  if (p.is_call) throw connection_lost(p.name);
}

void disturbance_explorer::disturb(const disturbance& d, std::uint64_t at) {
  passed_ = 0;
  data_can_be_had_ = true;
  has_planned_ = false;
  expected_.left_is_gone = false;
  stage_.watch([this, d, at](const passage& p) {
    if (is_talking_) out_ << "  " << passed_ + 1 << " " << p.name << "\n";
    has_planned_ |= p.name == "state:prepared:before";
    if (++passed_ == at) strike(d, p);
  });
  stage_.thaw(beginning_);
  const outcome how = stage_.play(explored_.act);
  stage_.end_processes();
  is_full_ = false;
  ++tally_.runs;
  ++tally_.schedules;
  judge(how, d.what == disturbance::kind::prune, explored_.name + ":" + to_text(d) + "@" + std::to_string(at));
}

/// As the messages say: the images that are gone are pulled, then "rollback --with-data"; what comes next sweeps.
outcome disturbance_explorer::by_hand() {
  for (const std::string& version : {explored_.before, explored_.after})
    for (const auto& [name, service] : stage_.shop().desired(version).services)
      run_task(stage_.engine().pull_image(service.image, "", {}));
  const outcome out = stage_.play(back_with_data);
  stage_.end_processes();
  stage_.play(recovery);
  stage_.end_processes();
  tally_.runs += 2;
  if (is_talking_) out_ << "by hand: " << out.how << " " << out.reason << "\n";
  return out;
}

void disturbance_explorer::judge(const outcome& how, bool has_pruned, const std::string& path) {
  if (is_talking_) out_ << "ended: " << how.how << " " << how.reason << "\n";
  // That it can be brought back, containers that were pruned or not, recover has to show.
  std::string wrong = oracle_.on_the_way(expected_, can_come_back::no);
  outcome after = stage_.play(recovery);
  stage_.end_processes();
  ++tally_.runs;
  if (is_talking_) out_ << "recovered: " << after.how << " " << after.reason << "\n";
  // A rollback is never rolled back: what was taken from under it, a person goes on from, by the command that is named.
  const bool is_rollback = explored_.act.what == command::kind::rollback;
  if (is_rollback && has_pruned && how.how == "needs a person" && after.how == how.how) after = by_hand();
  if (data_can_be_had_) {
    if (!after.finished || after.refused)
      wrong += "I3: recover ended otherwise: " + after.how + ": " + after.reason + "\n";
    expected_.pruned = has_pruned;
    wrong += oracle_.at_the_end(expected_);
  } else if (after.finished && !after.refused && after.how != "nothing to do") {
    wrong += "I8: the data is gone, and recover says " + after.how + "\n";
  }
  if (!wrong.empty()) violated("at " + struck_at_ + ", " + how.how + " " + how.reason + "\n" + wrong, path);
}

void disturbance_explorer::violated(const std::string& what, const std::string& path) {
  tell_violation(out_, tally_, "--disturb", path, what);
}

tally disturbance_explorer::replay(const std::string& path) {
  is_talking_ = true;
  const std::size_t at = path.find('@');
  if (at == std::string::npos) throw std::runtime_error("at which passage? " + path);
  const std::uint64_t passage = std::stoul(path.substr(at + 1));
  for (const disturbance& d : disturbances())
    if (to_text(d) == path.substr(0, at)) disturb(d, passage);
  if (tally_.runs > 0 && passed_ < passage) throw std::runtime_error("it has no such passage: " + path);
  return tally_;
}

}  // namespace orchestration::explore
