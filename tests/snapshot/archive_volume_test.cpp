#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "orchestration/files/file_error.hpp"
#include "orchestration/snapshot/snapshot_error.hpp"
#include "orchestration/snapshot/zstd_stream.hpp"
#include "tests/files/child_process.hpp"
#include "tests/snapshot/archive_fixture.hpp"
#include "tests/snapshot/picture.hpp"

namespace orchestration {
namespace {

using finding = snapshot_finding::kind;
using test::put;

class archiving : public test::archive_test {
 protected:
  bool store_is_empty() const { return std::filesystem::is_empty(store); }
};

TEST_F(archiving, TheSameTreeGivesTheSameBytes) {
  for (int i = 0; i < 50; ++i) put(volume / std::to_string(i), std::to_string(i * i));
  const std::string first = archive().sha256;
  std::filesystem::remove(store / "a.tar.zst");
  EXPECT_EQ(archive().sha256, first);
}

TEST_F(archiving, FilesAreForUsAlone) {
  archive();
  for (const char* name : {"a.tar.zst", "a.files.jsonl.zst"}) {
    struct stat status {};
    ASSERT_EQ(::stat((store / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600U);
  }
}

TEST_F(archiving, ReadsWithoutMovingAccessTimes) {
  put(volume / "f", "x");
  const timespec times[2] = {{1000, 0}, {2000, 0}};  // so old that even relatime would move it
  ASSERT_EQ(::utimensat(AT_FDCWD, (volume / "f").c_str(), times, 0), 0);
  archive();
  struct stat status {};
  ASSERT_EQ(::stat((volume / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_atim.tv_sec, 1000);
}

TEST_F(archiving, ASocketIsAFindingAndNotArchived) {
  const int number = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (volume / "app.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(number, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(number);
  archive();
  ASSERT_EQ(made.findings.size(), 1U);
  EXPECT_EQ(made.findings[0].what, finding::socket);
  EXPECT_EQ(made.findings[0].path, "app.sock");
  EXPECT_EQ(made.entries, 1U);
  EXPECT_TRUE(verify_archive(expected(), options).good());
}

TEST_F(archiving, OnlyAThousandFindingsAreKeptButAllAreCounted) {
  for (int i = 0; i < 1200; ++i) ASSERT_EQ(::mknod((volume / std::to_string(i)).c_str(), S_IFSOCK | 0600, 0), 0);
  archive();
  EXPECT_EQ(made.findings.size(), 1000U);
  EXPECT_EQ(made.finding_count, 1200U);
}

// The progress function runs in the middle of a large file, which makes "meanwhile" repeatable.
TEST_F(archiving, AFileThatGrowsMeanwhileIsAFindingAndTheArchiveIsWhole) {
  put(volume / "log", std::string(12 << 20, 'l'));
  bool grown = false;
  options.progress = [&](const snapshot_progress&) {
    if (!std::exchange(grown, true)) std::ofstream(volume / "log", std::ios::app) << "more";
  };
  archive();
  ASSERT_EQ(made.findings.size(), 1U);
  EXPECT_EQ(made.findings[0].what, finding::changed);
  EXPECT_EQ(made.findings[0].path, "log");
  EXPECT_EQ(made.bytes, 12U << 20);
  options.progress = nullptr;
  EXPECT_TRUE(verify_archive(expected(), options).good());
}

TEST_F(archiving, AFileThatIsCutMeanwhileIsAFindingAndTheArchiveIsWhole) {
  put(volume / "log", std::string(12 << 20, 'l'));
  options.progress = [&](const snapshot_progress&) { std::filesystem::resize_file(volume / "log", 100); };
  archive();
  ASSERT_EQ(made.findings.size(), 1U);
  EXPECT_EQ(made.findings[0].what, finding::changed);
  options.progress = nullptr;
  EXPECT_TRUE(verify_archive(expected(), options).good());
  restore_volume(expected(), back, options);
  EXPECT_EQ(std::filesystem::file_size(back / "log"), 12U << 20);
}

TEST_F(archiving, WhatVanishesMeanwhileIsAFinding) {
  put(volume / "a", std::string(12 << 20, 'l'));
  put(volume / "b", std::string(12 << 20, 'l'));
  std::string other;
  options.progress = [&](const snapshot_progress& p) {
    if (!other.empty()) return;
    other = p.path == "a" ? "b" : "a";
    std::filesystem::remove(volume / other);
  };
  archive();
  ASSERT_EQ(made.findings.size(), 1U);
  EXPECT_EQ(made.findings[0].what, finding::vanished);
  EXPECT_EQ(made.findings[0].path, other);
  options.progress = nullptr;
  EXPECT_TRUE(verify_archive(expected(), options).good());
}

TEST_F(archiving, AMountInsideIsAFindingAndNotEntered) {
  std::filesystem::create_directory(volume / "mounted");
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(volume / "mounted", "size=64k");
    put(volume / "mounted/secret", "x");
    archive();
    return made.entries == 1 && made.findings.size() == 1 && made.findings[0].what == finding::mount_point ? 0 : 2;
  });
  EXPECT_EQ(end, 0);
}

TEST_F(archiving, AFullDiskLeavesNothingAndSaysSo) {
  std::string noise;
  unsigned state = 7;
  for (int i = 0; i < 1 << 20; ++i) noise.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
  put(volume / "noise", noise);
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(store, "size=256k");
    try {
      archive();
    } catch (const file_error& error) {
      const std::string wanted = "cannot write " + (store / "a.tar.zst").string() + ": no space left on device";
      if (!error.out_of_space() || error.what() != wanted) return 2;
      return store_is_empty() ? 0 : 3;
    }
    return 4;
  });
  EXPECT_EQ(end, 0);
}

TEST_F(archiving, AStopRequestLeavesNothing) {
  for (int i = 0; i < 200; ++i) put(volume / std::to_string(i), "x");
  std::stop_source stop;
  options.stop = stop.get_token();
  options.progress = [&](const snapshot_progress&) { stop.request_stop(); };
  EXPECT_THROW(archive(), snapshot_cancelled);
  EXPECT_TRUE(store_is_empty());
}

TEST_F(archiving, AMissingVolumeIsAnErrorThatNamesIt) {
  try {
    archive_volume(place / "none", store / "a", store / "b", options);
    ADD_FAILURE() << "was archived";
  } catch (const file_error& error) {
    EXPECT_EQ(error.what(), "cannot archive " + (place / "none").string() + ": no such file or directory");
  }
  EXPECT_TRUE(store_is_empty());
}

TEST_F(archiving, ProgressCountsUpToTheEnd) {
  for (int i = 0; i < 127; ++i) put(volume / std::to_string(i), std::string(10, 'x'));
  std::vector<std::uint64_t> entries;
  options.progress = [&](const snapshot_progress& p) {
    EXPECT_EQ(p.volume, "shop-data");
    entries.push_back(p.entries);
  };
  archive();
  EXPECT_EQ(entries, (std::vector<std::uint64_t>{64, 128}));
}

TEST_F(archiving, MeasuresWhatItWouldRead) {
  put(volume / "f", std::string(1 << 20, 'x'));
  put(volume / "hole", "");
  std::filesystem::resize_file(volume / "hole", 100 << 20);
  const source_size size = measure_volume(volume);
  EXPECT_EQ(size.inodes, 3U);
  EXPECT_GE(size.bytes, 1U << 20);
  EXPECT_LT(size.bytes, 2U << 20);
}

std::string unpacked(const std::filesystem::path& archive) {
  const std::string packed = test::text_of(archive);
  bool given = false;
  zstd_decompressor decompressor(
      [&] { return std::exchange(given, true) ? std::string_view() : std::string_view(packed); });
  std::string out;
  for (std::string_view more; !(more = decompressor.read()).empty();) out += more;
  return out;
}

// CVE-2018-15664's class: a directory is swapped for a symlink between looking and reading.
TEST_F(archiving, NothingFromOutsideIsReadWhileSymlinksAreSwappedIn) {
  std::filesystem::create_directories(place / "outside");
  put(place / "outside/f", "SECRET-OF-THE-HOST");
  put(place / "outside/secret", "SECRET-OF-THE-HOST");
  std::filesystem::create_directories(volume / "d");
  put(volume / "d/f", "harmless");
  std::filesystem::create_symlink(place / "outside", volume / "e");
  put(volume / "file", "harmless");
  std::filesystem::create_symlink(place / "outside/secret", volume / "link");
  std::atomic<std::uint64_t> swaps = 0;
  std::jthread racer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ::renameat2(AT_FDCWD, (volume / "d").c_str(), AT_FDCWD, (volume / "e").c_str(), RENAME_EXCHANGE);
      ::renameat2(AT_FDCWD, (volume / "file").c_str(), AT_FDCWD, (volume / "link").c_str(), RENAME_EXCHANGE);
      ++swaps;
    }
  });
  options.compression_threads = 0;
  int with_content = 0;
  for (int i = 0; i < 400; ++i) {
    archive();
    const std::string tar = unpacked(store / "a.tar.zst");
    ASSERT_EQ(tar.find("SECRET-OF-THE-HOST"), std::string::npos);
    if (tar.find("harmless") != std::string::npos) ++with_content;
  }
  EXPECT_GT(with_content, 0);
  EXPECT_GT(swaps.load(), 1000U);
}

