#include "orchestration/files/ballast.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/files/disk_space.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/failpoint.hpp"
#include "orchestration/files/file_error.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

void passed(const fs::path& file, const char* what) { failpoint("file:" + file.filename().string() + ":" + what); }

std::optional<std::uint64_t> free_at(const fs::path& directory) {
  try {
    return disk_space_at(directory).free_bytes;
  } catch (const file_error&) {
    return std::nullopt;
  }
}

std::optional<std::uint64_t> file_system_of(const fs::path& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return std::nullopt;
  return status.st_dev;
}

bool is_there(const fs::path& file) {
  struct stat status {};
  return ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// A kill while it was made leaves a part.
bool is_whole(const fs::path& file, std::uint64_t size) {
  constexpr std::uint64_t unit = 512;  // of st_blocks, stat(2)
  struct stat status {};
  return ::lstat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         static_cast<std::uint64_t>(status.st_blocks) * unit >= size;
}

// Random, so that a file system that compresses or shares blocks keeps the room all the same.
void write_noise(int file, const fs::path& path, std::uint64_t size) {
  std::string block(64 << 10, '\0');
  for (std::uint64_t at = 0; at < size;) {
    const std::size_t wanted = std::min<std::uint64_t>(block.size(), size - at);
    if (::getrandom(block.data(), block.size(), 0) < 0) throw file_error("read", "the kernel's random numbers", errno);
    const ssize_t written = uninterrupted([&] { return ::pwrite(file, block.data(), wanted, static_cast<off_t>(at)); });
    if (written < 0) throw file_error("write", path, errno);
    at += static_cast<std::uint64_t>(written);
  }
}

// Not posix_fallocate: where the file system cannot, that writes zeros, which compress to nothing.
void allocate(int file, const fs::path& path, std::uint64_t size) {
  if (uninterrupted([&] { return ::fallocate(file, 0, 0, static_cast<off_t>(size)); }) == 0) return;
  if (errno != EOPNOTSUPP && errno != ENOSYS) throw file_error("allocate", path, errno);
  write_noise(file, path, size);
}

// Under its own name at once: a half-made one is seen and made anew, one under another name would stay for ever.
void make(const fs::path& file, std::uint64_t size) {
  ::unlink(file.c_str());
  const descriptor made = open_file(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!made) throw file_error("make", file, errno);
  try {
    passed(file, "begun");
    allocate(made.get(), file, size);
    if (uninterrupted([&] { return ::fsync(made.get()); }) != 0) throw file_error("make", file, errno);
    sync_directory(file.parent_path());
  } catch (const file_error&) {
    ::unlink(file.c_str());
    throw;
  }
  passed(file, "made");
}

std::string megabytes(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

/// Why it could not be made; empty: it is there.
std::string try_to_make(const fs::path& file, std::uint64_t size, std::uint64_t leave) {
  const fs::path directory = file.parent_path();
  const std::uint64_t part = is_there(file) ? fs::file_size(file) : 0;
  const std::optional<std::uint64_t> free = free_at(directory);
  if (free && *free + part < size + leave)
    return "only " + megabytes(*free) + " are free in " + directory.string() + ", so the " + megabytes(size) + " of " +
           file.string() + " are not kept back";
  try {
    make(file, size);
  } catch (const file_error& error) {
    return error.what();
  }
  return {};
}

/// Whether it is gone, and its room given back.
bool give_back(const fs::path& file) {
  if (!is_there(file)) return false;
  passed(file, "release");
  const descriptor directory = open_file(file.parent_path(), O_RDONLY | O_DIRECTORY);
  // Its blocks first, while the inode is still named: a deleted inode's are freed later, by a thread of the kernel's.
  const descriptor blocks = open_file(file, O_WRONLY | O_NOFOLLOW);
  const bool cut = blocks && ::ftruncate(blocks.get(), 0) == 0;
  if (::unlink(file.c_str()) != 0 && !cut) return false;
  // ext4, xfs and btrfs give room out again only after their log or transaction has reached the disk.
  if (directory) ::syncfs(directory.get());
  passed(file, "released");
  return true;
}

}  // namespace

void ballast::add(const fs::path& file) {
  const auto wanted = file_system_of(file.parent_path());
  const auto serves = [&](const fs::path& place) {
    return place == file || (wanted && file_system_of(place.parent_path()) == wanted);
  };
  if (std::none_of(places_.begin(), places_.end(), serves)) places_.push_back(file);
}

std::vector<fs::path> ballast::missing() const {
  std::vector<fs::path> out;
  for (const fs::path& file : places_)
    if (!is_whole(file, size_)) out.push_back(file);
  return out;
}

std::vector<std::string> ballast::fill(std::uint64_t leave) const {
  std::vector<std::string> problems;
  for (const fs::path& file : missing())
    if (std::string problem = try_to_make(file, size_, leave); !problem.empty()) problems.push_back(std::move(problem));
  return problems;
}

std::vector<fs::path> ballast::release() const {
  const auto is_short = [this](const fs::path& file) {
    const std::optional<std::uint64_t> free = free_at(file.parent_path());
    return is_there(file) && free && *free < size_;
  };
  const bool one_is_short = std::any_of(places_.begin(), places_.end(), is_short);
  std::vector<fs::path> released;
  for (const fs::path& file : places_)
    if ((!one_is_short || is_short(file)) && give_back(file)) released.push_back(file);
  return released;
}

}  // namespace orchestration
