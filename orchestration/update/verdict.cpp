#include "orchestration/update/verdict.hpp"

#include <algorithm>

namespace orchestration {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_output = 200;  // of a probe: enough for its reason, short enough for one line
constexpr std::string_view never_started = "0001-01-01T00:00:00Z";

verdict proven() { return {verdict::kind::proven, {}}; }
verdict wait(std::string because) { return {verdict::kind::wait, std::move(because)}; }
verdict failed(std::string because) { return {verdict::kind::failed, std::move(because), false}; }
verdict out_of_time(std::string because) { return {verdict::kind::failed, std::move(because), true}; }

std::string times(std::int64_t count) { return count == 1 ? "once" : std::to_string(count) + " times"; }

std::string seconds_text(milliseconds time) {
  const auto tenths = (time.count() + 50) / 100;
  const std::string whole = std::to_string(tenths / 10);
  return (tenths % 10 == 0 ? whole : whole + "." + std::to_string(tenths % 10)) + " s";
}

/// Control characters turn into spaces: the text ends on a terminal, in one line.
std::string one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  const std::size_t last = text.find_last_not_of(' ');
  text.erase(last == std::string::npos ? 0 : last + 1);
  if (text.size() > longest_output) {
    std::size_t cut = longest_output;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;  // not inside a UTF-8 character
    text = text.substr(0, cut) + "…";
  }
  return text;
}

std::string with(std::string text, const std::string& more) { return more.empty() ? text : text + ": " + more; }

std::string exit_text(const health_sample& s) {
  if (s.out_of_memory) return "ran out of memory and was killed by the kernel";
  return with("exited with code " + std::to_string(s.exit_code), s.error);
}

bool has_started(const health_sample& s) { return !s.started_at.empty() && s.started_at != never_started; }

}  // namespace

health_sample sample_from_inspect(const docker::json& inspect, milliseconds at) {
  const observed_container c = container_from_inspect(inspect);
  health_sample out;
  out.at = at;
  out.state = c.state;
  out.health = c.health;
  out.exit_code = c.exit_code;
  out.restart_count = inspect.int64_at({"RestartCount"});
  out.started_at = inspect.string_at({"State", "StartedAt"});
  out.out_of_memory = inspect.bool_at({"State", "OOMKilled"});
  out.error = one_line(inspect.string_at({"State", "Error"}));
  const docker::json* probes = inspect.path({"State", "Health", "Log"});
  if (probes != nullptr && probes->is_array() && !probes->empty())
    out.health_output = one_line(probes->elements().back().string_at({"Output"}));
  return out;
}

verdict judge::look(const health_sample& sample) {
  if (rule_.may_restart && setback(sample)) {
    first_.reset();
    steady_since_.reset();
  }
  verdict v = look_at_state(sample);
  if (has_started(sample) && !first_) first_ = sample;
  if (v.result != verdict::kind::proven && v.result != verdict::kind::failed && is_over_budget(sample))
    v = out_of_time("not " + aim() + " after " + seconds_text(rule_.budget) + ": " + v.because);
  return v;
}

std::string judge::aim() const {
  if (rule_.completes) return "completed";
  return rule_.has_health_check ? "healthy" : "running steadily";
}

bool judge::is_over_budget(const health_sample& sample) const {
  return rule_.budget.count() > 0 && sample.at - rule_.since >= rule_.budget;
}

std::optional<std::string> judge::setback(const health_sample& sample) const {
  if (!first_) return std::nullopt;
  const std::int64_t restarts = sample.restart_count - first_->restart_count;
  if (restarts > 0) {
    // Of a container that runs again the engine has forgotten with what it had exited: 0 says nothing.
    const bool is_known = sample.exit_code != 0 || sample.out_of_memory || !sample.error.empty();
    return "restarted " + times(restarts) + (is_known ? "; last " + exit_text(sample) : std::string());
  }
  // A start by hand or by the engine itself leaves the count alone or sets it to 0.
  if (has_started(sample) && sample.started_at != first_->started_at)
    return "was started again at " + sample.started_at;
  if (sample.out_of_memory && !first_->out_of_memory) return "a process in it ran out of memory";
  return std::nullopt;
}

verdict judge::look_at_state(const health_sample& sample) {
  switch (sample.state) {
    case container_state::created:
      return wait("has not started" + (sample.error.empty() ? "" : ": " + sample.error));
    case container_state::restarting: {
      const std::string seen = "(" + times(sample.restart_count) + "); last " + exit_text(sample);
      if (rule_.may_restart) return wait("is started again " + seen);
      return failed("restarts again and again " + seen);
    }
    case container_state::paused:
      return failed("is paused");
    case container_state::removing:
    case container_state::dead:
      return failed("is " + std::string(to_text(sample.state)));
    case container_state::exited:
      if (rule_.completes && sample.exit_code == 0 && !sample.out_of_memory) return proven();
      return failed(exit_text(sample));
    case container_state::running:
      break;
  }
  if (const std::optional<std::string> what = setback(sample)) return failed(*what);
  if (rule_.completes) return wait("still running");
  return look_at_health(sample);
}

verdict judge::look_at_health(const health_sample& sample) {
  const bool checked = rule_.has_health_check || sample.health != health_state::none;
  if (sample.health == health_state::unhealthy) return failed(with("unhealthy", sample.health_output));
  if (checked && sample.health != health_state::healthy) {
    steady_since_.reset();
    if (sample.health == health_state::none) return wait("the engine runs no health check for it");
    return wait(with("its health check has not passed yet", sample.health_output));
  }
  if (!steady_since_) steady_since_ = sample.at;
  const milliseconds steady = sample.at - *steady_since_;
  if (steady >= rule_.steady_for) return proven();
  return wait(std::string(checked ? "healthy" : "running") + " for " + seconds_text(steady) + " of " +
              seconds_text(rule_.steady_for));
}

}  // namespace orchestration
