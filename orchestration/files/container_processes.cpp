#include "orchestration/files/container_processes.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace orchestration {

namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
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
