// What a run will need on each file system, against what is free there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace orchestration {

class disk_budget {
 public:
  /// `bytes` and `inodes` on the file system of `where`; `what` is what for, in words.
  void claim(const std::filesystem::path& where, std::uint64_t bytes, std::uint64_t inodes, const std::string& what);

  struct shortage {
    std::filesystem::path where;  // the first that claimed something there
    std::string numbers;          // "212 MiB needed (98 MiB for …, 16 MiB for …), 100 MiB free"
  };
  /// Of the first file system that cannot carry its claims; nullopt: all can. Throws file_error.
  std::optional<shortage> first_shortage() const;

 private:
  struct entry {
    std::uint64_t bytes = 0;
    std::uint64_t inodes = 0;
    std::string what;
  };
  struct account {
    std::uint64_t file_system = 0;
    std::filesystem::path where;
    std::vector<entry> entries;
  };
  std::vector<account> accounts_;
};

/// Rounded up: "3 MiB".
std::string mebibytes(std::uint64_t bytes);

}  // namespace orchestration
