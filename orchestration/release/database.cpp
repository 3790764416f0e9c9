#include "orchestration/release/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/files/disk_space.hpp"
#include "orchestration/files/durable_file.hpp"
#include "orchestration/files/file_error.hpp"
#include "orchestration/release/database_image.hpp"
#include "orchestration/release/lost_records.hpp"
#include "orchestration/release/schema.hpp"
#include "orchestration/release/store.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;

std::string system_text(int error_number) { return std::generic_category().message(error_number); }

// --- errors ------------------------------------------------------------------------------------------------------

[[noreturn]] void refuse_damaged(const std::string& tried, const fs::path& file, const std::string& reason) {
  throw store_error("cannot " + tried + " " + file.string() + ": the file is damaged (" + reason +
                        "). It was left as it is, and no " + "container or volume was touched" +
                        what_is_left(file.parent_path()) + rebuild_advice(file.parent_path()),
                    store_error::kind::damaged);
}

[[noreturn]] void refuse_newer(const fs::path& file, int schema_number, const std::string& written_by) {
  throw store_error("cannot use " + file.string() + ": dockupd " + written_by + " wrote it (schema " +
                        std::to_string(schema_number) + "; this program knows up to " + std::to_string(schema::newest) +
                        ").\nUse that version or a newer one; nothing was changed.",
                    store_error::kind::newer);
}

[[noreturn]] void refuse_unsafe(const fs::path& file, const std::string& reason) {
  throw store_error("will not use " + file.string() + ": " + reason, store_error::kind::unsafe);
}

// --- the file ----------------------------------------------------------------------------------------------------

/// Absent files are fine.
void check_private(const fs::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    throw store_error("cannot look at " + file.string() + ": " + system_text(errno));
  }
  if (S_ISLNK(status.st_mode)) refuse_unsafe(file, "it is a symlink. Put the file itself there, or remove the link");
  if (!S_ISREG(status.st_mode)) refuse_unsafe(file, "it is not a regular file");
  if (status.st_uid != ::geteuid())
    refuse_unsafe(file, "it belongs to user " + std::to_string(status.st_uid) + ", not to user " +
                            std::to_string(::geteuid()) + ". Run as its owner, or choose another state directory");
  if ((status.st_mode & 077) != 0)
    refuse_unsafe(file, "others may read or write it, and it holds secrets. Run: chmod 600 " + file.string());
}

void check_all_private(const fs::path& file) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) check_private(fs::path(file.string() + suffix));
}

// SQLite takes a file without a header for a valid empty database; to us it is one that lost everything.
void refuse_cut_off(const fs::path& file) {
  constexpr std::uintmax_t header_size = 100;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (!error && size < header_size) refuse_damaged("use", file, "it has only " + std::to_string(size) + " bytes");
}

// WAL wants one host and a real -shm or none; locks and syncs of these are another host's, or a layer's.
// Numbers: linux/magic.h, and smb2 and cifs of fs/smb.
bool is_unsafe_for_wal(const fs::path& directory) {
  constexpr std::array<std::uint32_t, 10> magics{
      0x00006969,  // nfs
      0xff534d42,  // cifs
      0xfe534d42,  // smb2
      0x0000517b,  // smb
      0x00c36400,  // ceph
      0x5346414f,  // afs
      0x01021997,  // 9p
      0x65735546,  // fuse: sshfs, and shares of virtual machines
      0x01161970,  // gfs2
      0x794c7630   // overlayfs
  };
  struct statfs status {};
  if (::statfs(directory.c_str(), &status) != 0)
    throw store_error("cannot look at " + directory.string() + ": " + system_text(errno));
  const auto magic = static_cast<std::uint32_t>(status.f_type);
  return std::find(magics.begin(), magics.end(), magic) != magics.end();
}

