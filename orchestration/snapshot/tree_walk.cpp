#include "orchestration/snapshot/tree_walk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <vector>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/snapshot/beneath.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {
namespace {

constexpr std::size_t most_open = 64;

// The names of one directory, packed: a directory of a million files costs 30 MB, not 100.
struct names {
  struct place {
    std::uint64_t inode;
    std::uint32_t offset;
  };
  std::vector<place> places;
  std::string text;  // each ends with NUL

  const char* at(std::size_t i) const { return text.c_str() + places[i].offset; }
};

int list(int directory, names& out) {
  alignas(dirent64) static thread_local char block[65536];
  while (true) {
    const ssize_t got = ::getdents64(directory, block, sizeof block);
    if (got < 0) return errno;
    if (got == 0) break;
    for (ssize_t at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(block + at);
      at += entry->d_reclen;
      const std::string_view name(entry->d_name);
      if (name == "." || name == "..") continue;
      out.places.push_back({entry->d_ino, static_cast<std::uint32_t>(out.text.size())});
      out.text.append(name).push_back('\0');
    }
  }
  std::sort(out.places.begin(), out.places.end(),
            [](const auto& a, const auto& b) { return a.inode != b.inode ? a.inode < b.inode : a.offset < b.offset; });
  return 0;
}

struct frame {
  descriptor directory;  // closed while deeper ones need the room
  std::size_t path_length = 0;
  dev_t device = 0;
  ino_t inode = 0;
  names content;
  std::size_t next = 0;
};

class walker {
 public:
  walker(int root, const tree_visit& visit, std::stop_token stop)
      : root_(root), visit_(visit), stop_(std::move(stop)) {}

  void run() {
    look("", -1);
    while (!frames_.empty()) step();
  }

 private:
  void step() {
    if (stop_.stop_requested()) throw snapshot_cancelled();
    frame& top = frames_.back();
    path_.resize(top.path_length);
    if (top.next == top.content.places.size() || !reopened(top)) return leave();
    const char* name = top.content.at(top.next++);
    if (!path_.empty()) path_.push_back('/');
    path_.append(name);
    look(name, top.directory.get());
  }

  void look(const char* name, int parent) {
    const descriptor node =
        parent < 0 ? open_beneath(root_, "", O_PATH | O_NOFOLLOW) : open_beneath(parent, name, O_PATH | O_NOFOLLOW);
    struct stat status {};
    if (!node || ::fstat(node.get(), &status) != 0) return unreachable(errno);
    visit_.enter(tree_node{path_, parent, name, node.get(), status});
    if (S_ISDIR(status.st_mode)) descend(node.get(), status);
  }

  void descend(int node, const struct stat& status) {
    frame next;
    next.directory = open_at(node, ".", O_RDONLY | O_DIRECTORY);
    const int error = next.directory ? list(next.directory.get(), next.content) : errno;
    if (error != 0) unreachable(error);
    next.path_length = path_.size();
    next.device = status.st_dev;
    next.inode = status.st_ino;
    frames_.push_back(std::move(next));
    if (frames_.size() > most_open) frames_[frames_.size() - 1 - most_open].directory.close();
  }

  bool reopened(frame& of) {
    if (of.directory) return true;
    of.directory = open_beneath(root_, path_, O_RDONLY | O_DIRECTORY);
    struct stat status {};
    if (of.directory && ::fstat(of.directory.get(), &status) == 0 && status.st_dev == of.device &&
        status.st_ino == of.inode)
      return true;
    unreachable(of.directory ? ENOENT : errno);
    return false;
  }

  void leave() {
    frames_.pop_back();
    if (!visit_.leave || frames_.empty() || !reopen_parent()) return;
    const std::string name(split_path(path_).second);
    visit_.leave(path_, frames_.back().directory.get(), name.c_str());
  }

  bool reopen_parent() {
    const std::string child = path_;
    path_.resize(frames_.back().path_length);
    const bool open = reopened(frames_.back());
    path_ = child;
    return open;
  }

  void unreachable(int error) {
    if (visit_.unreachable) visit_.unreachable(path_, error);
  }

  int root_;
  const tree_visit& visit_;
  std::stop_token stop_;
  std::string path_;
  std::vector<frame> frames_;
};

}  // namespace

void walk_tree(int root, const tree_visit& visit, std::stop_token stop) { walker(root, visit, std::move(stop)).run(); }

}  // namespace orchestration
