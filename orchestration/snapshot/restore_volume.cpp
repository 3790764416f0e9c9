// restore_volume() of volume_archive.hpp.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <fstream>
#include <optional>

#include "orchestration/files/failpoint.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/beneath.hpp"
#include "orchestration/snapshot/checked_archive.hpp"
#include "orchestration/snapshot/extract.hpp"
#include "orchestration/snapshot/tree_walk.hpp"
#include "orchestration/snapshot/utf8.hpp"
#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using stage = snapshot_progress::stage;

// The kernel writes space, tab, newline and backslash in /proc/self/mountinfo as three octal digits.
std::string without_octal(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string mount_point_of(const std::string& line) {
  std::size_t at = 0;
  for (int field = 0; field < 4; ++field) at = line.find(' ', at) + 1;
  return without_octal(line.substr(at, line.find(' ', at) - at));
}

std::string real_path(int directory, const fs::path& named) {
  std::array<char, PATH_MAX> out{};
  const ssize_t got = ::readlink(path_of_descriptor(directory).c_str(), out.data(), out.size());
  if (got < 0) throw file_error("restore into", named, errno);
  return {out.data(), static_cast<std::size_t>(got)};
}

// Before anything is wiped: a mount in the way could be neither removed nor replaced.
void refuse_mounts_beneath(int root, const fs::path& target) {
  const std::string prefix = real_path(root, target) + "/";
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const std::string point = mount_point_of(line);
    if (point.starts_with(prefix))
      throw snapshot_error("cannot restore into " + target.string() + ": " + printable(point) +
                           " is mounted beneath it; unmount it first");
  }
}

void wipe(int root, const fs::path& target, const archive_options& options) {
  progress_meter meter(options, stage::wiping);
  const auto remove = [&](int parent, const char* name, int flags, const std::string& path) {
    if (::unlinkat(parent, name, flags) != 0 && errno != ENOENT) throw file_error("remove", target / path, errno);
    meter.entry(path);
  };
  tree_visit visit;
  visit.enter = [&](const tree_node& node) {
    if (!S_ISDIR(node.status.st_mode)) remove(node.parent, node.name, 0, node.path);
  };
  visit.leave = [&](const std::string& path, int parent, const char* name) {
    remove(parent, name, AT_REMOVEDIR, path);
  };
  visit.unreachable = [&](const std::string& path, int error) {
    if (error != ENOENT) throw file_error("remove", target / path, error);
  };
  walk_tree(root, visit, options.stop);
}

void fill(int root, const expected_archive& expected, const fs::path& target, const archive_options& options,
          finding_list& findings) {
  checked_archive archive(expected, options, stage::restoring);
  extractor extract(root, target.string(), findings);
  while (archive.next()) {
    extract.begin(archive.entry());
    archive.content([&](const tar_reader::block& block) { extract.write(block.offset, block.bytes); });
    extract.end();
  }
  extract.finish();
}

// --- what stands there now, against the list of files ----------------------------------------------------------

[[noreturn]] void not_proven(const std::string& path, const std::string& what) {
  throw snapshot_error("restored, but " + printable(path.empty() ? "the volume's root" : path) + " " + what);
}

mode_t file_type(entry_type type) {
  switch (type) {
    case entry_type::directory:
      return S_IFDIR;
    case entry_type::symlink:
      return S_IFLNK;
    case entry_type::fifo:
      return S_IFIFO;
    case entry_type::character_device:
      return S_IFCHR;
    case entry_type::block_device:
      return S_IFBLK;
    case entry_type::file:
    case entry_type::hard_link:
      return S_IFREG;
  }
  return 0;
}

class proof {
 public:
  proof(int root, const archive_options& options)
      : root_(root), options_(options), meter_(options, stage::proving), block_(256 * 1024, '\0') {}

  restored run(const expected_archive& expected) {
    file_list_reader list(expected.file_list);
    for (file_record record; list.next(record);) {
      meter_.check_stop();
      check(record);
      meter_.entry(record.path);
    }
    check_nothing_more();
    restored out;
    out.entries = meter_.entries();
    out.bytes = meter_.bytes();
    return out;
  }

