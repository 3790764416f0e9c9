// Named places at which the crash tests make the program fail: before and after whatever is durable or changes the
// engine. In the program that is shipped a failpoint does nothing. tests/crash/failpoint.cpp has the other definition,
// which the linker takes for the program of the crash tests, all other objects being the very same.
//
// Names: "engine:CALL:before" and ":after" for each call that changes the engine; "step:WHICH:DESCRIPTION:intended",
// ":made" and ":recorded" for each journalled step; "state:STATE:before" and ":after"; "snapshot:…", "restore:…",
// "file:BASENAME:…" inside those.
#pragma once

#include <string_view>

namespace orchestration {

void failpoint(std::string_view name);

}  // namespace orchestration
