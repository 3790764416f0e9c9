// Room kept back for a bad night: files that are deleted when a way back meets a full disk. On a full disk the engine
// still stops and removes containers, but creates, renames and starts none, and SQLite commits nothing; measured: 64
// KiB are enough for the engine to work again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace orchestration {

class ballast {
 public:
  static constexpr std::uint64_t usual_size = 16 << 20;  // bytes; also room for a small safety copy

  ballast() = default;  // nothing is kept back until a place is added
  explicit ballast(std::uint64_t size) : size_(size) {}

  /// `file` is to stand for `size` bytes of the file system of its directory, which exists. Where a place on the same
  /// file system is known already, that one serves for both. A directory that cannot be looked at is a missing place.
  void add(const std::filesystem::path& file);

  std::uint64_t size() const { return size_; }
  const std::vector<std::filesystem::path>& places() const { return places_; }
  /// Those that are not there, or not whole.
  std::vector<std::filesystem::path> missing() const;

  /// Makes what is missing, durably: 0600, its blocks truly allocated. Nothing is made where less than `leave` bytes
  /// would be left free. One sentence for each place that stays missing: where and why.
  std::vector<std::string> fill(std::uint64_t leave) const;

  /// Deletes the files on the file systems that are short of room (less than `size` free); when none is, all of them
  /// (a quota may be what is full). The room is there when it returns. What was deleted; empty: there was nothing.
  std::vector<std::filesystem::path> release() const;

 private:
  std::uint64_t size_ = usual_size;
  std::vector<std::filesystem::path> places_;
};

}  // namespace orchestration
