#include "orchestration/run/disk_budget.hpp"

#include <algorithm>

#include "orchestration/files/disk_space.hpp"

namespace orchestration {
namespace {

std::string join(const std::string& list, const std::string& more) { return list.empty() ? more : list + ", " + more; }

}  // namespace

std::string mebibytes(std::uint64_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

void disk_budget::claim(const std::filesystem::path& where, std::uint64_t bytes, std::uint64_t inodes,
                        const std::string& what) {
  const std::uint64_t file_system = disk_space_at(where).file_system;
  const auto same = [&](const account& a) { return a.file_system == file_system; };
  auto found = std::find_if(accounts_.begin(), accounts_.end(), same);
  if (found == accounts_.end()) found = accounts_.insert(accounts_.end(), account{file_system, where, {}});
  found->entries.push_back({bytes, inodes, what});
}

std::optional<disk_budget::shortage> disk_budget::first_shortage() const {
  for (const account& a : accounts_) {
    std::uint64_t bytes = 0;
    std::uint64_t inodes = 0;
    std::string of_bytes;
    std::string of_inodes;
    for (const entry& e : a.entries) {
      bytes += e.bytes;
      inodes += e.inodes;
      if (e.bytes > 0) of_bytes = join(of_bytes, mebibytes(e.bytes) + " for " + e.what);
      if (e.inodes > 0) of_inodes = join(of_inodes, std::to_string(e.inodes) + " for " + e.what);
    }
    const disk_space space = disk_space_at(a.where);
    if (space.free_bytes < bytes)
      return shortage{a.where, mebibytes(bytes) + " needed (" + of_bytes + "), " +
                                   std::to_string(space.free_bytes >> 20) + " MiB free"};
    if (space.free_inodes && *space.free_inodes < inodes)
      return shortage{a.where, std::to_string(inodes) + " inodes needed (" + of_inodes + "), " +
                                   std::to_string(*space.free_inodes) + " free"};
  }
  return std::nullopt;
}

}  // namespace orchestration
