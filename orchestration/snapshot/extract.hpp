// Tar entries → a directory tree, beneath one directory and nowhere else.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/finding_list.hpp"

namespace orchestration {

/// Takes entries in the order archive_volume() writes them: the root, then each directory before what it holds, and all
/// of that before anything outside it. So only the directories on the way to the present entry are open or remembered,
/// and an entry can only land in a directory that this archive made: a parent that is a symlink, absent or long left
/// is refused, as are absolute names, "..", a name that is there already and a hard link to what is not inside.
/// Symlinks are made as they are and never followed. Throws snapshot_error and file_error.
class extractor {
 public:
  /// `root` is an empty directory; `place` names it in messages.
  extractor(int root, std::string place, finding_list& findings);

  /// Everything but a file's content and a directory's attributes.
  void begin(const tar_entry& entry);
  void write(std::uint64_t offset, std::string_view bytes);  // content of the file begun
  void end();                                                // of the entry begun: its attributes
  void finish();                                             // attributes of the directories still open, the root last

 private:
  struct open_directory {
    tar_entry entry;
    descriptor directory;  // closed while deeper ones need the room
  };

  void check_name(const std::string& path) const;
  void leave_until(std::string_view directory);
  void leave();
  int directory_of(std::size_t depth);
  void make_directory(const std::string& name);
  void make_node(const std::string& name);
  void make_hard_link(const std::string& name);
  void set(int node, const tar_entry& entry);
  std::string full(const std::string& path) const { return path.empty() ? place_ : place_ + "/" + path; }

  int root_;
  std::string place_;
  finding_list& findings_;
  std::vector<open_directory> way_;  // from the root to where we are
  tar_entry now_;
  descriptor file_;
};

}  // namespace orchestration
