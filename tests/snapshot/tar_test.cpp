#include "orchestration/snapshot/archive.hpp"

#include <gtest/gtest.h>

#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/zstd_stream.hpp"

namespace orchestration {
namespace {

byte_source source_of(const std::string& bytes, std::size_t step, std::size_t& at) {
  return [&bytes, step, &at] {
    const std::string_view out = std::string_view(bytes).substr(at, step);
    at += out.size();
    return out;
  };
}

tar_entry root() {
  tar_entry out;
  out.type = entry_type::directory;
  out.mode = 0755;
  return out;
}

TEST(Tar, HoldsAFileLargerThanTheOldFormatsLimit) {
  std::string bytes;
  tar_writer writer([&](std::string_view more) { bytes += more; });
  tar_entry large;
  large.path = "disk.img";
  large.size = (9ULL << 30) + 3;
  large.sparse = true;
  writer.begin(root());
  writer.begin(large);
  writer.skip(large.size);
  writer.finish();
  EXPECT_LT(bytes.size(), 16384U);

  std::size_t at = 0;
  tar_reader reader(source_of(bytes, 512, at));
  tar_entry found;
  ASSERT_TRUE(reader.next(found));
  ASSERT_TRUE(reader.next(found));
  EXPECT_EQ(found.path, "disk.img");
  EXPECT_EQ(found.size, (9ULL << 30) + 3);
  EXPECT_FALSE(reader.next(found));
}

TEST(Tar, ReadsTheSameWhateverTheSizeOfThePieces) {
  std::string bytes;
  tar_writer writer([&](std::string_view more) { bytes += more; });
  tar_entry file;
  file.path = "f";
  file.size = 3000;
  writer.begin(root());
  writer.begin(file);
  writer.write(std::string(3000, 'x'));
  writer.finish();
  for (const std::size_t step : {1U, 511U, 512U, 513U, 100000U}) {
    std::size_t at = 0;
    tar_reader reader(source_of(bytes, step, at));
    tar_entry found;
    ASSERT_TRUE(reader.next(found));
    ASSERT_TRUE(reader.next(found));
    std::string content;
    while (const auto block = reader.read()) content += block->bytes;
    EXPECT_EQ(content, std::string(3000, 'x')) << step;
    EXPECT_FALSE(reader.next(found));
  }
}

TEST(Tar, MoreContentThanAnnouncedIsRefused) {
  tar_writer writer([](std::string_view) {});
  tar_entry file;
  file.path = "f";
  file.size = 3;
  writer.begin(file);
  EXPECT_THROW(writer.write("four"), snapshot_error);
}

TEST(Tar, WhatTheSinkThrowsComesThroughLibarchive) {
  tar_writer writer([](std::string_view) { throw std::runtime_error("the disk is full"); });
  const auto begin = [&] { writer.begin(root()); };
  EXPECT_THROW(begin(), std::runtime_error);
}

TEST(Tar, GarbageIsNoArchive) {
  const std::string garbage(2048, 'g');
  std::size_t at = 0;
  const auto read = [&] {
    tar_reader reader(source_of(garbage, 512, at));
    tar_entry found;
    reader.next(found);
  };
  EXPECT_THROW(read(), snapshot_error);
}

TEST(Zstd, GivesBackWhatWasWrittenWhateverTheSizeOfThePieces) {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += std::to_string(i * 7919);
  for (const unsigned threads : {0U, 2U}) {
    std::string packed;
    zstd_compressor compressor([&](std::string_view more) { packed += more; }, 1, threads);
    for (std::size_t at = 0; at < text.size(); at += 1000) compressor.write(std::string_view(text).substr(at, 1000));
    compressor.finish();
    EXPECT_LT(packed.size(), text.size());
    for (const std::size_t step : {1U, 7U, 65536U}) {
      std::size_t at = 0;
      zstd_decompressor decompressor(source_of(packed, step, at));
      std::string back;
      for (std::string_view more; !(more = decompressor.read()).empty();) back += more;
      EXPECT_TRUE(back == text) << step;
    }
  }
}

TEST(Zstd, CutAtAnyByteIsAnError) {
  std::string packed;
  zstd_compressor compressor([&](std::string_view more) { packed += more; }, 1, 0);
  compressor.write("some text that does not matter");
  compressor.finish();
  for (std::size_t length = 0; length < packed.size(); ++length) {
    const std::string cut = packed.substr(0, length);
    std::size_t at = 0;
    const auto read = [&] {
      zstd_decompressor decompressor(source_of(cut, 4096, at));
      while (!decompressor.read().empty()) continue;
    };
    EXPECT_THROW(read(), snapshot_error) << length;
  }
}

}  // namespace
}  // namespace orchestration
