// What `platform:` may be written like → the platform as the engine is asked for it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace orchestration {

/// "Linux/x86_64" → "linux/amd64", "arm64" → "linux/arm64", by the rules of containerd's `platforms.Parse`. A system
/// alone means the architecture that dockupd was built for. Absent when it is no platform.
std::optional<std::string> normal_platform(std::string_view written);

}  // namespace orchestration
