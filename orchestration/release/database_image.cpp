#include "orchestration/release/database_image.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/files/file_error.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

// Offsets of https://www.sqlite.org/fileformat2.html §1.3 and §4.1.
constexpr std::size_t database_header_size = 100;
constexpr std::size_t log_header_size = 32;
constexpr std::size_t frame_header_size = 24;
constexpr std::size_t write_version_offset = 18;  // 1: rollback journal, 2: WAL; the read version follows
constexpr std::uint32_t log_magic = 0x377f0682;   // the lowest bit: checksums over big-endian words

std::uint32_t big_endian(const char* at) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

std::uint32_t little_endian(const char* at) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

struct checksum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool words_are_big_endian = false;

  void add(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      first += word(bytes + i) + second;
      second += word(bytes + i + 4) + first;
    }
  }
  bool equals(const char* stored) const { return big_endian(stored) == first && big_endian(stored + 4) == second; }

 private:
  std::uint32_t word(const char* at) const { return words_are_big_endian ? big_endian(at) : little_endian(at); }
};

// The descriptor and what tells that its content was replaced while we read.
struct source {
  descriptor file;
  struct stat status {};

  explicit source(const fs::path& path) : file(open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) {
    if (!file && errno == ENOENT) return;
    if (!file || ::fstat(file.get(), &status) != 0) throw file_error("read", path, errno);
  }
};

std::string read_up_to(const source& from, const fs::path& path, std::size_t size) {
  std::string out(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = uninterrupted(
        [&] { return ::pread(from.file.get(), out.data() + filled, size - filled, static_cast<off_t>(filled)); });
    if (got < 0) throw file_error("read", path, errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  out.resize(filled);
  return out;
}

std::string read_whole(const source& from, const fs::path& path) {
  struct stat now {};
  if (::fstat(from.file.get(), &now) != 0) throw file_error("read", path, errno);
  return read_up_to(from, path, static_cast<std::size_t>(now.st_size));
}

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

bool untouched(const struct stat& a, const struct stat& b) {
  return same_file(a, b) && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

struct committed_frames {
  std::size_t page_size = 0;
  std::size_t count = 0;        // 0: none, or no log at all
  std::size_t pages_after = 0;  // of the database, once they lie over it
};

// Frames of a transaction count from the moment its last one is there: that one names the database's new size.
committed_frames find_committed(const std::string& log) {
  committed_frames found;
  if (log.size() < log_header_size || (big_endian(log.data()) & ~1U) != log_magic) return found;
  checksum sum;
  sum.words_are_big_endian = (big_endian(log.data()) & 1U) != 0;
  sum.add(log.data(), log_header_size - 8);
  found.page_size = big_endian(log.data() + 8);
  if (!sum.equals(log.data() + log_header_size - 8) || found.page_size < 512 || found.page_size > 65536) return found;

  const std::size_t frame_size = frame_header_size + found.page_size;
  std::size_t seen = 0;
  for (std::size_t at = log_header_size; at + frame_size <= log.size(); at += frame_size) {
    const char* header = log.data() + at;
    if (std::memcmp(header + 8, log.data() + 16, 8) != 0) break;  // salts: a frame of an earlier log
    sum.add(header, 8);
    sum.add(header + frame_header_size, found.page_size);
    if (!sum.equals(header + 16) || big_endian(header) == 0) break;
    ++seen;
    if (const std::uint32_t pages = big_endian(header + 4); pages != 0) {
      found.count = seen;
      found.pages_after = pages;
    }
  }
  return found;
}

// One try; nullopt: the writer moved pages from the log into the database, or began the log anew.
std::optional<database_image> try_read(const fs::path& database, const fs::path& log) {
  const source log_file(log);
  const source database_file(database);
  if (!database_file.file) throw file_error("read", database, ENOENT);
  const std::string log_header = log_file.file ? read_up_to(log_file, log, log_header_size) : std::string();

  database_image image;
  image.bytes = read_whole(database_file, database);
  image.uses_wal = image.bytes.size() < database_header_size || image.bytes[write_version_offset] != 1;
  if (!image.uses_wal) return database_image{{}, false};
  const std::string log_bytes = log_file.file ? read_whole(log_file, log) : std::string();

  const source log_after(log);
  const source database_after(database);
  if (!untouched(database_file.status, database_after.status)) return std::nullopt;
  if (static_cast<bool>(log_file.file) != static_cast<bool>(log_after.file)) return std::nullopt;
  if (log_file.file && !same_file(log_file.status, log_after.status)) return std::nullopt;
  if (log_file.file && read_up_to(log_after, log, log_header_size) != log_header) return std::nullopt;

  image.bytes = apply_write_ahead_log(std::move(image.bytes), log_bytes);
  return image;
}

}  // namespace

std::string apply_write_ahead_log(std::string database, const std::string& log) {
  if (database.size() < database_header_size) return database;
  // In memory there is no log beside it, so it must not ask for one.
  const auto in_rollback_mode = [](std::string bytes) {
    bytes.replace(write_version_offset, 2, 2, '\1');
    return bytes;
  };
  const committed_frames frames = find_committed(log);
  const std::size_t page_size = frames.page_size;
  // More pages than both files could hold: not a log of this database.
  if (frames.pages_after > database.size() / std::max<std::size_t>(page_size, 1) + frames.count)
    return in_rollback_mode(std::move(database));
  if (frames.count > 0) database.resize(frames.pages_after * page_size);
  for (std::size_t i = 0; i < frames.count; ++i) {
    const char* header = log.data() + log_header_size + i * (frame_header_size + page_size);
    const std::size_t page = big_endian(header) - 1;
    if (page < frames.pages_after)  // else it was freed again by a later transaction
      std::memcpy(database.data() + page * page_size, header + frame_header_size, page_size);
  }
  return in_rollback_mode(std::move(database));
}

database_image read_database_image(const fs::path& database) {
  fs::path log = database;
  log += "-wal";
  // A checkpoint comes every hundred pages and takes about a millisecond, as one reading does.
  constexpr int most_tries = 200;
  for (int i = 0; i < most_tries; ++i)
    if (std::optional<database_image> image = try_read(database, log)) return std::move(*image);
  throw file_error("read", database, EBUSY, "it is being written to without a pause; try again");
}

}  // namespace orchestration
