#include "tests/snapshot/picture.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/snapshot/sha256.hpp"

namespace orchestration::test {
namespace {

std::string hex(const std::string& bytes) {
  std::ostringstream out;
  for (const unsigned char byte : bytes) out << std::hex << static_cast<int>(byte) << '.';
  return out.str();
}

std::string attributes(const std::string& object) {
  std::string names(65536, '\0');
  const ssize_t size = ::listxattr(object.c_str(), names.data(), names.size());
  std::vector<std::string> lines;
  for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
    const std::string name(names.c_str() + at);
    at += name.size() + 1;
    std::string value(65536, '\0');
    const ssize_t got = ::getxattr(object.c_str(), name.c_str(), value.data(), value.size());
    value.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    lines.push_back(" " + name + "=" + hex(value));
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const std::string& line : lines) out += line;
  return out;
}

std::string content(const std::string& object) {
  const descriptor file(::open(object.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return " unreadable";
  sha256 hash;
  std::string block(65536, '\0');
  for (ssize_t got = 1; (got = ::read(file.get(), block.data(), block.size())) > 0;)
    hash.update({block.data(), static_cast<std::size_t>(got)});
  std::string out = " " + hash.hex();
  for (off_t at = 0; (at = ::lseek(file.get(), at, SEEK_DATA)) >= 0;) {
    const off_t hole = ::lseek(file.get(), at, SEEK_HOLE);
    out += " data " + std::to_string(at) + "-" + std::to_string(hole);
    at = hole;
  }
  return out;
}

class painter {
 public:
  std::map<std::string, std::string> paint(const std::filesystem::path& root) {
    const descriptor node(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!node) throw std::runtime_error("no directory " + root.string());
    add(".", node.get());
    return std::move(result_);
  }

 private:
  void add(const std::string& path, int node) {
    struct stat status {};
    if (::fstat(node, &status) != 0) throw std::runtime_error("cannot look at " + path);
    const std::string object = "/proc/self/fd/" + std::to_string(node);
    std::ostringstream line;
    line << std::oct << status.st_mode << std::dec << " " << status.st_uid << ":" << status.st_gid << " "
         << status.st_mtim.tv_sec << "." << status.st_mtim.tv_nsec;
    if (S_ISREG(status.st_mode)) line << " " << status.st_size << content(object);
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode))
      line << " device " << major(status.st_rdev) << ":" << minor(status.st_rdev);
    if (S_ISLNK(status.st_mode)) {
      std::string target(4096, '\0');
      target.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::readlinkat(node, "", target.data(), 4096))));
      line << " -> " << target;
    }
    line << attributes(object);
    // The alphabetically first name stands for the object: paths come sorted.
    if (!S_ISDIR(status.st_mode) && status.st_nlink > 1)
      line << " links " << status.st_nlink << " same as " << first_.try_emplace(status.st_ino, path).first->second;
    result_[path] = line.str();
    if (S_ISDIR(status.st_mode)) enter(path, node);
  }

  void enter(const std::string& path, int node) {
    DIR* listing = ::fdopendir(::openat(node, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (listing == nullptr) throw std::runtime_error("cannot list " + path);
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(listing)) names.emplace_back(entry->d_name);
    ::closedir(listing);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (name == "." || name == "..") continue;
      const descriptor child(::openat(node, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      add(path + "/" + name, child.get());
    }
  }

  std::map<std::string, std::string> result_;
  std::map<ino_t, std::string> first_;
};

}  // namespace

std::map<std::string, std::string> picture(const std::filesystem::path& root) { return painter().paint(root); }

}  // namespace orchestration::test
