#include "tools/dockupd/logging.hpp"

#include <limits.h>
#include <poll.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string_view>

#include "docker_client/json.hpp"
#include "orchestration/files/descriptor.hpp"
#include "orchestration/run/clock.hpp"
#include "tools/dockupd/printable.hpp"

namespace dockupd {
namespace {

using orchestration::progress_event;

/// A terminal on Ctrl-S, an ssh that is gone without a word, a CI agent that no longer reads: whoever does not take
/// lines for a second does not hold up the run, and gets none until he takes some again.
class patient_stderr {
 public:
  enum class line { transient, lasting };

  void put(std::string_view text, line kind) {
    while (!text.empty()) {
      const bool waits = kind == line::lasting && !is_stuck_;
      if (!takes_more(waits ? patience : std::chrono::milliseconds(0))) {
        if (kind == line::lasting) is_stuck_ = true;
        return;
      }
      is_stuck_ = false;
      // So much at once does not block where there is room (pipe(7)).
      const std::string_view part = text.substr(0, PIPE_BUF);
      const ssize_t written =
          orchestration::uninterrupted([&] { return ::write(STDERR_FILENO, part.data(), part.size()); });
      if (written <= 0) return;  // closed, or full: that must not end an update
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }

 private:
  static constexpr std::chrono::milliseconds patience{1000};

  static bool takes_more(std::chrono::milliseconds wait) {
    struct pollfd out {
      STDERR_FILENO, POLLOUT, 0
    };
    return orchestration::uninterrupted([&] { return ::poll(&out, 1, static_cast<int>(wait.count())); }) > 0;
  }

  bool is_stuck_ = false;
};

patient_stderr& out() {
  static patient_stderr instance;
  return instance;
}

class stderr_sink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    out().put({text.data(), text.size()}, patient_stderr::line::lasting);
  }
  void flush_() override {}
};

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("dockupd", std::make_shared<stderr_sink>());
    made->set_pattern("%v");
    made->set_error_handler([](const std::string&) {});  // what cannot be said must not end an update
    return made;
  }();
  return *instance;
}

std::string mebibytes(std::int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::string count(const progress_event& e) {
  if (e.total == 0) return "";
  return std::to_string(e.number) + "/" + std::to_string(e.total) + " ";
}

/// Lines that stay, the same on a terminal and in a CI log.
class plain_lines {
 public:
  void operator()(const progress_event& e) {
    switch (e.what) {
      case progress_event::kind::phase:
        logger().info("== {}", one_line(e.text));
        break;
      case progress_event::kind::begin:
        begun_ = e.text;
        break;
      case progress_event::kind::end:
        logger().info("   {}{}", count(e), ended(e));
        break;
      case progress_event::kind::warning:
        logger().info("!! {}", printable(e.text));
        break;
      case progress_event::kind::note:
        logger().info("   {}", printable(e.text));
        break;
      case progress_event::kind::advance:
      case progress_event::kind::outcome:
        break;
    }
  }

 private:
  std::string ended(const progress_event& e) const {
    // Proofs end out of order, so an end names its own subject.
    const std::string what = begun_.ends_with(e.subject) ? begun_ : "verify " + e.subject;
    return one_line(e.text.empty() ? what : what + ": " + e.text);
  }
  std::string begun_;
};

/// The same lines, and one transient line below them that shows what is going on.
class terminal_lines {
 public:
  void operator()(const progress_event& e) {
    using kind = progress_event::kind;
    if (e.what == kind::begin) show(e.text);
    if (e.what == kind::advance) show(e.subject + " " + e.text + amount(e));
    if (e.what != kind::begin && e.what != kind::advance) clear();
    lines_(e);
  }

 private:
  static std::string amount(const progress_event& e) {
    if (e.current == 0) return "";
    return " " + mebibytes(e.current) + (e.of > 0 ? " of " + mebibytes(e.of) : "");
  }
  static void put(const std::string& text) { out().put(text, patient_stderr::line::transient); }
  void show(const std::string& text) {
    constexpr std::size_t width = 78;
    put("\r\x1b[K   " + one_line(text).substr(0, width - 3));
    shown_ = true;
  }
  void clear() {
    if (shown_) put("\r\x1b[K");
    shown_ = false;
  }
  plain_lines lines_;
  bool shown_ = false;
};

void json_line(const progress_event& e) {
  using kind = progress_event::kind;
  const auto name = [&] {
    switch (e.what) {
      case kind::phase:
        return "phase";
      case kind::begin:
        return "begin";
      case kind::advance:
        return "advance";
      case kind::end:
        return "end";
      case kind::note:
        return "note";
      case kind::warning:
        return "warning";
      case kind::outcome:
        return "outcome";
    }
    return "";
  };
  docker::json line =
      docker::json::object({{"time", orchestration::now_text()}, {"event", name()}, {"phase", e.phase}});
  if (!e.subject.empty()) line["subject"] = e.subject;
  if (!e.text.empty()) line["text"] = printable(e.text);
  if (e.total > 0) {
    line["number"] = e.number;
    line["total"] = e.total;
  }
  if (e.current > 0) line["bytes"] = e.current;
  if (e.of > 0) line["of"] = e.of;
  logger().info("{}", line.to_text());
}

}  // namespace

orchestration::progress_sink make_progress(progress_style style) {
  if (style == progress_style::automatic)
    style = isatty(STDERR_FILENO) == 1 ? progress_style::tty : progress_style::plain;
  switch (style) {
    case progress_style::tty:
      return terminal_lines();
    case progress_style::json:
      return json_line;
    case progress_style::quiet:
      return [](const progress_event&) {};
    case progress_style::automatic:
    case progress_style::plain:
      break;
  }
  return plain_lines();
}

void say(const std::string& text) { logger().info("{}", printable(text)); }
void say_note(const std::string& text) { logger().info("note: {}", printable(text)); }
void say_warning(const std::string& text) { logger().info("warning: {}", printable(text)); }
void say_error(const std::string& text) { logger().info("dockupd: {}", printable(text)); }

}  // namespace dockupd
