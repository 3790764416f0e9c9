#include "orchestration/snapshot/beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace orchestration {
namespace {

// A kernel before 5.6, or a seccomp filter that does not know the call: the same promise for one name, except that a
// bind mount of the same file system is not noticed.
descriptor open_name_the_old_way(int directory, const std::string& name, int flags) {
  descriptor out = open_at(directory, name, flags | O_NOFOLLOW);
  struct stat above {};
  struct stat found {};
  if (!out || ::fstat(directory, &above) != 0 || ::fstat(out.get(), &found) != 0) return out;
  if (S_ISDIR(found.st_mode) && found.st_dev != above.st_dev) {
    errno = EXDEV;
    return {};
  }
  return out;
}

descriptor open_resolved(int directory, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const auto open = [&] { return ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how); };
  return descriptor(static_cast<int>(uninterrupted(open)));
}

bool unknown_call() { return errno == ENOSYS || errno == EPERM; }

descriptor open_name(int directory, const std::string& name, int flags) {
  descriptor out = open_resolved(directory, name, flags);
  if (out || !unknown_call()) return out;
  return open_name_the_old_way(directory, name, flags);
}

descriptor open_name_by_name(int directory, std::string_view path, int flags) {
  descriptor here;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    const int from = here ? here.get() : directory;
    if (slash == std::string_view::npos) return open_name(from, name, flags);
    here = open_name(from, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!here) return here;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

descriptor open_beneath(int directory, std::string_view path, int flags) {
  if (path.empty()) return open_name(directory, ".", flags);
  if (path.size() < PATH_MAX) {
    descriptor out = open_resolved(directory, std::string(path), flags);
    if (out || !unknown_call()) return out;
  }
  return open_name_by_name(directory, path, flags);
}

std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string path_of_descriptor(int number) { return "/proc/self/fd/" + std::to_string(number); }

}  // namespace orchestration
