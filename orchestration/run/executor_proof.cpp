// Waiting and proof: success is what the engine shows over time, never what a call returned.

#include "orchestration/project/config_hash.hpp"
#include "orchestration/run/clock.hpp"
#include "orchestration/run/executor.hpp"
#include "orchestration/run/lost_reply.hpp"
#include "orchestration/run/pause.hpp"
#include "orchestration/update/verdict.hpp"

namespace orchestration {
namespace {

using std::chrono::milliseconds;

constexpr int last_lines_shown = 5;

std::string seconds_text(milliseconds time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

/// A few times, and then the engine gives up: "on-failure:3".
bool is_tried_again(const docker::json& inspect) {
  return inspect.string_at({"HostConfig", "RestartPolicy", "Name"}) == "on-failure" &&
         inspect.int64_at({"HostConfig", "RestartPolicy", "MaximumRetryCount"}) > 0;
}

std::string with_last_lines(std::string text, const std::string& lines) {
  if (!lines.empty()) text += "\nits last lines:\n" + lines;
  return text;
}

}  // namespace

/// What ran before is known to come up: one that ends because its database is not there yet is started again by the
/// engine, and a person is only called for when it does not stay.
bool executor::brings_back() const { return which_ == "undo"; }

docker::task<> executor::await_goal(start_container o, std::string id) {
  if (o.until == goal::started) co_return;
  health_rule rule;
  rule.has_health_check = o.until == goal::healthy;
  rule.completes = o.until == goal::completed;
  rule.budget = o.budget;
  rule.since = boot_time();
  std::optional<judge> judging;
  for (;;) {
    const std::optional<docker::json> seen = co_await inspect(id);
    if (!seen)
      throw operation_error(operation_error::cause::start, "start " + o.target.subject + ": it was removed meanwhile");
    if (!judging) {
      rule.may_restart = brings_back() || (rule.completes && is_tried_again(*seen));
      judging.emplace(rule);
    }
    const verdict v = judging->look(sample_from_inspect(*seen, boot_time()));
    if (v.result == verdict::kind::proven) co_return;
    if (v.result == verdict::kind::failed) {
      const std::string lines = co_await last_lines(id, last_lines_shown);
      std::string because = v.because;
      if (v.out_of_time && rule.completes) because += ". If it needs more: --migration-timeout SECONDS";
      throw operation_error(operation_error::cause::start,
                            with_last_lines(o.target.subject + " did not start: " + because, lines));
    }
    check_interrupted();
    co_await pause_for(workspace_.between_looks);
  }
}

docker::task<std::string> executor::expected_image_id(verify_container o) {
  if (!o.image_id.empty()) co_return o.image_id;
  const std::string reference = pinned_reference(o.image, o.digest);
  const auto make = [this, &reference] { return workspace_.engine.inspect_image(reference); };
  auto look = again_when_lost(make);
  const std::optional<docker::json> image = co_await std::move(look);
  if (!image)
    throw operation_error(operation_error::cause::verification,
                          o.target.subject + ": image " + reference + " is no longer on this engine");
  co_return image->at("Id").as_string();
}

/// What is known only once the plan has made what the container joins.
docker::task<std::string> executor::expected_hash(verify_container o) {
  if (!o.config_hash.empty()) co_return o.config_hash;
  for (const operation& other : plan_.operations) {
    const auto* create = std::get_if<create_container>(&other.what);
    if (create == nullptr || create->target != o.target || create->hashed.is_null()) continue;
    const ids_by_service joined = co_await ids_of(create->joins);
    co_return hash_of(create->hashed, joined);
  }
  co_return std::string();
}

namespace {

/// What must hold at every look, whatever the health: identity. Empty when it does.
std::string wrong_identity(const verify_container& o, const docker::json& inspect, const std::string& image_id) {
  const observed_container c = container_from_inspect(inspect);
  if (!image_id.empty() && c.image_id != image_id) return "runs image " + c.image_id + ", not " + image_id;
  if (!o.config_hash.empty() && c.config_hash != o.config_hash)
    return "has config hash " + c.config_hash + ", not " + o.config_hash;
  if (!o.name.empty() && c.name != o.name) return "is called " + c.name + ", not " + o.name;
  return {};
}

/// Containers that are to stay as they are (stopped, paused, completed) are judged at one look.
verdict judge_at_rest(const verify_container& o, const docker::json& inspect) {
  const observed_container c = container_from_inspect(inspect);
  const bool stopped = c.state == container_state::exited || c.state == container_state::created;
  verdict v;
  v.result = verdict::kind::proven;
  if (o.expected == run_state::paused && c.state != container_state::paused) v.result = verdict::kind::failed;
  if (o.expected == run_state::stopped && !stopped) v.result = verdict::kind::failed;
  if (o.expected == run_state::completed && (!stopped || c.exit_code != 0)) v.result = verdict::kind::failed;
  if (v.result == verdict::kind::failed)
    v.because = "is " + std::string(to_text(c.state)) + " with exit code " + std::to_string(c.exit_code);
  return v;
}

}  // namespace

docker::task<> executor::prove_together(std::vector<operation> verifications, bool interruptible) {
  struct watched {
    operation o;
    verify_container rule;
    std::string id;
    std::string image_id;
    judge judging;
    bool proven = false;
  };
  const milliseconds begun = boot_time();
  std::vector<watched> all;
  for (const operation& o : verifications) {
    const verify_container& v = std::get<verify_container>(o.what);
    workspace_.records.intend(attempt_id_, which_, o.number, now_text());
    passed(o, "intended");
    say(progress_event::kind::begin, o, describe(o.what));
    const docker::json found = co_await must_look_at(v.target);
    std::string image_id = co_await expected_image_id(v);
    const std::string hash = co_await expected_hash(v);
    health_rule rule;
    rule.has_health_check = v.has_health_check;
    rule.steady_for = v.steady_for;
    rule.may_restart = brings_back();
    rule.budget = v.budget;
    rule.since = begun;
    all.push_back(watched{o, v, found.at("Id").as_string(), std::move(image_id), judge(rule)});
    all.back().rule.config_hash = hash;
  }
  for (std::size_t left = all.size(); left > 0;) {
    for (watched& w : all) {
      if (w.proven) continue;
      const std::optional<docker::json> seen = co_await inspect(w.id);
      std::string because = seen ? wrong_identity(w.rule, *seen, w.image_id) : "was removed meanwhile";
      if (because.empty()) {
        const bool at_rest = w.rule.expected != run_state::running;
        const verdict v =
            at_rest ? judge_at_rest(w.rule, *seen) : w.judging.look(sample_from_inspect(*seen, boot_time()));
        if (v.result == verdict::kind::failed) because = v.because;
        w.proven = v.result == verdict::kind::proven;
      }
      if (!because.empty()) {
        const std::string lines = co_await last_lines(w.id, last_lines_shown);
        throw operation_error(operation_error::cause::verification,
                              with_last_lines(w.rule.target.subject + " " + because, lines));
      }
      if (w.proven) {
        --left;
        passed(w.o, "made");
        workspace_.records.done(attempt_id_, which_, w.o.number, now_text(), docker::json());
        passed(w.o, "recorded");
        say(progress_event::kind::end, w.o, "proven after " + seconds_text(boot_time() - begun));
      }
    }
    if (interruptible) check_interrupted();
    if (left > 0) co_await pause_for(workspace_.between_looks);
  }
}

}  // namespace orchestration
