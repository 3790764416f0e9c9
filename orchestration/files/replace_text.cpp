// The files of the user's of durable_file.hpp: texts that are replaced, made and removed.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
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
  const std::vector<std::string> names = attribute_names(from, path);
  // A directory can give new files an ACL, which the old file may not have.
  constexpr const char* acl = "system.posix_acl_access";
  if (std::find(names.begin(), names.end(), acl) == names.end()) ::fremovexattr(to, acl);
  for (const std::string& name : names) {
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

/// 0, or errno.
int write_from_the_begin(int file, std::string_view text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t written =
        uninterrupted([&] { return ::pwrite(file, text.data() + done, text.size() - done, static_cast<off_t>(done)); });
    if (written < 0) return errno;
    done += static_cast<std::size_t>(written);
  }
  // Shortened last: a kill before this leaves surplus old text, never lost new text.
  const auto shorten_and_sync = [&] {
    return ::ftruncate(file, static_cast<off_t>(text.size())) != 0 ? -1 : ::fsync(file);
  };
  return uninterrupted(shorten_and_sync) != 0 ? errno : 0;
}

/// In place: what fails leaves the old text.
void overwrite(const descriptor& file, const fs::path& path, std::string_view text, std::string_view old) {
  // Room first, without a longer file: a kill is not to leave zeros at its end. Not every file system can.
  const auto size = static_cast<off_t>(text.size());
  const auto allocate = [&] { return ::fallocate(file.get(), FALLOC_FL_KEEP_SIZE, 0, size); };
  const bool has_room = size == 0 || uninterrupted(allocate) == 0;
  if (!has_room && errno != EOPNOTSUPP && errno != ENOSYS) throw file_error("write", path, errno);
  const int failed = write_from_the_begin(file.get(), text);
  if (failed == 0) return;
  // Its room is still there.
  if (write_from_the_begin(file.get(), old) == 0) throw file_error("write", path, failed);
  throw file_error("write", path, failed, "only a part was written, and the old text could not be put back");
}

struct opened {
  fs::path real;
  descriptor file;
  struct stat status {};
};

opened open_for_reading(const fs::path& path) {
  opened out{real_file(path), {}, {}};
  out.file = open_file(out.real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!out.file || ::fstat(out.file.get(), &out.status) != 0) throw file_error("read", out.real, errno);
  if (!S_ISREG(out.status.st_mode)) throw file_error("replace", out.real, EINVAL, "it is not a regular file");
  return out;
}

void make_like(const durable_file& fresh, const opened& old) {
  copy_owner(fresh.descriptor_number(), old.status, old.real);
  copy_attributes(old.file.get(), fresh.descriptor_number(), old.real);
  if (::fchmod(fresh.descriptor_number(), old.status.st_mode & 07777) != 0)
    throw file_error("keep the mode of", old.real, errno);
}

// Of the directory, or of the owner: the file itself may still be written to. A full disk is no such thing.
bool is_about_permission(const file_error& error) {
  const int number = error.error_number();
  return number == EBUSY || number == EROFS || number == EACCES || number == EPERM || number == ENOTSUP;
}

descriptor open_for_writing(const fs::path& real) { return open_file(real, O_WRONLY | O_NOFOLLOW); }

mode_t mode_of_new_files() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return 0666 & ~mask;
}

}  // namespace

replacement replace_text_keeping_attributes(const fs::path& path, std::string_view text) {
  const opened old = open_for_reading(path);
  try {
    durable_file fresh(old.real, 0600);
    fresh.write(text);
    make_like(fresh, old);
    fresh.commit();
    return replacement::renamed;
  } catch (const file_error& error) {
    if (!is_about_permission(error)) throw;
    const descriptor file = open_for_writing(old.real);
    if (!file) throw;
    overwrite(file, old.real, text, read_file(old.real));
  }
  return replacement::in_place;
}

void create_text_of_the_directory(const fs::path& named, std::string_view text) {
  if (fs::exists(named)) throw file_error("create", named, EEXIST);
  // A symlink to a file that is still to be made stays one.
  const fs::path path = fs::is_symlink(named) ? fs::absolute(named).parent_path() / fs::read_symlink(named) : named;
  durable_file fresh(path, mode_of_new_files());
  fresh.write(text);
  struct stat directory {};
  // Root's updates are not to lock the project's owner out; for anybody else it is their own anyway.
  if (::geteuid() == 0 && ::stat(fs::absolute(path).parent_path().c_str(), &directory) == 0 &&
      ::fchown(fresh.descriptor_number(), directory.st_uid, directory.st_gid) != 0 && errno != EPERM)
    throw file_error("give to its owner", path, errno);
  fresh.commit();
}

void check_text_can_be_written(const fs::path& path) {
  if (!fs::exists(path)) {
    durable_file fresh(path, 0600);
    return;
  }
  const opened old = open_for_reading(path);
  try {
    durable_file fresh(old.real, 0600);
    make_like(fresh, old);
  } catch (const file_error& error) {
    if (!is_about_permission(error) || !open_for_writing(old.real)) throw;
  }
}

void remove_durably(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw file_error("remove", path, errno);
  sync_directory(fs::absolute(path).parent_path());
}

}  // namespace orchestration
