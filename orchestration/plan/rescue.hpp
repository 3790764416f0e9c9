// The way back for a person without dockupd: the undo of a plan as a shell script of plain `docker` commands.
#pragma once

#include <string>
#include <vector>

#include "orchestration/plan/plan.hpp"

namespace orchestration {

/// One volume's content as it was before the attempt.
struct rescue_archive {
  rescue_archive() = default;
  std::string volume;  // the engine's name
  std::string file;    // <name>.tar.zst, absolute
  std::string sha256;  // of the file, 64 hex digits
};

struct rescue_options {
  rescue_options() = default;
  std::string directory;        // of the attempt, absolute: marks are left there, and copies of what is replaced
  std::string lock_file;        // of the project: while it is locked, dockupd is at work
  std::string engine_id;        // /info's ID; empty: any engine will do
  std::string safety_snapshot;  // directory; where it is there, what the new version wrote has been copied already
  /// What is put back before anything old starts. Empty: nothing new has run, or the data is in place already.
  std::vector<rescue_archive> archives;
};

/// Marks that the script leaves in the attempt's directory. With `begun`, nobody goes forward with the attempt any
/// more; with `done`, the old version may run on its data and write, so that nobody puts data back again.
inline constexpr const char* rescue_begun = "rescue-begun";
inline constexpr const char* rescue_done = "rescued";

/// What brings back the version that `forward` replaces, whatever point it was left at: the new containers are stopped
/// and renamed, data is put back, the old ones get their names and restart policies and are started in the order of the
/// undo plan. For POSIX sh; needs docker, and tar, zstd, find and sha256sum for the data. It may be run again, goes on
/// after failures that harm nobody, and ends with 1 when there were any. It removes no container and edits no file of
/// the user's.
std::string rescue_script(const plan& forward, const rescue_options& options);

/// One word for sh, whatever is in it (a zero byte excepted, which no name has).
std::string shell_word(const std::string& text);

}  // namespace orchestration
