#include "docker_client/wire/pool.hpp"

namespace docker {

std::unique_ptr<byte_stream> pool::take_idle() {
  const auto oldest = now_() - longest_idle;
  std::erase_if(idle_, [&](const waiting& one) { return one.since < oldest; });
  if (idle_.empty()) return nullptr;
  auto newest = std::move(idle_.back().connection);
  idle_.pop_back();
  return newest;
}

void pool::give_back(std::unique_ptr<byte_stream> connection) {
  if (connection == nullptr) return;
  if (idle_.size() == most_idle) idle_.erase(idle_.begin());
  idle_.push_back({std::move(connection), now_()});
}

}  // namespace docker
