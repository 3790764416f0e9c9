#include "tests/explore/watched_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "orchestration/files/descriptor.hpp"

namespace orchestration::explore {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_size = 4096;  // SQLite's pages, of which most are as they were

[[noreturn]] void failed(const std::string& what, const std::string& path) {
  throw std::runtime_error("explorer: cannot " + what + " " + path + ": " +
                           std::error_code(errno, std::generic_category()).message());
}

std::string content_of(const std::string& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) failed("read", path);
  struct stat about {};
  if (::fstat(file.get(), &about) != 0) failed("read", path);
  std::string out(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t at = 0;
  while (at < out.size()) {
    const ssize_t got = ::read(file.get(), out.data() + at, out.size() - at);
    if (got <= 0) failed("read", path);
    at += static_cast<std::size_t>(got);
  }
  return out;
}

std::string target_of(const std::string& path) {
  char text[4096];
  const ssize_t length = ::readlink(path.c_str(), text, sizeof text);
  if (length < 0) failed("read", path);
  return {text, static_cast<std::size_t>(length)};
}

kept_file::kind kind_of(const struct stat& about) {
  if (S_ISDIR(about.st_mode)) return kept_file::kind::directory;
  return S_ISLNK(about.st_mode) ? kept_file::kind::link : kept_file::kind::file;
}

std::vector<std::string> names_in(const std::string& path) {
  DIR* opened = ::opendir(path.c_str());
  if (opened == nullptr) failed("list", path);
  std::vector<std::string> out;
  while (const dirent* one = ::readdir(opened)) {
    const std::string name = one->d_name;
    if (name != "." && name != "..") out.push_back(name);
  }
  ::closedir(opened);
  return out;
}

void write_anew(const std::string& path, const kept_file& kept) {
  const descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kept.mode & 07777));
  if (!file) failed("write", path);
  for (const auto& block : kept.blocks)
    if (::write(file.get(), block->data(), block->size()) != static_cast<ssize_t>(block->size())) failed("write", path);
  ::fchmod(file.get(), kept.mode & 07777);
}

}  // namespace

watched_tree::watched_tree(std::vector<fs::path> roots, std::function<counts(const std::string&)> how)
    : how_(std::move(how)), events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (events_ < 0) failed("watch", "anything");
  for (const fs::path& root : roots) {
    roots_.push_back(root.string());
    scan(root.string());
  }
}

watched_tree::~watched_tree() { ::close(events_); }

void watched_tree::watch(const std::string& path) {
  constexpr std::uint32_t what =
      IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
  const int id = ::inotify_add_watch(events_, path.c_str(), what);
  if (id < 0) failed("watch", path);
  watches_[id] = path;
  watch_of_[path] = id;
}

void watched_tree::take_events() {
  alignas(inotify_event) char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(events_, buffer, sizeof buffer);
    if (got <= 0) return;
    for (ssize_t at = 0; at < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      if ((event->mask & IN_Q_OVERFLOW) != 0) throw std::runtime_error("explorer: inotify lost events");
      const auto found = watches_.find(event->wd);
      if (found == watches_.end()) continue;
      const std::string name = event->len == 0 ? "" : event->name;
      if (how_(found->second + "/" + name) == counts::never) continue;
      changed_.insert(found->second);
    }
  }
}

watched_tree::entry watched_tree::look_at(const std::string& path) const {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) failed("look at", path);
  entry out;
  out.what = kind_of(about);
  out.number = about.st_ino;
  out.content = digest_of(path).add(about.st_mode);
  if (out.what == kept_file::kind::file && how_(path) == counts::whole) out.content.add(content_of(path));
  if (out.what == kept_file::kind::link) out.content.add(target_of(path));
  return out;
}

void watched_tree::scan(const std::string& path) {
  if (!watch_of_.contains(path)) watch(path);
  directory& known = directories_[path];
  directory now;
  for (const std::string& name : names_in(path)) {
    const std::string full = path + "/" + name;
    if (how_(full) == counts::never) continue;
    const entry is = now[name] = look_at(full);
    if (is.what != kept_file::kind::directory) continue;
    const auto was = known.find(name);
    if (was != known.end() && was->second.number != is.number) forget(full);
    if (!directories_.contains(full)) scan(full);
  }
  for (const auto& [name, was] : known) {
    total_ -= was.content;
    const auto still = now.find(name);
    const bool is_gone = still == now.end() || still->second.what != kept_file::kind::directory;
    if (was.what == kept_file::kind::directory && is_gone) forget(path + "/" + name);
  }
  for (const auto& [name, is] : now) total_ += is.content;
  directories_[path] = std::move(now);
}

