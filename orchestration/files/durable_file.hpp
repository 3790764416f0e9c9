// Files that are either the old ones or the new ones, whole, after a kill or a power cut at any instant.
// Everything throws file_error.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "orchestration/files/descriptor.hpp"

namespace orchestration {

/// A file being written under a temporary name beside its target. commit() makes it durable under the target's name;
/// without commit() the destructor removes it, and whatever had the target's name stays as it was.
class durable_file {
 public:
  /// `mode` is exact: no umask is applied. What killed runs left beside the target is removed first: of all who write
  /// one target, no two do so at once.
  explicit durable_file(std::filesystem::path target, mode_t mode = 0600);
  durable_file(durable_file&&) = delete;
  ~durable_file();

  void write(std::string_view bytes);
  int descriptor_number() const { return file_.get(); }
  const std::filesystem::path& target() const { return target_; }
  const std::filesystem::path& temporary() const { return temporary_; }
  /// fsync, rename, fsync of the directory. Once only.
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  descriptor file_;
  bool kept_ = false;
};

/// Removes what killed runs left beside a file that they were writing.
void remove_partials(const std::filesystem::path& target);

void write_durably(const std::filesystem::path& path, std::string_view bytes, mode_t mode = 0600);

/// fsync of a directory: what was created, renamed or removed in it stays so.
void sync_directory(const std::filesystem::path& directory);

enum class replacement {
  renamed,  // atomic
  in_place  // overwritten and synced: not atomic
};

/// New text for a file of the user's. Follows a symlink to the real file and keeps its mode, owner, group and extended
/// attributes (ACLs too). In place where it cannot be renamed over but may be written: the file itself is a mount
/// point, its directory may not be written to, or its owner cannot be kept otherwise. Throws, changing nothing, when
/// neither works. The file has to exist.
replacement replace_text_keeping_attributes(const std::filesystem::path& path, std::string_view text);

/// A new file of the user's, as a text editor makes one: mode 0666 without the umask, owned as its directory is where
/// that can be had. Throws when there is a file already.
void create_text_of_the_directory(const std::filesystem::path& path, std::string_view text);

/// Throws what replacing, or making, the file would throw for want of permission. Leaves nothing behind.
void check_text_can_be_written(const std::filesystem::path& path);

/// unlink and fsync of the directory. That it is gone already is no error.
void remove_durably(const std::filesystem::path& path);

/// The whole file. Throws when it is missing, no regular file, or longer than `most` bytes. Follows symlinks.
std::string read_file(const std::filesystem::path& path, std::size_t most = 16 * 1024 * 1024);

/// Makes the directory (and its missing parents) 0700, or checks one that is there: a directory, ours, not writable by
/// group or others. Throws with the reason and what to type.
void ensure_private_directory(const std::filesystem::path& path);

}  // namespace orchestration
