// One call of the fake engine: its line in the log, and the failures scripted for it. Included by the fake's own
// sources only.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "docker_client/error.hpp"
#include "tests/support/fake_engine.hpp"

namespace orchestration {

/// As docker_client reports an answer of the engine that refuses.
inline docker::error refusal(std::string_view method, const std::string& path, int status, const std::string& words) {
  static const std::map<int, std::string> phrases = {
      {400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"}, {409, "Conflict"}, {500, "Internal Server Error"}};
  const auto known = phrases.find(status);
  return docker::error(docker::request_line(method, path), status, known == phrases.end() ? "" : known->second, words);
}

class fake_engine::call {
 public:
  call(fake_engine& engine, std::string line) : engine_(engine), line_(std::move(line)) {
    if (engine_.killed_) throw fake_kill();
    engine_.calls_.push_back(line_);
    is_read_ = false;
    pass(call_moment::before);
    fire(failing::before);
    if (engine_.is_full_ && needs_room() && engine_.is_full_())
      throw refusal("POST", line_, 500,
                    "write /var/lib/docker/containers/4f2a/.tmp-config.v2.json335: " + engine_.words_when_full_);
  }
  struct only_reads {};
  call(fake_engine& engine, std::string line, only_reads) : engine_(engine), line_(std::move(line)), is_read_(true) {
    if (engine_.killed_) throw fake_kill();
    engine_.reads_.insert(engine_.calls_.size());
    engine_.calls_.push_back(line_);
    pass(call_moment::before);
    fire(failing::before);
  }
  /// The effect is there: the answer may get lost now.
  void acted() {
    pass(call_moment::after);
    fire(failing::after);
  }

 private:
  bool needs_room() const {
    for (const char* verb : {"create ", "start ", "rename ", "restart policy ", "tag ", "pull "})
      if (line_.starts_with(verb)) return true;
    return false;
  }
  void pass(call_moment moment) {
    if (engine_.on_call) engine_.on_call(line_, moment);
  }
  bool is_meant(const scripted_failure& failure) const {
    if (failure.call == every_call) return true;
    return failure.call.empty() ? !is_read_ : line_.starts_with(failure.call);
  }
  void fire(failing moment) {
    auto& armed = engine_.failures_;
    for (auto at = armed.begin(); at != armed.end(); ++at) {
      if (!is_meant(at->what)) continue;
      if (moment == failing::before) ++at->seen;
      if (at->seen != at->what.nth || at->what.when != moment) continue;
      const scripted_failure failure = at->what;
      armed.erase(at);
      raise(failure);
    }
  }
  [[noreturn]] void raise(const scripted_failure& failure) {
    if (failure.kind == failure_kind::killed) {
      engine_.killed_ = true;
      throw fake_kill();
    }
    if (failure.kind == failure_kind::lost) throw lost_answer();
    throw refusal("POST", line_, failure.status, failure.words);
  }

  docker::error lost_answer() const {
    return docker::error(docker::error_kind::not_connected, "the connection broke", docker::request_line("POST", line_),
                         docker::acted::maybe);
  }

  fake_engine& engine_;
  std::string line_;
  bool is_read_ = false;
};

}  // namespace orchestration
