// The state of one project on disk: <state>/<project>/state.db (SQLite). What was deployed, what is being done, what
// was snapshotted, what is held. Settings and their reasons: WAL, synchronous=FULL, exclusive locking, one connection,
// trusted_schema off, cell_size_check on, application_id and user_version set; the file is 0600.
//
// Every function is durable when it returns. Times are given by the caller as RFC 3339 UTC text.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "docker_client/json.hpp"
#include "orchestration/release/release.hpp"

namespace orchestration {

/// what() names the file, what was tried, SQLite's reason and what to do.
class store_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One try to move the project: an update or a rollback, from its first durable record to its end.
struct attempt {
  std::string id;    // sorts by time: "20261121T105501Z-4f2a"
  std::string kind;  // "update", "rollback"
  std::string state;  // update_state as text
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
  std::string verified_at;  // last time every byte was read back; empty: never
  std::int64_t bytes = 0;   // of the archives
};

struct hold {
  std::string reference;  // image reference or tag that is refused
  std::string digest;     // sha256:…; empty when unknown
  std::string reason;
  std::string since;
};

enum class open_mode { read_write, read_only };

class store {
 public:
  /// Opens or creates the database in `directory` (which exists, 0700). read_only on a missing file throws.
  /// A newer schema than this program knows: read_only works when its min_reader allows, read_write throws.
  static store open(const std::filesystem::path& directory, open_mode mode);
  static bool exists(const std::filesystem::path& directory);

  store(store&&) noexcept;
  store& operator=(store&&) noexcept;
  ~store();

  std::string store_id() const;  // random, made once

  // Attempts. At most one is open; begin() throws store_error when there is one already.
  void begin(const attempt& a);
  std::optional<attempt> open_attempt() const;
  std::optional<attempt> find_attempt(const std::string& id) const;
  std::vector<attempt> attempts() const;  // newest first, without plans
  void set_state(const std::string& id, const std::string& state, bool dirty, const std::string& reason);
  void set_undo(const std::string& id, const docker::json& undo);
  void count_recovery(const std::string& id);
  void end(const std::string& id, const std::string& state, const std::string& reason, const std::string& ended_at);

  // Journal.
  void intend(const std::string& attempt_id, const std::string& plan, int number, const std::string& at);
  void done(const std::string& attempt_id, const std::string& plan, int number, const std::string& at,
            const docker::json& detail);
  std::vector<journal_step> journal(const std::string& attempt_id) const;

  // Releases. add_release() alone records one found running; commit() records it with the attempt's new state, in one
  // transaction.
  int next_release_number() const;
  void add_release(const release& r);
  void commit(const std::string& attempt_id, const std::string& state, const release& r);
  void set_verdict(int number, release_verdict verdict);
  std::vector<release> releases() const;  // newest first
  std::optional<release> find_release(int number) const;
  /// The release that is live: the one the last commit or completed rollback made so.
  std::optional<release> current_release() const;
  void set_current_release(int number);

  // Snapshots.
  void add_snapshot(const snapshot_row& row);  // replaces a row of the same id
  void mark_snapshot_verified(const std::string& id, const std::string& at);
  void remove_snapshot(const std::string& id);
  std::vector<snapshot_row> snapshots() const;  // newest first

  // Holds.
  void add_hold(const hold& h);
  bool remove_hold(const std::string& reference);  // false: there was none
  std::vector<hold> holds() const;

 private:
  struct connection;
  explicit store(std::unique_ptr<connection> c);
  std::unique_ptr<connection> connection_;
};

}  // namespace orchestration
