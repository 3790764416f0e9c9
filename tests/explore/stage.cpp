#include "tests/explore/stage.hpp"

#include <algorithm>

#include "docker_client/error.hpp"
#include "orchestration/run/targets.hpp"
#include "tests/explore/seams.hpp"

namespace orchestration::explore {
namespace {

namespace fs = std::filesystem;

/// Databases are looked at through the connection that is open; locks say nothing; evidence is for people.
counts how_it_counts(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.starts_with("state.db") || name == "lock") return counts::never;
  return path.find("/evidence/") == std::string::npos ? counts::whole : counts::by_name;
}

bool is_change(const std::string& line) {
  for (const char* verb : {"inspect ", "list", "logs ", "facts", "resolve ", "read "})
    if (line.starts_with(verb)) return false;
  return true;
}

const char* to_text(ending how) {
  switch (how) {
    case ending::nothing_to_do:
      return "nothing to do";
    case ending::done:
      return "done";
    case ending::refused:
      return "refused";
    case ending::pull_failed:
      return "pull failed";
    case ending::snapshot_failed:
      return "snapshot failed";
    case ending::abandoned:
      return "abandoned";
    case ending::rolled_back:
      return "rolled back";
    case ending::rolled_back_unproven:
      return "rolled back, unproven";
    case ending::needs_person:
      return "needs a person";
    case ending::left_open:
      return "left open";
    case ending::held:
      return "held";
  }
  return "";
}

outcome outcome_of(ending how, const std::string& reason) {
  outcome out;
  out.finished = how != ending::needs_person && how != ending::rolled_back_unproven && how != ending::left_open;
  out.how = to_text(how);
  out.reason = reason;
  return out;
}

template <class Request>
Request without_waits(Request asked) {
  asked.options.steady_for = asked.options.healthy_for = std::chrono::milliseconds(0);
  return asked;
}

}  // namespace

std::string to_text(const command& c) {
  switch (c.what) {
    case command::kind::update:
      return "update " + c.version;
    case command::kind::rollback:
      return "rollback";
    case command::kind::recover:
      break;
  }
  return "recover";
}

stage::stage() : second_(std::make_unique<shop_run>(first_, "other-state")) {
  const std::vector<fs::path> roots = {first_.directory(), engine().described().data_root};
  files_ = std::make_unique<watched_tree>(roots, &how_it_counts);
  becomes(actor::second);
  second_->records();  // made: what it holds does not depend on chance from now on
  end_processes();
  becomes(actor::first);
}

void stage::becomes(actor who) { probes_[static_cast<std::size_t>(who)].listen(); }

void stage::end_processes() {
  for (database_probe& probe : probes_) probe.closed(probe.content());
  first_.close_records();
  second_->close_records();
}

// ---- states -----------------------------------------------------------------------------------------------------

digest stage::key_without_records() {
  digest out = digest_of(engine().world());
  out.add(files_->content());
  for (const auto& [version, times] : first_.seen().migrations) out.add(version).add(static_cast<std::uint64_t>(times));
  return out;
}

digest stage::key() { return key_without_records().add(probes_[0].content()).add(probes_[1].content()); }

frozen stage::freeze() {
  frozen out;
  out.key = key();
  out.engine = engine().world();
  out.unsynced = unsynced_;
  out.seen = first_.seen();
  out.files = files_->keep();
  out.records = {probes_[0].content(), probes_[1].content()};
  return out;
}

void stage::thaw(const frozen& state) {
  end_processes();
  files_->put_back(state.files);
  engine().put_back(state.engine);
  engine().forget_calls();
  unsynced_ = state.unsynced;
  first_.seen() = state.seen;
  for (std::size_t i = 0; i < probes_.size(); ++i) probes_[i].closed(state.records[i]);
}

// ---- what happens to it -----------------------------------------------------------------------------------------

void stage::changes(const std::string& line) {
  constexpr std::size_t most = 16;
  if (!is_change(line)) return;
  unsynced_.push_back(std::make_shared<const fake_world>(engine().world()));
  if (unsynced_.size() > most) unsynced_.erase(unsynced_.begin());
}

void stage::watch(std::function<void(const passage&)> seen) {
  current_seams().on_failpoint = [seen](const std::string& name) { seen({name, false}); };
  engine().on_call = [this, seen](const std::string& line, call_moment moment) {
    seen({line + (moment == call_moment::before ? " (before)" : " (after)"), true});
    if (moment == call_moment::before) changes(line);
  };
}

void stage::engine_dies() { engine().restart_engine(engine_stop::killed); }

void stage::power_cut(std::size_t lost) {
  lost = std::min(lost, unsynced_.size());
  if (lost > 0) {
    fake_world now = engine().world();
    now.containers = unsynced_[unsynced_.size() - lost]->containers;
    engine().put_back(std::move(now));
  }
  unsynced_.clear();
  engine_dies();
}

// ---- commands ---------------------------------------------------------------------------------------------------

docker::task<outcome> stage::recovered(workspace& w) {
  updater u(w);
  const std::optional<run_result> run = co_await u.recover();
  outcome out = outcome_of(run ? run->how : ending::nothing_to_do, run ? run->reason : "");
  if (!out.finished) co_return out;
  bring_up_options options;
  options.waits.steady_for = options.waits.healthy_for = options.patience = std::chrono::milliseconds(0);
  const bring_up_result up = co_await bring_up(w, std::move(options));
  if (up.how == ending::needs_person) out = outcome_of(up.how, up.reason);
  if (!run && up.how == ending::done) out.how = "brought up";
  if (needs_a_person(w.records)) out = outcome_of(ending::needs_person, "the attempt before needs one");
  co_return out;
}

docker::task<outcome> stage::asked(workspace& w, const command& c, shop_run& shop) {
  updater u(w);
  if (c.what == command::kind::recover) {
    outcome out = co_await recovered(w);
    co_return out;
  }
  const std::optional<run_result> before = co_await u.recover();
  if (before) {
    outcome out = outcome_of(before->how, before->reason);
    if (!out.finished) co_return out;
  }
  updater then(w);
  if (c.what == command::kind::update) {
    update_request request = without_waits(shop.request(c.version));
    const run_result result = co_await then.update(std::move(request));
    co_return outcome_of(result.how, result.reason);
  }
  rollback_request request = without_waits(rollback_request());
  request.data = data_choice::restore;
  const run_result result = co_await then.rollback(std::move(request));
  co_return outcome_of(result.how, result.reason);
}

outcome stage::play(const command& c, actor who) {
  becomes(who);
  seams& s = current_seams();
  s.command = c.number;
  s.ids = 0;
  s.ticks = 0;
  outcome out;
  try {
    shop(who).run([&](workspace& w) -> docker::task<bool> {
      out = co_await asked(w, c, shop(who));
      co_return true;
    });
  } catch (const refusal& error) {
    out.refused = true;
    out.finished = error.how() != ending::left_open;
    out.how = to_text(error.how());
    out.reason = error.what();
  } catch (const std::exception& error) {
    out.how = "threw";
    out.reason = error.what();
  }
  return out;
}

}  // namespace orchestration::explore
