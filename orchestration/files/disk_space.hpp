// Room on a file system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace orchestration {

struct disk_space {
  std::uint64_t free_bytes = 0;  // for this user: without root's reserve when not root
  std::uint64_t total_bytes = 0;
  std::optional<std::uint64_t> free_inodes;  // absent: the file system does not count them (btrfs)
  std::uint64_t file_system = 0;             // equal for two paths on the same file system
};

/// Of the file system that holds `path`, or would hold it: the nearest parent that exists is asked.
/// Throws file_error.
disk_space disk_space_at(const std::filesystem::path& path);

/// Whether no file can be made in that directory because its file system takes no writes any more: EROFS (remounted
/// read-only after an error) or EIO (shut down). Tried with a file that never has a name. Anything else is no, also
/// that the directory is not there.
bool takes_no_writes(const std::filesystem::path& directory);

}  // namespace orchestration
