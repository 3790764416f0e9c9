#include "orchestration/files/project_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/files/file_error.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

fs::path lock_file(const fs::path& directory) { return directory / "lock"; }

// An open file description lock: dies with the process like flock, but who holds it can be asked without taking it.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

std::string text_of(const lock_holder& holder) {
  docker::json out = docker::json::make_object();
  out["pid"] = static_cast<std::int64_t>(holder.pid);
  out["host"] = holder.host;
  out["who"] = holder.who;
  out["operation"] = holder.operation;
  out["since"] = holder.since;
  out["phase"] = holder.phase;
  return out.to_text() + "\n";
}

// One pwrite, padded, so that a reader sees the old text or the new one and never a mixture of lengths.
void write_holder(int file, const lock_holder& holder) {
  std::string text = text_of(holder);
  struct stat status {};
  if (::fstat(file, &status) == 0 && status.st_size > static_cast<off_t>(text.size()))
    text.resize(static_cast<std::size_t>(status.st_size), '\n');
  if (::pwrite(file, text.data(), text.size(), 0) < 0) return;  // only people read it: the lock holds without
}

lock_holder read_holder(int file) {
  std::array<char, 8192> text{};
  const ssize_t got = ::pread(file, text.data(), text.size(), 0);
  lock_holder out;
  if (got <= 0) return out;
  try {
    const docker::json document = docker::json::parse({text.data(), static_cast<std::size_t>(got)});
    out.pid = static_cast<pid_t>(document.int64_at({"pid"}));
    out.host = document.string_at({"host"});
    out.who = document.string_at({"who"});
    out.operation = document.string_at({"operation"});
    out.since = document.string_at({"since"});
    out.phase = document.string_at({"phase"});
  } catch (const docker::json_error&) {
    return {};  // being written just now
  }
  return out;
}

bool valid(const struct stat& status) { return S_ISREG(status.st_mode) && status.st_nlink == 1; }

}  // namespace

std::string to_text(const lock_holder& holder) {
  std::vector<std::string> facts;
  if (!holder.who.empty()) facts.push_back(holder.who);
  if (holder.pid != 0) {
    facts.push_back("pid " + std::to_string(holder.pid) + (holder.host.empty() ? "" : " on " + holder.host));
  }
  if (!holder.since.empty()) facts.push_back("since " + holder.since);
  if (!holder.phase.empty()) facts.push_back(holder.phase);
  std::string out = holder.operation.empty() ? "another run" : holder.operation;
  for (std::size_t i = 0; i < facts.size(); ++i) out += (i == 0 ? " (" : ", ") + facts[i];
  return facts.empty() ? out : out + ")";
}

project_lock::project_lock(descriptor file, lock_holder me) : file_(std::move(file)), me_(std::move(me)) {}

std::variant<project_lock, lock_holder> project_lock::try_take(const fs::path& directory, lock_holder me) {
  const fs::path path = lock_file(directory);
  descriptor file = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) throw file_error("lock", path, errno);
  if (!valid(status)) throw file_error("lock", path, EINVAL, "it is not a file of ours; remove it");
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return read_holder(file.get());
    throw file_error("lock", path, errno);
  }
  me.pid = ::getpid();
  me.host = host_name();
  write_holder(file.get(), me);
  return project_lock(std::move(file), std::move(me));
}

std::optional<lock_holder> project_lock::holder(const fs::path& directory) {
  const fs::path path = lock_file(directory);
  const descriptor file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) throw file_error("read", path, errno);
  struct flock lock = whole_file(F_RDLCK);
  if (::fcntl(file.get(), F_OFD_GETLK, &lock) != 0) throw file_error("read", path, errno);
  if (lock.l_type == F_UNLCK) return std::nullopt;
  return read_holder(file.get());
}

void project_lock::set_phase(const std::string& phase) noexcept {
  try {
    me_.phase = phase;
    write_holder(file_.get(), me_);
  } catch (const std::exception&) {
    return;  // no memory for a text: as promised, the lock is not lost over it
  }
}

}  // namespace orchestration
