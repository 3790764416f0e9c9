// The state of one project on disk: <state>/<project>/state.db (SQLite). What was deployed, what is being done, what
// was snapshotted, what is held. Settings and their reasons: WAL, synchronous=FULL, exclusive locking (no -shm: on a
// full btrfs its mapping kills the process), one connection, trusted_schema off, cell_size_check on, application_id and
// user_version set; the file is 0600. On network file systems and overlays, where WAL is not safe: TRUNCATE and EXTRA.
//
// Every function that changes something is durable when it returns, and throws store_error, having changed nothing.
// Times are given by the caller as RFC 3339 UTC text. No function may be called from two threads at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// what() names the file, what was tried, SQLite's reason and what to do; never a recorded value.
class store_error : public std::runtime_error {
 public:
  enum class kind {
    failed,        // none of those below
    missing,       // read_only: nothing was ever recorded here
    lost,          // there was a database, and it is gone
    out_of_space,  // freeing some may mend it; what was recorded before is safe
    busy,          // another program has the file open
    unsafe,        // a symlink, or others may read or own it
    damaged,       // left as it was
    newer          // written by a newer dockupd
  };
  explicit store_error(const std::string& text, kind why = kind::failed) : std::runtime_error(text), why_(why) {}
  kind why() const { return why_; }

 private:
  kind why_;
};

/// One try to move the project: an update or a rollback, from its first durable record to its end.
struct attempt {
  std::string id;      // sorts by time: "20261121T105501Z-4f2a"
  std::string kind;    // "update", "rollback"
  std::string state;   // update_state as text
  bool dirty = false;  // the new version may have written to the volumes
  int from_release = 0;
  int to_release = 0;  // the number it will get, or the target of a rollback
  std::string tag;     // what was asked for
  std::string who;
  std::string why;
  std::string started_at;
  std::string ended_at;  // empty: open
  std::string reason;    // why it failed or was undone; empty otherwise
  int recoveries = 0;    // how often `recover` took it up
  docker::json plan;
  docker::json undo;      // null until the way back was planned
  docker::json settings;  // what recover needs besides the plan
};

struct journal_step {
  std::string attempt_id;
  std::string plan;  // "plan" or "undo"
  int number = 0;
  std::string intended_at;
  std::string done_at;  // empty: intended only
  docker::json detail;  // e.g. the id of the container that was created
};

struct snapshot_row {
  std::string id;
  int of_release = 0;  // whose data; 0: of a version never verified
  std::string attempt_id;
  std::string reason;
  std::string created_at;
  std::string verified_at;      // last time every byte was read back; empty: never
  std::int64_t bytes = 0;       // of the archives
  std::string manifest_sha256;  // 64 hex digits; empty: unknown, recorded by an older version
};

struct hold {
  std::string reference;  // image reference or tag that is refused
  std::string digest;     // sha256:…; empty when unknown
  std::string reason;
  std::string since;
};

class database;  // database.hpp: SQLite

enum class open_mode { read_write, read_only };

class store {
 public:
  /// Opens or creates the database in `directory` (which exists, 0700). A file that others may read, that belongs to
  /// another user, or that is a symlink is refused.
  ///
  /// read_write: the caller holds the project lock. Looks through the whole file for damage first.
  /// read_only: a picture of this moment, in memory; takes no lock and changes nothing, so it works while a run of
  /// another process is writing, on a full disk and on a read-only file system. Not in a process that has the same
  /// file open read_write (database_image.hpp). Changing anything throws.
  /// A newer schema than this program knows: read_only works when its min_reader allows, read_write throws.
  static store open(const std::filesystem::path& directory, open_mode mode);
  static bool exists(const std::filesystem::path& directory);
  /// There is no database, but something that is only there when there was one. open() throws then: an empty record of
  /// what is half done would be a false one.
  static bool is_lost(const std::filesystem::path& directory);
  /// Damaged or lost records begin anew, empty. The damaged files stay beside the new one, under names that end in
  /// ".damaged-" and `suffix`; what comes back are those names. Records that are whole, or cannot be read for another
  /// reason, are left alone: nothing comes back, or store_error. The caller holds the project lock.
  static std::vector<std::filesystem::path> rebuild(const std::filesystem::path& directory, const std::string& suffix);
  /// Knows nothing and keeps nothing: for looking ahead before anything was recorded.
  static store in_memory();

