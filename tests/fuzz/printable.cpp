// Whatever came in, what goes to a terminal has no control character and no escape, and is stable.
#include "tools/dockupd/printable.hpp"

#include "docker_client/error.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

bool is_harmless(std::string_view text, bool with_line_feeds) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte < 0x20 && !(byte == '\n' && with_line_feeds)) || byte == 0x7f) return false;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return false;  // C1
  }
  return true;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const std::string shown = dockupd::printable(input);
  fuzz::expect(is_harmless(shown, true), "printable text holds line feeds and nothing else that acts");
  fuzz::expect(dockupd::printable(shown) == shown, "printing again changes nothing");
  fuzz::expect(is_harmless(dockupd::one_line(input), false), "one line is one line");

  constexpr std::size_t most = 40;
  constexpr std::size_t mark = 3;  // of the ellipsis
  const std::string cut = docker::printable(input, most);
  fuzz::expect(cut.size() <= most + mark, "cut text is short");
  for (const char c : cut) fuzz::expect(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "cut text does not act");
  for (const char c : docker::engine_message_of(input))
    fuzz::expect(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "an engine's message does not act");
}
