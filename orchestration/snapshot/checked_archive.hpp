// An archive read beside its list of files: what comes out agrees with the list, entry by entry and byte by byte, or
// snapshot_error says what does not.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "orchestration/files/descriptor.hpp"
#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/file_list.hpp"
#include "orchestration/snapshot/progress_meter.hpp"
#include "orchestration/snapshot/sha256.hpp"
#include "orchestration/snapshot/volume_archive.hpp"
#include "orchestration/snapshot/zstd_stream.hpp"

namespace orchestration {

/// The SHA-256 of a file, of the zeros in its holes too, fed with the pieces that hold data.
class content_hash {
 public:
  void piece(std::uint64_t offset, std::string_view bytes);
  std::string hex(std::uint64_t size);  // once

 private:
  void zeros_to(std::uint64_t offset);
  sha256 hash_;
  std::uint64_t at_ = 0;
};

class checked_archive {
 public:
  checked_archive(const expected_archive& expected, const archive_options& options, snapshot_progress::stage at);

  /// False at the end; then both files were read whole and have the expected hashes.
  bool next();
  const tar_entry& entry() const { return entry_; }
  const file_record& record() const { return record_; }
  /// The file's content, each piece before its hash is known: throws after the last when the hash is another.
  void content(const std::function<void(const tar_reader::block&)>& take);

  std::uint64_t entries() const { return meter_.entries(); }
  std::uint64_t bytes() const { return meter_.bytes(); }

 private:
  std::string_view read_block();
  void compare() const;
  void check_end();

  const expected_archive& expected_;
  descriptor file_;
  std::string block_;
  sha256 hash_;
  zstd_decompressor decompressed_;
  tar_reader tar_;
  file_list_reader list_;
  progress_meter meter_;
  tar_entry entry_;
  file_record record_;
};

}  // namespace orchestration