  store(store&&) noexcept;
  store& operator=(store&&) noexcept;
  ~store();

  std::string store_id() const;  // random, made once
  /// Of records that are begun anew for what bears the old identity. Throws once anything is recorded.
  void adopt_identity(const std::string& id);

  /// Writes room for later into the write-ahead log: about a hundred changes then succeed on a file system that is
  /// completely full (ext4, xfs, tmpfs; on copy-on-write ones only freeing space helps). Once per attempt, before it
  /// changes anything. Nothing to do where there is no WAL.
  void reserve_space();
  /// From now on, when a change finds no room, make_room() is called, and the change is done again if it answers true.
  /// Empty: a change that finds no room throws.
  void when_full(std::function<bool()> make_room);

  // Attempts. At most one is open; begin() throws store_error when there is one already.
  void begin(const attempt& a);  // ended_at is not looked at: it is open
  std::optional<attempt> open_attempt() const;
  std::optional<attempt> find_attempt(const std::string& id) const;
  std::vector<attempt> attempts() const;  // newest first, without plans
  void set_state(const std::string& id, const std::string& state, bool dirty, const std::string& reason);
  void set_undo(const std::string& id, const docker::json& undo);  // none of whose steps counts as done
  void count_recovery(const std::string& id);
  void forget_recovery(const std::string& id);  // the last that was counted, if any was
  void end(const std::string& id, const std::string& state, const std::string& reason, const std::string& ended_at);

  // The five above throw when there is no such open attempt.

  /// Of one that has ended: how it ended after all.
  void settle(const std::string& id, const std::string& state, const std::string& reason);

  /// One that has ended, while none is open: it goes on in `state`.
  void reopen(const std::string& id, const std::string& state);

  // Journal. Steps come back in the order in which they were first intended. Intending a step again changes nothing.
  // done() without intend() throws; done() again sets the time anew and adds the detail's members to those there are,
  // so that a repeated step loses nothing of what the first run noted.
  void intend(const std::string& attempt_id, const std::string& plan, int number, const std::string& at);
  void done(const std::string& attempt_id, const std::string& plan, int number, const std::string& at,
            const docker::json& detail);
  std::vector<journal_step> journal(const std::string& attempt_id) const;

  // Releases. add_release() alone records one found running; commit() records it with the attempt's new state, in one
  // transaction.
  int next_release_number() const;
  void add_release(const release& r);
  void commit(const std::string& attempt_id, const std::string& state, const release& r);
  /// The same for an operator's rollback: `target` becomes the current release and, when not 0, `left` is marked
  /// rolled_back.
  void commit_rollback(const std::string& attempt_id, const std::string& state, int target, int left);
  void set_verdict(int number, release_verdict verdict);
  std::vector<release> releases() const;  // newest first
  std::optional<release> find_release(int number) const;
  /// The release that is live: the one the last commit or completed rollback made so.
  std::optional<release> current_release() const;
  void set_current_release(int number);  // throws when there is no such release

  // Snapshots.
  void add_snapshot(const snapshot_row& row);  // replaces a row of the same id
  void mark_snapshot_verified(const std::string& id, const std::string& at);
  void remove_snapshot(const std::string& id);
  std::vector<snapshot_row> snapshots() const;  // the last recorded first: a clock may have been wrong

  // Holds.
  void add_hold(const hold& h);                    // replaces one of the same reference and digest
  bool remove_hold(const std::string& reference);  // false: there was none
  std::vector<hold> holds() const;                 // in the order they were made

 private:
  explicit store(std::unique_ptr<database> d);
  std::unique_ptr<database> database_;
};

}  // namespace orchestration
