// An archive is unpacked beneath its directory and touches nothing outside it.
#include <fcntl.h>
#include <sys/stat.h>

#include <vector>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/extract.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "tests/files/temporary_directory.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/tar_input.hpp"

namespace {

using namespace orchestration;
namespace fs = std::filesystem;

constexpr const char* secret = "not to be touched";

/// All that an extraction could change about what lies outside, file by file.
std::vector<std::string> outside(const fs::path& place) {
  std::vector<std::string> out;
  for (const char* name : {"", "outside", "outside/file"}) {
    struct stat found {};
    fuzz::expect(::lstat((place / name).c_str(), &found) == 0, "what lies outside is there");
    std::string text = std::string(name) + " " + std::to_string(found.st_mode) + " " + std::to_string(found.st_uid) +
                       " " + std::to_string(found.st_gid) + " " + std::to_string(found.st_nlink);
    // The place itself changes when the directory beneath it does not: only names are counted there.
    if (*name != '\0') text += " " + std::to_string(found.st_mtim.tv_sec) + "." + std::to_string(found.st_mtim.tv_nsec);
    out.push_back(std::move(text));
  }
  for (const auto& entry : fs::directory_iterator(place)) out.push_back(entry.path().filename().string());
  for (const auto& entry : fs::directory_iterator(place / "outside")) out.push_back(entry.path().filename().string());
  out.push_back(test::text_of(place / "outside" / "file"));
  return out;
}

void extract(const std::string& bytes, const fs::path& target) {
  const descriptor root(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  finding_list findings;
  tar_reader reader(fuzz::in_blocks(bytes));
  extractor into(root.get(), target.string(), findings);
  for (tar_entry entry; reader.next(entry);) {
    into.begin(entry);
    while (const auto block = reader.read()) into.write(block->offset, block->bytes);
    into.end();
  }
  into.finish();
}

}  // namespace

void fuzz_one(std::string_view input) {
  static const test::temporary_directory place;
  static const bool made = fs::create_directories(place / "outside");
  if (made && !fs::exists(place / "outside/file")) test::put(place / "outside/file", secret);

  fs::create_directory(place / "inside");
  const std::vector<std::string> before = outside(place.path());
  try {
    extract(fuzz::with_checksums(input), place / "inside");
  } catch (const snapshot_error&) {
  } catch (const file_error&) {
  }
  fuzz::expect(outside(place.path()) == before, "nothing outside is touched");
  fs::remove_all(place / "inside");
}
