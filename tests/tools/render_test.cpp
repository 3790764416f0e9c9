#include "tools/dockupd/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dockupd {
namespace {

using orchestration::operation;
using orchestration::pin_tag;
using testing::HasSubstr;
using testing::Not;

orchestration::run_result done_with(pin_tag pin) {
  orchestration::run_result out;
  out.how = orchestration::ending::done;
  operation written;
  written.number = 7;
  written.what = std::move(pin);
  out.executed.operations = {written};
  return out;
}

TEST(Render, SaysWhatWasKeptAndNotWhatWasNotWritten) {
  orchestration::run_result result = done_with({"/opt/shop/.env", "IMAGE_TAG", "v2", "v1"});
  EXPECT_THAT(text_of(result, "shop", "update"), HasSubstr("kept:              IMAGE_TAG=v2 in /opt/shop/.env\n"));
  result.with_warning = {7};
  result.warnings = {"IMAGE_TAG=v2 was not written into /opt/shop/.env"};
  EXPECT_THAT(text_of(result, "shop", "update"), Not(HasSubstr("kept:")));
  EXPECT_THAT(text_of(result, "shop", "update"), HasSubstr("warning:           IMAGE_TAG=v2 was not written"));
}

TEST(Render, SaysOfALineThatWentThatItIsUnset) {
  EXPECT_THAT(text_of(done_with({"/opt/shop/.env", "IMAGE_TAG", "", "v2"}), "shop", "rollback"),
              HasSubstr("IMAGE_TAG unset in /opt/shop/.env"));
}

}  // namespace
}  // namespace dockupd
