// rescue.sh as text, and what it asks of docker: a stub writes down every word that it is called with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "orchestration/plan/reconcile.hpp"
#include "orchestration/plan/rescue.hpp"
#include "tests/files/temporary_directory.hpp"
#include "tests/plan/world.hpp"

namespace orchestration::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

plan update_to_v2() {
  observed_state s = run(shop("v1"));
  s.images.merge(nothing_but_images(shop("v2")).images);
  reconcile_options o = options();
  o.pin = pin_tag{"/opt/shop/.env", "IMAGE_TAG", "v2", "v1"};
  return plan_update(shop("v2"), s, o);
}

rescue_options in(const std::string& directory) {
  rescue_options o;
  o.directory = directory;
  o.lock_file = directory + "/lock";
  o.engine_id = "E1";
  return o;
}

rescue_options with_archive(rescue_options o) {
  rescue_archive a;
  a.volume = "shop-data";
  a.file = "/state/snapshots/S1/shop-data.tar.zst";
  a.sha256 = std::string(64, 'a');
  o.archives.push_back(a);
  return o;
}

/// The calls with values of the plan: what follows the functions, which are the same in every script.
std::string steps_of(const std::string& script) {
  const std::size_t checked = script.find("\n# From here on");
  return script.substr(checked == std::string::npos ? 0 : checked + 1);
}

std::string id(const char* name) { return id_of(name); }

TEST(Rescue, StartsWhatIsJoinedBeforeWhoJoinsIt) {
  observed_state s = run(joined("v1"));
  s.images.merge(nothing_but_images(joined("v2")).images);
  const std::string steps = steps_of(rescue_script(plan_update(joined("v2"), s, options()), in("/state/attempts/A1")));
  const std::size_t vpn = steps.find("start_old " + id("shop-vpn-1"));
  const std::size_t web = steps.find("start_old " + id("shop-web-1"));
  ASSERT_NE(vpn, std::string::npos) << steps;
  ASSERT_NE(web, std::string::npos) << steps;
  EXPECT_LT(vpn, web);
}

TEST(Rescue, StopsTheNewGivesTheNamesBackAndStartsTheOldInTheOrderOfTheUndo) {
  EXPECT_EQ(steps_of(rescue_script(update_to_v2(), in("/state/attempts/A1"))),
            "# From here on, dockupd does not go on with the run: it only goes back.\n"
            "mark rescue-begun\n"
            "\n"
            "# What the run started.\n"
            "stop_new web.1\n"
            "stop_new migrate.1\n"
            "\n"
            "# The names.\n"
            "set_new_aside web.1 shop-web-1.dockupd-failed.A1\n"
            "set_new_aside migrate.1 shop-migrate-1.dockupd-failed.A1\n"
            "name_old " +
                id("shop-web-1") + " web.1 shop-web-1\nname_old " + id("shop-migrate-1") +
                " migrate.1 shop-migrate-1\n"
                "\n# Whatever happens from here on, the data is never put back again: the old version writes to "
                "it.\nno_new_runs migrate.1 web.1\n"
                "mark rescued\n"
                "\n"
                "# What ran before, those first that others depend on.\n"
                "start_old " +
                id("shop-db-1") + " db.1 unless-stopped running\nawait_healthy " + id("shop-db-1") +
                " db.1 30\nstart_old " + id("shop-web-1") +
                " web.1 always running\n"
                "\n"
                "# Does it run?\n"
                "await_healthy " +
                id("shop-db-1") + " db.1 32\nawait_healthy " + id("shop-web-1") +
                " web.1 32\n"
                "say 'Look into /opt/shop/.env: it has to say IMAGE_TAG=v1, not v2, or the next `docker compose up` "
                "deploys that'\n"
                "\n"
                "if [ \"$failures\" -gt 0 ]; then\n"
                "  printf '%s: %s of the steps above failed\\n' \"$project\" \"$failures\" >&2\n"
                "  exit 1\n"
                "fi\n"
                "say 'shop: what ran before runs again. When dockupd can be had: dockupd recover -p shop'\n");
}

TEST(Rescue, LeavesTheDataAloneWhileNothingNewHasRun) {
  const std::string script = rescue_script(update_to_v2(), in("/state/attempts/A1"));
  for (const char* word : {"tar ", "-delete", "check_archive", "put_back"}) EXPECT_THAT(script, Not(HasSubstr(word)));
}

