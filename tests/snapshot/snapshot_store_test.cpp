#include "orchestration/snapshot/snapshot_store.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include "orchestration/files/file_error.hpp"
#include "tests/files/child_process.hpp"
#include "tests/files/temporary_directory.hpp"
#include "tests/snapshot/picture.hpp"

namespace orchestration {
namespace {

using test::put;
using test::text_of;

class store_of_snapshots : public testing::Test {
 protected:
  store_of_snapshots() {
    for (const char* name : {"pg", "uploads"}) {
      std::filesystem::create_directory(place / name);
      put(place / name / "data", std::string("rows of ") + name);
    }
  }

  snapshot_request request(const std::string& id) const {
    snapshot_request out;
    out.id = id;
    out.project = "shop";
    out.reason = "before update to v2";
    out.release = 41;
    out.created_at = "2026-11-21T10:55:01Z";
    out.tool_version = "0.1.0";
    out.images = {"127.0.0.1:5000/shop@sha256:aa"};
    out.volumes = {source("pg"), source("uploads")};
    out.volumes[0].key = "data";
    out.volumes[0].labels = docker::json::object({{"com.docker.compose.project", "shop"}});
    return out;
  }

  volume_source source(const std::string& name) const {
    volume_source out;
    out.name = "shop_" + name;
    out.driver = "local";
    out.mountpoint = place / name;
    return out;
  }

  std::vector<std::string> on_disk() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(place / "snapshots"))
      out.push_back(entry.path().filename());
    return out;
  }

  test::temporary_directory place;
  snapshot_store snapshots{place / "snapshots"};
};

const std::string first = "20261121T105501Z-4f2a";
const std::string second = "20261122T090000Z-0001";

TEST_F(store_of_snapshots, HoldsWhatWasCreatedNewestFirst) {
  const manifest made = snapshots.create(request(first));
  snapshots.create(request(second));
  const std::vector<manifest> listed = snapshots.list();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].id, second);
  EXPECT_EQ(listed[1], made);
  EXPECT_EQ(snapshots.read(first), made);
  EXPECT_TRUE(snapshots.contains(first));
  ASSERT_NE(made.find("shop_pg"), nullptr);
  EXPECT_EQ(made.find("shop_pg")->archive, "shop_pg.tar.zst");
  EXPECT_EQ(made.find("shop_pg")->bytes, 10U);
  EXPECT_EQ(made.find("shop_pg")->labels.at("com.docker.compose.project").as_string(), "shop");
  EXPECT_GT(made.archive_bytes(), 0U);
}

