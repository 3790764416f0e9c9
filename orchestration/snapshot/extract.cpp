#include "orchestration/snapshot/extract.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/attributes.hpp"
#include "orchestration/snapshot/beneath.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/utf8.hpp"

namespace orchestration {
namespace {

constexpr std::size_t most_open = 64;
constexpr std::size_t most_depth = 100000;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw snapshot_error("the archive's entry " + printable(path) + " is refused: " + why);
}

bool plain_name(std::string_view name) { return !name.empty() && name != "." && name != ".."; }

bool plain_path(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    if (!plain_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

mode_t node_type(entry_type type) {
  if (type == entry_type::fifo) return S_IFIFO;
  return type == entry_type::block_device ? S_IFBLK : S_IFCHR;
}

}  // namespace

extractor::extractor(int root, std::string place, finding_list& findings)
    : root_(root), place_(std::move(place)), findings_(findings) {}

void extractor::check_name(const std::string& path) const {
  if (!plain_path(path)) refuse(path, "its name is absolute or leaves the volume");
}

void extractor::begin(const tar_entry& entry) {
  now_ = entry;
  file_.close();
  if (entry.path.empty()) {
    if (!way_.empty() || entry.type != entry_type::directory) refuse(".", "the root is there already");
    way_.push_back({entry, open_beneath(root_, "", O_RDONLY | O_DIRECTORY)});
    return;
  }
  check_name(entry.path);
  const auto [directory, name] = split_path(entry.path);
  leave_until(directory);
  if (entry.type == entry_type::directory) return make_directory(std::string(name));
  if (entry.type == entry_type::hard_link) return make_hard_link(std::string(name));
  make_node(std::string(name));
}

void extractor::leave_until(std::string_view directory) {
  while (way_.size() > 1 && way_.back().entry.path != directory) leave();
  if (way_.empty() || way_.back().entry.path != directory)
    refuse(now_.path, "no directory of this archive stands open for it");
}

void extractor::leave() {
  const int directory = directory_of(way_.size() - 1);
  set(directory, way_.back().entry);
  way_.pop_back();
}

int extractor::directory_of(std::size_t depth) {
  open_directory& at = way_[depth];
  if (!at.directory) at.directory = open_beneath(root_, at.entry.path, O_RDONLY | O_DIRECTORY);
  if (!at.directory) throw file_error("open", full(at.entry.path), errno);
  return at.directory.get();
}

void extractor::make_directory(const std::string& name) {
  if (way_.size() > most_depth) refuse(now_.path, "too deep");
  const int parent = directory_of(way_.size() - 1);
  // Closed to others until its own mode is set.
  if (::mkdirat(parent, name.c_str(), 0700) != 0) throw file_error("make the directory", full(now_.path), errno);
  descriptor made = open_beneath(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!made) throw file_error("open", full(now_.path), errno);
  way_.push_back({now_, std::move(made)});
  if (way_.size() > most_open) way_[way_.size() - 1 - most_open].directory.close();
}

void extractor::make_node(const std::string& name) {
  const int parent = directory_of(way_.size() - 1);
  const bool is_file = now_.type == entry_type::file;
  int result = 0;
  if (is_file) {
    file_ = open_at(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    result = file_ ? 0 : -1;
  } else if (now_.type == entry_type::symlink) {
    result = ::symlinkat(now_.target.c_str(), parent, name.c_str());
  } else {
    result =
        ::mknodat(parent, name.c_str(), node_type(now_.type) | 0600, makedev(now_.device_major, now_.device_minor));
  }
  if (result != 0) throw file_error("make", full(now_.path), errno);
  if (!is_file) file_ = open_beneath(parent, name, O_PATH | O_NOFOLLOW);
  if (!file_) throw file_error("open", full(now_.path), errno);
}

void extractor::make_hard_link(const std::string& name) {
  if (!plain_path(now_.target)) refuse(now_.path, "it is a hard link that leaves the volume");
  const auto [directory, first] = split_path(now_.target);
  const descriptor holder = open_beneath(root_, directory, O_PATH | O_DIRECTORY);
  const int parent = directory_of(way_.size() - 1);
  // Without AT_SYMLINK_FOLLOW: a link to a symlink, never to what it points at.
  if (!holder || ::linkat(holder.get(), std::string(first).c_str(), parent, name.c_str(), 0) != 0)
    throw file_error("link", full(now_.path), errno);
}

void extractor::write(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        uninterrupted([&] { return ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (written < 0) throw file_error("write", full(now_.path), errno);
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void extractor::end() {
  if (now_.type == entry_type::directory || now_.type == entry_type::hard_link) return;
  if (now_.type == entry_type::file &&
      uninterrupted([&] { return ::ftruncate(file_.get(), static_cast<off_t>(now_.size)); }) != 0)
    throw file_error("write", full(now_.path), errno);
  set(file_.get(), now_);
  file_.close();
}

void extractor::set(int node, const tar_entry& entry) {
  set_attributes(node, entry, full(entry.path),
                 [&](const std::string& text) { findings_.add(snapshot_finding::kind::attribute, entry.path, text); });
}

void extractor::finish() {
  if (way_.empty()) throw snapshot_error("the archive has no root");
  while (!way_.empty()) leave();
}

}  // namespace orchestration
