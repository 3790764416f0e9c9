#include "orchestration/update/verdict.hpp"

#include <gtest/gtest.h>

namespace orchestration {
namespace {

using docker::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

health_sample running(int second, health_state health = health_state::none) {
  health_sample s;
  s.at = seconds(second);
  s.state = container_state::running;
  s.health = health;
  s.started_at = "2026-11-21T10:00:00Z";
  return s;
}

health_sample exited(int second, int code) {
  health_sample s = running(second);
  s.state = container_state::exited;
  s.exit_code = code;
  return s;
}

health_rule checked() {
  health_rule r;
  r.has_health_check = true;
  r.steady_for = seconds(2);
  r.budget = seconds(30);
  return r;
}

health_rule unchecked() {
  health_rule r;
  r.steady_for = seconds(10);
  r.budget = seconds(40);
  return r;
}

health_rule one_shot() {
  health_rule r;
  r.completes = true;
  r.budget = seconds(60);
  return r;
}

/// The first verdict that is not "wait", with the second it fell; or "waits: …" after the last sample.
std::string judged(health_rule rule, const std::vector<health_sample>& samples) {
  judge j(rule);
  verdict last;
  for (const health_sample& s : samples) {
    last = j.look(s);
    const std::string at = " at " + std::to_string(s.at.count() / 1000);
    if (last.result == verdict::kind::proven) return "proven" + at;
    if (last.result == verdict::kind::failed) return "failed" + at + ": " + last.because;
  }
  return "waits: " + last.because;
}

constexpr auto starting = health_state::starting;
constexpr auto healthy = health_state::healthy;
constexpr auto unhealthy = health_state::unhealthy;

TEST(Verdict, ProvesAHealthyContainerOnceItStayedSo) {
  EXPECT_EQ(judged(checked(), {running(0, starting), running(1, healthy), running(2, healthy), running(3, healthy)}),
            "proven at 3");
}

TEST(Verdict, WaitsThroughASlowStart) {
  EXPECT_EQ(judged(checked(), {running(0, starting), running(20, starting)}),
            "waits: its health check has not passed yet");
  EXPECT_EQ(judged(checked(), {running(0, starting), running(26, healthy), running(28, healthy)}), "proven at 28");
}

TEST(Verdict, FailsWhatIsNeverHealthyWithTheLastProbesWords) {
  health_sample late = running(30, starting);
  late.health_output = "connection refused";
  EXPECT_EQ(judged(checked(), {running(0, starting), running(15, starting), late}),
            "failed at 30: not healthy after 30 s: its health check has not passed yet: connection refused");
}

TEST(Verdict, FailsAtOnceWhenUnhealthy) {
  health_sample bad = running(5, unhealthy);
  bad.health_output = "connection refused";
  EXPECT_EQ(judged(checked(), {running(0, starting), bad}), "failed at 5: unhealthy: connection refused");
}

TEST(Verdict, FailsWhatTurnsUnhealthyWhileItHasToStayHealthy) {
  EXPECT_EQ(judged(checked(), {running(0, starting), running(1, healthy), running(2, unhealthy)}),
            "failed at 2: unhealthy");
}

TEST(Verdict, BeginsToCountAnewWhenHealthFlaps) {
  EXPECT_EQ(judged(checked(), {running(0, healthy), running(1, starting), running(2, healthy), running(3, healthy)}),
            "waits: healthy for 1 s of 2 s");
}

TEST(Verdict, NeverProvesAContainerWhoseHealthCheckDoesNotRun) {
  EXPECT_EQ(judged(checked(), {running(0), running(31)}),
            "failed at 31: not healthy after 30 s: the engine runs no health check for it");
}

TEST(Verdict, HeedsAHealthCheckThatNobodyAnnounced) {
  EXPECT_EQ(judged(unchecked(), {running(0, starting), running(11, starting)}),
            "waits: its health check has not passed yet");
  EXPECT_EQ(judged(unchecked(), {running(0, starting), running(3, unhealthy)}), "failed at 3: unhealthy");
}

TEST(Verdict, ProvesSteadyRunningWithoutAHealthCheck) {
  EXPECT_EQ(judged(unchecked(), {running(0), running(9)}), "waits: running for 9 s of 10 s");
  EXPECT_EQ(judged(unchecked(), {running(0), running(9), running(10)}), "proven at 10");
}

TEST(Verdict, FailsAnyExitOfAContainerThatHasToRun) {
  EXPECT_EQ(judged(unchecked(), {running(0), exited(1, 0)}), "failed at 1: exited with code 0");
  EXPECT_EQ(judged(unchecked(), {running(0), exited(1, 1)}), "failed at 1: exited with code 1");
  EXPECT_EQ(judged(checked(), {running(0, starting), exited(1, 137)}), "failed at 1: exited with code 137");
}

TEST(Verdict, TellsTheEnginesErrorOfAStartThatFailed) {
  health_sample s = exited(1, 127);
  s.error = "exec: \"serve\": not found";
  EXPECT_EQ(judged(unchecked(), {s}), "failed at 1: exited with code 127: exec: \"serve\": not found");
}

// With `restart: always` a crash loop shows as running nearly every time one looks.
TEST(Verdict, SeesACrashLoopByItsRestartCount) {
  health_sample again = running(2);
  again.restart_count = 3;
  again.exit_code = 1;
  EXPECT_EQ(judged(unchecked(), {running(0), again}), "failed at 2: restarted 3 times; last exited with code 1");
}

// The engine sets the exit code to 0 when the container runs again.
TEST(Verdict, DoesNotClaimToKnowHowAContainerThatRunsAgainHadExited) {
  health_sample again = running(2);
  again.restart_count = 1;
  EXPECT_EQ(judged(unchecked(), {running(0), again}), "failed at 2: restarted once");
}

TEST(Verdict, SeesARestartByItsStartTimeAlone) {
  health_sample again = running(2);
  again.started_at = "2026-11-21T10:00:01Z";
  EXPECT_EQ(judged(unchecked(), {running(0), again}), "failed at 2: was started again at 2026-11-21T10:00:01Z");
}

TEST(Verdict, FailsWhatIsRestarting) {
  health_sample s = exited(1, 1);
  s.state = container_state::restarting;
  s.restart_count = 1;
  EXPECT_EQ(judged(unchecked(), {s}), "failed at 1: restarts again and again (once); last exited with code 1");
}

TEST(Verdict, WaitsForOneThatMayRestartUntilItStaysOrItsTimeIsUp) {
  health_rule rule = unchecked();
  rule.may_restart = true;
  health_sample between = exited(1, 1);
  between.state = container_state::restarting;
  between.restart_count = 1;
  const auto again = [](int second) {
    health_sample s = running(second);
    s.restart_count = 1;
    s.started_at = "2026-11-21T10:00:02Z";
    return s;
  };
  EXPECT_EQ(judged(rule, {running(0), between, again(2), again(11)}), "waits: running for 9 s of 10 s");
  EXPECT_EQ(judged(rule, {running(0), between, again(2), again(12)}), "proven at 12");
  between.at = seconds(40);
  EXPECT_EQ(judged(rule, {running(0), between}),
            "failed at 40: not running steadily after 40 s: is started again (once); last exited with code 1");
  rule = one_shot();
  rule.may_restart = true;
  EXPECT_EQ(judged(rule, {running(0), between, exited(41, 0)}), "proven at 41");
  EXPECT_EQ(judged(rule, {running(0), between, exited(41, 1)}), "failed at 41: exited with code 1");
}

TEST(Verdict, DoesNotCountRestartsOfThePast) {
  health_sample before = running(0);
  before.restart_count = 5;
  before.out_of_memory = true;
  health_sample later = before;
  later.at = seconds(10);
  EXPECT_EQ(judged(unchecked(), {before, later}), "proven at 10");
}

TEST(Verdict, FailsWhatRunsOutOfMemory) {
  health_sample killed = exited(3, 137);
  killed.out_of_memory = true;
  EXPECT_EQ(judged(unchecked(), {running(0), killed}), "failed at 3: ran out of memory and was killed by the kernel");
  health_sample child = running(3);
  child.out_of_memory = true;
  EXPECT_EQ(judged(unchecked(), {running(0), child}), "failed at 3: a process in it ran out of memory");
}

TEST(Verdict, JudgesAOneShotByItsExitCode) {
  EXPECT_EQ(judged(one_shot(), {running(0), running(50)}), "waits: still running");
  EXPECT_EQ(judged(one_shot(), {running(0), exited(1, 0)}), "proven at 1");
  EXPECT_EQ(judged(one_shot(), {exited(0, 0)}), "proven at 0");
  EXPECT_EQ(judged(one_shot(), {running(0), exited(1, 3)}), "failed at 1: exited with code 3");
  EXPECT_EQ(judged(one_shot(), {running(0), running(60)}), "failed at 60: not completed after 60 s: still running");
}

TEST(Verdict, WaitsForAContainerThatHasNotStarted) {
  health_sample s;
  s.started_at = "0001-01-01T00:00:00Z";
  EXPECT_EQ(judged(unchecked(), {s}), "waits: has not started");
  // The first start is no restart.
  health_sample first = running(1);
  health_sample last = running(11);
  EXPECT_EQ(judged(unchecked(), {s, first, last}), "proven at 11");
}

TEST(Verdict, FailsStatesThatNobodyAskedFor) {
  health_sample s = running(1);
  s.state = container_state::paused;
  EXPECT_EQ(judged(unchecked(), {s}), "failed at 1: is paused");
  s.state = container_state::dead;
  EXPECT_EQ(judged(unchecked(), {s}), "failed at 1: is dead");
}

TEST(Verdict, CountsTheBudgetFromItsBeginning) {
  health_rule r = unchecked();
  r.since = seconds(100);
  EXPECT_EQ(judged(r, {running(100), running(105)}), "waits: running for 5 s of 10 s");
  r.steady_for = seconds(60);
  EXPECT_EQ(judged(r, {running(100), running(140)}),
            "failed at 140: not running steadily after 40 s: running for 40 s of 60 s");
  r.budget = milliseconds(0);
  EXPECT_EQ(judged(r, {running(100), running(159), running(160)}), "proven at 160");
}

TEST(Verdict, ProvesInTheLastMoment) {
  health_rule r = unchecked();
  r.budget = r.steady_for;
  EXPECT_EQ(judged(r, {running(0), running(10)}), "proven at 10");
}

TEST(HealthSample, IsReadFromAnInspectAnswer) {
  const health_sample s = sample_from_inspect(json::parse(R"({
    "Id": "a", "Name": "/x", "Image": "sha256:1", "RestartCount": 4,
    "State": {"Status": "running", "ExitCode": 7, "OOMKilled": true, "Error": "no", "StartedAt": "T",
              "Health": {"Status": "unhealthy", "Log": [{"Output": "first"}, {"Output": "line one\nline two\n"}]}}})"),
                                              seconds(3));
  EXPECT_EQ(s.at, seconds(3));
  EXPECT_EQ(s.state, container_state::running);
  EXPECT_EQ(s.health, unhealthy);
  EXPECT_EQ(s.restart_count, 4);
  EXPECT_EQ(s.exit_code, 7);
  EXPECT_TRUE(s.out_of_memory);
  EXPECT_EQ(s.started_at, "T");
  EXPECT_EQ(s.error, "no");
  EXPECT_EQ(s.health_output, "line one line two");
}

TEST(HealthSample, CapsProbeOutputAndStripsControlCharacters) {
  const auto output_of = [](const std::string& text) {
    json inspect = json::parse(R"({"Id": "a", "Name": "/x", "Image": "i", "State": {"Status": "running",
                                   "Health": {"Status": "starting", "Log": []}}})");
    inspect["State"]["Health"]["Log"].push_back(json::object({{"Output", text}}));
    return sample_from_inspect(inspect, seconds(0)).health_output;
  };
  EXPECT_EQ(output_of("\x1b[31mred\x7f"), " [31mred");
  EXPECT_EQ(output_of(std::string(199, 'x') + "é and more").size(), 199U + 3U);  // the é does not fit; "…" is 3 bytes
}

}  // namespace
}  // namespace orchestration