TEST_F(store_of_snapshots, IsForUsAlone) {
  snapshots.create(request(first));
  for (const auto& [path, mode] : std::map<std::string, unsigned>{
           {"snapshots", 0700}, {"snapshots/" + first, 0700}, {"snapshots/" + first + "/manifest.json", 0600}}) {
    struct stat status {};
    ASSERT_EQ(::stat((place / path).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, mode) << path;
  }
}

TEST_F(store_of_snapshots, VerifiesAllVolumesAndNamesTheDamagedOne) {
  const manifest made = snapshots.create(request(first));
  const verification good = snapshots.verify(first);
  EXPECT_TRUE(good.good());
  EXPECT_EQ(good.entries, 4U);
  const std::filesystem::path damaged = place / "snapshots" / first / made.volumes[1].archive;
  put(damaged, text_of(damaged) + "x");
  const verification bad = snapshots.verify(first);
  ASSERT_EQ(bad.problems.size(), 1U);
  EXPECT_NE(bad.problems[0].find("volume shop_uploads: shop_uploads.tar.zst: "), std::string::npos) << bad.problems[0];
}

TEST_F(store_of_snapshots, RestoresOneVolume) {
  snapshots.create(request(first));
  const auto before = test::picture(place / "pg");
  put(place / "pg/data", "migrated");
  put(place / "pg/data-wal", "left over");
  snapshots.restore(first, "shop_pg", place / "pg");
  EXPECT_EQ(test::picture(place / "pg"), before);
  EXPECT_THROW(snapshots.restore(first, "shop_other", place / "pg"), snapshot_error);
}

TEST_F(store_of_snapshots, RefusesAnIdThatIsThereAndLeavesItAlone) {
  const manifest made = snapshots.create(request(first));
  EXPECT_THROW(snapshots.create(request(first)), snapshot_error);
  EXPECT_EQ(snapshots.read(first), made);
  EXPECT_TRUE(snapshots.verify(first).good());
}

TEST_F(store_of_snapshots, RefusesIdsThatLeaveTheDirectory) {
  for (const char* id : {"", ".", "..", "../x", "a/b", ".hidden", "x.partial", "x.removing", "a b"}) {
    EXPECT_THROW(snapshots.create(request(id)), snapshot_error) << id;
    EXPECT_THROW(snapshots.remove(id), snapshot_error) << id;
    EXPECT_FALSE(snapshots.contains(id)) << id;
  }
}

TEST_F(store_of_snapshots, AVolumeThatCannotBeReadLeavesNothing) {
  snapshot_request bad = request(first);
  bad.volumes[1].mountpoint = place / "none";
  EXPECT_THROW(snapshots.create(bad), file_error);
  EXPECT_TRUE(on_disk().empty());
  EXPECT_TRUE(snapshots.list().empty());
}

TEST_F(store_of_snapshots, RefusesAVolumeTwiceAndOneWithoutADirectory) {
  snapshot_request twice = request(first);
  twice.volumes[1].name = twice.volumes[0].name;
  EXPECT_THROW(snapshots.create(twice), snapshot_error);
  snapshot_request remote = request(first);
  remote.volumes[0].mountpoint.clear();
  EXPECT_THROW(snapshots.create(remote), snapshot_error);
}

TEST_F(store_of_snapshots, AFullDiskLeavesNothingAndSaysSo) {
  std::filesystem::create_directory(place / "snapshots");
  ASSERT_EQ(::chmod((place / "snapshots").c_str(), 0700), 0);
  std::string noise;
  unsigned state = 7;
  for (int i = 0; i < 1 << 20; ++i) noise.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
  put(place / "uploads/noise", noise);
  const int end = test::in_child([&] {
    test::own_mounts();
    test::mount_small(place / "snapshots", "size=256k,mode=0700");
    try {
      snapshots.create(request(first));
    } catch (const file_error& error) {
      if (!error.out_of_space()) return 2;
      return on_disk().empty() ? 0 : 3;
    }
    return 4;
  });
  EXPECT_EQ(end, 0);
}

TEST_F(store_of_snapshots, KilledWhileBuildingIsNotListedAndCanBeMadeAgain) {
  for (int i = 0; i < 200; ++i) put(place / "uploads" / std::to_string(i), "x");
  const int end = test::in_child([&] {
    snapshots.create(request(first), [](const snapshot_progress& p) {
      if (p.volume == "shop_uploads") ::raise(SIGKILL);
    });
    return 0;
  });
  EXPECT_EQ(end, -SIGKILL);
  EXPECT_EQ(on_disk(), std::vector<std::string>{first + ".partial"});
  EXPECT_TRUE(snapshots.list().empty());
  EXPECT_FALSE(snapshots.contains(first));
  snapshots.create(request(first));
  EXPECT_TRUE(snapshots.verify(first).good());
  EXPECT_EQ(on_disk(), std::vector<std::string>{first});
}

TEST_F(store_of_snapshots, RemovesWhatKilledRunsLeftAndNothingElse) {
  snapshots.create(request(first));
  std::filesystem::create_directory(place / "snapshots" / (second + ".partial"));
  std::filesystem::create_directory(place / "snapshots" / (second + ".removing"));
  put(place / "snapshots" / (second + ".partial") / "x", "half");
  snapshots.remove_partials();
  EXPECT_EQ(on_disk(), std::vector<std::string>{first});
}

TEST_F(store_of_snapshots, RemovesOneAndDoesNotMindThatItIsGone) {
  snapshots.create(request(first));
  snapshots.create(request(second));
  snapshots.remove(first);
  snapshots.remove(first);
  EXPECT_EQ(on_disk(), std::vector<std::string>{second});
}

TEST_F(store_of_snapshots, TellsOfADamagedManifest) {
  snapshots.create(request(first));
  snapshots.create(request(second));
  put(place / "snapshots" / first / "manifest.json", "{\"format\": 1");
  ASSERT_EQ(snapshots.list().size(), 1U);
  ASSERT_EQ(snapshots.listing().unreadable.size(), 1U);
  EXPECT_EQ(snapshots.listing().unreadable[0].id, first);
  EXPECT_NE(snapshots.listing().unreadable[0].problem.find("damaged"), std::string::npos);
  EXPECT_THROW(snapshots.read(first), snapshot_error);
}

TEST_F(store_of_snapshots, TrustsNothingThatOthersCanWriteTo) {
  const manifest made = snapshots.create(request("20261121T105501Z-0001"));
  const auto kept = std::filesystem::perms::owner_all;
  const std::filesystem::path directory = place / "snapshots" / made.id;
  for (const std::string& name : {std::string("."), std::string("manifest.json")}) {
    std::filesystem::permissions(directory / name, kept | std::filesystem::perms::others_write);
    EXPECT_THROW(snapshots.read(made.id), snapshot_error) << name;
    std::filesystem::permissions(directory / name, kept);
  }
  for (const std::string& name : {made.volumes[0].archive, made.volumes[0].file_list}) {
    std::filesystem::permissions(directory / name, kept | std::filesystem::perms::group_write);
    EXPECT_EQ(snapshots.verify(made.id).problems.size(), 1) << name;
    EXPECT_THROW(snapshots.restore(made.id, "shop_pg", place / "pg"), snapshot_error) << name;
    EXPECT_EQ(text_of(place / "pg" / "data"), "rows of pg");
    std::filesystem::permissions(directory / name, kept);
  }
  EXPECT_TRUE(snapshots.verify(made.id).problems.empty());
}

TEST_F(store_of_snapshots, RefusesAManifestThatIsNotTheExpectedOneBeforeItWipesAnything) {
  snapshots.create(request(first));
  const std::string expected = snapshots.manifest_sha256(first);
  snapshots.expect_manifest(first, expected);
  EXPECT_TRUE(snapshots.verify(first).good());
  const std::filesystem::path manifest = snapshots.directory() / first / "manifest.json";
  const std::string whole = text_of(manifest);
  std::string other = whole;
  other.replace(other.find("update to v2"), 12, "update to v3");  // nothing hangs on it
  put(manifest, other);
  std::string words;
  try {
    snapshots.restore(first, "shop_pg", place / "pg");
  } catch (const snapshot_error& error) {
    words = error.what();
  }
  EXPECT_NE(words.find(manifest.string()), std::string::npos) << words;
  EXPECT_NE(words.find("recorded is " + expected), std::string::npos) << words;
  EXPECT_NE(words.find(snapshots.manifest_sha256(first)), std::string::npos) << words;
  EXPECT_NE(words.find("Put that file back"), std::string::npos) << words;
  EXPECT_EQ(text_of(place / "pg" / "data"), "rows of pg");
  EXPECT_THROW(snapshots.read(first), snapshot_error);
  EXPECT_THROW(snapshots.verify(first), snapshot_error);
  EXPECT_EQ(snapshots.listing().unreadable.size(), 1U);
  put(manifest, whole);
  EXPECT_TRUE(snapshots.verify(first).good());
  snapshots.expect_manifest(first, "");  // unknown: of an older version
  put(manifest, other);
  EXPECT_EQ(snapshots.listing().readable.size(), 1U);
}

TEST_F(store_of_snapshots, ReadingAStoreThatIsNotThereFindsNothingAndMakesNothing) {
  EXPECT_TRUE(snapshots.list().empty());
  EXPECT_TRUE(snapshots.listing().unreadable.empty());
  EXPECT_THROW(snapshots.read(first), snapshot_error);
  snapshots.remove_partials();
  EXPECT_FALSE(std::filesystem::exists(place / "snapshots"));
}

TEST_F(store_of_snapshots, TakesAVolumeNameThatIsNoFileName) {
  snapshot_request odd = request(first);
  odd.volumes[0].name = std::string(255, 'v');
  odd.volumes[1].name = "../../escape";
  const manifest made = snapshots.create(odd);
  EXPECT_EQ(made.volumes[0].archive.find('/'), std::string::npos);
  EXPECT_EQ(made.volumes[1].archive.find('/'), std::string::npos);
  EXPECT_TRUE(snapshots.verify(first).good());
}

TEST(Manifest, ComesBackAsItWas) {
  manifest m;
  m.id = first;
  m.project = "shop";
  m.images = {"a", "b"};
  archived_volume volume;
  volume.name = "v";
  volume.archive = "v.tar.zst";
  volume.file_list = "v.files.jsonl.zst";
  volume.bytes = 18446744073709551615U;
  volume.labels = docker::json::make_object();
  volume.findings = {{snapshot_finding::kind::socket, "\xff/\n", "not archived"},
                     {snapshot_finding::kind::unreadable, "ü", "why"}};
  volume.finding_count = 2;
  m.volumes = {volume};
  EXPECT_EQ(manifest_from_json(docker::json::parse(to_json(m).to_text())), m);
}

TEST(Manifest, OfANewerFormatOrNamingAFileElsewhereIsRefused) {
  manifest m;
  m.volumes.resize(1);
  m.volumes[0].archive = "v.tar.zst";
  m.volumes[0].file_list = "v.files.jsonl.zst";
  docker::json newer = to_json(m);
  newer["format"] = 2;
  EXPECT_THROW(manifest_from_json(newer), snapshot_error);
  newer["format"] = (std::int64_t{1} << 32) + 1;  // 1 in 32 bits
  EXPECT_THROW(manifest_from_json(newer), docker::json_error);
  for (const char* name : {"", "..", "../x", "/etc/passwd", ".hidden"}) {
    m.volumes[0].archive = name;
    EXPECT_THROW(manifest_from_json(to_json(m)), snapshot_error) << name;
  }
}

}  // namespace
}  // namespace orchestration
