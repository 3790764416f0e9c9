// One run per project: a kernel lock on <directory>/lock, freed by the holder's death, so it is never stale.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "orchestration/files/descriptor.hpp"

namespace orchestration {

/// Who holds the lock, for people.
struct lock_holder {
  lock_holder() = default;
  pid_t pid = 0;          // filled in when taken
  std::string host;       // filled in when taken
  std::string who;        // "maria@web1"
  std::string operation;  // "update --tag v2"
  std::string since;      // RFC 3339, UTC
  std::string phase;      // where it is now
  bool operator==(const lock_holder&) const = default;
};

/// "update --tag v2 (maria@web1, pid 4711 on web1, since 2026-11-21T10:55:01Z, pull)"; parts that are unknown are left out.
std::string to_text(const lock_holder& holder);

class project_lock {
 public:
  /// Does not wait. The lock, or who holds it (empty fields when the holder has not written them yet).
  /// `directory` exists and is private (ensure_private_directory). Throws file_error.
  static std::variant<project_lock, lock_holder> try_take(const std::filesystem::path& directory, lock_holder me);
  /// Who holds it now, without touching it; nullopt: nobody. Throws file_error.
  static std::optional<lock_holder> holder(const std::filesystem::path& directory);

  /// For whoever asks meanwhile. Never throws: the lock holds whether or not its text can be written.
  void set_phase(const std::string& phase) noexcept;

 private:
  project_lock(descriptor file, lock_holder me);
  descriptor file_;
  lock_holder me_;
};

}  // namespace orchestration
