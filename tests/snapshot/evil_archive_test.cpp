// Archives that try to reach outside the volume, with a record that vouches for every byte of them.
#include <sys/stat.h>

#include <functional>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/files/confined.hpp"
#include "tests/snapshot/archive_fixture.hpp"
#include "tests/snapshot/picture.hpp"
#include "tests/snapshot/raw_tar.hpp"

namespace orchestration {
namespace {

using entries = std::vector<test::raw_entry>;

struct trick {
  const char* name;
  std::function<entries(const std::string& outside)> make;
};

void PrintTo(const trick& t, std::ostream* out) { *out << t.name; }

const test::raw_entry root{'5', "./", "", ""};

const trick tricks[] = {
    {"AbsoluteName",
     [](const std::string& o) {
       return entries{root, {'0', o + "/evil", "", "x"}};
     }},
    {"AbsoluteNameOverAFile",
     [](const std::string& o) {
       return entries{root, {'0', o + "/secret", "", "x"}};
     }},
    {"DotDot",
     [](const std::string&) {
       return entries{root, {'0', "../outside/evil", "", "x"}};
     }},
    {"DotDotBehindADot",
     [](const std::string&) {
       return entries{root, {'0', "./../outside/evil", "", "x"}};
     }},
    {"DotDotInTheMiddle",
     [](const std::string&) {
       return entries{root, {'5', "a/", "", ""}, {'0', "a/../../outside/evil", "", "x"}};
     }},
    {"DirectoryNamedDotDot",
     [](const std::string&) {
       return entries{root, {'5', "..", "", ""}};
     }},
    {"EmptyNameInTheMiddle",
     [](const std::string&) {
       return entries{root, {'5', "a/", "", ""}, {'0', "a//f", "", "x"}};
     }},
    {"WriteThroughASymlink",
     [](const std::string& o) {
       return entries{root, {'2', "s", o, ""}, {'0', "s/evil", "", "x"}};
     }},
    {"WriteThroughARelativeSymlink",
     [](const std::string&) {
       return entries{root, {'2', "s", "../outside", ""}, {'0', "s/evil", "", "x"}};
     }},
    {"DirectoryOverASymlink",
     [](const std::string& o) {
       return entries{root, {'2', "s", o, ""}, {'5', "s/", "", ""}, {'0', "s/evil", "", "x"}};
     }},
    {"SymlinkOverADirectory",
     [](const std::string& o) {
       return entries{root, {'5', "s/", "", ""}, {'2', "s", o, ""}, {'0', "s/evil", "", "x"}};
     }},
    {"FileOverASymlink",
     [](const std::string& o) {
       return entries{root, {'2', "s", o + "/secret", ""}, {'0', "s", "", "x"}};
     }},
    {"FifoOverASymlink",
     [](const std::string& o) {
       return entries{root, {'2', "s", o + "/evil", ""}, {'6', "s", "", ""}};
     }},
    {"DeviceOverASymlink",
     [](const std::string& o) {
       return entries{root, {'2', "s", o + "/evil", ""}, {'3', "s", "", ""}};
     }},
    {"DeviceOutside",
     [](const std::string& o) {
       return entries{root, {'3', o + "/null", "", ""}};
     }},
    {"SymlinkOutside",
     [](const std::string& o) {
       return entries{root, {'2', o + "/link", "/", ""}};
     }},
    {"HardLinkToAnAbsoluteName",
     [](const std::string& o) {
       return entries{root, {'1', "h", o + "/secret", ""}};
     }},
    {"HardLinkByDotDot",
     [](const std::string&) {
       return entries{root, {'1', "h", "../outside/secret", ""}};
     }},
    {"HardLinkThroughASymlink",
     [](const std::string& o) {
       return entries{root, {'2', "s", o, ""}, {'1', "h", "s/secret", ""}};
     }},
    {"HardLinkToASymlinkThenWritten",
     [](const std::string& o) {
       return entries{root, {'2', "s", o + "/secret", ""}, {'1', "h", "s", ""}, {'0', "h", "", "x"}};
     }},
    {"HardLinkToADirectory",
     [](const std::string&) {
       return entries{root, {'5', "d/", "", ""}, {'1', "h", "d", ""}};
     }},
    {"HardLinkToWhatIsNotThere",
     [](const std::string&) {
       return entries{root, {'1', "h", "none", ""}};
     }},
    {"RootThatIsASymlink",
     [](const std::string& o) {
       return entries{{'2', "./", o, ""}, {'0', "evil", "", "x"}};
     }},
    {"RootThatIsAFile",
     [](const std::string&) {
       return entries{{'0', ".", "", "x"}};
     }},
    {"RootTwice",
     [](const std::string&) {
       return entries{root, {'0', "f", "", "x"}, root};
     }},
    {"NoRoot",
     [](const std::string&) {
       return entries{{'0', "f", "", "x"}};
     }},
    {"DirectoryThatWasNeverMade",
     [](const std::string&) {
       return entries{root, {'0', "none/f", "", "x"}};
     }},
    {"DirectoryThatWasLeft",
     [](const std::string&) {
       return entries{root, {'5', "a/", "", ""}, {'5', "b/", "", ""}, {'0', "a/f", "", "x"}};
     }},
    {"ChildOfAFile",
     [](const std::string&) {
       return entries{root, {'0', "f", "", "x"}, {'0', "f/g", "", "x"}};
     }},
    {"TheSameNameTwice",
     [](const std::string&) {
       return entries{root, {'0', "f", "", "x"}, {'0', "f", "", "y"}};
     }},
};

class evil_archive : public test::archive_test, public testing::WithParamInterface<trick> {
 protected:
  evil_archive() {
    std::filesystem::create_directory(outside);
    test::put(outside / "secret", "untouched");
  }
  std::filesystem::path outside = place / "outside";
};

TEST_P(evil_archive, ChangesNothingOutside) {
  const expected_archive forged = test::forge(store, GetParam().make(outside.string()));
  const auto before = test::picture(outside);
  constexpr int restored = 1, refused = 2;
  const int code = test::confined([&] {
    try {
      restore_volume(forged, back, options);
      return restored;
    } catch (const std::runtime_error& error) {
      return *error.what() == '\0' ? test::threw : refused;
    }
  });
  EXPECT_EQ(code, refused);
  EXPECT_EQ(test::picture(outside), before);
  EXPECT_FALSE(std::filesystem::exists(place / "evil"));
}

INSTANTIATE_TEST_SUITE_P(Restore, evil_archive, testing::ValuesIn(tricks),
                         [](const auto& of) { return std::string(of.param.name); });

class evil_archive_reasons : public test::archive_test {};

// The message says which wall held: each would hold without the others.
TEST_F(evil_archive_reasons, NameTheWall) {
  const std::string o = (place / "outside").string();
  const std::pair<entries, std::string> cases[] = {
      {{root, {'0', o + "/evil", "", "x"}}, "its name is absolute or leaves the volume"},
      {{root, {'0', "a/../b", "", "x"}}, "its name is absolute or leaves the volume"},
      {{root, {'1', "h", "../outside/secret", ""}}, "it is a hard link that leaves the volume"},
      {{root, {'2', "s", o, ""}, {'0', "s/evil", "", "x"}}, "no directory of this archive stands open for it"},
      {{root, {'2', "s", o, ""}, {'1', "h", "s/secret", ""}}, "too many levels of symbolic links"},
      {{root, {'2', "s", o + "/secret", ""}, {'0', "s", "", "x"}}, "file exists"}};
  for (const auto& [evil, reason] : cases) {
    try {
      restore_volume(test::forge(store, evil), back, options);
      ADD_FAILURE() << "was restored: " << reason;
    } catch (const std::runtime_error& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
}

class forged_archive : public test::archive_test {};

TEST_F(forged_archive, AnHonestOneIsRestored) {
  const expected_archive honest =
      test::forge(store, {root, {'0', "./f", "", "text"}, {'5', "./d/", "", ""}, {'2', "./d/s", "../../..", ""}});
  restore_volume(honest, back, options);
  EXPECT_EQ(test::text_of(back / "f"), "text");
  EXPECT_EQ(std::filesystem::read_symlink(back / "d/s"), "../../..");
}

TEST_F(forged_archive, ADeviceThatTheListDoesNotKnowIsRefusedBeforeTheWipe) {
  const expected_archive with_file = test::forge(store, {root, {'0', "x", "", ""}});
  const std::string list = test::text_of(with_file.file_list);
  expected_archive with_device = test::forge(store, {root, {'3', "x", "", ""}});
  test::put(with_device.file_list, list);
  with_device.file_list_sha256 = with_file.file_list_sha256;
  test::put(back / "kept", "x");
  try {
    restore_volume(with_device, back, options);
    ADD_FAILURE() << "was restored";
  } catch (const snapshot_error& error) {
    EXPECT_NE(std::string(error.what()).find("nothing was changed"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("character device"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(std::filesystem::exists(back / "kept"));
}

}  // namespace
}  // namespace orchestration
