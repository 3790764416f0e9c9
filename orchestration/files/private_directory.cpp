// ensure_private_directory() of durable_file.hpp.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& path, int error, const std::string& reason) {
  throw file_error("use the directory", path, error, reason);
}

void check_private(const fs::path& path) {
  const descriptor directory = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && (errno == ELOOP || errno == ENOTDIR))
    refuse(path, ENOTDIR, "it is not a directory (a symlink is not followed)");
  struct stat status {};
  if (!directory || ::fstat(directory.get(), &status) != 0) throw file_error("use the directory", path, errno);
  if (status.st_uid != ::geteuid())
    refuse(path, EPERM,
           "it belongs to user " + std::to_string(status.st_uid) + ", not to user " + std::to_string(::geteuid()) +
               "; run as its owner or choose another directory");
  if ((status.st_mode & 022) != 0)
    refuse(path, EPERM, "group or others may write to it; run: chmod 700 " + path.string());
}

}  // namespace

void ensure_private_directory(const fs::path& path) {
  const fs::path plain = path.has_filename() ? path : path.parent_path();
  const fs::path parent = plain.parent_path();
  std::error_code ignored;
  if (!parent.empty() && parent != plain && !fs::exists(parent, ignored)) ensure_private_directory(parent);
  if (::mkdir(plain.c_str(), 0700) == 0) {
    sync_directory(parent.empty() ? fs::path(".") : parent);
  } else if (errno != EEXIST) {
    throw file_error("make the directory", plain, errno);
  }
  check_private(plain);
}

}  // namespace orchestration
