// The only clocks: core code gets time as an argument.
#pragma once

#include <chrono>
#include <string>

namespace orchestration {

/// Now, RFC 3339, UTC: for people and records. Never for deadlines.
std::string now_text();

/// CLOCK_BOOTTIME: counts suspended time too, and never jumps with the wall clock. For deadlines.
std::chrono::milliseconds boot_time();

/// A new id that sorts by time: "20261121T105501Z-4f2a9c". The suffix is random.
std::string new_id();

}  // namespace orchestration
