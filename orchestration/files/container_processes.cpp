#include "orchestration/files/container_processes.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace orchestration {

namespace fs = std::filesystem;

namespace {

/// Empty when it cannot be read: a process may end meanwhile, which is "no such process" to a reader.
std::string text_of(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

}  // namespace

bool has_processes(const std::string& container_id, const fs::path& proc) {
  if (container_id.empty()) return false;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(proc, none)) {
    const std::string name = entry.path().filename().string();
    if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) continue;
    const bool is_of_it = text_of(entry.path() / "cgroup").find(container_id) != std::string::npos;
    if (is_of_it && !text_of(entry.path() / "comm").starts_with("runc:[")) return true;
  }
  return false;
}

}  // namespace orchestration
