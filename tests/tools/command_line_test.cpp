#include "tools/dockupd/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dockupd {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

std::variant<command, early_exit> parse(const std::vector<std::string>& words) {
  std::vector<const char*> argv = {"dockupd"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

command asked(const std::vector<std::string>& words) {
  const auto parsed = parse(words);
  if (const auto* ended = std::get_if<early_exit>(&parsed)) {
    ADD_FAILURE() << ended->text;
    return {};
  }
  return std::get<command>(parsed);
}

/// The text of the usage error; empty: there is none.
std::string wrong(const std::vector<std::string>& words) {
  const auto parsed = parse(words);
  const auto* ended = std::get_if<early_exit>(&parsed);
  if (ended == nullptr) return {};
  EXPECT_EQ(ended->code, 2);
  return ended->text;
}

TEST(CommandLine, KnowsItsVerbs) {
  EXPECT_EQ(asked({"update"}).what, verb::update);
  EXPECT_EQ(asked({"deploy"}).what, verb::update);
  EXPECT_EQ(asked({"plan"}).what, verb::plan);
  EXPECT_EQ(asked({"rollback"}).what, verb::rollback);
  EXPECT_EQ(asked({"recover"}).what, verb::recover);
  EXPECT_EQ(asked({"status"}).what, verb::status);
  EXPECT_EQ(asked({"history"}).what, verb::history);
  EXPECT_EQ(asked({"snapshot", "list"}).what, verb::snapshot_list);
  EXPECT_EQ(asked({"snapshot", "show"}).what, verb::snapshot_show);
  EXPECT_EQ(asked({"snapshot", "verify"}).what, verb::snapshot_verify);
  EXPECT_EQ(asked({"unhold", "shop/web:v3"}).what, verb::unhold);
  EXPECT_EQ(asked({"config"}).what, verb::config);
  EXPECT_EQ(asked({"version"}).what, verb::version);
}

TEST(CommandLine, ReadsWhatConfigIsToPrint) {
  EXPECT_EQ(asked({"config", "--format", "json"}).view, config_view::document);
  EXPECT_EQ(asked({"config", "--hash", "-f", "a.yaml"}).view, config_view::hashes);
  EXPECT_EQ(asked({"config", "--create", "--api", "1.41"}).view, config_view::creates);
  EXPECT_EQ(asked({"config", "-q"}).view, config_view::nothing);
  EXPECT_THAT(wrong({"config", "--hash", "--create"}), HasSubstr("at most 1"));
  EXPECT_THAT(wrong({"config", "--format", "toml"}), HasSubstr("--format"));
  EXPECT_THAT(asked({"config", "--resolve", "db=0123", "--resolve", "web=4567"}).containers,
              ElementsAre(testing::Pair("db", "0123"), testing::Pair("web", "4567")));
}

TEST(CommandLine, TakesTheServicesToHashAsComposeDoes) {
  EXPECT_THAT(asked({"config", "--hash", "web", "db"}).services, ElementsAre("web", "db"));
  EXPECT_THAT(asked({"config", "--hash", "web,db"}).services, ElementsAre("web", "db"));
  EXPECT_TRUE(asked({"config", "--hash", "*"}).services.empty());
  EXPECT_TRUE(asked({"config", "--hash"}).services.empty());
}

TEST(CommandLine, KnowsTheDialectsByLetterAndByRelease) {
  using orchestration::hash_dialect;
  EXPECT_EQ(asked({"config", "--hash"}).dialect, hash_dialect::compose_2_30);
  EXPECT_EQ(asked({"config", "--hash", "--dialect", "B'"}).dialect, hash_dialect::compose_5_0_2);
  EXPECT_EQ(asked({"config", "--hash", "--dialect", "bprime"}).dialect, hash_dialect::compose_5_0_2);
  EXPECT_EQ(asked({"config", "--hash", "--dialect", "B"}).dialect, hash_dialect::compose_5_0);
  EXPECT_EQ(asked({"config", "--hash", "--dialect", "2.29"}).dialect, hash_dialect::compose_2_24);
  EXPECT_THAT(wrong({"config", "--dialect", "C"}), HasSubstr("wants A, B, B' or H1"));
}

TEST(CommandLine, ReadsWhichProject) {
  const command c =
      asked({"status", "-f", "a.yaml", "--file", "b.yaml", "-p", "shop", "--project-directory", "/opt/shop",
             "--env-file", "x.env", "--profile", "debug", "-H", "unix:///run/d.sock", "--state-dir", "/s"});
  EXPECT_THAT(c.files, ElementsAre("a.yaml", "b.yaml"));
  EXPECT_EQ(c.project_name, "shop");
  EXPECT_EQ(c.project_directory, "/opt/shop");
  EXPECT_THAT(c.env_files, ElementsAre("x.env"));
  EXPECT_THAT(c.profiles, ElementsAre("debug"));
  EXPECT_EQ(c.host, "unix:///run/d.sock");
  EXPECT_EQ(c.state_dir, "/s");
}

TEST(CommandLine, ReadsWhereToMoveTo) {
  const command c =
      asked({"update", "--tag", "2.4.0", "--tag-variable", "APP_TAG", "--image", "web=reg:5000/shop/web:v2", "--image",
             "db=postgres@sha256:00", "--no-snapshot", "web", "worker"});
  EXPECT_EQ(c.tag, "2.4.0");
  EXPECT_EQ(c.tag_variable, "APP_TAG");
  EXPECT_EQ(c.images.at("web"), "reg:5000/shop/web:v2");
  EXPECT_EQ(c.images.at("db"), "postgres@sha256:00");
  EXPECT_FALSE(c.snapshot);
  EXPECT_THAT(c.services, ElementsAre("web", "worker"));
}

TEST(CommandLine, ReadsWhereTheTagIsKept) {
  EXPECT_EQ(asked({"update", "--tag", "v2"}).pin, pin_way::tag);
  EXPECT_EQ(asked({"plan", "--tag", "v2", "--pin", "digest"}).pin, pin_way::digest);
  EXPECT_EQ(asked({"update", "--pin", "override", "--image", "web=a"}).pin, pin_way::override_file);
  EXPECT_EQ(asked({"update", "--pin=none", "web"}).pin, pin_way::none);
  EXPECT_THAT(wrong({"update", "--pin", "elsewhere"}), HasSubstr("--pin"));
}

TEST(CommandLine, AFileOptionTakesOneWordSoThatServicesMayFollow) {
  const command c = asked({"update", "-f", "a.yaml", "web"});
  EXPECT_THAT(c.files, ElementsAre("a.yaml"));
  EXPECT_THAT(c.services, ElementsAre("web"));
}

TEST(CommandLine, WithoutOptionsNothingIsDecided) {
  const command c = asked({"update"});
  EXPECT_TRUE(c.snapshot);
  EXPECT_TRUE(c.tag.empty());
  EXPECT_FALSE(c.health_timeout.has_value());
  EXPECT_FALSE(c.stable_for.has_value());
  EXPECT_FALSE(c.grace_period.has_value());
  EXPECT_EQ(c.lock_wait, seconds(0));
  EXPECT_EQ(c.progress, progress_style::automatic);
  EXPECT_FALSE(c.json);
}

TEST(CommandLine, ReadsWaitsInSeconds) {
  const command c = asked({"update", "--health-timeout", "90", "--migration-timeout", "1800", "--stable-for", "0", "-t",
                           "30", "--lock-wait", "60"});
  EXPECT_EQ(c.health_timeout, seconds(90));
  EXPECT_EQ(c.migration_timeout, seconds(1800));
  EXPECT_EQ(c.stable_for, seconds(0));
  EXPECT_EQ(c.grace_period, seconds(30));
  EXPECT_EQ(c.lock_wait, seconds(60));
  EXPECT_THAT(wrong({"update", "--lock-wait", "-1"}), HasSubstr("--lock-wait"));
  EXPECT_THAT(wrong({"update", "--health-timeout", "soon"}), HasSubstr("--health-timeout"));
}

TEST(CommandLine, RecoverTakesAllProjectsOrOne) {
  const command all = asked({"recover", "--all", "--engine-wait", "120", "--progress", "plain"});
  EXPECT_TRUE(all.all);
  EXPECT_EQ(all.engine_wait, seconds(120));
  EXPECT_EQ(asked({"recover"}).engine_wait, seconds(0));
  EXPECT_NE(wrong({"recover", "--all", "-p", "shop"}), "");
  EXPECT_NE(wrong({"recover", "--all", "--rebuild"}), "");
  EXPECT_TRUE(asked({"recover", "-p", "shop", "--rebuild"}).rebuild);
}

TEST(CommandLine, ReadsWhereToGoBackTo) {
  EXPECT_EQ(asked({"rollback"}).target, "");
  EXPECT_EQ(asked({"rollback", "r41"}).target, "r41");
  EXPECT_EQ(asked({"rollback", "--to", "2.4.0"}).target, "2.4.0");
  EXPECT_TRUE(asked({"rollback", "--with-data"}).with_data);
  EXPECT_TRUE(asked({"rollback", "--no-data"}).no_data);
  EXPECT_TRUE(asked({"rollback", "--check"}).check);
  EXPECT_NE(wrong({"rollback", "--with-data", "--no-data"}), "");
}

TEST(CommandLine, ReadsHowToSpeak) {
  EXPECT_TRUE(asked({"update", "--json"}).json);
  EXPECT_EQ(asked({"update", "--progress", "plain"}).progress, progress_style::plain);
  EXPECT_EQ(asked({"update", "--progress", "quiet"}).progress, progress_style::quiet);
  EXPECT_THAT(wrong({"update", "--progress", "loud"}), HasSubstr("--progress"));
}

TEST(CommandLine, AMistakeIsAUsageErrorThatNamesIt) {
  EXPECT_NE(wrong({}), "");
  EXPECT_NE(wrong({"upgrade"}), "");
  EXPECT_THAT(wrong({"update", "--tga", "v2"}), HasSubstr("--tga"));
  EXPECT_THAT(wrong({"update", "--image", "web"}), HasSubstr("SERVICE=REFERENCE"));
  EXPECT_THAT(wrong({"update", "--image", "=v2"}), HasSubstr("SERVICE=REFERENCE"));
  EXPECT_THAT(wrong({"update", "--image", "web="}), HasSubstr("SERVICE=REFERENCE"));
  EXPECT_NE(wrong({"unhold"}), "");
  EXPECT_NE(wrong({"snapshot"}), "");
}

TEST(CommandLine, HelpIsNoMistake) {
  const auto parsed = parse({"update", "--help"});
  const auto* ended = std::get_if<early_exit>(&parsed);
  ASSERT_NE(ended, nullptr);
  EXPECT_EQ(ended->code, 0);
  EXPECT_THAT(ended->text, HasSubstr("--no-snapshot"));
}

TEST(CommandLine, HelpNamesEveryExitCode) {
  const auto parsed = parse({"--help"});
  const auto* ended = std::get_if<early_exit>(&parsed);
  ASSERT_NE(ended, nullptr);
  for (const char* code : {"0 ", "2 ", "3 ", "4 ", "5 ", "10 ", "20 ", "22 ", "30 ", "40 ", "75 "})
    EXPECT_THAT(ended->text, HasSubstr(code));
}

}  // namespace
}  // namespace dockupd
