// Tar entries written by hand, as no honest program would write them, with a list of files that vouches for them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orchestration/snapshot/volume_archive.hpp"

namespace orchestration::test {

struct raw_entry {
  char type = '0';  // POSIX ustar typeflag
  std::string path;
  std::string target;
  std::string content;
  std::string size = {};    // the size field as it stands there; empty: the content's
  std::string prefix = {};  // the directory part of a long name
};

/// Header and content, both padded, with a right checksum.
std::string block_of(const raw_entry& entry);
/// A pax extended header ('x') or a global one ('g') with these records, "length key=value" each.
std::string pax_block(char type, const std::vector<std::pair<std::string, std::string>>& records);
std::string packed(std::string_view bytes);  // by zstd

/// The same for bytes that need not be a tar at all; the list vouches for what can be read of `tar`.
expected_archive forge_bytes(const std::filesystem::path& directory, const std::string& tar, const std::string& file);
/// Writes <directory>/a.tar.zst and its list; the result passes for a recorded archive.
expected_archive forge(const std::filesystem::path& directory, const std::vector<raw_entry>& entries);

}  // namespace orchestration::test
