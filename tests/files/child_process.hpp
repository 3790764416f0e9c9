// Work that may die, or that mounts: done in a forked child.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

namespace orchestration::test {

/// The child's pid. It ends with what `work` returns, or with 99 when that throws; it runs nothing else of the test.
inline pid_t start_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child > 0) return child;
  int code = 99;
  try {
    code = work();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
  }
  ::_exit(code);
}

/// Exit code, or minus the signal that killed it.
inline int end_of(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("cannot wait");
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

inline int in_child(const std::function<int()>& work) { return end_of(start_child(work)); }

/// In a child only: mounts that nobody else sees and that end with it.
inline void own_mounts() {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw std::runtime_error("cannot have mounts of its own");
}

inline void mount_small(const std::string& where, const std::string& options) {
  if (::mount("tmpfs", where.c_str(), "tmpfs", 0, options.c_str()) != 0) throw std::runtime_error("cannot mount");
}

}  // namespace orchestration::test
