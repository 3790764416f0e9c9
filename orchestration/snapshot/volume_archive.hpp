// A volume as an ordinary .tar.zst: made, proven, put back. Everything blocks, for as long as it takes to read or write
// the data: run it on a worker thread. libzstd compresses on two threads of its own.
// `tar --xattrs --xattrs-include='*' --acls -xf` unpacks an archive without us.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {

struct archive_options {
  archive_options() = default;
  std::string volume;         // for progress and messages
  int compression_level = 1;  // zstd's
  unsigned compression_threads = 2;
  snapshot_progress_function progress;
  std::stop_token stop;  // asked between entries and between blocks of a file: snapshot_cancelled
};

struct archived {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // of file content
  std::uint64_t archive_bytes = 0;
  std::string sha256;                      // of the archive, 64 hex digits
  std::string file_list_sha256;            // of the list of files
  std::vector<snapshot_finding> findings;  // the first 1000
  std::uint64_t finding_count = 0;
};

/// Archives everything beneath `source` with type, mode, numeric owner, nanosecond mtime, extended attributes, ACLs,
/// hard links, holes and names byte for byte. Follows no symlink, leaves `source` by no race, crosses no mount, opens
/// nothing but regular files and directories. Both files appear under their names only when complete and synced.
/// Throws file_error (out_of_space() when the disk is full) and snapshot_error; neither file is there then.
archived archive_volume(const std::filesystem::path& source, const std::filesystem::path& archive,
                        const std::filesystem::path& file_list, const archive_options& options);

/// What an archive has to be.
struct expected_archive {
  expected_archive() = default;
  std::string volume;  // for messages
  std::filesystem::path archive;
  std::string sha256;
  std::filesystem::path file_list;
  std::string file_list_sha256;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

struct verification {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> problems;  // sentences; the first 20
  bool good() const { return problems.empty(); }
};

/// Reads every byte back: the hash of both files, every entry's path, type, size and content hash against the list,
/// their number. Problems are a value; only snapshot_cancelled is thrown.
verification verify_archive(const expected_archive& expected, const archive_options& options);

struct restored {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::vector<snapshot_finding> findings;  // attributes that this file system or user could not set
};

/// Replaces the whole content of `target` (an existing directory, itself kept): the archive is verified first and
/// nothing is touched when it is not good; then wiped, filled, synced and read back against the list of files, nothing
/// missing and nothing more. Killed or failed at any point, calling it again starts from the wipe. Refuses a target
/// with a mount beneath it. Throws snapshot_error or file_error.
restored restore_volume(const expected_archive& expected, const std::filesystem::path& target,
                        const archive_options& options);

/// What archiving `source` would have to read.
struct source_size {
  std::uint64_t bytes = 0;  // allocated on disk (holes not counted)
  std::uint64_t inodes = 0;
};
source_size measure_volume(const std::filesystem::path& source, std::stop_token stop = {});

}  // namespace orchestration
