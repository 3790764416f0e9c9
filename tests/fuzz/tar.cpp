// What is read from an archive and written again stays as it is from then on.
#include <optional>

#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/tar_input.hpp"

// Once an archive's state is fatal, libarchive 3.6 frees it without the 33 bytes that hold its callback.
extern "C" const char* __lsan_default_suppressions() { return "leak:libarchive"; }

namespace {

using namespace orchestration;

void copy_content(tar_reader& from, tar_writer& to, std::uint64_t size) {
  std::uint64_t at = 0;
  while (const auto block = from.read()) {
    fuzz::expect(block->offset >= at, "blocks come in order");
    if (block->offset > at) to.skip(block->offset - at);
    to.write(block->bytes);
    at = block->offset + block->bytes.size();
  }
  if (size > at) to.skip(size - at);
}

/// Absent when the bytes are no archive, or hold what tar cannot.
std::optional<std::string> rewritten(const std::string& bytes) {
  std::string out;
  try {
    tar_reader reader(fuzz::in_blocks(bytes));
    tar_writer writer([&](std::string_view piece) {
      if (out.size() + piece.size() > (4U << 20)) throw snapshot_error("holes large enough to fill the memory");
      out.append(piece);
    });
    for (tar_entry entry; reader.next(entry);) {
      entry.sparse = false;  // the reader does not tell the extents beforehand, so holes become zeros
      if (entry.path.empty() && entry.type != entry_type::directory) throw snapshot_error("a root that is none");
      writer.begin(entry);
      copy_content(reader, writer, entry.size);
    }
    writer.finish();
  } catch (const snapshot_error&) {
    return std::nullopt;
  }
  return out;
}

}  // namespace

void fuzz_one(std::string_view input) {
  const std::optional<std::string> once = rewritten(fuzz::with_checksums(input));
  if (once) fuzz::expect(rewritten(*once) == once, "writing again changes nothing");
}
