// archive_volume() and measure_volume() of volume_archive.hpp.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/attributes.hpp"
#include "orchestration/snapshot/beneath.hpp"
#include "orchestration/snapshot/file_list.hpp"
#include "orchestration/snapshot/finding_list.hpp"
#include "orchestration/snapshot/progress_meter.hpp"
#include "orchestration/snapshot/sha256.hpp"
#include "orchestration/snapshot/tree_walk.hpp"
#include "orchestration/snapshot/volume_archive.hpp"
#include "orchestration/snapshot/zstd_stream.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using finding = snapshot_finding::kind;

constexpr std::size_t block_size = 256 * 1024;
// A file in more pieces than this is stored without its holes: the map of pieces has to fit in memory.
constexpr std::size_t most_extents = 10000;

descriptor open_root(const fs::path& source) {
  descriptor root = open_file(source, O_RDONLY | O_DIRECTORY);
  if (!root) throw file_error("archive", source, errno);
  return root;
}

entry_type type_of(const struct stat& status) {
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR:
      return entry_type::directory;
    case S_IFLNK:
      return entry_type::symlink;
    case S_IFIFO:
      return entry_type::fifo;
    case S_IFCHR:
      return entry_type::character_device;
    case S_IFBLK:
      return entry_type::block_device;
    default:
      return entry_type::file;
  }
}

// Where the file has data. nullopt: everywhere, or the file system cannot say.
std::optional<std::vector<extent>> data_extents(int file, const struct stat& status) {
  if (status.st_blocks * 512 >= status.st_size) return std::nullopt;
  std::vector<extent> out;
  for (off_t at = 0; at < status.st_size;) {
    const off_t data = ::lseek(file, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return out;  // only a hole is left
    if (data < 0 || out.size() == most_extents) return std::nullopt;
    off_t hole = ::lseek(file, data, SEEK_HOLE);
    if (hole < 0) return std::nullopt;
    hole = std::min(hole, status.st_size);  // a file that grows meanwhile
    if (data >= hole) return out;
    out.push_back({static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole - data)});
    at = hole;
  }
  return out;
}

bool same_state(const struct stat& a, const struct stat& b) {
  const auto same_time = [](const timespec& x, const timespec& y) {
    return x.tv_sec == y.tv_sec && x.tv_nsec == y.tv_nsec;
  };
  return a.st_size == b.st_size && same_time(a.st_mtim, b.st_mtim) && same_time(a.st_ctim, b.st_ctim);
}

file_record record_of(const tar_entry& entry, std::uint32_t mode) {
  file_record out;
  out.path = entry.path;
  out.type = entry.type;
  out.mode = mode;
  out.user = entry.user;
  out.group = entry.group;
  out.mtime = entry.mtime;
  out.mtime_ns = entry.mtime_ns;
  out.size = entry.size;
  out.target = entry.target;
  return out;
}

class volume_archiver {
 public:
  volume_archiver(const fs::path& source, const fs::path& archive, const fs::path& list, const archive_options& options)
      : source_(source),
        root_(open_root(source)),
        archive_(archive),
        list_(list),
        compressed_([this](std::string_view bytes) { keep(bytes); }, options.compression_level,
                    options.compression_threads),
        tar_([this](std::string_view bytes) { compressed_.write(bytes); }),
        meter_(options, snapshot_progress::stage::archiving),
        stop_(options.stop),
        block_(block_size, '\0') {}

  archived run() {
    tree_visit visit;
    visit.enter = [this](const tree_node& node) { add(node); };
    visit.unreachable = [this](const std::string& path, int error) { unreachable(path, error); };
    walk_tree(root_.get(), visit, stop_);
    if (meter_.entries() == 0) throw file_error("archive", source_, EIO, "its root could not be read");
    tar_.finish();
    compressed_.finish();
    archived out;
    out.file_list_sha256 = list_.commit();
    archive_.commit();
    out.entries = meter_.entries();
    out.bytes = meter_.bytes();
    out.archive_bytes = archive_bytes_;
    out.sha256 = hash_.hex();
    out.finding_count = findings_.count();
    out.findings = findings_.take();
    return out;
  }

