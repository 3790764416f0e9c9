// The one way foreign text (engine, containers, registries, files) gets to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace dockupd {

/// Printable UTF-8 and line feeds stay; every other byte becomes \xNN: control characters, escapes, C1, bidirectional
/// overrides, invalid UTF-8. So nothing that a container writes can move a cursor or forge a line. Secrets are hidden
/// first (redaction.hpp).
std::string printable(std::string_view text);

/// The same for one line: line feeds become " | ".
std::string one_line(std::string_view text);

}  // namespace dockupd
