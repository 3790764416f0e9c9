#include "orchestration/files/durable_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <vector>

#include "orchestration/files/failpoint.hpp"
#include "orchestration/files/file_error.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

fs::path directory_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

std::string random_hex() {
  std::array<unsigned char, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw file_error("read", "the kernel's random numbers", errno);
  std::string out;
  for (const unsigned char byte : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

// Hidden, and short enough for a target whose own name has the full 255 bytes.
std::string beginning_of_temporary(const fs::path& target) {
  return "." + target.filename().string().substr(0, 200) + ".";
}

constexpr std::size_t random_digits = 16;  // of random_hex()
constexpr std::string_view end_of_temporary = ".tmp";

fs::path temporary_beside(const fs::path& target) {
  remove_partials(target);
  return directory_of(target) / (beginning_of_temporary(target) + random_hex() + std::string(end_of_temporary));
}

bool is_temporary_of(const std::string& name, const std::string& beginning) {
  if (!name.starts_with(beginning) || !name.ends_with(end_of_temporary)) return false;
  const std::size_t rest = name.size() - beginning.size();
  if (rest != random_digits + end_of_temporary.size()) return false;
  return name.find_first_not_of("0123456789abcdef", beginning.size()) == name.size() - end_of_temporary.size();
}

void write_all(int file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] { return ::write(file, bytes.data(), bytes.size()); });
    if (written < 0) throw file_error("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void remove_partials(const fs::path& target) {
  const std::string beginning = beginning_of_temporary(target);
  std::error_code none;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(directory_of(target), none))
    if (is_temporary_of(entry.path().filename().string(), beginning)) found.push_back(entry.path());
  for (const fs::path& path : found) ::unlink(path.c_str());
}

durable_file::durable_file(fs::path target, mode_t mode)
    : target_(std::move(target)),
      temporary_(temporary_beside(target_)),
      file_(open_file(temporary_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)) {
  if (!file_) throw file_error("write", target_, errno);
  if (::fchmod(file_.get(), mode) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    throw file_error("set the mode of", target_, error);
  }
}

durable_file::~durable_file() {
  if (!kept_) ::unlink(temporary_.c_str());
}

void durable_file::write(std::string_view bytes) { write_all(file_.get(), bytes, target_); }

void durable_file::commit() {
  const std::string point = "file:" + target_.filename().string();
  if (uninterrupted([&] { return ::fsync(file_.get()); }) != 0) throw file_error("write", target_, errno);
  failpoint(point + ":written");
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) throw file_error("replace", target_, errno);
  kept_ = true;
  failpoint(point + ":renamed");
  sync_directory(directory_of(target_));
}

void write_durably(const fs::path& path, std::string_view bytes, mode_t mode) {
  durable_file file(path, mode);
  file.write(bytes);
  file.commit();
}

void sync_directory(const fs::path& directory) {
  const descriptor opened = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!opened || uninterrupted([&] { return ::fsync(opened.get()); }) != 0) throw file_error("sync", directory, errno);
}

std::string read_file(const fs::path& path, std::size_t most) {
  // Non-blocking, so that a fifo in the place of a file does not hang us.
  const descriptor file = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw file_error("read", path, errno);
  if (S_ISDIR(status.st_mode)) throw file_error("read", path, EISDIR);
  if (!S_ISREG(status.st_mode)) throw file_error("read", path, EINVAL, "it is not a regular file");
  std::string out;
  std::array<char, 65536> block;
  while (true) {
    const ssize_t got = uninterrupted([&] { return ::read(file.get(), block.data(), block.size()); });
    if (got < 0) throw file_error("read", path, errno);
    if (got == 0) return out;
    if (out.size() + static_cast<std::size_t>(got) > most)
      throw file_error("read", path, EFBIG, "it is longer than " + std::to_string(most) + " bytes");
    out.append(block.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace orchestration
