#include "tests/snapshot/raw_tar.hpp"

#include <cstdio>

#include "orchestration/snapshot/archive.hpp"
#include "orchestration/snapshot/checked_archive.hpp"
#include "orchestration/snapshot/file_list.hpp"
#include "orchestration/snapshot/sha256.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/zstd_stream.hpp"
#include "tests/files/temporary_directory.hpp"

namespace orchestration::test {
namespace {

void place(std::string& header, std::size_t at, const std::string& text) { header.replace(at, text.size(), text); }

std::string octal(unsigned long value, int digits) {
  char out[32];
  std::snprintf(out, sizeof out, "%0*lo", digits, value);
  return out;
}

file_record vouch_for(const tar_entry& entry, tar_reader& tar) {
  file_record out;
  out.path = entry.path;
  out.type = entry.type;
  out.mode = entry.mode;
  out.mtime = entry.mtime;
  out.size = entry.size;
  out.target = entry.target;
  content_hash hash;
  while (const auto block = entry.type == entry_type::file ? tar.read() : std::nullopt)
    hash.piece(block->offset, block->bytes);
  if (entry.type == entry_type::file) out.content_sha256 = hash.hex(entry.size);
  return out;
}

}  // namespace

// IEEE Std 1003.1, pax, "ustar Interchange Format".
std::string block_of(const raw_entry& entry) {
  std::string header(512, '\0');
  place(header, 0, entry.path);
  place(header, 100, "0000644");
  place(header, 108, "0000000");
  place(header, 116, "0000000");
  place(header, 124, entry.size.empty() ? octal(entry.content.size(), 11) : entry.size);
  place(header, 136, octal(1000000000, 11));
  place(header, 148, "        ");
  header[156] = entry.type;
  place(header, 157, entry.target);
  place(header, 257,
        std::string("ustar\0"
                    "00",
                    8));
  place(header, 329, "0000001");
  place(header, 337, "0000003");
  place(header, 345, entry.prefix);
  unsigned sum = 0;
  for (const unsigned char byte : header) sum += byte;
  place(header, 148, octal(sum, 6) + std::string("\0 ", 2));
  std::string content = entry.content;
  content.resize((content.size() + 511) / 512 * 512);
  return header + content;
}

std::string pax_block(char type, const std::vector<std::pair<std::string, std::string>>& records) {
  std::string content;
  for (const auto& [key, value] : records) {
    // The length counts its own digits too.
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + 1;
    while (length != rest + std::to_string(length).size()) ++length;
    content += std::to_string(length) + " " + key + "=" + value + "\n";
  }
  return block_of({type, "PaxHeaders/x", "", content});
}

std::string packed(std::string_view bytes) {
  std::string out;
  zstd_compressor compressor([&](std::string_view more) { out += more; }, 1, 0);
  compressor.write(bytes);
  compressor.finish();
  return out;
}

expected_archive forge(const std::filesystem::path& directory, const std::vector<raw_entry>& entries) {
  std::string tar;
  for (const raw_entry& entry : entries) tar += block_of(entry);
  tar += std::string(1024, '\0');
  return forge_bytes(directory, tar, packed(tar));
}

expected_archive forge_bytes(const std::filesystem::path& directory, const std::string& tar, const std::string& file) {
  expected_archive out;
  out.volume = "shop-data";
  out.archive = directory / "a.tar.zst";
  out.file_list = directory / "a.files.jsonl.zst";
  put(out.archive, file);
  sha256 hash;
  hash.update(file);
  out.sha256 = hash.hex();

  bool given = false;
  file_list_writer list(out.file_list);
  try {
    tar_reader reader([&] { return std::exchange(given, true) ? std::string_view() : std::string_view(tar); });
    for (tar_entry entry; reader.next(entry); ++out.entries) {
      list.add(vouch_for(entry, reader));
      out.bytes += entry.size;
    }
  } catch (const snapshot_error&) {
    // Whoever forges the list cannot read on either.
  }
  out.file_list_sha256 = list.commit();
  return out;
}

}  // namespace orchestration::test
