// The one way foreign text (engine, containers, registries, files) gets to a terminal.
#pragma once

#include <string>
#include <string_view>

namespace dockupd {

/// Printable UTF-8 and line feeds stay; every other byte becomes \xNN: control characters, escapes, C1, bidirectional
/// overrides, invalid UTF-8. So nothing that a container writes can move a cursor or forge a line.
std::string visible(std::string_view text);

/// The same, and secrets are hidden first (redaction.hpp).
std::string printable(std::string_view text);

/// A JSON text with \uNNNN where visible() would have \xNN: it means the same, and so can be shown. What is no UTF-8
/// was no JSON, and becomes \ufffd.
std::string visible_json(std::string_view document);

/// The same for one line: line feeds become " | ".
std::string one_line(std::string_view text);

}  // namespace dockupd
