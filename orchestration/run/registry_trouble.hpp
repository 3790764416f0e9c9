// What a registry says when it is busy or away for a moment. The engine passes its words on and tries most calls once.
#pragma once

#include <chrono>
#include <string_view>
#include <type_traits>
#include <utility>

#include "docker_client/error.hpp"
#include "docker_client/task.hpp"

namespace orchestration {

/// Too many requests, 5xx, a connection that broke: by the engine's words, since its status is 500 for all of them. Not
/// what the engine has tried again itself ("download failed after attempts=6"), nor a registry that is not there.
bool will_pass(const docker::error& error);

inline constexpr int most_registry_tries = 4;
/// Before try `number` + 1: half a second, one, two; each up to half as long again, so that not all come at once.
docker::task<> wait_for_registry(int number);

/// co_awaits make(), again while the registry's trouble will pass. Any other error passes through, and so does the
/// last.
template <class Make>
std::invoke_result_t<Make&> again_when_busy(Make make) {
  for (int number = 1;; ++number) {
    try {
      auto one = make();
      co_return co_await std::move(one);
    } catch (const docker::error& error) {
      if (number == most_registry_tries || !will_pass(error)) throw;
    }
    co_await wait_for_registry(number);
  }
}

}  // namespace orchestration
