// A child process that reports through a pipe. The parent kills it, or waits for its end.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <exception>
#include <functional>
#include <utility>

namespace orchestration {

class child {
 public:
  /// What the child says to its parent: one number at a time.
  using report = std::function<void(std::int32_t)>;

  explicit child(const std::function<void(const report&)>& work) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(ends[0]);
      int code = 0;
      try {
        work([&](std::int32_t number) {
          if (::write(ends[1], &number, sizeof number) != sizeof number) ::_exit(3);
        });
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
        code = 2;
      }
      ::_exit(code);  // no destructors: the parent's objects are not the child's to end
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  child(const child&) = delete;
  ~child() {
    if (pid_ > 0) kill();
    ::close(pipe_);
  }

  /// Waits for the next number; -1: the child has ended, or said nothing for a minute.
  std::int32_t next() {
    pollfd waiting{pipe_, POLLIN, 0};
    std::int32_t number = -1;
    if (::poll(&waiting, 1, 60'000) == 1 && ::read(pipe_, &number, sizeof number) == sizeof number) return number;
    return -1;
  }
  /// SIGKILL; then the last number it had said, or `last` when there is no newer one.
  std::int32_t kill(std::int32_t last = -1) {
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
    for (std::int32_t said = next(); said != -1; said = next()) last = said;
    return last;
  }
  /// Waits for its end; 0: all its work was done without an exception.
  int exit_code() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

}  // namespace orchestration
