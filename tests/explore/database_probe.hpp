// What stands in a database that dockupd has open, read through that very connection. It only tells two states apart;
// nothing is concluded from what it says.
#pragma once

#include "tests/explore/digest.hpp"

struct sqlite3;

namespace orchestration::explore {

class database_probe {
 public:
  /// What is opened from now on, the last of it, is what this one looks at.
  void listen();
  /// Nothing is open any more; what there is has this digest.
  void closed(const digest& there);
  /// Of all rows; read again only when any was changed since. Of the last time when nothing is open.
  digest content();

 private:
  static int note(sqlite3* connection, char** error, const void* unused);
  static inline database_probe* listening_ = nullptr;
  digest read() const;
  digest last_;
  sqlite3* connection_ = nullptr;
  sqlite3* read_from_ = nullptr;
  int changes_ = -1;
};

}  // namespace orchestration::explore
