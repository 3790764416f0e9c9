#include "orchestration/snapshot/checked_archive.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/utf8.hpp"

namespace orchestration {
namespace {

descriptor open_archive(const std::filesystem::path& path) {
  descriptor out = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!out) throw file_error("read", path, errno);
  return out;
}

[[noreturn]] void differs(const std::string& path, const std::string& what) {
  throw snapshot_error(printable(path.empty() ? "the volume's root" : path) + ": " + what);
}

}  // namespace

void content_hash::piece(std::uint64_t offset, std::string_view bytes) {
  zeros_to(offset);
  hash_.update(bytes);
  at_ = offset + bytes.size();
}

std::string content_hash::hex(std::uint64_t size) {
  zeros_to(size);
  return hash_.hex();
}

void content_hash::zeros_to(std::uint64_t offset) {
  static constexpr std::array<char, 65536> zeros{};
  while (at_ < offset) {
    const std::uint64_t part = std::min<std::uint64_t>(offset - at_, zeros.size());
    hash_.update({zeros.data(), part});
    at_ += part;
  }
}

checked_archive::checked_archive(const expected_archive& expected, const archive_options& options,
                                 snapshot_progress::stage at)
    : expected_(expected),
      file_(open_archive(expected.archive)),
      block_(256 * 1024, '\0'),
      decompressed_([this] { return read_block(); }),
      tar_([this] { return decompressed_.read(); }),
      list_(expected.file_list),
      meter_(options, at) {}

std::string_view checked_archive::read_block() {
  const ssize_t got = uninterrupted([&] { return ::read(file_.get(), block_.data(), block_.size()); });
  if (got < 0) throw file_error("read", expected_.archive, errno);
  const std::string_view bytes(block_.data(), static_cast<std::size_t>(got));
  hash_.update(bytes);
  return bytes;
}

bool checked_archive::next() {
  meter_.check_stop();
  const bool listed = list_.next(record_);
  if (!tar_.next(entry_)) {
    if (listed) differs(record_.path, "is in the list of files, but the archive ends before it");
    check_end();
    return false;
  }
  if (!listed) differs(entry_.path, "is in the archive, but not in the list of files");
  compare();
  meter_.entry(entry_.path);
  return true;
}

void checked_archive::compare() const {
  if (entry_.path != record_.path)
    differs(entry_.path, "stands in the archive where the list of files has " + printable(record_.path));
  if (entry_.type != record_.type)
    differs(entry_.path, "is a " + to_text(entry_.type) + " in the archive and a " + to_text(record_.type) +
                             " in the list of files");
  if (entry_.type == entry_type::file && entry_.size != record_.size)
    differs(entry_.path, "has " + std::to_string(entry_.size) + " bytes in the archive and " +
                             std::to_string(record_.size) + " in the list of files");
  if (entry_.target != record_.target) differs(entry_.path, "is a link to elsewhere in the list of files");
}

void checked_archive::content(const std::function<void(const tar_reader::block&)>& take) {
  if (entry_.type != entry_type::file) return;
  content_hash hash;
  std::uint64_t end = 0;
  while (const std::optional<tar_reader::block> block = tar_.read()) {
    // libarchive passes on whatever order and offsets a sparse map claims.
    if (block->offset < end || block->bytes.size() > entry_.size || block->offset > entry_.size - block->bytes.size())
      differs(entry_.path, "its pieces overlap or reach beyond its size");
    end = block->offset + block->bytes.size();
    hash.piece(block->offset, block->bytes);
    if (take) take(*block);
    meter_.bytes(block->bytes.size());
  }
  if (hash.hex(entry_.size) != record_.content_sha256)
    differs(entry_.path, "its content is not what the list of files says");
  meter_.bytes(0);
}

void checked_archive::check_end() {
  while (!decompressed_.read().empty()) meter_.check_stop();
  if (hash_.hex() != expected_.sha256) throw snapshot_error("the archive's SHA-256 is not the recorded one");
  if (list_.sha256_of_all() != expected_.file_list_sha256)
    throw snapshot_error("the SHA-256 of the list of files is not the recorded one");
  if (meter_.entries() != expected_.entries)
    throw snapshot_error("the archive has " + std::to_string(meter_.entries()) + " entries, recorded were " +
                         std::to_string(expected_.entries));
}

}  // namespace orchestration
