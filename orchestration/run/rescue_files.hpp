// What a person has when dockupd cannot be had: <attempts>/<attempt id>/{rescue.sh, plan.json}, there from before the
// first change until the attempt has ended well. The marks that rescue.sh leaves are read here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/release/store.hpp"
#include "orchestration/snapshot/snapshot_store.hpp"

namespace orchestration {

/// All paths absolute. With an empty `attempts` nothing is written and nothing is found.
struct rescue_places {
  rescue_places() = default;
  std::filesystem::path attempts;  // directory; made when needed
  std::filesystem::path lock_file;
};

/// `from_archives`: the volumes may have been written to, so the script puts back the data of the attempt's snapshot.
enum class rescue_data { untouched, from_archives };

/// Both files, durable, the directory 0700 and they 0600. Throws file_error and snapshot_error, and then there is no
/// script: one that leaves out the data must not lie there when the data counts.
void write_rescue_files(const rescue_places& places, const attempt& a, const snapshot_store& snapshots,
                        rescue_data data);
/// Of every attempt. Copies of data that a script has made stay, and their directory with them. What cannot be removed
/// stays too.
void remove_rescue_files(const rescue_places& places);

/// What can be known of an attempt from its files alone.
struct attempt_left {
  attempt value;              // without state and undo
  bool data_is_back = false;  // on its way back the data was in place: the old version may have written to it since
};
/// The newest whose files are there and can be read; nullopt: there is none.
std::optional<attempt_left> newest_attempt_left(const rescue_places& places);

/// The script when it is there; else an empty path.
std::filesystem::path find_rescue_script(const std::filesystem::path& attempts, const std::string& attempt_id);

/// Whether the script, or what cannot be read about it, would put archives back. False: there is no script.
bool rescue_puts_data_back(const rescue_places& places, const std::string& attempt_id);

/// Keeps rescue.sh from working meanwhile, and the other way round: flock(2) on the attempt's directory. None when
/// somebody has it; one of nothing when there is no such directory.
std::optional<descriptor> lock_rescue(const rescue_places& places, const std::string& attempt_id);

enum class rescue_progress {
  none,
  begun,  // somebody began to bring the old version back
  done    // … and its data is in place: it may have written to it since
};
rescue_progress rescue_progress_of(const rescue_places& places, const std::string& attempt_id);

}  // namespace orchestration
