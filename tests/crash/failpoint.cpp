// failpoint() of the crash tests' program.
//   DOCKUPD_FAILPOINTS="NAME#K=ACTION;…"  the K-th passage of NAME (1 when left out) does ACTION:
//     kill      SIGKILL to this process
//     stop      SIGSTOP to this process
//     run       runs the program DOCKUPD_FAILPOINT_COMMAND with the passage as its argument, waits, goes on
//     run+kill  the same, then kill
//     error     throws std::runtime_error("failpoint NAME")
//   DOCKUPD_FAILPOINT_TRACE=FILE  each passage is appended, NAME#K, one a line
// What differs from run to run is written the same: an attempt's id as ID, a release in an image's name as .rN, a tag
// that begins with v and a digit as TAG. So a point that one run showed is found again in another, and in one that goes
// the other way.
#include "orchestration/files/failpoint.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>

extern char** environ;

namespace orchestration {
namespace {

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "failpoint: %s\n", why.c_str());
  std::_Exit(99);
}

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::map<std::string, std::string> parse(const std::string& text) {
  std::map<std::string, std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(';', at), text.size());
    const std::string entry = text.substr(at, end - at);
    const std::size_t equals = entry.rfind('=');
    if (equals == std::string::npos) give_up("no action in " + entry);
    std::string name = entry.substr(0, equals);
    if (name.find('#') == std::string::npos) name += "#1";
    out[name] = entry.substr(equals + 1);
    at = end + 1;
  }
  return out;
}

void run_command(const std::string& passage) {
  std::string program = setting("DOCKUPD_FAILPOINT_COMMAND");
  if (program.empty()) give_up("DOCKUPD_FAILPOINT_COMMAND is not set");
  std::string argument = passage;
  char* arguments[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments, environ) != 0)
    give_up("cannot run " + program);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) give_up(program + " failed at " + passage);
}

// One write(2) with O_APPEND, so that what was passed is there after SIGKILL.
void trace(const std::string& passage) {
  static const std::string file = setting("DOCKUPD_FAILPOINT_TRACE");
  if (file.empty()) return;
  static const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const std::string line = passage + "\n";
  if (::write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size())) give_up("cannot write " + file);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-'; }

/// Of "20261121T105501Z-4f2a51" at the beginning of the text; 0: there is none.
std::size_t length_of_attempt_id(std::string_view text) {
  constexpr std::string_view shape = "00000000T000000Z-xxxxxx";
  if (text.size() < shape.size()) return 0;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool hex = is_digit(text[i]) || (text[i] >= 'a' && text[i] <= 'f');
    if (shape[i] == '0' ? !is_digit(text[i]) : shape[i] == 'x' ? !hex : text[i] != shape[i]) return 0;
  }
  return shape.size();
}

/// Of "prefix" and the digit behind it, with the rest that `goes_on`; 0: the text does not begin so.
std::size_t length_of(std::string_view text, std::string_view prefix, bool (*goes_on)(char)) {
  if (!text.starts_with(prefix) || text.size() == prefix.size() || !is_digit(text[prefix.size()])) return 0;
  std::size_t end = prefix.size();
  while (end < text.size() && goes_on(text[end])) ++end;
  return end;
}

std::string without_what_differs(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    std::size_t taken = 0;
    const char before = out.empty() ? ' ' : out.back();
    if ((taken = length_of_attempt_id(name)) != 0)
      out += "ID";
    else if ((taken = length_of(name, ".r", is_digit)) != 0)
      out += ".rN";
    else if ((before == ':' || before == '=') && (taken = length_of(name, "v", is_word)) != 0)
      out += "TAG";
    else
      out += name[taken++];
    name.remove_prefix(taken);
  }
  return out;
}

/// Snapshots pass theirs on the worker thread.
std::string count(std::string_view name) {
  static std::mutex guard;
  static std::map<std::string, int> passages;
  const std::scoped_lock lock(guard);
  const std::string same = without_what_differs(name);
  return same + "#" + std::to_string(++passages[same]);
}

void act(const std::string& action, const std::string& passage) {
  if (action.starts_with("run")) run_command(passage);
  if (action == "kill" || action == "run+kill") ::kill(::getpid(), SIGKILL);
  if (action == "stop") ::kill(::getpid(), SIGSTOP);
  if (action == "error") throw std::runtime_error("failpoint " + passage);
  if (action != "run" && action != "stop") give_up("unknown action " + action);
}

}  // namespace

void failpoint(std::string_view name) {
  static const std::map<std::string, std::string> wanted = parse(setting("DOCKUPD_FAILPOINTS"));
  const std::string passage = count(name);
  trace(passage);
  const auto found = wanted.find(passage);
  if (found != wanted.end()) act(found->second, passage);
}

}  // namespace orchestration
