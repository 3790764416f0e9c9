// A directory tree, depth first, by descriptors: never through a symlink, never into another mount, with at most 64
// directories open, however deep it is.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <stop_token>
#include <string>

namespace orchestration {

struct tree_node {
  const std::string& path;  // from the root, which is ""
  int parent;               // the directory that holds it; -1 for the root
  const char* name;         // in the parent
  int node;                 // O_PATH: says what it is, opens nothing
  const struct stat& status;
};

struct tree_visit {
  std::function<void(const tree_node&)> enter;  // before what a directory holds; the root first
  std::function<void(const std::string& path, int parent, const char* name)> leave;  // after; may be empty
  /// What cannot be looked at: EXDEV a mount point, ENOENT gone since listed, EACCES. May be empty.
  std::function<void(const std::string& path, int error_number)> unreachable;
};

/// Entries of one directory come in the order of their inode numbers: about the order on disk, which is what makes
/// reading many small files from a cold disk bearable. Throws snapshot_cancelled.
void walk_tree(int root, const tree_visit& visit, std::stop_token stop);

}  // namespace orchestration
