// Tar entries as values, and the POSIX.1-2001 (pax) bytes of them through libarchive. No file is opened here.
//
// Paths are relative to the volume's root, without "./"; the root itself is the empty path. Names are bytes: they
// need not be UTF-8.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/snapshot/byte_flow.hpp"

namespace orchestration {

enum class entry_type { file, directory, symlink, hard_link, fifo, character_device, block_device };

std::string to_text(entry_type type);
std::optional<entry_type> entry_type_from(std::string_view text);

/// One entry of a POSIX ACL as the kernel numbers it (include/uapi/linux/posix_acl.h).
struct acl_entry {
  std::uint16_t tag = 0;
  std::uint16_t permissions = 0;
  std::uint32_t id = 0;  // of a user or group; 0xffffffff for the others
  bool operator==(const acl_entry&) const = default;
};

struct extended_attribute {
  std::string name;
  std::string value;
  bool operator==(const extended_attribute&) const = default;
};

struct extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct tar_entry {
  tar_entry() = default;
  std::string path;
  entry_type type = entry_type::file;
  std::uint32_t mode =
      0;  // permissions with setuid, setgid, sticky; beside an access_acl the group's bits are the ACL's
  std::uint64_t user = 0;
  std::uint64_t group = 0;
  std::int64_t mtime = 0;  // seconds since 1970
  std::uint32_t mtime_ns = 0;
  std::uint64_t size = 0;  // of a file, holes counted
  std::string target;      // of a symlink, verbatim; of a hard link, a path as above
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<extended_attribute> attributes;  // without ACLs
  std::vector<acl_entry> access_acl;           // empty: the mode says it all
  std::vector<acl_entry> default_acl;
  bool sparse = false;          // then `extents` says where data is; all else is holes
  std::vector<extent> extents;  // ascending
};

class tar_writer {
 public:
  explicit tar_writer(byte_sink sink);
  ~tar_writer();

  /// Throws snapshot_error when tar cannot hold the entry.
  void begin(const tar_entry& entry);
  /// Content of the file begun, `size` bytes in all; for a sparse one the holes are passed over by skip().
  void write(std::string_view bytes);
  void skip(std::uint64_t length);
  void finish();  // end-of-archive marker; once, last

 private:
  struct state;
  std::unique_ptr<state> state_;
};

class tar_reader {
 public:
  explicit tar_reader(byte_source source);
  ~tar_reader();

  /// False at the end of the archive. Throws snapshot_error for what is no tar, is cut, or names no path.
  bool next(tar_entry& entry);

  struct block {
    std::uint64_t offset = 0;
    std::string_view bytes;
  };
  /// The file's next block of data, valid until the next call; what no block covers is holes. nullopt: its end.
  std::optional<block> read();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace orchestration