 private:
  void keep(std::string_view bytes) {
    hash_.update(bytes);
    archive_bytes_ += bytes.size();
    archive_.write(bytes);
  }

  void add(const tree_node& node) {
    if (S_ISSOCK(node.status.st_mode))
      return findings_.add(finding::socket, node.path, "a socket means nothing without its process: not archived");
    tar_entry entry;
    entry.path = node.path;
    entry.type = type_of(node.status);
    if (add_as_hard_link(node, entry)) return;
    if (entry.type == entry_type::file) return add_file(node, entry);
    if (entry.type == entry_type::symlink) entry.target = target_of(node);
    if (entry.type == entry_type::character_device || entry.type == entry_type::block_device) {
      entry.device_major = major(node.status.st_rdev);
      entry.device_minor = minor(node.status.st_rdev);
    }
    describe(node.node, node.status, entry);
    put(entry, node.status, {});
  }

  void describe(int node, const struct stat& status, tar_entry& entry) {
    read_attributes(node, status, entry,
                    [&](const std::string& text) { findings_.add(finding::attribute, entry.path, text); });
  }

  void put(const tar_entry& entry, const struct stat& status, std::string content_sha256) {
    if (entry.type != entry_type::file) tar_.begin(entry);
    file_record record = record_of(entry, status.st_mode & 07777);
    record.content_sha256 = std::move(content_sha256);
    list_.add(record);
    meter_.entry(entry.path);
    remember_links(entry, status);
  }

  // Only files with other names still to come are remembered.
  struct first_name {
    std::string path;
    nlink_t to_come = 0;
  };

  void remember_links(const tar_entry& entry, const struct stat& status) {
    if (status.st_nlink < 2 || entry.type == entry_type::directory || entry.type == entry_type::hard_link) return;
    links_.emplace(std::pair(status.st_dev, status.st_ino), first_name{entry.path, status.st_nlink - 1});
  }

  bool add_as_hard_link(const tree_node& node, tar_entry& entry) {
    if (node.status.st_nlink < 2 || entry.type == entry_type::directory) return false;
    const auto first = links_.find({node.status.st_dev, node.status.st_ino});
    if (first == links_.end()) return false;
    entry.type = entry_type::hard_link;
    entry.target = first->second.path;
    if (--first->second.to_come == 0) links_.erase(first);
    entry.mode = node.status.st_mode & 07777;
    entry.user = node.status.st_uid;
    entry.group = node.status.st_gid;
    entry.mtime = node.status.st_mtim.tv_sec;
    entry.mtime_ns = static_cast<std::uint32_t>(node.status.st_mtim.tv_nsec);
    put(entry, node.status, {});
    return true;
  }

  std::string target_of(const tree_node& node) {
    std::string out(PATH_MAX, '\0');
    const ssize_t got = ::readlinkat(node.node, "", out.data(), out.size());
    if (got < 0) throw file_error("read the symlink", source_ / node.path, errno);
    out.resize(static_cast<std::size_t>(got));
    return out;
  }

  // Through the descriptor that was looked at, so that nothing put in its place meanwhile is ever opened.
  static descriptor reopen(int node) {
    const std::string object = path_of_descriptor(node);
    constexpr int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    descriptor out = open_file(object, flags | O_NOATIME);
    if (!out && errno == EPERM) out = open_file(object, flags);  // only the owner may spare the atime
    return out;
  }

  void add_file(const tree_node& node, tar_entry& entry) {
    const descriptor file = reopen(node.node);
    struct stat before {};
    if (!file || ::fstat(file.get(), &before) != 0) return unreachable(node.path, errno);
    entry.size = static_cast<std::uint64_t>(before.st_size);
    if (std::optional<std::vector<extent>> extents = data_extents(file.get(), before)) {
      entry.sparse = true;
      entry.extents = std::move(*extents);
    }
    describe(file.get(), before, entry);
    tar_.begin(entry);
    meter_.working_on(entry.path);
    std::string sha = copy_content(file.get(), entry);
    struct stat after {};
    if (::fstat(file.get(), &after) != 0 || !same_state(before, after))
      findings_.add(finding::changed, entry.path, "it changed while it was read");
    put(entry, before, std::move(sha));
  }

