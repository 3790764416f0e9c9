// Directories whose content is known at any time without reading it all again: inotify says what changed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/explore/digest.hpp"

namespace orchestration::explore {

/// A file as it is to be put back. Content is shared between all that have the same.
struct kept_file {
  enum class kind { directory, file, link };
  kind what = kind::file;
  mode_t mode = 0;
  timespec modified{};
  digest content;
  std::vector<std::shared_ptr<const std::string>> blocks;  // or the link's target
};

/// By path. Directories come before what is in them.
using kept_tree = std::map<std::string, kept_file>;

/// How a file counts: by its content, by being there, or not at all (its content is looked at by other means).
enum class counts { whole, by_name, never };

class watched_tree {
 public:
  watched_tree(std::vector<std::filesystem::path> roots, std::function<counts(const std::string& path)> how);
  ~watched_tree();
  watched_tree(const watched_tree&) = delete;
  watched_tree& operator=(const watched_tree&) = delete;

  /// Of everything that counts.
  digest content();
  kept_tree keep();
  void put_back(const kept_tree& kept);

 private:
  struct entry {
    kept_file::kind what = kept_file::kind::file;
    ino_t number = 0;  // a directory made anew under an old name is another one
    digest content;
  };
  using directory = std::map<std::string, entry>;  // by name

  void take_events();
  void scan(const std::string& path);
  void forget(const std::string& path);
  void watch(const std::string& path);
  entry look_at(const std::string& path) const;
  kept_file read(const std::string& path, kept_file::kind what);
  std::shared_ptr<const std::string> shared(std::string block);

  std::vector<std::string> roots_;
  std::function<counts(const std::string&)> how_;
  int events_ = -1;
  std::map<int, std::string> watches_;
  std::map<std::string, int> watch_of_;
  std::map<std::string, directory> directories_;
  std::set<std::string> changed_;
  digest total_;
  std::map<digest, std::weak_ptr<const std::string>> blocks_;
};

}  // namespace orchestration::explore
