// One SQLite file: how it is opened, what settings it gets, how it fails, statements and transactions. It knows the
// schema's steps, and nothing of what the tables mean. The .cpp is the only one that includes sqlite3.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "docker_client/json.hpp"
#include "orchestration/release/store.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace orchestration {

class database {
 public:
  // As store::open() has it. Everything here throws store_error.
  static std::unique_ptr<database> take(const std::filesystem::path& file);
  static std::unique_ptr<database> look_at(const std::filesystem::path& file);
  /// An empty one that no file holds.
  static std::unique_ptr<database> in_memory();
  /// Makes a new one, complete before it gets its name.
  static void create(const std::filesystem::path& file);

  database(const database&) = delete;
  database& operator=(const database&) = delete;
  ~database();

  class row {
   public:
    row(sqlite3_stmt* statement, const database& from) : statement_(statement), from_(from) {}
    std::int64_t integer(int column) const;
    int number(int column) const;
    std::string text(int column) const;
    docker::json document(int column) const;
    /// For a value that cannot be what was written.
    [[noreturn]] void damaged(int column, const std::string& reason) const;

   private:
    sqlite3_stmt* statement_;
    const database& from_;
  };

  class value {
   public:
    value(int v) : held_(std::int64_t{v}) {}
    value(std::int64_t v) : held_(v) {}
    value(bool v) : held_(std::int64_t{v}) {}
    value(std::string v) : held_(std::move(v)) {}
    value(const char* v) : held_(std::string(v)) {}
    value(const docker::json& v) : held_(v.to_text()) {}
    const std::variant<std::int64_t, std::string>& held() const { return held_; }

   private:
    std::variant<std::int64_t, std::string> held_;
  };
  using values = std::initializer_list<value>;
  using take_row = std::function<void(const row&)>;

  // `tried` fits between "cannot" and "in <file>".
  void each(const std::string& tried, std::string_view sql, values bound, const take_row& take) const;
  /// How many rows were changed.
  int run(const std::string& tried, std::string_view sql, values bound = {}) const;
  /// For what has to be there, exactly once: else store_error "cannot <tried> in <file>: <missing>".
  void run_on_one(const std::string& tried, const std::string& missing, std::string_view sql, values bound) const;
  std::string text_of(const std::string& tried, std::string_view sql) const;  // first column of the last row
  int number_of(const std::string& tried, std::string_view sql) const;

  /// Undone by the destructor unless committed.
  class transaction {
   public:
    transaction(const database& on, std::string tried);
    transaction(const transaction&) = delete;
    transaction& operator=(const transaction&) = delete;
    ~transaction();
    void commit();

   private:
    const database& on_;
    std::string tried_;
  };

  using room_maker = std::function<bool()>;
  void when_full(room_maker make_room) { make_room_ = std::move(make_room); }
  /// `change` is whole when it comes back and nothing when it throws. Done again as long as there is no room for it and
  /// some could be made.
  void with_room(const std::function<void()>& change) const;

  bool has_wal() const { return has_wal_; }
  const std::filesystem::path& file() const { return file_; }

 private:
  explicit database(std::filesystem::path file) : file_(std::move(file)) {}
  void open_file(int flags);
  void open_image(std::string bytes);
  void set(const std::string& pragma, const std::string& wanted) const;
  void use_safe_settings() const;
  void check_identity(open_mode mode) const;
  void check_pages() const;
  void choose_journal();
  void migrate() const;
  [[noreturn]] void fail(int code, const std::string& tried) const;

  std::filesystem::path file_;
  sqlite3* handle_ = nullptr;
  std::string image_;  // look_at(): what the connection reads
  bool has_wal_ = false;
  room_maker make_room_;  // empty: none can be made
};

}  // namespace orchestration