  std::string copy_content(int file, const tar_entry& entry) {
    sha256 content;
    if (!entry.sparse) {
      copy_piece(file, {0, entry.size}, entry, content);
      return content.hex();
    }
    std::uint64_t at = 0;
    for (const extent& piece : entry.extents) {
      pass_hole(piece.offset - at, content);
      copy_piece(file, piece, entry, content);
      at = piece.offset + piece.length;
    }
    pass_hole(entry.size - at, content);
    return content.hex();
  }

  void pass_hole(std::uint64_t length, sha256& content) {
    if (length == 0) return;
    tar_.skip(length);
    std::fill(block_.begin(), block_.end(), '\0');
    for (std::uint64_t left = length; left > 0;) {
      const std::uint64_t part = std::min<std::uint64_t>(left, block_.size());
      content.update({block_.data(), part});
      meter_.bytes(part);
      left -= part;
    }
  }

  void copy_piece(int file, extent piece, const tar_entry& entry, sha256& content) {
    while (piece.length > 0) {
      const std::size_t want = std::min<std::uint64_t>(piece.length, block_.size());
      const ssize_t got =
          uninterrupted([&] { return ::pread(file, block_.data(), want, static_cast<off_t>(piece.offset)); });
      if (got < 0) throw file_error("read", source_ / entry.path, errno);
      // It was cut short meanwhile (the finding says so). Tar has announced a size, so the rest is zeros.
      if (got == 0) return pass_as_zeros(piece.length, content);
      const std::string_view bytes(block_.data(), static_cast<std::size_t>(got));
      content.update(bytes);
      tar_.write(bytes);
      meter_.bytes(bytes.size());
      piece.offset += bytes.size();
      piece.length -= bytes.size();
    }
  }

  void pass_as_zeros(std::uint64_t length, sha256& content) { pass_hole(length, content); }

  void unreachable(const std::string& path, int error) {
    const std::string reason = std::generic_category().message(error);
    if (path.empty()) throw file_error("archive", source_, error);
    if (error == EXDEV)
      findings_.add(finding::mount_point, path, "another file system is mounted here: not archived");
    else if (error == ENOENT)
      findings_.add(finding::vanished, path, "it vanished while the volume was read");
    else if (error == EACCES || error == EPERM)
      findings_.add(finding::unreadable, path, reason);
    else
      throw file_error("read", source_ / path, error);
  }

  fs::path source_;
  descriptor root_;
  durable_file archive_;
  file_list_writer list_;
  sha256 hash_;
  std::uint64_t archive_bytes_ = 0;
  zstd_compressor compressed_;
  tar_writer tar_;
  progress_meter meter_;
  std::stop_token stop_;
  finding_list findings_;
  std::map<std::pair<dev_t, ino_t>, first_name> links_;
  std::string block_;
};

}  // namespace

archived archive_volume(const fs::path& source, const fs::path& archive, const fs::path& file_list,
                        const archive_options& options) {
  try {
    return volume_archiver(source, archive, file_list, options).run();
  } catch (...) {
    std::error_code ignored;  // the list is committed before the archive
    if (!fs::exists(archive, ignored)) fs::remove(file_list, ignored);
    throw;
  }
}

source_size measure_volume(const fs::path& source, std::stop_token stop) {
  const descriptor root = open_root(source);
  source_size out;
  tree_visit visit;
  visit.enter = [&](const tree_node& node) {
    ++out.inodes;
    out.bytes += static_cast<std::uint64_t>(node.status.st_blocks) * 512;
  };
  walk_tree(root.get(), visit, std::move(stop));
  return out;
}

}  // namespace orchestration
