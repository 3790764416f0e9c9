// failpoint() of the crash tests' program.
//   DOCKUPD_FAILPOINTS="NAME#K=ACTION;…"  the K-th passage of NAME (1 when left out) does ACTION:
//     kill      SIGKILL to this process
//     stop      SIGSTOP to this process
//     run       runs the program DOCKUPD_FAILPOINT_COMMAND with the passage as its argument, waits, goes on
//     run+kill  the same, then kill
//     error     throws std::runtime_error("failpoint NAME")
//   DOCKUPD_FAILPOINT_TRACE=FILE  each passage is appended, NAME#K, one a line
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

/// Snapshots pass theirs on the worker thread.
std::string count(std::string_view name) {
  static std::mutex guard;
  static std::map<std::string, int> passages;
  const std::scoped_lock lock(guard);
  return std::string(name) + "#" + std::to_string(++passages[std::string(name)]);
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
