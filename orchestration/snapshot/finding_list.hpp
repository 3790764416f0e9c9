// Findings, counted; only the first thousand are kept, so that a volume full of sockets costs no memory.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "orchestration/snapshot/snapshot_error.hpp"

namespace orchestration {

class finding_list {
 public:
  void add(snapshot_finding::kind what, const std::string& path, std::string text) {
    ++count_;
    if (kept_.size() < 1000) kept_.push_back({what, path, std::move(text)});
  }
  std::uint64_t count() const { return count_; }
  std::vector<snapshot_finding> take() { return std::move(kept_); }

 private:
  std::uint64_t count_ = 0;
  std::vector<snapshot_finding> kept_;
};

}  // namespace orchestration
