// What containers, registries and files have been seen to write in order to deceive whoever reads it in a terminal.
#include <gtest/gtest.h>

#include <string>

#include "docker_client/json.hpp"
#include "tools/dockupd/printable.hpp"

namespace dockupd {
namespace {

struct sequence {
  const char* name;
  std::string bytes;
};

void PrintTo(const sequence& s, std::ostream* out) { *out << s.name; }

// ECMA-48 names; what xterm and its kin act on.
const sequence sequences[] = {
    {"ClearScreen", "\x1b[2J\x1b[H"},
    {"ClearScrollback", "\x1b[3J"},
    {"CursorUpAndOver", "failed\x1b[1A\x1b[2Kdone"},
    {"CursorPosition", "\x1b[1;1Hdockupd: done"},
    {"CursorSaveAndRestore",
     "\x1b[s\x1b[u\x1b"
     "7\x1b"
     "8"},
    {"InvisibleText", "\x1b[8mrm -rf /\x1b[0m"},
    {"Colours", "\x1b[32mhealthy\x1b[0m"},
    {"Blink", "\x1b[5m!"},
    {"AlternateScreen", "\x1b[?1049h"},
    {"HideCursor", "\x1b[?25l"},
    {"BracketedPaste", "\x1b[?2004h\x1b[200~rm -rf /\n\x1b[201~"},
    {"MouseReports", "\x1b[?1000h\x1b[?1006h"},
    {"DeviceStatusReport", "\x1b[6n"},
    {"DeviceAttributes", "\x1b[c\x1b[>c\x1b[=c"},
    {"AnswerbackByEnquiry", "\x05"},
    {"WindowTitle", "\x1b]0;owned\x07"},
    {"WindowTitleByStringTerminator", "\x1b]2;owned\x1b\\"},
    {"ReportWindowTitle", "\x1b[21t"},
    {"ResizeWindow", "\x1b[8;1;1t"},
    {"Clipboard", "\x1b]52;c;cm0gLXJmIC8K\x07"},
    {"ClipboardRead", "\x1b]52;c;?\x07"},
    {"Hyperlink", "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\"},
    {"CurrentDirectory", "\x1b]7;file:///etc\x07"},
    {"Notification", "\x1b]9;owned\x07\x1b]777;notify;a;b\x07"},
    {"PaletteChange", "\x1b]4;1;#000000\x07"},
    {"ItermFile", "\x1b]1337;File=name=YQ==;inline=1:YQ==\x07"},
    {"DeviceControlString", "\x1bP$q\"p\x1b\\"},
    {"Sixel", "\x1bPq#0;2;0;0;0~-\x1b\\"},
    {"TmuxPassthrough", "\x1bPtmux;\x1b\x1b]52;c;YQ==\x07\x1b\\"},
    {"ApplicationProgramCommand", "\x1b_Gf=100;YQ==\x1b\\"},
    {"PrivacyMessage", "\x1b^hidden\x1b\\"},
    {"StartOfString", "\x1bXhidden\x1b\\"},
    {"FullReset",
     "\x1b"
     "c"},
    {"CharacterSetSwitch", "\x1b(0lqqk\x0e\x0f"},
    {"EightBitCsi",
     "\x9b"
     "2J"},
    {"EightBitCsiInUtf8",
     "\xc2\x9b"
     "2J"},
    {"EightBitOsc",
     "\x9d"
     "0;owned\x9c"},
    {"EightBitDcs", "\x90q\x9c"},
    {"OverlongEscape", "\xc0\x9b[2J"},
    {"OverlongEscapeOfThree", "\xe0\x80\x9b[2J"},
    {"EscapeBehindACutCharacter", "\xe2\x82\x1b[2J"},
    {"CarriageReturn", "failed\rdone  "},
    {"Backspaces", "failed\b\b\b\b\b\bdone"},
    {"VerticalTabAndFormFeed", "a\vb\fc"},
    {"Delete", "a\x7f"},
    {"Nul", std::string("a\0b", 3)},
    {"Bell", "\x07\x07\x07"},
    {"RightToLeftOverride", "\xe2\x80\xaegnp.exe"},
    {"BidirectionalIsolate", "\xe2\x81\xa6ok\xe2\x81\xa9"},
    {"LineSeparator",
     "a\xe2\x80\xa8"
     "dockupd: done"},
    {"NextLine",
     "a\xc2\x85"
     "dockupd: done"},
    {"ByteOrderMark",
     "\xef\xbb\xbf"
     "a"},
    {"Surrogates", "\xed\xa0\x80\xed\xb0\x80"},
    {"BeyondUnicode", "\xf4\x90\x80\x80"},
    {"EscapeInsideOfAPrivateKey", "-----BEGIN PRIVATE KEY-----\x1b[2J-----END PRIVATE KEY-----"},
};

class escape_corpus : public testing::TestWithParam<sequence> {};

bool is_harmless(const std::string& shown) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < shown.size() ? static_cast<unsigned char>(shown[i]) : 0;
  };
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const unsigned c = byte(i);
    if ((c < 0x20 && c != '\n') || c == 0x7f) return false;
    if (c == 0xc2 && byte(i + 1) < 0xa0) return false;                                           // C1 in UTF-8
    if (c >= 0x80 && c < 0xc0 && (i == 0 || byte(i - 1) < 0x80)) return false;                   // C1 by itself
    if (c == 0xc0 || c == 0xc1 || (c == 0xe0 && byte(i + 1) < 0xa0)) return false;               // overlong
    if ((c == 0xed && byte(i + 1) >= 0xa0) || (c == 0xf4 && byte(i + 1) >= 0x90)) return false;  // no Unicode
  }
  for (const char* turning : {"\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9", "\xe2\x80\xa8", "\xef\xbb\xbf"})
    if (shown.find(turning) != std::string::npos) return false;
  return true;
}

TEST_P(escape_corpus, ReachesNoTerminal) {
  const std::string& bytes = GetParam().bytes;
  EXPECT_FALSE(is_harmless(bytes)) << "the corpus itself";
  EXPECT_TRUE(is_harmless(printable(bytes)));
  EXPECT_TRUE(is_harmless(one_line(bytes)));
  // Nor in two pieces: a sequence that is cut must not come together again behind the sink.
  for (std::size_t cut = 1; cut < bytes.size(); ++cut)
    EXPECT_TRUE(is_harmless(printable(bytes.substr(0, cut)) + printable(bytes.substr(cut)))) << "cut at " << cut;
}

TEST_P(escape_corpus, ReachesNoTerminalInADocument) {
  const docker::json document = docker::json::object({{"reason", GetParam().bytes}});
  const std::string shown = visible_json(document.to_text());
  EXPECT_TRUE(is_harmless(shown)) << shown;
  EXPECT_NO_THROW(docker::json::parse(shown)) << shown;
  bool is_json = true;
  try {
    docker::json::parse(document.to_text());
  } catch (const docker::json_error&) {
    is_json = false;  // no UTF-8
  }
  if (!is_json) return;
  EXPECT_EQ(docker::json::parse(shown), document) << "it means another";
}

INSTANTIATE_TEST_SUITE_P(Printable, escape_corpus, testing::ValuesIn(sequences),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace dockupd
