// replace_text_keeping_attributes() of durable_file.hpp.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

fs::path real_file(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) throw file_error("replace", path, error.value());
  return real;
}

std::vector<std::string> attribute_names(int file, const fs::path& path) {
  const ssize_t size = ::flistxattr(file, nullptr, 0);
  if (size < 0 && errno == ENOTSUP) return {};
  std::string names(size > 0 ? static_cast<std::size_t>(size) : 0, '\0');
  const ssize_t got = size <= 0 ? size : ::flistxattr(file, names.data(), names.size());
  if (got < 0) throw file_error("read the attributes of", path, errno);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < static_cast<std::size_t>(got); at += out.back().size() + 1)
    out.emplace_back(names.c_str() + at);
  return out;
}

std::optional<std::string> attribute(int file, const std::string& name) {
  std::string value(65536, '\0');  // the kernel's limit for one value
  const ssize_t got = ::fgetxattr(file, name.c_str(), value.data(), value.size());
  if (got < 0) return std::nullopt;
  value.resize(static_cast<std::size_t>(got));
  return value;
}

void copy_attributes(int from, int to, const fs::path& path) {
  for (const std::string& name : attribute_names(from, path)) {
    const std::optional<std::string> value = attribute(from, name);
    if (!value) throw file_error("read the attribute " + name + " of", path, errno);
    // A security label that the directory gave the new file already need not be set, which may be forbidden.
    if (attribute(to, name) == value) continue;
    if (::fsetxattr(to, name.c_str(), value->data(), value->size(), 0) != 0)
      throw file_error("keep the attribute " + name + " of", path, errno);
  }
}

void copy_owner(int to, const struct stat& old, const fs::path& path) {
  struct stat now {};
  if (::fstat(to, &now) != 0) throw file_error("read", path, errno);
  if (now.st_uid == old.st_uid && now.st_gid == old.st_gid) return;
  if (::fchown(to, old.st_uid, old.st_gid) != 0) throw file_error("keep the owner of", path, errno);
}

void overwrite(const fs::path& path, std::string_view text) {
  const descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file) throw file_error("write", path, errno);
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::pwrite(file.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw file_error("write", path, errno);
    done += static_cast<std::size_t>(written);
  }
  // Shortened last: a kill before this leaves surplus old text, never lost new text.
  if (::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0 || ::fsync(file.get()) != 0)
    throw file_error("write", path, errno);
}

}  // namespace

replacement replace_text_keeping_attributes(const fs::path& path, std::string_view text) {
  const fs::path real = real_file(path);
  const descriptor old(::open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat status {};
  if (!old || ::fstat(old.get(), &status) != 0) throw file_error("read", real, errno);
  if (!S_ISREG(status.st_mode)) throw file_error("replace", real, EINVAL, "it is not a regular file");

  durable_file fresh(real, 0600);
  fresh.write(text);
  copy_owner(fresh.descriptor_number(), status, real);
  if (::fchmod(fresh.descriptor_number(), status.st_mode & 07777) != 0)
    throw file_error("keep the mode of", real, errno);
  copy_attributes(old.get(), fresh.descriptor_number(), real);
  try {
    fresh.commit();
    return replacement::renamed;
  } catch (const file_error& error) {
    if (error.error_number() != EBUSY) throw;
  }
  overwrite(real, text);
  return replacement::in_place;
}

}  // namespace orchestration