 private:
  void check(const file_record& record) {
    const descriptor node = open_beneath(root_, record.path, O_PATH | O_NOFOLLOW);
    struct stat status {};
    if (!node || ::fstat(node.get(), &status) != 0) not_proven(record.path, "is missing");
    if (record.type == entry_type::hard_link) return check_link(record, status);
    if ((status.st_mode & S_IFMT) != file_type(record.type)) not_proven(record.path, "is of another type");
    if (status.st_uid != record.user || status.st_gid != record.group) not_proven(record.path, "has another owner");
    if (record.type != entry_type::symlink && (status.st_mode & 07777) != record.mode)
      not_proven(record.path, "has another mode");
    if (status.st_mtim.tv_sec != record.mtime || status.st_mtim.tv_nsec != static_cast<long>(record.mtime_ns))
      not_proven(record.path, "has another time");
    if (record.type == entry_type::file) check_content(record, node.get(), status);
  }

  void check_link(const file_record& record, const struct stat& status) {
    const descriptor first = open_beneath(root_, record.target, O_PATH | O_NOFOLLOW);
    struct stat other {};
    if (!first || ::fstat(first.get(), &other) != 0 || other.st_ino != status.st_ino || other.st_dev != status.st_dev)
      not_proven(record.path, "is no link to " + printable(record.target));
  }

  void check_content(const file_record& record, int node, const struct stat& status) {
    if (static_cast<std::uint64_t>(status.st_size) != record.size) not_proven(record.path, "has another size");
    const descriptor file = open_file(path_of_descriptor(node), O_RDONLY);
    if (!file) throw file_error("read back", record.path, errno);
    content_hash hash;
    for (std::uint64_t at = 0; at < record.size;) {
      const off_t data = ::lseek(file.get(), static_cast<off_t>(at), SEEK_DATA);
      if (data < 0 && errno == ENXIO) break;
      at = data < 0 ? at : static_cast<std::uint64_t>(data);
      const auto read = [&] { return ::pread(file.get(), block_.data(), block_.size(), static_cast<off_t>(at)); };
      const ssize_t got = uninterrupted(read);
      if (got < 0) throw file_error("read back", record.path, errno);
      if (got == 0) break;
      hash.piece(at, {block_.data(), static_cast<std::size_t>(got)});
      at += static_cast<std::uint64_t>(got);
      meter_.bytes(static_cast<std::uint64_t>(got));
    }
    if (hash.hex(record.size) != record.content_sha256) not_proven(record.path, "has another content");
  }

  void check_nothing_more() {
    std::uint64_t found = 0;
    tree_visit visit;
    visit.enter = [&](const tree_node&) { ++found; };
    walk_tree(root_, visit, options_.stop);
    if (found != meter_.entries())
      throw snapshot_error("restored, but the volume has " + std::to_string(found) + " entries instead of " +
                           std::to_string(meter_.entries()));
  }

  int root_;
  const archive_options& options_;
  progress_meter meter_;
  std::string block_;
};

}  // namespace

restored restore_volume(const expected_archive& expected, const fs::path& target, const archive_options& options) {
  const verification verified = verify_archive(expected, options);
  if (!verified.good())
    throw snapshot_error("the archive of " + expected.volume +
                         " cannot be used, so nothing was changed: " + verified.problems.front());
  const descriptor root = open_file(target, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!root) throw file_error("restore into", target, errno);
  refuse_mounts_beneath(root.get(), target);
  const std::string point = "restore:" + expected.volume;
  failpoint(point + ":verified");
  wipe(root.get(), target, options);
  failpoint(point + ":wiped");
  finding_list findings;
  fill(root.get(), expected, target, options, findings);
  failpoint(point + ":filled");
  if (::syncfs(root.get()) != 0) throw file_error("sync", target, errno);
  failpoint(point + ":synced");
  restored out = proof(root.get(), options).run(expected);
  out.bytes = verified.bytes;
  out.findings = findings.take();
  return out;
}

}  // namespace orchestration
