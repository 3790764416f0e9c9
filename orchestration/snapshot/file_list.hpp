// The list of a volume's files: one line of JSON for each entry of the archive, in its order, zstd-compressed. Read and
// written a line at a time, so that memory does not grow with the number of files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "orchestration/files/durable_file.hpp"
#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/sha256.hpp"
#include "orchestration/snapshot/zstd_stream.hpp"

namespace orchestration {

struct file_record {
  file_record() = default;
  std::string path;
  entry_type type = entry_type::file;
  std::uint32_t mode = 0;
  std::uint64_t user = 0;
  std::uint64_t group = 0;
  std::int64_t mtime = 0;
  std::uint32_t mtime_ns = 0;
  std::uint64_t size = 0;      // of a file
  std::string content_sha256;  // of a file: of all `size` bytes, holes as zeros
  std::string target;          // of a symlink or hard link
  bool operator==(const file_record&) const = default;
};

/// One line without its end: {"path":"a/b","type":"file",…}. A path or target that is not UTF-8 stands as hex digits
/// under "path_hex", "target_hex".
std::string to_line(const file_record& record);
file_record file_record_from_line(std::string_view line);  // docker::json_error, snapshot_error

class file_list_writer {
 public:
  explicit file_list_writer(const std::filesystem::path& path);
  void add(const file_record& record);
  /// Makes the file durable under its name; its SHA-256.
  std::string commit();

 private:
  durable_file file_;
  sha256 hash_;
  zstd_compressor compressed_;
  std::string pending_;
};

class file_list_reader {
 public:
  explicit file_list_reader(const std::filesystem::path& path);
  /// False at the end. Throws snapshot_error for what is damaged.
  bool next(file_record& record);
  std::string sha256_of_all();  // once, after the end

 private:
  std::string_view read_block();
  descriptor file_;
  std::filesystem::path path_;
  std::string block_;
  sha256 hash_;
  zstd_decompressor decompressed_;
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace orchestration
