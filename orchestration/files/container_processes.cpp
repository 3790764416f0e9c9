#include "orchestration/files/container_processes.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace orchestration {

namespace fs = std::filesystem;

bool has_processes(const std::string& container_id, const fs::path& proc) {
  if (container_id.empty()) return false;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(proc, none)) {
    const std::string name = entry.path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::ifstream file(entry.path() / "cgroup");
    const std::string groups(std::istreambuf_iterator<char>(file), {});
    if (groups.find(container_id) != std::string::npos) return true;
  }
  return false;
}

}  // namespace orchestration
