// A look at a SQLite database that somebody else holds exclusively.
//
// A writer with locking_mode=EXCLUSIVE turns every other connection away, and without -shm there is nothing to share.
// But the two files are enough: the database, and the write-ahead log whose committed frames lie over it
// (https://www.sqlite.org/fileformat2.html#walformat). They are read without a lock, and read again when the writer
// began the log anew or wrote into the database meanwhile.
#pragma once

#include <filesystem>
#include <string>

namespace orchestration {

struct database_image {
  std::string bytes;     // a whole database in rollback mode: for sqlite3_deserialize()
  bool uses_wal = true;  // false: the file is in rollback mode; `bytes` is empty, SQLite's own locks are needed
};

/// Every transaction that was committed before the call, whole; of those committed during the call, a prefix. Changes
/// nothing. Throws file_error when a file cannot be read, or did not keep still for long enough.
///
/// POSIX locks belong to the process: reading closes descriptors of the files, which frees the locks that a store of
/// this very process holds on them.
database_image read_database_image(const std::filesystem::path& database);

/// `database` with the committed frames of `log` laid over it. The log ends where a checksum or salt does not fit,
/// as SQLite's own recovery has it; a log that fits nowhere changes nothing.
std::string apply_write_ahead_log(std::string database, const std::string& log);

}  // namespace orchestration
