// How a run ended, as a value that exit codes and messages are made from.
#pragma once

#include <stdexcept>
#include <string>

namespace orchestration {

/// How a run ended. Exit codes are made from this, and only this.
enum class ending {
  nothing_to_do,
  done,                  // the asked-for release runs, proven
  refused,               // by a check beforehand; nothing changed
  pull_failed,           // nothing changed
  snapshot_failed,       // the old containers run, proven
  abandoned,             // given up before anything new started; the old containers run, proven
  rolled_back,           // the old release runs, proven
  rolled_back_unproven,  // the old containers were started, but are not proven
  needs_person,
  left_open,  // cannot go on before something outside is mended: the attempt stands, and recover goes on with it
  held        // the release is on hold
};

/// Refused beforehand: nothing was changed. what() has the thing, the reason and what to do.
class refusal : public std::runtime_error {
 public:
  refusal(ending how, const std::string& text) : std::runtime_error(text), how_(how) {}
  ending how() const { return how_; }

 private:
  ending how_;
};

}  // namespace orchestration
