// Right after a boot the engine may not be there yet.
#pragma once

#include <chrono>
#include <stop_token>

#include "orchestration/run/engine.hpp"

namespace orchestration {

/// Asks the engine, with pauses that double, until it answers or `deadline` (of boot_time()) has passed; at least once.
/// False: it does not answer, or `stop` was asked for. Errors other than silence pass through.
docker::task<bool> await_engine(engine& e, std::chrono::milliseconds deadline, std::stop_token stop);

}  // namespace orchestration
