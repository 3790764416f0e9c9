// Archives whose very bytes are a lie: headers that contradict each other, sizes that overflow, bombs. The record
// vouches for every byte, as if somebody had forged it too. Each runs in a process of its own, with little memory and
// time.
#include <functional>
#include <set>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/zstd_stream.hpp"
#include "tests/files/confined.hpp"
#include "tests/snapshot/archive_fixture.hpp"
#include "tests/snapshot/picture.hpp"
#include "tests/snapshot/raw_tar.hpp"

namespace orchestration {
namespace {

using test::block_of;
using test::pax_block;
using test::raw_entry;

const std::string root = block_of({'5', "./", "", ""});
const std::string end(1024, '\0');

std::string base_256(bool negative, std::uint64_t value) {
  std::string out(12, negative ? '\xff' : '\0');
  out[0] = negative ? '\xff' : '\x80';
  for (int i = 0; i < 8; ++i) out[11 - static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
  return out;
}

/// GNU's long name ('L') or long link target ('K') in front of an entry.
std::string gnu_long(char type, const std::string& text) {
  return block_of({type, "././@LongLink", "", text + std::string(1, '\0')});
}

/// An old GNU sparse file: offset and length of one piece, and the real size, each twelve octal digits.
std::string gnu_sparse(const std::string& offset, const std::string& length, const std::string& real_size) {
  std::string block = block_of({'S', "f", "", "x"});
  block.replace(257, 8, std::string("ustar  \0", 8));
  block.replace(345, 155, std::string(155, '\0'));
  block.replace(386, offset.size(), offset);
  block.replace(398, length.size(), length);
  block.replace(483, real_size.size(), real_size);
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (std::size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(block[i]);
  char digits[9];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  return block.replace(148, 8, std::string(digits) + std::string("\0 ", 2));
}

/// A header with one byte changed and its checksum left as it was.
std::string with_wrong_checksum() {
  std::string block = block_of({'0', "f", "", "x"});
  block[0] = 'g';
  return block;
}

std::string pax_sparse(const std::string& map, const std::string& real_size) {
  std::string content = map;
  content.resize((content.size() + 511) / 512 * 512);
  return pax_block('x', {{"GNU.sparse.major", "1"},
                         {"GNU.sparse.minor", "0"},
                         {"GNU.sparse.name", "f"},
                         {"GNU.sparse.realsize", real_size}}) +
         block_of({'0', "GNUSparseFile.0/f", "", content + "x"});
}

std::string deep_path(std::size_t levels) {
  std::string out;
  for (std::size_t i = 0; i < levels; ++i) out += "d/";
  return out;
}

struct hostile {
  const char* name;
  std::function<std::string(const std::string& outside)> tar;
  std::function<std::string(const std::string& tar)> pack = [](const std::string& bytes) {
    return test::packed(bytes);
  };
};

void PrintTo(const hostile& h, std::ostream* out) { *out << h.name; }

const hostile archives[] = {
    {"PaxPathThatIsAbsolute",
     [](const std::string& o) {
       return root + pax_block('x', {{"path", o + "/evil"}}) + block_of({'0', "f", "", "x"}) + end;
     }},
    {"PaxPathThatLeaves",
     [](const std::string&) {
       return root + pax_block('x', {{"path", "../outside/evil"}}) + block_of({'0', "f", "", "x"}) + end;
     }},
    {"PaxPathOfTheRoot",
     [](const std::string& o) {
       return pax_block('x', {{"path", o}}) + root + block_of({'0', "evil", "", "x"}) + end;
     }},
    {"PaxLinkThatLeaves",
     [](const std::string&) {
       return root + pax_block('x', {{"linkpath", "../outside/secret"}}) + block_of({'1', "h", "f", ""}) + end;
     }},
    {"PaxPathTwice",
     [](const std::string&) {
       return root + pax_block('x', {{"path", "f"}, {"path", "../outside/evil"}}) + block_of({'0', "f", "", "x"}) + end;
     }},
    {"PaxGlobalPath",
     [](const std::string&) {
       return pax_block('g', {{"path", "../outside/evil"}}) + root + block_of({'0', "f", "", "x"}) + end;
     }},
    {"PaxPathWithANul",
     [](const std::string&) {
       return root + pax_block('x', {{"path", std::string("../outside/evil\0f", 17)}}) + block_of({'0', "f", "", "x"}) +
              end;
     }},
    {"PaxPathThatIsEmpty",
     [](const std::string&) {
       return root + pax_block('x', {{"path", ""}}) + block_of({'0', "../outside/evil", "", "x"}) + end;
     }},
    {"PaxSizeThatHidesAnEntry",
     [](const std::string&) {
       const std::string hidden = block_of({'0', "../outside/evil", "", "x"});
       return root + pax_block('x', {{"size", "0"}}) + block_of({'0', "f", "", hidden}) + end;
     }},
    {"PaxSizeThatSwallowsAnEntry",
     [](const std::string&) {
       return root + pax_block('x', {{"size", "1536"}}) + block_of({'0', "f", "", "x"}) +
              block_of({'0', "../outside/evil", "", "x"}) + end;
     }},
    {"PaxSizeThatIsNegative",
     [](const std::string&) {
       return root + pax_block('x', {{"size", "-512"}}) + block_of({'0', "f", "", "x"}) + end;
     }},
    {"PaxSizeBeyondSixtyFourBits",
     [](const std::string&) {
       return root + pax_block('x', {{"size", "99999999999999999999999"}}) + block_of({'0', "f", "", "x"}) + end;
     }},
    {"PaxRecordWithoutALength",
     [](const std::string&) {
       return root + block_of({'x', "x", "", "path=../outside/evil\n"}) + end;
     }},
    {"PaxRecordThatIsLongerThanItsHeader",
     [](const std::string&) {
       return root + block_of({'x', "x", "", "999999999 path=f\n"}) + block_of({'0', "f", "", "x"}) + end;
     }},
    {"PaxHeadersWithoutEnd",
     [](const std::string&) {
       std::string out = root;
       for (int i = 0; i < 10000; ++i) out += pax_block('x', {{"comment", "x"}});
       return out + block_of({'0', "../outside/evil", "", "x"}) + end;
     }},
    {"PaxHeaderOfAHundredMebibytes",
     [](const std::string&) {
       return root + pax_block('x', {{"comment", std::string(100 << 20, 'x')}}) + block_of({'0', "f", "", "x"}) + end;
     }},
    {"GnuLongNameThatLeaves",
     [](const std::string&) {
       return root + gnu_long('L', "../outside/evil") + block_of({'0', "f", "", "x"}) + end;
     }},
    {"GnuLongLinkThatLeaves",
     [](const std::string& o) {
       return root + gnu_long('K', o + "/secret") + block_of({'1', "h", "f", ""}) + end;
     }},
    {"GnuLongNameAndPaxPathThatDiffer",
     [](const std::string&) {
       return root + pax_block('x', {{"path", "f"}}) + gnu_long('L', "../outside/evil") +
              block_of({'0', "g", "", "x"}) + end;
     }},
    {"PrefixThatLeaves",
     [](const std::string&) {
       return root + block_of({'0', "evil", "", "x", "", "../outside"}) + end;
     }},
    {"SizeThatIsNegative",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x", base_256(true, ~0ULL - 511)}) + end;
     }},
    {"SizeOfAnExbibyte",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x", base_256(false, 1ULL << 60)}) + end;
     }},
    {"SizeThatIsNoNumber",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x", "zzzzzzzzzzz"}) + end;
     }},
    {"HeaderThatIsCut",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x"}).substr(0, 300);
     }},
    {"ContentThatIsCut",
     [](const std::string&) {
       return root + block_of({'0', "f", "", std::string(5000, 'x')}).substr(0, 1024);
     }},
    {"WrongChecksum", [](const std::string&) { return root + with_wrong_checksum() + end; }},
    {"SecondArchiveBehindTheEnd",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x"}) + end + root + block_of({'0', "../outside/evil", "", "x"}) + end;
     }},
    {"SparsePieceBeyondTheEnd",
     [](const std::string&) { return root + gnu_sparse("00100000000", "00000000001", "00000000010") + end; }},
    {"SparsePieceThatIsNegative",
     [](const std::string&) { return root + gnu_sparse("-0000000512", "00000000001", "00000000010") + end; }},
    {"SparseMapWithoutEnd", [](const std::string&) { return root + pax_sparse("99999999\n0\n1\n", "10") + end; }},
    {"SparseMapOfGarbage", [](const std::string&) { return root + pax_sparse("1\n-1\nx\n", "10") + end; }},
    {"UnknownType",
     [](const std::string&) {
       return root + block_of({'Z', "../outside/evil", "", "x"}) + end;
     }},
    {"MultiVolumeContinuation",
     [](const std::string&) {
       return root + block_of({'M', "../outside/evil", "", "x"}) + end;
     }},
    {"DirectoriesTenThousandDeep",
     [](const std::string&) {
       std::string out = root;
       for (std::size_t level = 1; level <= 10000; level += 1000)
         out += pax_block('x', {{"path", deep_path(level)}}) + block_of({'5', "d/", "", ""});
       return out + end;
     }},
    {"NotATarAtAll", [](const std::string&) { return std::string(4096, 'x'); }},
    {"Nothing", [](const std::string&) { return std::string(); }},
    {"NotCompressed",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x"}) + end;
     },
     [](const std::string& tar) { return tar; }},
    {"CompressedStreamThatIsCut",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x"}) + end;
     },
     [](const std::string& tar) { return test::packed(tar).substr(0, 40); }},
    // RFC 8878, 3.1.1.1.2: a frame that asks for a window of 2 GiB and more.
    {"WindowOfThreeGibibytes", [](const std::string&) { return root + end; },
     [](const std::string&) { return std::string("\x28\xb5\x2f\xfd\x00\xac\x01\x00\x00", 9); }},
    // A gibibyte of zeros, of which the list knows nothing.
    {"CompressedBomb",
     [](const std::string&) {
       return root + block_of({'0', "f", "", "x"}) + end;
     },
     [](const std::string& tar) {
       std::string out;
       zstd_compressor compressor([&](std::string_view more) { out += more; }, 1, 0);
       compressor.write(tar);
       const std::string zeros(1 << 20, '\0');
       for (int i = 0; i < 1024; ++i) compressor.write(zeros);
       compressor.finish();
       return out;
     }},
};

