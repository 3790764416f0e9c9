// An open file descriptor with one owner.
#pragma once

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

}  // namespace orchestration
