// A reply that gets lost says nothing about what was done. What reads, or looks before it acts, is simply asked again.
#pragma once

#include <type_traits>
#include <utility>

#include "docker_client/error.hpp"
#include "docker_client/json.hpp"
#include "docker_client/task.hpp"

namespace orchestration {

/// Whether the failure leaves open what the engine did: no answer came, none that can be understood, or the engine (or
/// a proxy before it) failed inside, 5xx, at whatever point.
inline bool leaves_open(const docker::error& error) {
  return error.acted() == docker::acted::maybe || error.kind() == docker::error_kind::protocol ||
         error.kind() == docker::error_kind::truncated || error.status() / 100 == 5;
}

/// co_awaits make(); once more when the engine may have acted but its answer does not say. Another docker::error passes
/// through, and so does whatever the second time brings.
template <class Make>
std::invoke_result_t<Make&> again_when_lost(Make make) {
  try {
    auto first = make();
    co_return co_await std::move(first);
  } catch (const docker::error& error) {
    if (!leaves_open(error)) throw;
  } catch (const docker::json_error&) {
    // An answer of another shape than the engine's.
  }
  auto second = make();
  co_return co_await std::move(second);
}

}  // namespace orchestration