TEST(Rescue, PutsTheDataBackOnceBeforeAnythingOldStarts) {
  const std::string steps = steps_of(rescue_script(update_to_v2(), with_archive(in("/state/attempts/A1"))));
  EXPECT_THAT(steps, HasSubstr("if [ -e \"$directory/rescued\" ]; then\n"
                               "  say 'the data was put back by an earlier run of this script: it is left alone'\n"
                               "else\n"
                               "  stop " +
                               id("shop-web-1") + " web.1\n"));
  EXPECT_THAT(steps, HasSubstr("  stop " + id("shop-db-1") +
                               " db.1\n"
                               "  put_back shop-data /state/snapshots/S1/shop-data.tar.zst "
                               "/state/attempts/A1/before-rescue.shop-data.tar.zst\n"
                               "  sync\n"
                               "fi\n"
                               "\n# Whatever happens from here on, the data is never put back again: the old version "
                               "writes to it.\nno_new_runs migrate.1 web.1\n"
                               "mark rescued\n"));
  EXPECT_LT(steps.find("mark rescued"), steps.find("\nstart_old"));
}

TEST(Rescue, ChecksEveryArchiveBeforeItChangesAnything) {
  const std::string script = rescue_script(update_to_v2(), with_archive(in("/state/attempts/A1")));
  const std::size_t check =
      script.find("  check_archive shop-data /state/snapshots/S1/shop-data.tar.zst " + std::string(64, 'a') + "\n");
  ASSERT_NE(check, std::string::npos);
  EXPECT_LT(check, script.find("mark rescue-begun"));
}

TEST(Rescue, ReArmsWhatWasStoppedAndPausesWhatWasPaused) {
  observed_state s = run(shop("v1"));
  s.images.merge(nothing_but_images(shop("v2")).images);
  set_state(container(s, "db"), container_state::paused);
  set_state(container(s, "web"), container_state::exited, 0);
  const std::string steps = steps_of(rescue_script(plan_update(shop("v2"), s, options()), in("/a")));
  EXPECT_THAT(steps, HasSubstr("start_old " + id("shop-web-1") + " web.1 always stopped\n"));
  EXPECT_THAT(steps, HasSubstr("pause_old " + id("shop-db-1") + " db.1\n"));
}

TEST(Rescue, LetsAMovingTagMeanAgainWhatItMeant) {
  observed_state s = run(shop("latest"));
  const std::string before = s.images.at("shop-app:latest").id;
  reconcile_options o = options();
  o.digests["shop-app:latest"] = "sha256:moved";
  const std::string steps = steps_of(rescue_script(plan_update(shop("latest"), s, o), in("/a")));
  EXPECT_THAT(steps, HasSubstr("tag_back " + before + " shop-app:latest\n"));
}

TEST(Rescue, QuotesEveryWordThatIsNotPlain) {
  EXPECT_EQ(shell_word("shop-web-1.a_b/c:d"), "shop-web-1.a_b/c:d");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_word("$(x) `y` \"z\" \\ \n#;&|<>*?~"), "'$(x) `y` \"z\" \\ \n#;&|<>*?~'");
  EXPECT_EQ(shell_word("\xc3\xa9"), "'\xc3\xa9'");
}

// --- run, with a docker that only writes down what it is asked --------------------------------------------------

