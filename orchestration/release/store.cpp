#include "orchestration/release/store.hpp"

#include <sys/stat.h>

#include <system_error>

#include "orchestration/release/database.hpp"
#include "orchestration/release/lost_records.hpp"

namespace orchestration {

namespace fs = std::filesystem;
using docker::json;
using row = database::row;

namespace {

fs::path file_in(const fs::path& directory) { return directory / "state.db"; }

// SQLite is told to follow no link, anywhere on the way; those of the system's own (/var/lib -> …) are fine.
fs::path real_directory(const fs::path& directory) {
  std::error_code error;
  const fs::path real = fs::canonical(directory, error);
  if (error) throw store_error("cannot open the state directory " + directory.string() + ": " + error.message());
  return real;
}

}  // namespace

bool store::exists(const fs::path& directory) {
  struct stat status {};
  return ::lstat(file_in(directory).c_str(), &status) == 0;
}

bool store::is_lost(const fs::path& directory) {
  if (exists(directory)) return false;
  std::error_code none;
  if (fs::exists(directory / "project.json", none)) return true;
  for (const char* kept : {"snapshots", "attempts"})
    if (fs::is_directory(directory / kept, none) && !fs::is_empty(directory / kept, none)) return true;
  return false;
}

std::vector<fs::path> store::rebuild(const fs::path& directory, const std::string& suffix) {
  std::vector<fs::path> kept;
  const fs::path real = real_directory(directory);
  const fs::path file = file_in(real);
  bool begin_anew = !exists(real);
  try {
    if (!begin_anew) {
      const store whole(database::take(file));
      whole.releases();
      whole.open_attempt();
      whole.snapshots();
      whole.holds();
    }
  } catch (const store_error& error) {
    if (error.why() != store_error::kind::damaged) throw;
    begin_anew = true;
  }
  if (!begin_anew) return kept;
  // The database last: while it lies there, a rebuild that was interrupted is still to be done.
  for (const char* part : {"-wal", "-shm", "-journal", ""}) {
    const fs::path from = file.string() + part;
    const fs::path to = file.string() + ".damaged-" + suffix + part;
    std::error_code error;
    if (fs::symlink_status(from, error).type() == fs::file_type::not_found) continue;
    fs::rename(from, to, error);
    if (error) throw store_error("cannot keep " + from.string() + " aside: " + error.message());
    kept.push_back(to);
  }
  database::create(file);
  return kept;
}

store store::open(const fs::path& directory, open_mode mode) {
  const fs::path real = real_directory(directory);
  const fs::path file = file_in(real);
  if (is_lost(real))
    throw store_error("the records are lost: there is no " + file.string() + ", but what it knew of is there" +
                          what_is_left(real) + rebuild_advice(real),
                      store_error::kind::lost);
  if (mode == open_mode::read_only && !exists(real))
    throw store_error("nothing is recorded yet: there is no " + file.string() + ". The first dockupd update makes it",
                      store_error::kind::missing);
  if (mode == open_mode::read_only) return store(database::look_at(file));
  if (!exists(real)) database::create(file);
  return store(database::take(file));
}

store store::in_memory() { return store(database::in_memory()); }

store::store(std::unique_ptr<database> d) : database_(std::move(d)) {}
store::store(store&&) noexcept = default;
store& store::operator=(store&&) noexcept = default;
store::~store() = default;

std::string store::store_id() const { return database_->text_of("read the identity", "SELECT store_id FROM meta"); }

void store::adopt_identity(const std::string& id) {
  database_->run_on_one("take over the identity", "something is recorded already",
                        "UPDATE meta SET store_id = ? WHERE NOT EXISTS (SELECT 1 FROM attempt) "
                        "AND NOT EXISTS (SELECT 1 FROM release)",
                        {id});
}

void store::reserve_space() {
  if (!database_->has_wal()) return;
  const std::string tried = "reserve space";
  // Two transactions, or the pages would never reach the log. The log keeps its length when it is begun anew, and the
  // database keeps the freed pages, so neither has to grow later. Measured with 512 KiB: 200 of 200 commits succeed on
  // a full ext4, xfs and tmpfs, none without.
  database_->run(tried, "INSERT INTO space_reserve (filler) VALUES (zeroblob(524288))");
  database_->run(tried, "DELETE FROM space_reserve");
  database_->run(tried, "PRAGMA wal_checkpoint(RESTART)");
  database_->run(tried, "PRAGMA wal_autocheckpoint = 100");  // pages: below the 128 of the reserve
}

void store::when_full(std::function<bool()> make_room) { database_->when_full(std::move(make_room)); }

// --- attempts ----------------------------------------------------------------------------------------------------

namespace {

const std::string short_columns =
    "SELECT id, kind, state, dirty, from_release, to_release, tag, who, why, started_at, ended_at, reason, recoveries";
const std::string all_columns = short_columns + ", plan, undo, settings";

attempt short_attempt(const row& r) {
  attempt a;
  a.id = r.text(0);
  a.kind = r.text(1);
  a.state = r.text(2);
  a.dirty = r.number(3) != 0;
  a.from_release = r.number(4);
  a.to_release = r.number(5);
  a.tag = r.text(6);
  a.who = r.text(7);
  a.why = r.text(8);
  a.started_at = r.text(9);
  a.ended_at = r.text(10);
  a.reason = r.text(11);
  a.recoveries = r.number(12);
  return a;
}

attempt whole_attempt(const row& r) {
  attempt a = short_attempt(r);
  a.plan = r.document(13);
  a.undo = r.document(14);
  a.settings = r.document(15);
  return a;
}

std::string not_open(const std::string& id) { return "there is no open attempt " + id; }

}  // namespace

void store::begin(const attempt& a) {
  const std::string tried = "begin attempt " + a.id;
  database_->with_room([&] {
    database::transaction both(*database_, tried);
    if (const std::optional<attempt> open = open_attempt())
      throw store_error("cannot " + tried + " in " + database_->file().string() + ": " + open->kind + " " + open->id +
                        " is still open (" + open->state + "). Finish or undo it first: dockupd recover");
    database_->run(tried,
                   "INSERT INTO attempt (id, kind, state, dirty, from_release, to_release, tag, who, why, started_at, "
                   "ended_at, reason, recoveries, plan, undo, settings) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?)",
                   {a.id, a.kind, a.state, a.dirty, a.from_release, a.to_release, a.tag, a.who, a.why, a.started_at,
                    a.reason, a.recoveries, a.plan, a.undo, a.settings});
    both.commit();
  });
}

std::optional<attempt> store::open_attempt() const {
  std::optional<attempt> found;
  database_->each("read the open attempt", all_columns + " FROM attempt WHERE ended_at = ''", {},
                  [&](const row& r) { found = whole_attempt(r); });
  return found;
}

std::optional<attempt> store::find_attempt(const std::string& id) const {
  std::optional<attempt> found;
  database_->each("read attempt " + id, all_columns + " FROM attempt WHERE id = ?", {id},
                  [&](const row& r) { found = whole_attempt(r); });
  return found;
}

std::vector<attempt> store::attempts() const {
  std::vector<attempt> all;
  database_->each("read the attempts", short_columns + " FROM attempt ORDER BY sequence DESC", {},
                  [&](const row& r) { all.push_back(short_attempt(r)); });
  return all;
}

void store::set_state(const std::string& id, const std::string& state, bool dirty, const std::string& reason) {
  database_->run_on_one("record the state of attempt " + id, not_open(id),
                        "UPDATE attempt SET state = ?, dirty = ?, reason = ? WHERE id = ? AND ended_at = ''",
                        {state, dirty, reason, id});
}

void store::set_undo(const std::string& id, const json& undo) {
  const std::string tried = "record the way back of attempt " + id;
  database_->with_room([&] {
    database::transaction both(*database_, tried);
    database_->run_on_one(tried, not_open(id), "UPDATE attempt SET undo = ? WHERE id = ? AND ended_at = ''",
                          {undo, id});
    // A number of the way back before this one says nothing about the step that has it now.
    database_->run(tried, "UPDATE journal SET done_at = '' WHERE attempt_id = ? AND plan = 'undo'", {id});
    both.commit();
  });
}

void store::count_recovery(const std::string& id) {
  database_->run_on_one("count a recovery of attempt " + id, not_open(id),
                        "UPDATE attempt SET recoveries = recoveries + 1 WHERE id = ? AND ended_at = ''", {id});
}

void store::forget_recovery(const std::string& id) {
  database_->run_on_one("forget a recovery of attempt " + id, not_open(id),
                        "UPDATE attempt SET recoveries = max(recoveries - 1, 0) WHERE id = ? AND ended_at = ''", {id});
}

void store::end(const std::string& id, const std::string& state, const std::string& reason,
                const std::string& ended_at) {
  const std::string tried = "end attempt " + id;
  if (ended_at.empty()) throw store_error("cannot " + tried + ": without a time it would stay open");
  database_->run_on_one(tried, not_open(id),
                        "UPDATE attempt SET state = ?, reason = ?, ended_at = ? WHERE id = ? AND ended_at = ''",
                        {state, reason, ended_at, id});
}

void store::settle(const std::string& id, const std::string& state, const std::string& reason) {
  database_->run_on_one("settle attempt " + id, "there is no such attempt that has ended",
                        "UPDATE attempt SET state = ?, reason = ? WHERE id = ? AND ended_at <> ''",
                        {state, reason, id});
}

void store::reopen(const std::string& id, const std::string& state) {
  database_->run_on_one("take up attempt " + id + " again", "there is no such attempt that has ended, or one is open",
                        "UPDATE attempt SET state = ?2, ended_at = '', recoveries = 0 WHERE id = ?1 "
                        "AND ended_at <> '' AND NOT EXISTS (SELECT 1 FROM attempt WHERE ended_at = '')",
                        {id, state});
}

// --- journal -----------------------------------------------------------------------------------------------------

namespace {

std::string step_name(const std::string& attempt_id, const std::string& plan, int number) {
  return "step " + std::to_string(number) + " of the " + plan + " of " + attempt_id;
}

}  // namespace

void store::intend(const std::string& attempt_id, const std::string& plan, int number, const std::string& at) {
  database_->run("record the intent of " + step_name(attempt_id, plan, number),
                 "INSERT INTO journal (attempt_id, plan, number, intended_at, done_at, detail) "
                 "VALUES (?, ?, ?, ?, '', 'null') ON CONFLICT (attempt_id, plan, number) DO NOTHING",
                 {attempt_id, plan, number, at});
}

void store::done(const std::string& attempt_id, const std::string& plan, int number, const std::string& at,
                 const json& detail) {
  // json_patch: RFC 7396. A null detail leaves what is there.
  database_->run_on_one("record the end of " + step_name(attempt_id, plan, number), "it was never intended",
                        "UPDATE journal SET done_at = ?1, detail = CASE "
                        "WHEN ?2 = 'null' THEN detail WHEN detail = 'null' THEN ?2 ELSE json_patch(detail, ?2) END "
                        "WHERE attempt_id = ?3 AND plan = ?4 AND number = ?5",
                        {at, detail, attempt_id, plan, number});
}

std::vector<journal_step> store::journal(const std::string& attempt_id) const {
  std::vector<journal_step> steps;
  database_->each(
      "read the journal of " + attempt_id,
      "SELECT plan, number, intended_at, done_at, detail FROM journal WHERE attempt_id = ? ORDER BY sequence",
      {attempt_id}, [&](const row& r) {
        journal_step& step = steps.emplace_back();
        step.attempt_id = attempt_id;
        step.plan = r.text(0);
        step.number = r.number(1);
        step.intended_at = r.text(2);
        step.done_at = r.text(3);
        step.detail = r.document(4);
      });
  return steps;
}

// --- releases ----------------------------------------------------------------------------------------------------

namespace {

const std::string release_columns = "SELECT number, verdict, document FROM release ";

release_verdict verdict_of(const std::string& text) {
  if (text == "verified") return release_verdict::verified;
  return text == "rolled_back" ? release_verdict::rolled_back : release_verdict::unverified;
}

release read_release(const row& r) {
  try {
    release out = release_from_json(r.document(2));
    out.number = r.number(0);
    out.verdict = verdict_of(r.text(1));
    return out;
  } catch (const docker::json_error& error) {
    r.damaged(2, "r" + r.text(0) + ": " + error.what());
  }
}

std::string release_name(int number) { return "release r" + std::to_string(number); }

void set_state_committed(const database& records, const std::string& tried, const std::string& id,
                         const std::string& state) {
  records.run_on_one(tried, not_open(id), "UPDATE attempt SET state = ? WHERE id = ? AND ended_at = ''", {state, id});
}

}  // namespace

int store::next_release_number() const {
  return database_->number_of("read the releases", "SELECT coalesce(max(number), 0) + 1 FROM release");
}

void store::add_release(const release& r) {
  database_->run("record " + release_name(r.number), "INSERT INTO release (number, verdict, document) VALUES (?, ?, ?)",
                 {r.number, to_text(r.verdict), to_json(r)});
}

void store::commit(const std::string& attempt_id, const std::string& state, const release& r) {
  const std::string tried = "commit " + release_name(r.number);
  database_->with_room([&] {
    database::transaction all(*database_, tried);
    add_release(r);
    set_current_release(r.number);
    set_state_committed(*database_, tried, attempt_id, state);
    all.commit();
  });
}

void store::commit_rollback(const std::string& attempt_id, const std::string& state, int target, int left) {
  const std::string tried = "commit the rollback to " + release_name(target);
  database_->with_room([&] {
    database::transaction all(*database_, tried);
    set_current_release(target);
    if (left != 0) set_verdict(left, release_verdict::rolled_back);
    set_state_committed(*database_, tried, attempt_id, state);
    all.commit();
  });
}

void store::set_verdict(int number, release_verdict verdict) {
  database_->run_on_one("record the verdict on " + release_name(number), "there is no such release",
                        "UPDATE release SET verdict = ? WHERE number = ?", {to_text(verdict), number});
}

std::vector<release> store::releases() const {
  std::vector<release> all;
  database_->each("read the releases", release_columns + "ORDER BY number DESC", {},
                  [&](const row& r) { all.push_back(read_release(r)); });
  return all;
}

std::optional<release> store::find_release(int number) const {
  std::optional<release> found;
  database_->each("read " + release_name(number), release_columns + "WHERE number = ?", {number},
                  [&](const row& r) { found = read_release(r); });
  return found;
}

std::optional<release> store::current_release() const {
  std::optional<release> found;
  database_->each("read the current release", release_columns + "WHERE number = (SELECT current_release FROM meta)", {},
                  [&](const row& r) { found = read_release(r); });
  return found;
}

void store::set_current_release(int number) {
  database_->run_on_one("record " + release_name(number) + " as the current one", "there is no such release",
                        "UPDATE meta SET current_release = ?1 "
                        "WHERE EXISTS (SELECT 1 FROM release WHERE number = ?1)",
                        {number});
}

// --- snapshots ---------------------------------------------------------------------------------------------------

void store::add_snapshot(const snapshot_row& s) {
  database_->run("record snapshot " + s.id,
                 "INSERT INTO snapshot (id, of_release, attempt_id, reason, created_at, verified_at, bytes, "
                 "manifest_sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET of_release = "
                 "excluded.of_release, "
                 "attempt_id = excluded.attempt_id, reason = excluded.reason, created_at = excluded.created_at, "
                 "verified_at = excluded.verified_at, bytes = excluded.bytes, "
                 "manifest_sha256 = excluded.manifest_sha256",
                 {s.id, s.of_release, s.attempt_id, s.reason, s.created_at, s.verified_at, s.bytes, s.manifest_sha256});
}

void store::mark_snapshot_verified(const std::string& id, const std::string& at) {
  database_->run_on_one("record snapshot " + id + " as verified", "there is no such snapshot",
                        "UPDATE snapshot SET verified_at = ? WHERE id = ?", {at, id});
}

void store::remove_snapshot(const std::string& id) {
  database_->run("forget snapshot " + id, "DELETE FROM snapshot WHERE id = ?", {id});
}

std::vector<snapshot_row> store::snapshots() const {
  std::vector<snapshot_row> all;
  // What is only looked at may be of an older schema.
  int columns = 0;
  database_->each("read the snapshots",
                  "SELECT count(*) FROM pragma_table_info('snapshot') WHERE name = 'manifest_sha256'", {},
                  [&](const row& r) { columns = r.number(0); });
  const std::string manifest = columns == 0 ? "''" : "manifest_sha256";
  database_->each("read the snapshots",
                  "SELECT id, of_release, attempt_id, reason, created_at, verified_at, bytes, " + manifest +
                      " FROM snapshot ORDER BY sequence DESC",
                  {}, [&](const row& r) {
                    snapshot_row& s = all.emplace_back();
                    s.id = r.text(0);
                    s.of_release = r.number(1);
                    s.attempt_id = r.text(2);
                    s.reason = r.text(3);
                    s.created_at = r.text(4);
                    s.verified_at = r.text(5);
                    s.bytes = r.integer(6);
                    s.manifest_sha256 = r.text(7);
                  });
  return all;
}

// --- holds -------------------------------------------------------------------------------------------------------

void store::add_hold(const hold& h) {
  database_->run("record a hold",
                 "INSERT INTO hold (reference, digest, reason, since) VALUES (?, ?, ?, ?) "
                 "ON CONFLICT (reference, digest) DO UPDATE SET reason = excluded.reason, since = excluded.since",
                 {h.reference, h.digest, h.reason, h.since});
}

bool store::remove_hold(const std::string& reference) {
  return database_->run("lift a hold", "DELETE FROM hold WHERE reference = ?", {reference}) > 0;
}

std::vector<hold> store::holds() const {
  std::vector<hold> all;
  database_->each("read the holds", "SELECT reference, digest, reason, since FROM hold ORDER BY sequence", {},
                  [&](const row& r) {
                    hold& h = all.emplace_back();
                    h.reference = r.text(0);
                    h.digest = r.text(1);
                    h.reason = r.text(2);
                    h.since = r.text(3);
                  });
  return all;
}

}  // namespace orchestration
