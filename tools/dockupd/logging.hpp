// Progress and warnings on stderr. The only owner of spdlog.
#pragma once

#include <string>

#include "orchestration/run/progress.hpp"
#include "tools/dockupd/command_line.hpp"

namespace dockupd {

/// What progress events look like in the given style; `automatic` is tty when stderr is a terminal, else plain. A
/// closed or full stderr never ends a run.
orchestration::progress_sink make_progress(progress_style style);

/// One text for people, on stderr; as it is, or as a note, a warning or an error.
void say(const std::string& text);
void say_note(const std::string& text);
void say_warning(const std::string& text);
void say_error(const std::string& text);

}  // namespace dockupd
