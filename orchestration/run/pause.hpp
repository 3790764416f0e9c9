// Waiting in a coroutine.
#pragma once

#include <chrono>

#include "docker_client/task.hpp"

namespace orchestration {

/// That long, on the coroutine's executor. Cancelled: boost::system::system_error (operation_aborted).
docker::task<> pause_for(std::chrono::milliseconds time);

}  // namespace orchestration