std::string random_uuid() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw store_error("cannot read the kernel's random numbers: " + system_text(errno));
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // RFC 9562: version 4
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);  // its variant
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr const char* digits = "0123456789abcdef";
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out.push_back(digits[bytes[i] >> 4]);
    out.push_back(digits[bytes[i] & 15]);
  }
  return out;
}

class statement {
 public:
  // `code`: what preparing it ended with.
  statement(sqlite3* handle, std::string_view sql, int& code) {
    code = sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
  }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;
  ~statement() { sqlite3_finalize(statement_); }

  int bind(int index, const database::value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value.held()))
      return sqlite3_bind_int64(statement_, index, *number);
    const std::string& text = std::get<std::string>(value.held());
    return sqlite3_bind_text64(statement_, index, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  sqlite3_stmt* get() const { return statement_; }

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// SQLite would make it with the umask's mode; so it finds one that is there, empty, and ours alone.
void make_empty_private(const fs::path& file) {
  for (const char* suffix : {"", "-wal", "-journal"}) ::unlink((file.string() + suffix).c_str());
  const descriptor made = open_file(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!made) throw store_error("cannot create " + file.string() + ": " + system_text(errno));
}

// What a file_error has to say, as the one kind of error that callers of the store know.
template <class Act>
auto as_store_error(Act act) {
  try {
    return act();
  } catch (const file_error& error) {
    throw store_error(error.what(), error.out_of_space() ? store_error::kind::out_of_space : store_error::kind::failed);
  }
}

bool has_no_inode_left(const fs::path& directory) {
  try {
    return disk_space_at(directory).free_inodes == 0;
  } catch (const file_error&) {
    return false;
  }
}

}  // namespace

// --- statements --------------------------------------------------------------------------------------------------

void database::fail(int code, const std::string& tried) const {
  const std::string words = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  const int error_number = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
  const std::string what = "cannot " + tried + " in " + file_.string() + ": ";
  const int primary = code & 0xff;
  const bool could_not = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
  const bool no_room = could_not && (error_number == ENOSPC || error_number == EDQUOT);
  // SQLite tries to open read-only what it could not create, and keeps only the last error number.
  const bool no_inode = primary == SQLITE_CANTOPEN && has_no_inode_left(file_.parent_path());
  if (primary == SQLITE_FULL || no_room || no_inode)
    throw store_error(what + "no " + (no_inode ? "inode" : "space") + " left on the state disk (" + words +
                          ").\nFree some on the file system of " + file_.parent_path().string() +
                          " and type the same command again.",
                      store_error::kind::out_of_space);
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
    throw store_error(
        what + "another program has it open (" + words + ").\nClose it (an sqlite3 shell?) and try again.",
        store_error::kind::busy);
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) refuse_damaged(tried + " in", file_, words);
  const bool system_said = could_not && error_number != 0;
  throw store_error(what + words + (system_said ? " (" + system_text(error_number) + ")" : ""));
}

std::int64_t database::row::integer(int column) const { return sqlite3_column_int64(statement_, column); }
int database::row::number(int column) const { return sqlite3_column_int(statement_, column); }

