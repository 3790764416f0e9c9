// A disk that fills while a run goes on: the engine refuses in its own words until the ballast is given up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestration/files/disk_space.hpp"
#include "tests/files/child_process.hpp"
#include "tests/run/shop_run.hpp"

namespace orchestration::test {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t small = 64 << 10;  // bytes kept back

class DiskFull : public testing::Test {
 protected:
  void SetUp() override {
    shop_.kept_back = ballast(small);
    shop_.kept_back.add(kept());
    for (const char* version : {"v1", "v2"}) shop_.publish(version);
    ASSERT_EQ(shop_.update("v1").how, ending::done);
    put(shop_.data() / "rows", "a row written under v1\n");
  }
  fs::path kept() const { return shop_.env_file().parent_path() / "ballast"; }
  bool is_kept() const { return fs::exists(kept()); }
  /// From the first event with this text on, until the ballast is gone.
  void fill_at(const std::string& text) {
    shop_.on_event = [this, text](const progress_event& event) {
      if (event.text.starts_with(text)) shop_.engine().full_while([this] { return is_kept(); });
    };
  }
  /// … and for good, whatever is given up.
  void fill_for_good_at(const std::string& text) {
    shop_.on_event = [this, text](const progress_event& event) {
      if (event.text.starts_with(text)) shop_.engine().full_while([] { return true; });
    };
  }
  void make_room() {
    shop_.on_event = nullptr;
    shop_.engine().full_while(nullptr);
  }
  rollback_request keeping_data() {
    rollback_request out;
    out.data = data_choice::keep;
    return out;
  }

  shop_run shop_;
};

TEST_F(DiskFull, KeepsRoomBackFromTheFirstUpdateOn) { EXPECT_TRUE(is_kept()); }

TEST_F(DiskFull, GivesUpAnUpdateBeforeTheCutOverAndItsBallastOnlyToGoBack) {
  fill_at("create web.1");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::abandoned) << result.reason;
  EXPECT_THAT(result.reason, HasSubstr("no space left on device"));
  EXPECT_EQ(shop_.problems({"v1"}), "");
  make_room();
  EXPECT_EQ(shop_.update("v2").how, ending::done);
}

TEST_F(DiskFull, LetsNoUpdateSpendTheBallastToGoForward) {
  fill_at("start web.1");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::rolled_back);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("start web.1"), HasSubstr("no space left on device")));
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(DiskFull, SaysOnTheWayBackWhatItGaveUp) {
  fill_at("start web.1");
  shop_.update("v2");
  EXPECT_THAT(shop_.events(), Contains(AllOf(HasSubstr("warning no room"), HasSubstr(kept().string()))));
}

TEST_F(DiskFull, KeepsRoomBackAgainOnceThereIsSome) {
  fill_at("start web.1");
  const run_result result = shop_.update("v2");
  EXPECT_TRUE(is_kept());
  EXPECT_THAT(result.warnings, IsEmpty());
}

TEST_F(DiskFull, HoldsUpNoRollback) {
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  shop_.engine().full_while([this] { return is_kept(); });
  const run_result result = shop_.rollback(keeping_data());
  EXPECT_EQ(result.how, ending::done) << result.reason;
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v1");
}

TEST_F(DiskFull, StandsStillOnTheWayBackWhenTheBallastIsNotEnoughAndGoesOnLater) {
  fill_for_good_at("start web.1");
  const run_result result = shop_.update("v2");
  EXPECT_EQ(result.how, ending::left_open);
  EXPECT_THAT(result.reason, AllOf(HasSubstr("no space left on device"), HasSubstr("dockupd recover")));
  ASSERT_TRUE(shop_.records().open_attempt());
  make_room();
  const std::optional<run_result> recovered = shop_.recover();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->how, ending::rolled_back) << recovered->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

