// Runs something in a process of its own with little memory and processor time, so that what runs away is seen to.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

namespace orchestration::test {

struct confinement {
  confinement() = default;
  rlim_t memory =
      64 << 20;        // bytes above what the process has already; not under AddressSanitizer, which takes terabytes
  rlim_t seconds = 5;  // of the processor: a debug build needs some
  rlim_t file_size = RLIM_INFINITY;  // of each file that is written
};

inline constexpr int threw = 255;
/// The exit code that `doing` returns; `threw`; 1000 + signal when the process was ended.
inline int confined(const std::function<int()>& doing, const confinement& most = {}) {
  const pid_t child = ::fork();
  if (child == 0) {
#ifndef __SANITIZE_ADDRESS__
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t memory = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + most.memory;
    const struct rlimit memory_limit { memory, memory };
    ::setrlimit(RLIMIT_AS, &memory_limit);
#endif
    const struct rlimit time_limit { most.seconds, most.seconds };
    ::setrlimit(RLIMIT_CPU, &time_limit);
    const struct rlimit size_limit { most.file_size, most.file_size };
    ::setrlimit(RLIMIT_FSIZE, &size_limit);
    int code = threw;
    try {
      code = doing();
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status)) return 1000 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

}  // namespace orchestration::test