// What these lies boil down to is what the list says, so they are restored: inside, and nothing but that.
const std::set<std::string> harmless = {"PaxGlobalPath", "PaxSizeThatSwallowsAnEntry",
                                        "GnuLongNameAndPaxPathThatDiffer", "SecondArchiveBehindTheEnd",
                                        "CompressedBomb"};

class hostile_archive : public test::archive_test, public testing::WithParamInterface<hostile> {
 protected:
  hostile_archive() {
    std::filesystem::create_directory(outside);
    test::put(outside / "secret", "untouched");
  }

  /// 0 refused with a reason, 1 restored.
  int restore_confined(const expected_archive& forged) {
    test::confinement most;
    most.file_size = 1 << 20;
    return test::confined(
        [&] {
          try {
            restore_volume(forged, back, options);
            return 1;
          } catch (const snapshot_error&) {
            return 0;
          } catch (const file_error&) {
            return 0;
          }
        },
        most);
  }

  std::filesystem::path outside = place / "outside";
};

TEST_P(hostile_archive, ChangesNothingOutsideAndTakesLittle) {
  const std::string tar = GetParam().tar(outside.string());
  const expected_archive forged = test::forge_bytes(store, tar, GetParam().pack(tar));
  const auto before = test::picture(outside);
  const int code = restore_confined(forged);
  EXPECT_EQ(code, harmless.count(GetParam().name));
  EXPECT_EQ(test::picture(outside), before);
  EXPECT_FALSE(std::filesystem::exists(place / "evil"));
}

INSTANTIATE_TEST_SUITE_P(Restore, hostile_archive, testing::ValuesIn(archives),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace orchestration
