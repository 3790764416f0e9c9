#include "orchestration/files/disk_space.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/files/file_error.hpp"

namespace orchestration {

namespace {

// There it is f_bfree that nobody can have to the last: it counts room that only metadata may take, or the other way
// round. Measured: 72 MiB "free" while no file can be made.
bool is_btrfs(const std::filesystem::path& path) {
  struct statfs status {};
  return ::statfs(path.c_str(), &status) == 0 && static_cast<std::uint32_t>(status.f_type) == BTRFS_SUPER_MAGIC;
}

}  // namespace

disk_space disk_space_at(const std::filesystem::path& path) {
  std::filesystem::path existing = std::filesystem::absolute(path);
  struct stat status {};
  while (::stat(existing.c_str(), &status) != 0) {
    if (errno != ENOENT || existing == existing.root_path()) throw file_error("measure", path, errno);
    existing = existing.parent_path();
  }
  struct statvfs room {};
  if (::statvfs(existing.c_str(), &room) != 0) throw file_error("measure", path, errno);
  disk_space out;
  const bool to_the_last = ::geteuid() == 0 && !is_btrfs(existing);
  out.free_bytes = static_cast<std::uint64_t>(to_the_last ? room.f_bfree : room.f_bavail) * room.f_frsize;
  out.total_bytes = static_cast<std::uint64_t>(room.f_blocks) * room.f_frsize;
  if (room.f_files != 0) out.free_inodes = ::geteuid() == 0 ? room.f_ffree : room.f_favail;
  out.file_system = status.st_dev;
  return out;
}

// The flags of the mount do not say it: ext4 refuses writes after an error without being mounted read-only (Linux
// 6.18, "emergency_ro").
bool takes_no_writes(const std::filesystem::path& directory) {
  const descriptor file = open_file(directory, O_TMPFILE | O_WRONLY, 0600);
  return !file && (errno == EROFS || errno == EIO);
}

}  // namespace orchestration
