// Every exception becomes a sentence on stderr (or a document with --json) and an exit code, here and nowhere else.
#pragma once

#include <functional>

#include "tools/dockupd/command_line.hpp"
#include "tools/dockupd/exit_code.hpp"

namespace dockupd {

exit_code explained(const command& asked, const std::function<exit_code()>& work);

}  // namespace dockupd
