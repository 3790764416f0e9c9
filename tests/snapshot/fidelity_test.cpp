// One property of a file system object each: archived and restored, then unpacked by plain tar, it is the same.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <ostream>
#include <vector>

#include "orchestration/files/descriptor.hpp"
#include "tests/snapshot/archive_fixture.hpp"
#include "tests/snapshot/picture.hpp"

namespace orchestration {
namespace {

namespace fs = std::filesystem;
using test::picture;
using test::put;

struct property {
  const char* name;
  std::function<void(const fs::path& volume)> make;
  bool plain_tar = true;  // false: more than GNU tar 1.34 can do
};

void PrintTo(const property& p, std::ostream* out) { *out << p.name; }

void need(int result) {
  if (result != 0) throw std::runtime_error("the test's own system call failed");
}
void set(const fs::path& path, const char* name, const std::string& value) {
  need(::lsetxattr(path.c_str(), name, value.data(), value.size(), 0));
}
void set_time(const fs::path& path, std::int64_t seconds, long nanoseconds) {
  const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
  need(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW));
}
void put_at(const fs::path& path, off_t offset, const std::string& bytes) {
  const descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  need(::pwrite(file.get(), bytes.data(), bytes.size(), offset) == static_cast<ssize_t>(bytes.size()) ? 0 : -1);
}
void put_mode(const fs::path& path, mode_t mode) {
  put(path, "x");
  need(::chmod(path.c_str(), mode));
}
// u::rw- u:1000:r-- u:70000:-w- g::r-- g:3000000:rw- m::rw- o::---, as the kernel writes it.
const std::string acl(
    "\2\0\0\0\1\0\6\0\377\377\377\377\2\0\4\0\350\3\0\0\2\0\2\0\160\21\1\0\4\0\4\0\377\377\377\377"
    "\10\0\6\0\300\306\55\0\20\0\6\0\377\377\377\377\40\0\0\0\377\377\377\377",
    60);
// cap_net_bind_service=ep, version 2 (capabilities(7)).
const std::string capability("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);

void make_deep(const fs::path& volume) {
  descriptor here(::open(volume.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::string name(200, 'd');
  for (int depth = 0; depth < 30; ++depth) {
    need(::mkdirat(here.get(), name.c_str(), 0755));
    here = descriptor(::openat(here.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  const descriptor file(::openat(here.get(), "at the bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  need(::write(file.get(), "found", 5) == 5 ? 0 : -1);
}

void make_nested(const fs::path& volume) {
  fs::path at = volume;
  for (int depth = 0; depth < 150; ++depth) {
    fs::create_directory(at /= "d");
    put(at / "a file", std::to_string(depth));
    fs::create_directory(at / "z");
    set_time(at / "z", 1000 + depth, 5);
  }
}

const property properties[] = {
    {"AnEmptyVolume", [](const fs::path&) {}},
    {"TheRootsModeOwnerAndTime",
     [](const fs::path& v) {
       need(::chmod(v.c_str(), 02770));
       need(::chown(v.c_str(), 999, 998));
       set_time(v, 1234567890, 987654321);
     }},
    {"TheRootsAttributes",
     [](const fs::path& v) {
       set(v, "user.root", "yes");
       set(v, "system.posix_acl_default", acl);
     }},
    {"AnEmptyFile", [](const fs::path& v) { put(v / "empty", ""); }},
    {"AFileOfOneBlock", [](const fs::path& v) { put(v / "f", std::string(4096, 'b')); }},
    {"AFileOfManyBlocksAndABit",
     [](const fs::path& v) {
       std::string bytes;
       for (unsigned i = 0; i < 300000; ++i) bytes += std::to_string(i * 2654435761U);
       put(v / "f", bytes);
     }},
    {"EveryByteValue",
     [](const fs::path& v) {
       std::string all;
       for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
       put(v / "f", all);
     }},
    {"Setuid", [](const fs::path& v) { put_mode(v / "f", 04755); }},
    {"Setgid", [](const fs::path& v) { put_mode(v / "f", 02755); }},
    {"SetuidOfAForeignOwner",
     [](const fs::path& v) {
       put(v / "f", "x");
       need(::chown((v / "f").c_str(), 1234, 1234));
       need(::chmod((v / "f").c_str(), 06755));
     }},
    {"ModeWithoutAnyPermission", [](const fs::path& v) { put_mode(v / "f", 0); }},
    {"StickyDirectory",
     [](const fs::path& v) {
       fs::create_directory(v / "tmp");
       need(::chmod((v / "tmp").c_str(), 01777));
     }},
    {"SetgidDirectoryOfAForeignGroup",
     [](const fs::path& v) {
       fs::create_directory(v / "d");
       need(::chown((v / "d").c_str(), 5, 4321));
       need(::chmod((v / "d").c_str(), 02775));
       put(v / "d/inside", "x");
     }},
    {"DirectoryThatMayNotBeEntered",
     [](const fs::path& v) {
       fs::create_directory(v / "d");
       put(v / "d/inside", "x");
       need(::chmod((v / "d").c_str(), 0));
     }},
    {"UserIdAboveTwoMillion",
     [](const fs::path& v) {
       put(v / "f", "x");
       need(::chown((v / "f").c_str(), 3000000, 4000000));
     }},
    {"TheLargestUserId",
     [](const fs::path& v) {
       put(v / "f", "x");
       need(::chown((v / "f").c_str(), 4294967294U, 4294967294U));
     }},
    {"OwnerOfASymlink",
     [](const fs::path& v) {
       fs::create_symlink("x", v / "s");
       need(::lchown((v / "s").c_str(), 1000, 1001));
     }},
    {"NanosecondsOfAFile",
     [](const fs::path& v) {
       put(v / "f", "x");
       set_time(v / "f", 981173106, 123456789);
     }},
    {"NanosecondsOfADirectoryWithContent",
     [](const fs::path& v) {
       fs::create_directories(v / "d/e");
       put(v / "d/e/f", "x");
       set_time(v / "d/e", 981173106, 1);
       set_time(v / "d", 981173106, 999999999);
     }},
    {"NanosecondsOfASymlink",
     [](const fs::path& v) {
       fs::create_symlink("x", v / "s");
       set_time(v / "s", 981173106, 123456789);
     }},
    {"TimeBefore1970",
     [](const fs::path& v) {
       put(v / "f", "x");
       set_time(v / "f", -86400, 0);
     }},
    {"TimeAfter2038",
     [](const fs::path& v) {
       put(v / "f", "x");
       set_time(v / "f", 4102444800, 7);
     }},
    {"UserAttributes",
     [](const fs::path& v) {
       put(v / "f", "x");
       set(v / "f", "user.a", "text");
       set(v / "f", "user.b", std::string("\0\n\xff=", 4));
       set(v / "f", "user.empty", "");
     }},
    {"AttributeOf2000Bytes",
     [](const fs::path& v) {
       put(v / "f", "x");
       set(v / "f", "user.long", std::string(2000, 'l'));
     }},
    {"TrustedAttribute",
     [](const fs::path& v) {
       put(v / "f", "x");
       set(v / "f", "trusted.t", "only for root");
     }},
    {"SecurityAttribute",
     [](const fs::path& v) {
       put(v / "f", "x");
       set(v / "f", "security.s", "label");
     }},
    {"TrustedAttributeOfASymlink",
     [](const fs::path& v) {
       fs::create_symlink("x", v / "s");
       set(v / "s", "trusted.t", "on the link itself");
     },
     false},
    {"Capability",
     [](const fs::path& v) {
       put_mode(v / "f", 0755);
       set(v / "f", "security.capability", capability);
     }},
    {"CapabilityOfAForeignOwner",
     [](const fs::path& v) {
       put_mode(v / "f", 0755);
       need(::chown((v / "f").c_str(), 1000, 1000));
       set(v / "f", "security.capability", capability);
     }},
    {"AccessAcl",
     [](const fs::path& v) {
       put(v / "f", "x");
       set(v / "f", "system.posix_acl_access", acl);
     }},
    {"AccessAclBesideSetuid",
     [](const fs::path& v) {
       put(v / "f", "x");
       set(v / "f", "system.posix_acl_access", acl);
       need(::chmod((v / "f").c_str(), 04771));
     }},
    {"DefaultAcl",
     [](const fs::path& v) {
       fs::create_directory(v / "d");
       put(v / "d/older than the ACL", "x");
       set(v / "d", "system.posix_acl_default", acl);
       set(v / "d", "system.posix_acl_access", acl);
     }},
    {"HardLinks",
     [](const fs::path& v) {
       fs::create_directory(v / "d");
       put(v / "one", "shared");
       fs::create_hard_link(v / "one", v / "two");
       fs::create_hard_link(v / "one", v / "d/three");
     }},
    {"HardLinksToASymlink",
     [](const fs::path& v) {
       fs::create_symlink("/etc/passwd", v / "one");
       need(::linkat(AT_FDCWD, (v / "one").c_str(), AT_FDCWD, (v / "two").c_str(), 0));
     }},
    {"SymlinkThatClimbsOut", [](const fs::path& v) { fs::create_symlink("../../../etc/passwd", v / "s"); }},
    {"SymlinkOf4095Bytes", [](const fs::path& v) { fs::create_symlink(std::string(4095, 'x'), v / "s"); }},
    {"SymlinkToBytesThatAreNoUtf8", [](const fs::path& v) { fs::create_symlink("\xff\xfe\n", v / "s"); }},
    {"SymlinkToADirectory",
     [](const fs::path& v) {
       fs::create_directory(v / "d");
       put(v / "d/f", "x");
       fs::create_symlink("d", v / "s");
     }},
    {"Fifo", [](const fs::path& v) { need(::mkfifo((v / "fifo").c_str(), 0640)); }},
    {"CharacterDevice", [](const fs::path& v) { need(::mknod((v / "null").c_str(), S_IFCHR | 0666, makedev(1, 3))); }},
    {"BlockDevice",
     [](const fs::path& v) { need(::mknod((v / "disk").c_str(), S_IFBLK | 0660, makedev(259, 70000))); }},
    {"HolesBetweenData",
     [](const fs::path& v) {
       put_at(v / "f", 1 << 20, std::string(8192, 'a'));
       put_at(v / "f", 5 << 20, "b");
       need(::truncate((v / "f").c_str(), 9 << 20));
     }},
    {"NothingButAHole",
     [](const fs::path& v) {
       put(v / "f", "");
       need(::truncate((v / "f").c_str(), 123456789));
     }},
    {"HoleInFront", [](const fs::path& v) { put_at(v / "f", 64 << 20, "end"); }},
    {"NameWithNewlineTabAndEscape", [](const fs::path& v) { put(v / "a\nb\tc\x1b[31m\\n\"'", "x"); }},
    {"NameThatIsNoUtf8", [](const fs::path& v) { put(v / "\xff\xfe\x80", "x"); }},
    {"NameInUtf8", [](const fs::path& v) { put(v / "Grüße 世界", "x"); }},
    {"NameOf255Bytes", [](const fs::path& v) { put(v / std::string(255, 'n'), "x"); }},
    {"NamesLikeOptionsAndDots",
     [](const fs::path& v) {
       for (const char* name : {"-rf", "...", ".hidden", "..a", " ", "a=b", "@LongLink", "C:", "~", "*"})
         put(v / name, name);
     }},
    {"EmptyDirectories", [](const fs::path& v) { fs::create_directories(v / "a/b/c"); }},
    {"ManyLevelsOfDirectories", make_nested},
    {"PathOfMoreThan4096Bytes", make_deep, false},
};

class keeps_exactly : public test::archive_test, public testing::WithParamInterface<property> {};

TEST_P(keeps_exactly, WhenRestored) {
  GetParam().make(volume);
  const auto before = picture(volume);
  const expected_archive expected = archive();
  EXPECT_TRUE(made.findings.empty());
  EXPECT_EQ(picture(volume), before) << "archiving must not change the volume";
  const restored result = restore_volume(expected, back, options);
  EXPECT_TRUE(result.findings.empty());
  EXPECT_EQ(result.entries, before.size());
  EXPECT_EQ(picture(back), before);
}

class unpacks_identically : public test::archive_test, public testing::WithParamInterface<property> {};

TEST_P(unpacks_identically, ByPlainTar) {
  GetParam().make(volume);
  archive();
  const std::string command = "tar --xattrs --xattrs-include='*' --acls -C '" + back.string() + "' -xf '" +
                              (store / "a.tar.zst").string() + "' 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(picture(back), picture(volume));
}

std::vector<property> what_tar_can_do() {
  std::vector<property> out;
  std::copy_if(std::begin(properties), std::end(properties), std::back_inserter(out),
               [](const property& p) { return p.plain_tar; });
  return out;
}

std::string name_of(const testing::TestParamInfo<property>& of) { return of.param.name; }

INSTANTIATE_TEST_SUITE_P(Archive, keeps_exactly, testing::ValuesIn(properties), name_of);
INSTANTIATE_TEST_SUITE_P(Archive, unpacks_identically, testing::ValuesIn(what_tar_can_do()), name_of);

}  // namespace
}  // namespace orchestration
