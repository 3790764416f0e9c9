// What a snapshot could not do, what it noticed, how far it is.
#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>

namespace orchestration {

/// what() names the volume or file, the reason and, where there is one, the way out. A full disk or a failing system
/// call is a file_error instead.
class snapshot_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A stop was requested. What was being written is gone; a target that was being restored is incomplete.
class snapshot_cancelled : public snapshot_error {
 public:
  snapshot_cancelled() : snapshot_error("cancelled") {}
};

/// Something in a volume that the archive (or the restored volume) does not hold exactly.
struct snapshot_finding {
  enum class kind {
    changed,      // its size or times moved while it was read; the archive holds what was read
    vanished,     // it was listed and then gone
    socket,       // never archived: it means nothing without its process
    mount_point,  // another file system is mounted there; its content is not part of the volume
    attribute,    // an extended attribute that could not be read, stored or set
    unreadable    // permission denied: not in the archive
  };
  kind what = kind::changed;
  std::string path;  // inside the volume, bytes as they are on disk
  std::string text;  // for people
  bool operator==(const snapshot_finding&) const = default;
};

std::string to_text(snapshot_finding::kind what);

struct snapshot_progress {
  enum class stage { archiving, verifying, wiping, restoring, proving };
  stage at = stage::archiving;
  std::string volume;
  std::string path;           // inside the volume
  std::uint64_t bytes = 0;    // of file content so far in this stage and volume
  std::uint64_t entries = 0;  // so far in this stage and volume
};

/// Called on the working thread, at most every 64 entries or 4 MiB. May be empty.
using snapshot_progress_function = std::function<void(const snapshot_progress&)>;

}  // namespace orchestration
