// Every exception becomes a sentence on stderr (or a document with --json) and an exit code, here and nowhere else.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "tools/dockupd/command_line.hpp"
#include "tools/dockupd/exit_code.hpp"

namespace dockupd {

struct explanation {
  exit_code code;
  std::string text;
};
explanation explain(const std::exception_ptr& thrown);

/// What `work` returns, or the code of what it threw, after that was said.
exit_code explained(const command& asked, const std::function<exit_code()>& work);

}  // namespace dockupd