void watched_tree::forget(const std::string& path) {
  const auto found = directories_.find(path);
  if (found == directories_.end()) return;
  const directory was = std::move(found->second);
  directories_.erase(found);
  for (const auto& [name, one] : was) {
    total_ -= one.content;
    if (one.what == kept_file::kind::directory) forget(path + "/" + name);
  }
  const int id = watch_of_.at(path);
  ::inotify_rm_watch(events_, id);  // fails when the directory itself is gone
  watch_of_.erase(path);
  watches_.erase(id);
}

digest watched_tree::content() {
  for (take_events(); !changed_.empty(); take_events()) {
    const std::set<std::string> changed = std::move(changed_);
    changed_.clear();
    for (const std::string& path : changed) {
      if (!directories_.contains(path)) continue;
      struct stat about {};
      if (::lstat(path.c_str(), &about) != 0) continue;  // its parent says so
      scan(path);
    }
  }
  return total_;
}

// ---- keeping ----------------------------------------------------------------------------------------------------

std::shared_ptr<const std::string> watched_tree::shared(std::string block) {
  std::weak_ptr<const std::string>& known = blocks_[digest_of(block)];
  if (auto same = known.lock()) return same;
  const auto made = std::make_shared<const std::string>(std::move(block));
  known = made;
  return made;
}

kept_file watched_tree::read(const std::string& path, kept_file::kind what) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0) failed("look at", path);
  kept_file out;
  out.what = what;
  out.mode = about.st_mode;
  out.modified = about.st_mtim;
  if (what == kept_file::kind::directory) return out;
  const std::string content = what == kept_file::kind::link ? target_of(path) : content_of(path);
  for (std::size_t at = 0; at < content.size(); at += block_size) {
    out.blocks.push_back(shared(content.substr(at, block_size)));
    out.content.add(digest_of(*out.blocks.back()));
  }
  return out;
}

kept_tree watched_tree::keep() {
  kept_tree out;
  const std::function<void(const std::string&)> take = [&](const std::string& path) {
    for (const std::string& name : names_in(path)) {
      const std::string full = path + "/" + name;
      struct stat about {};
      if (::lstat(full.c_str(), &about) != 0) failed("look at", full);
      out[full] = read(full, kind_of(about));
      if (S_ISDIR(about.st_mode)) take(full);
    }
  };
  for (const std::string& root : roots_) take(root);
  return out;
}

void watched_tree::put_back(const kept_tree& kept) {
  const std::function<void(const std::string&)> clear = [&](const std::string& path) {
    for (const std::string& name : names_in(path)) {
      const std::string full = path + "/" + name;
      struct stat about {};
      if (::lstat(full.c_str(), &about) != 0) failed("look at", full);
      const auto wanted = kept.find(full);
      const bool fits = wanted != kept.end() && wanted->second.what == kind_of(about);
      if (S_ISDIR(about.st_mode)) clear(full);
      if (fits && S_ISDIR(about.st_mode)) continue;
      if (::remove(full.c_str()) != 0) failed("remove", full);
    }
  };
  for (const std::string& root : roots_) clear(root);
  for (const auto& [path, one] : kept) {
    if (one.what == kept_file::kind::directory && ::mkdir(path.c_str(), one.mode & 07777) != 0 && errno != EEXIST)
      failed("make", path);
    if (one.what == kept_file::kind::directory) ::chmod(path.c_str(), one.mode & 07777);
    if (one.what == kept_file::kind::file) write_anew(path, one);
    if (one.what == kept_file::kind::link && ::symlink(one.blocks.at(0)->c_str(), path.c_str()) != 0)
      failed("make", path);
  }
  for (auto at = kept.rbegin(); at != kept.rend(); ++at) {  // a directory after what was made in it
    const timespec times[2] = {{0, UTIME_OMIT}, at->second.modified};
    ::utimensat(AT_FDCWD, at->first.c_str(), times, AT_SYMLINK_NOFOLLOW);
  }
}

}  // namespace orchestration::explore
