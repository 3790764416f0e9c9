// Tar entries written by hand, as no honest program would write them, with a list of files that vouches for them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration::test {

struct raw_entry {
  char type = '0';  // POSIX ustar typeflag
  std::string path;
  std::string target;
  std::string content;
};

/// Writes <directory>/a.tar.zst and its list; the result passes for a recorded archive.
expected_archive forge(const std::filesystem::path& directory, const std::vector<raw_entry>& entries);

}  // namespace orchestration::test
