// What runs in a container, as the kernel says: a daemon that died while it started one may never know that it did.
#pragma once

#include <filesystem>
#include <string>

namespace orchestration {

/// Whether a process is in a control group that bears the container's full id (both versions, and all drivers, name it
/// so). Of the processes that `proc` (proc(5)) shows; those that end meanwhile do not count, nor does what runc has
/// only prepared: "runc:[2:INIT]" waits to become the container's program, and without the daemon it waits for ever.
bool has_processes(const std::string& container_id, const std::filesystem::path& proc = "/proc");

}  // namespace orchestration