class RescueRun : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(bin());
    // Every call is one line, its words between < and >. Of this attempt there is one container for each subject.
    write(bin() / "docker",
          "#!/bin/sh\n"
          "for word in \"$@\"; do printf '<%s>' \"$word\"; done >> \"$CALLS\"\n"
          "echo >> \"$CALLS\"\n"
          "case \"$*\" in\n"
          "  *'{{.Id}}'*\"${GONE:-nobody}\") exit 1 ;;\n"
          "  'ps --all'*) echo new1 ;;\n"
          "  info*) printf %s \"$ENGINE\" ;;\n"
          "  container*.State.Health*) echo 'running healthy' ;;\n"
          "  container*.Running*) [ -e \"$CALLS.up\" ] && echo true || echo false ;;\n"
          "  container*.Policy.Name*) echo always ;;\n"
          "  container*) echo something ;;\n"
          "esac\n"
          "[ \"$1\" != \"${BROKEN:-}\" ]\n");
    fs::permissions(bin() / "docker", fs::perms::owner_all);
    write(fs::path(directory()) / "plan.json", "{}");
  }
  static void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }
  static std::string read(const fs::path& file) {
    std::ostringstream out;
    out << std::ifstream(file).rdbuf();
    return out.str();
  }
  fs::path bin() const { return here_.path() / "bin"; }
  virtual std::string directory() const { return here_.path().string(); }
  int run_script(const std::string& script, const std::string& environment = "ENGINE=E1") {
    write(here_.path() / "rescue.sh", script);
    const std::string command = "cd " + shell_word(here_.path().string()) + " && PATH=" + shell_word(bin().string()) +
                                ":$PATH CALLS=" + shell_word(calls_file().string()) + " " + environment +
                                " sh rescue.sh > out 2>&1";
    const int status = std::system(command.c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  fs::path calls_file() const { return here_.path() / "calls"; }
  std::string calls() const { return read(calls_file()); }
  std::string said() const { return read(here_.path() / "out"); }

  temporary_directory here_;
};

TEST_F(RescueRun, EndsWithZeroAndLeavesItsMarks) {
  EXPECT_EQ(run_script(rescue_script(update_to_v2(), in(directory()))), 0) << said();
  EXPECT_TRUE(fs::exists(here_.path() / rescue_begun));
  EXPECT_TRUE(fs::exists(here_.path() / rescue_done));
  EXPECT_THAT(calls(), HasSubstr("<start><--><" + id("shop-web-1") + ">\n"));
  EXPECT_THAT(calls(), HasSubstr("<update><--restart><always><--><" + id("shop-web-1") + ">\n"));
  EXPECT_THAT(calls(), HasSubstr("<rename><--><new1><shop-web-1.dockupd-failed.A1>\n"));
}

TEST_F(RescueRun, StartsWhatWasMadeAnewInPlaceOfAnOldOneThatIsGone) {
  const std::string gone = "ENGINE=E1 GONE=" + id("shop-web-1");
  EXPECT_EQ(run_script(rescue_script(update_to_v2(), in(directory())), gone), 0) << said();
  EXPECT_THAT(calls(), HasSubstr("<label=io.dockupd.subject=web.1.anew>\n"));
  EXPECT_THAT(calls(), HasSubstr("<rename><--><new1><shop-web-1>\n"));
  EXPECT_THAT(calls(), HasSubstr("<start><--><new1>\n"));
  EXPECT_THAT(calls(), HasSubstr("<start><--><" + id("shop-db-1") + ">\n"));
}

TEST_F(RescueRun, GoesOnAfterASingleFailureButReportsIt) {
  EXPECT_EQ(run_script(rescue_script(update_to_v2(), in(directory())), "ENGINE=E1 BROKEN=rename"), 1);
  EXPECT_THAT(said(), HasSubstr("FAILED: " + id("shop-web-1") + " is not called shop-web-1\n"));
  EXPECT_THAT(said(), HasSubstr("shop: 4 of the steps above failed\n"));
  EXPECT_THAT(calls(), HasSubstr("<start><--><" + id("shop-web-1") + ">\n"));
}

TEST_F(RescueRun, StartsNothingOldWhileSomethingNewRuns) {
  write(calls_file().string() + ".up", "");
  EXPECT_EQ(run_script(rescue_script(update_to_v2(), in(directory()))), 1);
  EXPECT_THAT(said(), HasSubstr("STOPPED HERE: the new web.1 (new1) still runs"));
  EXPECT_THAT(calls(), Not(HasSubstr("<start>")));
  EXPECT_FALSE(fs::exists(here_.path() / rescue_done));
}

TEST_F(RescueRun, ChangesNothingOnAnotherEngine) {
  EXPECT_EQ(run_script(rescue_script(update_to_v2(), in(directory())), "ENGINE=E2"), 1);
  EXPECT_THAT(said(), HasSubstr("this is engine E2, and the project is on E1"));
  EXPECT_EQ(calls(), "<info><--format><{{.ID}}>\n");
  EXPECT_FALSE(fs::exists(here_.path() / rescue_begun));
}

TEST_F(RescueRun, ChangesNothingOnceTheRunHasEnded) {
  fs::remove(here_.path() / "plan.json");
  EXPECT_EQ(run_script(rescue_script(update_to_v2(), in(directory()))), 1);
  EXPECT_EQ(calls(), "");
}

TEST_F(RescueRun, ChangesNothingWithoutTheArchive) {
  EXPECT_EQ(run_script(rescue_script(update_to_v2(), with_archive(in(directory())))), 1);
  EXPECT_THAT(said(), HasSubstr("the archive of volume shop-data is missing"));
  EXPECT_EQ(calls(), "<info><--format><{{.ID}}>\n");
}

/// Whatever a name says, sh hands it on as one word and runs nothing of it.
class RescueOfHostileNames : public RescueRun, public testing::WithParamInterface<const char*> {
 protected:
  std::string hostile() const { return GetParam(); }
};

plan with_names(const std::string& name) {
  plan p;
  p.project = name;
  p.attempt_id = name;
  const auto add = [&p](phase when, action what) {
    operation o;
    o.number = static_cast<int>(p.operations.size()) + 1;
    o.when = when;
    o.what = std::move(what);
    p.operations.push_back(std::move(o));
  };
  pull_image pull;
  pull.reference = name;
  pull.meant_before = name;
  add(phase::pull, pull);
  create_container create;
  create.target.subject = name;
  create.name = name;
  add(phase::create, create);
  stop_container stop;
  stop.target = {name, name};
  stop.name = name;
  stop.restart_policy = docker::json::object({{"Name", name}});
  stop.has_health_check = true;
  stop.until = goal::healthy;
  add(phase::cut_over, stop);
  add(phase::cut_over, rename_container{{name, name}, name, name + ".old"});
  add(phase::cut_over, rename_container{{name, ""}, name + ".new", name});
  start_container start;
  start.target.subject = name;
  add(phase::start, start);
  add(phase::pin, pin_tag{name, name, name, name});
  add(phase::pin, pin_images{name, {{name, name, name}}, name, name});
  return p;
}

TEST_P(RescueOfHostileNames, RunsNothingOfThem) {
  rescue_options o = in(directory());
  o.engine_id = hostile();
  o.lock_file = hostile();
  o.safety_snapshot = hostile();
  const std::string engine = "ENGINE=" + shell_word(hostile());
  EXPECT_EQ(run_script(rescue_script(with_names(hostile()), o), engine), 0) << said();
  EXPECT_FALSE(fs::exists(here_.path() / "pwned"));
  EXPECT_THAT(calls(), HasSubstr("<start><--><" + hostile() + ">\n"));
  EXPECT_THAT(calls(), HasSubstr("<rename><--><" + hostile() + "><" + hostile() + ">\n"));
  EXPECT_THAT(calls(), HasSubstr("<update><--restart><" + hostile() + "><--><" + hostile() + ">\n"));
  EXPECT_THAT(calls(), HasSubstr("<--filter><label=io.dockupd.subject=" + hostile() + ">"));
  EXPECT_THAT(calls(), HasSubstr("<tag><--><" + hostile() + "><" + hostile() + ">\n"));
}

TEST_P(RescueOfHostileNames, RunsNothingOfThoseOfVolumesAndDirectories) {
  rescue_options o = in(directory());
  rescue_archive archive;
  archive.volume = archive.file = archive.sha256 = hostile();
  o.archives.push_back(archive);
  EXPECT_EQ(run_script(rescue_script(with_names(hostile()), o), "ENGINE=E1"), 1);
  EXPECT_FALSE(fs::exists(here_.path() / "pwned"));
  EXPECT_THAT(said(), HasSubstr("the archive of volume " + hostile() + " is missing: " + hostile() + "\n"));
  o.directory = hostile();
  EXPECT_EQ(run_script(rescue_script(with_names(hostile()), o), "ENGINE=E1"), 1);
  EXPECT_FALSE(fs::exists(here_.path() / "pwned"));
  EXPECT_THAT(said(), HasSubstr("this run of dockupd has ended: " + hostile() + " is gone"));
}

INSTANTIATE_TEST_SUITE_P(Names, RescueOfHostileNames,
                         testing::Values("$(touch pwned)", "`touch pwned`", "'; touch pwned; '", "'$(touch pwned)'",
                                         "\"; touch pwned; \"", "a\ntouch pwned\n#", "\\'; touch pwned #", "-rf *",
                                         "a b & touch pwned", "%s%n\\n", "| touch pwned", "${x:=$(touch pwned)}"));

}  // namespace
}  // namespace orchestration::test
