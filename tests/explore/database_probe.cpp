#include "tests/explore/database_probe.hpp"

#include <sqlite3.h>

#include <stdexcept>
#include <string>

namespace orchestration::explore {
namespace {

void add_rows(digest& to, sqlite3* from, const char* table) {
  const std::string sql = std::string("SELECT * FROM ") + table + " ORDER BY 1";
  sqlite3_stmt* rows = nullptr;
  if (sqlite3_prepare_v2(from, sql.c_str(), -1, &rows, nullptr) != SQLITE_OK) return;  // not made yet
  int result = 0;
  while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
    for (int column = 0; column < sqlite3_column_count(rows); ++column) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(rows, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(rows, column));
      to.add(std::string_view(text == nullptr ? "" : text, size));
    }
  }
  sqlite3_finalize(rows);
  if (result != SQLITE_DONE) throw std::runtime_error(std::string("explorer: ") + sqlite3_errmsg(from));
}

}  // namespace

int database_probe::note(sqlite3* connection, char**, const void*) {
  if (listening_ != nullptr) listening_->connection_ = connection;
  return SQLITE_OK;
}

void database_probe::listen() {
  using extension = void (*)();
  static const int registered = sqlite3_auto_extension(reinterpret_cast<extension>(&database_probe::note));
  if (registered != SQLITE_OK) throw std::runtime_error("explorer: SQLite takes no extension");
  listening_ = this;
}

void database_probe::closed(const digest& there) {
  last_ = there;
  connection_ = nullptr;
  read_from_ = nullptr;
}

digest database_probe::read() const {
  digest out;
  for (const char* table : {"release", "meta", "attempt", "journal", "snapshot", "hold"})
    add_rows(out, connection_, table);
  return out;
}

digest database_probe::content() {
  if (connection_ == nullptr) return last_;
  const int changes = sqlite3_total_changes(connection_);
  if (connection_ == read_from_ && changes == changes_) return last_;
  read_from_ = connection_;
  changes_ = changes;
  return last_ = read();
}

}  // namespace orchestration::explore