std::string database::row::text(int column) const {
  const void* bytes = sqlite3_column_text(statement_, column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

docker::json database::row::document(int column) const {
  try {
    return docker::json::parse(text(column));
  } catch (const docker::json_error& error) {
    damaged(column, error.what());
  }
}

void database::row::damaged(int column, const std::string& reason) const {
  refuse_damaged("read", from_.file_, std::string(sqlite3_column_name(statement_, column)) + ": " + reason);
}

void database::each(const std::string& tried, std::string_view sql, values bound, const take_row& take) const {
  int code = SQLITE_OK;
  statement s(handle_, sql, code);
  int index = 0;
  for (const value& v : bound)
    if (code == SQLITE_OK) code = s.bind(++index, v);
  if (code != SQLITE_OK) fail(code, tried);
  while ((code = sqlite3_step(s.get())) == SQLITE_ROW) take(row(s.get(), *this));
  if (code != SQLITE_DONE) fail(code, tried);
}

int database::run(const std::string& tried, std::string_view sql, values bound) const {
  with_room([&] { each(tried, sql, bound, [](const row&) {}); });
  return sqlite3_changes(handle_);
}

void database::with_room(const std::function<void()>& change) const {
  // A full disk ends the whole transaction, so a statement inside one cannot be repeated alone.
  const bool alone = sqlite3_get_autocommit(handle_) != 0;
  for (;;) {
    try {
      return change();
    } catch (const store_error& error) {
      const bool full = error.why() == store_error::kind::out_of_space;
      if (!alone || !full || !make_room_ || !make_room_()) throw;
    }
  }
}

void database::run_on_one(const std::string& tried, const std::string& missing, std::string_view sql,
                          values bound) const {
  if (run(tried, sql, bound) != 1) throw store_error("cannot " + tried + " in " + file_.string() + ": " + missing);
}

std::string database::text_of(const std::string& tried, std::string_view sql) const {
  std::string out;
  each(tried, sql, {}, [&](const row& r) { out = r.text(0); });
  return out;
}

int database::number_of(const std::string& tried, std::string_view sql) const {
  int out = 0;
  each(tried, sql, {}, [&](const row& r) { out = r.number(0); });
  return out;
}

// IMMEDIATE: it cannot fail half-way for want of the lock.
database::transaction::transaction(const database& on, std::string tried) : on_(on), tried_(std::move(tried)) {
  on_.run(tried_, "BEGIN IMMEDIATE");
}
database::transaction::~transaction() {
  // On a full disk SQLite has taken everything back by itself.
  if (sqlite3_get_autocommit(on_.handle_) == 0) sqlite3_exec(on_.handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}
void database::transaction::commit() { on_.run(tried_, "COMMIT"); }

// --- opening -----------------------------------------------------------------------------------------------------

database::~database() { sqlite3_close(handle_); }

void database::open_file(int flags) {
  const int code = sqlite3_open_v2(file_.c_str(), &handle_, flags | SQLITE_OPEN_NOFOLLOW, nullptr);
  if (code != SQLITE_OK) fail(code, "open the records");
  sqlite3_extended_result_codes(handle_, 1);
  // Until the file is known to be whole and ours, closing must not move anything from its log into it.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

std::unique_ptr<database> database::in_memory() {
  std::unique_ptr<database> d(new database(":memory:"));
  d->open_file(SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY);
  d->migrate();
  return d;
}

void database::open_image(std::string bytes) {
  image_ = std::move(bytes);
  const int opened = sqlite3_open_v2(":memory:", &handle_, SQLITE_OPEN_READWRITE, nullptr);
  if (opened != SQLITE_OK) fail(opened, "open the records");
  sqlite3_extended_result_codes(handle_, 1);
  const auto size = static_cast<sqlite3_int64>(image_.size());
  const int code = sqlite3_deserialize(handle_, "main", reinterpret_cast<unsigned char*>(image_.data()), size, size,
                                       SQLITE_DESERIALIZE_READONLY);
  if (code != SQLITE_OK) fail(code, "open the records");
}

void database::set(const std::string& pragma, const std::string& wanted) const {
  const std::string found = text_of("set " + pragma, "PRAGMA " + pragma + " = " + wanted);
  if (!found.empty() && found != wanted)
    throw store_error("cannot set " + pragma + " to " + wanted + " in " + file_.string() + ": it stays " + found);
}

void database::use_safe_settings() const {
  sqlite3_busy_timeout(handle_, 1000);  // for somebody's sqlite3 shell; runs of ours exclude each other already
  set("foreign_keys", "on");
  set("trusted_schema", "off");
  set("cell_size_check", "on");
  set("temp_store", "memory");  // sorting must not need room in /tmp, nor leave secrets there
}

void database::check_identity(open_mode mode) const {
  if (number_of("read the records", "PRAGMA application_id") != schema::application_id)
    refuse_unsafe(file_, "it is another program's SQLite database. Move it away, or choose another state directory");
  const int found = number_of("read the records", "PRAGMA user_version");
  if (found <= schema::newest) return;
  each("read the records", "SELECT written_by, min_reader FROM meta", {}, [&](const row& r) {
    const bool may_read = mode == open_mode::read_only && r.number(1) <= schema::newest;
    if (!may_read) refuse_newer(file_, found, r.text(0));
  });
}

void database::check_pages() const {
  const std::string verdict = text_of("check the records", "PRAGMA quick_check(1)");
  if (verdict != "ok") refuse_damaged("use", file_, verdict);
}

void database::choose_journal() {
  has_wal_ = !is_unsafe_for_wal(file_.parent_path());
  set("journal_mode", has_wal_ ? "wal" : "truncate");
  set("synchronous", has_wal_ ? "full" : "extra");
  // Here readers have to use locks too, since there is no log to look at (database_image.hpp).
  if (!has_wal_) set("locking_mode", "normal");
}

void database::migrate() const {
  const int found = number_of("read the records", "PRAGMA user_version");
  for (int version = found; version < schema::newest; ++version) {
    const std::string next = std::to_string(version + 1);
    const std::string tried = "bring the records to schema " + next;
    transaction step(*this, tried);
    const std::string script(schema::steps[static_cast<std::size_t>(version)]);
    const int code = sqlite3_exec(handle_, script.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code, tried);
    run(tried,
        "INSERT INTO meta (one, store_id, min_reader, written_by) VALUES (1, ?1, ?2, ?3) "
        "ON CONFLICT (one) DO UPDATE SET min_reader = ?2, written_by = ?3",
        {random_uuid(), schema::min_reader, DOCKUPD_VERSION});
    run(tried, "PRAGMA application_id = " + std::to_string(schema::application_id));
    run(tried, "PRAGMA user_version = " + next);
    step.commit();
  }
}

std::unique_ptr<database> database::take(const fs::path& file) {
  check_all_private(file);
  refuse_cut_off(file);
  std::unique_ptr<database> d(new database(file));
  d->open_file(SQLITE_OPEN_READWRITE);
  d->set("locking_mode", "exclusive");  // before anything is read, else a -shm comes to be
  d->use_safe_settings();
  d->check_identity(open_mode::read_write);
  d->check_pages();
  d->choose_journal();
  d->migrate();
  sqlite3_db_config(d->handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  return d;
}

std::unique_ptr<database> database::look_at(const fs::path& file) {
  check_all_private(file);
  refuse_cut_off(file);
  std::unique_ptr<database> d(new database(file));
  database_image image = as_store_error([&] { return read_database_image(file); });
  if (image.uses_wal)
    d->open_image(std::move(image.bytes));
  else
    d->open_file(SQLITE_OPEN_READONLY);
  d->use_safe_settings();
  d->check_identity(open_mode::read_only);
  return d;
}

// Under another name until it is complete: under the final one an empty or half-made file is damage, never a beginning.
void database::create(const fs::path& file) {
  const fs::path unfinished = file.string() + ".new";
  make_empty_private(unfinished);
  {
    database d(unfinished);
    d.open_file(SQLITE_OPEN_READWRITE);
    d.set("locking_mode", "exclusive");
    d.use_safe_settings();
    d.choose_journal();
    d.migrate();
    if (d.has_wal_) d.run("complete the records", "PRAGMA wal_checkpoint(TRUNCATE)");
  }
  for (const char* suffix : {"-wal", "-journal"}) ::unlink((unfinished.string() + suffix).c_str());
  if (::rename(unfinished.c_str(), file.c_str()) != 0)
    throw store_error("cannot create " + file.string() + ": " + system_text(errno));
  as_store_error([&] { sync_directory(file.parent_path()); });
}

}  // namespace orchestration