TEST_F(DiskFull, LeavesWhatRunsAloneWhenARollbackCannotEvenBegin) {
  ASSERT_EQ(shop_.update("v2").how, ending::done);
  fill_for_good_at("create web.1");
  EXPECT_EQ(shop_.rollback(keeping_data()).how, ending::left_open);
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v2");
  EXPECT_TRUE(shop_.engine().container("shop-web-1")->is_up());
  make_room();
  const std::optional<run_result> recovered = shop_.recover();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->how, ending::abandoned) << recovered->reason;
  EXPECT_EQ(shop_.version_of("shop-web-1"), "v2");
}

TEST_F(DiskFull, RecoversAKilledRunWithTheBallast) {
  scripted_failure kill;
  kill.call = "rename shop-web-1 to shop-web-1.dockupd-old";
  kill.kind = failure_kind::killed;
  kill.when = failing::after;
  shop_.engine().fail(kill);
  EXPECT_THROW(shop_.update("v2"), fake_kill);
  shop_.engine().revive();
  shop_.engine().full_while([this] { return is_kept(); });
  const std::optional<run_result> recovered = shop_.recover();
  ASSERT_TRUE(recovered);
  EXPECT_EQ(recovered->how, ending::abandoned) << recovered->reason;
  EXPECT_EQ(shop_.problems({"v1"}), "");
}

/// By another file system over it; what is written below is hidden, and the same again without.
void make_read_only(const fs::path& directory) {
  const fs::path kept = directory / "dockupd.ballast";
  const bool has_ballast = fs::exists(kept);
  ASSERT_EQ(::mount("tmpfs", directory.c_str(), "tmpfs", 0, nullptr), 0);
  if (has_ballast) put(kept, "as before");
  ASSERT_EQ(::mount("tmpfs", directory.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
}

// As ext4 does after an error. A file system of its own stands for the engine's disk.
TEST(DeadDisk, HoldsTheWayBackUpUntilItIsMended) {
  const int code = in_child([] {
    own_mounts();
    shop_run shop;
    for (const char* version : {"v1", "v2"}) shop.publish(version);
    const fs::path data_root = shop.directory() / "data-root";
    fs::create_directory(data_root);
    put(data_root / "dockupd.ballast", "shows that it can be written to");
    shop.engine().described().data_root = data_root;
    EXPECT_EQ(shop.update("v1").how, ending::done);
    put(shop.data() / "rows", "a row written under v1\n");
    shop.on_event = [&](const progress_event& event) {
      if (!event.text.starts_with("start web.1") || takes_no_writes(data_root)) return;
      make_read_only(data_root);
      shop.engine().full_while([] { return true; }, "read-only file system");
    };
    const run_result result = shop.update("v2");
    EXPECT_EQ(result.how, ending::left_open);
    EXPECT_THAT(result.reason, AllOf(HasSubstr(data_root.string() + " takes no writes"), HasSubstr("dockupd recover")));
    for (int tries = 1; tries <= 10; ++tries) {
      const std::optional<run_result> tried = shop.recover();
      EXPECT_TRUE(tried && tried->how == ending::left_open) << "while it is as it was, and for ever";
    }
    EXPECT_EQ(::umount(data_root.c_str()), 0);
    shop.on_event = nullptr;
    shop.engine().full_while(nullptr);
    const std::optional<run_result> recovered = shop.recover();
    EXPECT_TRUE(recovered && recovered->how == ending::rolled_back);
    EXPECT_EQ(shop.problems({"v1"}), "");
    return HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(code, 0);
}

TEST(DeadDisk, IsOneThatMakesNoFile) {
  const int code = in_child([] {
    own_mounts();
    const temporary_directory directory;
    EXPECT_FALSE(takes_no_writes(directory.path()));
    EXPECT_TRUE(fs::is_empty(directory.path()));
    EXPECT_FALSE(takes_no_writes(directory / "that is not there"));
    make_read_only(directory.path());
    EXPECT_TRUE(takes_no_writes(directory.path()));
    ::umount(directory.path().c_str());
    return HasFailure() ? 1 : 0;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace orchestration::test
