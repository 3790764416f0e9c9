// A reply that gets lost says nothing about what was done. What reads, or looks before it acts, is simply asked again.
#pragma once

#include <type_traits>
#include <utility>

#include "docker_client/error.hpp"
#include "docker_client/task.hpp"

namespace orchestration {

/// co_awaits make(); once more when the engine may have acted but its answer got lost. Another docker::error passes
/// through, and so does a second loss.
template <class Make>
std::invoke_result_t<Make&> again_when_lost(Make make) {
  try {
    auto first = make();
    co_return co_await std::move(first);
  } catch (const docker::error& error) {
    if (error.acted() != docker::acted::maybe) throw;
  }
  auto second = make();
  co_return co_await std::move(second);
}

}  // namespace orchestration