long kilobytes_of(const std::string& what) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == what) {
      long out = 0;
      status >> out;
      return out;
    }
  return -1;
}

TEST_F(archiving, MemoryDoesNotGrowWithTheNumberOfFiles) {
#ifdef __SANITIZE_ADDRESS__
  constexpr long most = 1024 * 1024;  // its quarantine keeps what is freed
#else
  constexpr long most = 32 * 1024;
#endif
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(place.path(), "size=512m");  // 40,000 files on a busy disk take minutes
    for (const auto& directory : {volume, back, store}) std::filesystem::create_directory(directory);
    for (int i = 0; i < 20000; ++i) {
      const std::filesystem::path directory = volume / std::to_string(i % 200);
      if (i < 200) std::filesystem::create_directory(directory);
      put(directory / ("a file with a name of some length " + std::to_string(i)), "content");
    }
    put("/proc/self/clear_refs", "5");  // the peak starts from here
    const long before = kilobytes_of("VmRSS:");
    archive();
    if (made.entries != 20201) return 2;
    restore_volume(expected(), back, options);
    const long growth = kilobytes_of("VmHWM:") - before;
    std::fprintf(stderr, "peak %ld KiB over %ld\n", growth, before);
    return before > 0 && growth < most ? 0 : 3;
  });
  EXPECT_EQ(end, 0);
}

}  // namespace
}  // namespace orchestration
