// An open file descriptor with one owner, and calls on one that a signal does not end (signal(7)).
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

namespace orchestration {

class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int number) : number_(number) {}  // a negative number: none
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~descriptor() { close(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void close() noexcept;

 private:
  int number_ = -1;
};

/// What `call` returns; it is called again while a signal interrupts it.
template <typename Call>
auto uninterrupted(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

/// open(2) with O_CLOEXEC, uninterrupted: files may be on a network. None when it fails, and errno says why.
descriptor open_file(const std::filesystem::path& path, int flags, mode_t mode = 0);

/// The same beneath a directory: openat(2).
descriptor open_at(int directory, const std::string& name, int flags, mode_t mode = 0);

}  // namespace orchestration
