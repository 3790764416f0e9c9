#include "tools/dockupd/printable.hpp"

#include <gtest/gtest.h>

namespace dockupd {
namespace {

TEST(Printable, LeavesTextAsItIs) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("pulled 3 of 4\nweb.1 healthy"), "pulled 3 of 4\nweb.1 healthy");
  EXPECT_EQ(printable("Größe 5 €, 雪, 🐳"), "Größe 5 €, 雪, 🐳");
}

TEST(Printable, TurnsATabIntoASpace) { EXPECT_EQ(printable("a\tb"), "a b"); }

TEST(Printable, ShowsControlCharactersInsteadOfSendingThem) {
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable("\x1b]52;c;cm0gLXJm\x07"), "\\x1b]52;c;cm0gLXJm\\x07");
  EXPECT_EQ(printable("done\rfailed"), "done\\x0dfailed");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7f\b"), "\\x7f\\x08");
}

TEST(Printable, ShowsEightBitControls) {
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // CSI, U+009B
  EXPECT_EQ(printable("\x9b"
                      "2J"),
            "\\x9b2J");  // the same without UTF-8
}

TEST(Printable, ShowsWhatTurnsTextAround) {
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xaeb");                           // U+202E, right to left from here on
  EXPECT_EQ(printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");  // U+2066, an isolate
  EXPECT_EQ(printable("\xe2\x80\x8f"), "\\xe2\\x80\\x8f");  // U+200F, a mark
  EXPECT_EQ(printable("\xd8\x9c"), "\\xd8\\x9c");           // U+061C
}

TEST(Printable, ShowsOtherLineBreaks) {
  EXPECT_EQ(printable("\xe2\x80\xa8"), "\\xe2\\x80\\xa8");  // U+2028
  EXPECT_EQ(printable("\xc2\x85"), "\\xc2\\x85");           // U+0085, next line
  EXPECT_EQ(printable("\xef\xbb\xbf"), "\\xef\\xbb\\xbf");  // U+FEFF, a byte order mark
}

TEST(Printable, ShowsWhatIsNoUtf8) {
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");                    // overlong: an escape in disguise
  EXPECT_EQ(printable("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");           // overlong, three bytes
  EXPECT_EQ(printable("\xf0\x80\x80\x9b"), "\\xf0\\x80\\x80\\x9b");  // overlong, four bytes
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\x80"), "\\x80");
}

TEST(Printable, GoesOnAfterACharacterThatIsCutShort) {
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");
  EXPECT_EQ(printable("\xe2\x82 x"), "\\xe2\\x82 x");
  EXPECT_EQ(printable("\xf0\x9f\x90"), "\\xf0\\x9f\\x90");
  EXPECT_EQ(printable("\xc3\x1b"), "\\xc3\\x1b");  // the escape is not swallowed by the broken character before it
}

TEST(Printable, NeverLetsAControlByteThrough) {
  std::string all;
  for (int first = 0; first < 256; ++first)
    for (int second = 0; second < 256; ++second) all += {static_cast<char>(first), static_cast<char>(second)};
  for (const char c : printable(all)) {
    const auto byte = static_cast<unsigned char>(c);
    ASSERT_TRUE(c == '\n' || (byte >= 0x20 && byte != 0x7f)) << static_cast<int>(byte);
  }
}

TEST(OneLine, PutsLinesBesideEachOther) {
  EXPECT_EQ(one_line("web.1 unhealthy\nits last lines:\nboom"), "web.1 unhealthy | its last lines: | boom");
  EXPECT_EQ(one_line("a\x1b[1A"), "a\\x1b[1A");
}

}  // namespace
}  // namespace dockupd
