"""Two state directories, one engine: one run acts, the other is told who does, and changes nothing. The guard that a
dead run left is its own state directory's to remove, or a person's: `dockupd unlock`."""
import os
import re
import signal
import subprocess
import unittest

from scenario import Scenario, docker, inspect, run

GUARD = "dockupd-guard.tiny"


def begins(phase, words):
    return lambda e: e["event"] == "begin" and e["phase"] == phase and e["text"].startswith(words)


def seen_by_engine():
    """All that a run could change: containers with their state, volumes, networks, images."""
    containers = docker("ps", "-aq", "--no-trunc").split()
    states = sorted((c, inspect(c)["Name"], inspect(c)["State"]["Status"]) for c in containers)
    return (states, sorted(docker("volume", "ls", "-q").split()), sorted(docker("network", "ls", "-q").split()),
            sorted(docker("images", "-aq", "--no-trunc").split()))


class Guard(Scenario):
    def setUp(self):
        super().setUp()
        self.dockupd("update", "--tag", "v1")
        self.mine = self.state
        self.other = os.path.join(self.work, "other-state")

    def elsewhere(self, *arguments, expect):
        self.state = self.other
        try:
            return self.dockupd(*arguments, expect=expect)
        finally:
            self.state = self.mine

    def kill_midway(self):
        self.assertEqual(self.stop_at("update", "--tag", "v2", when=begins("cut over", "snapshot")), -signal.SIGKILL)

    def test_the_other_one_is_told_who_acts_and_changes_nothing(self):
        said = []

        def look(event, process):
            if said or not begins("cut over", "snapshot")(event):
                return
            process.send_signal(signal.SIGSTOP)
            try:
                before = seen_by_engine()
                said.append(self.elsewhere("update", "--tag", "v2", expect=75).stderr)
                said.append(self.elsewhere("status", expect=0).stdout)
                self.assertEqual(seen_by_engine(), before)
            finally:
                process.send_signal(signal.SIGCONT)

        self.assertEqual(self.watch("update", "--tag", "v2", on_event=look), 0)
        self.assertRegex(said[0], r"update --tag v2 by \S+ on \S+ since 20")
        self.assertRegex(said[0], r"dockupd unlock -p tiny 20\d{6}T")
        self.assertRegex(said[1], r"LOCKED +the engine holds it for another dockupd: update --tag v2 by ")
        self.assert_runs("v2")

    def test_nothing_of_it_is_in_the_way_of_compose_or_of_the_data(self):
        path = inspect("tiny-app-1")["Mounts"][0]["Source"]
        listed = []

        def look(event, process):
            if listed or not begins("pull", "pull")(event):
                return
            process.send_signal(signal.SIGSTOP)
            try:
                guard = inspect(GUARD)
                listed.append(guard)
                self.assertEqual(guard["State"]["Status"], "created")
                self.assertEqual([(m["Name"], m["RW"]) for m in guard["Mounts"]], [("tiny_data", False)])
                self.assertFalse([l for l in guard["Config"]["Labels"] if l.startswith("com.docker.compose.")])
                self.assertTrue(os.path.exists(path))
            finally:
                process.send_signal(signal.SIGCONT)

        volumes = docker("volume", "ls", "-q")
        self.assertEqual(self.watch("update", "--tag", "v2", on_event=look), 0)
        self.assertEqual(len(listed), 1)
        self.assert_runs("v2")
        self.assertEqual(docker("volume", "ls", "-q"), volumes)

    def test_creating_one_touches_no_volume(self):
        docker("volume", "create", "empty")
        mounts = [docker("volume", "inspect", "-f", "{{.Mountpoint}}", name) for name in ("tiny_data", "empty")]
        for name in ("tiny-app-1", "tiny-worker-1"):
            docker("stop", "-t", "1", name)

        def listing():
            return run(["find", *mounts, "-printf", "%p %y %s %m %U %G %T@ %C@\\n"]).stdout

        before = listing()
        docker("create", "--name", "probe", "-v", "tiny_data:/.dockupd/0:ro,nocopy", "-v", "empty:/app:ro,nocopy",
               "127.0.0.1:5000/tiny:v1")
        self.assertEqual(listing(), before)
        docker("rm", "probe")
        self.assertEqual(listing(), before)

    def test_a_foreign_guard_is_removed_by_unlock_only(self):
        self.kill_midway()
        guard = inspect(GUARD)["Id"]
        refused = self.elsewhere("update", "--tag", "v2", expect=75)
        self.assertEqual(inspect(GUARD)["Id"], guard)
        op = re.search(r"unlock -p tiny (\S+)", refused.stderr).group(1)
        wrong = self.elsewhere("unlock", op[:-1], expect=2)
        self.assertIn("dockupd status", wrong.stderr)
        self.assertEqual(inspect(GUARD)["Id"], guard)
        done = self.elsewhere("unlock", op, expect=0)
        self.assertRegex(done.stderr, r"by \S+ on \S+ since .* min ago")
        self.assertNotIn(GUARD, self.containers())
        self.elsewhere("unlock", op, expect=2)
        self.dockupd("recover")
        self.assert_runs("v1")

    def test_unlock_is_refused_while_a_run_of_this_state_directory_lives(self):
        codes = []

        def look(event, process):
            if not codes and begins("cut over", "snapshot")(event):
                process.send_signal(signal.SIGSTOP)
                try:
                    codes.append(self.dockupd("unlock", inspect(GUARD)["Config"]["Labels"]["io.dockupd.op"], expect=75))
                    self.assertIn(GUARD, self.containers())
                finally:
                    process.send_signal(signal.SIGCONT)

        self.assertEqual(self.watch("update", "--tag", "v2", on_event=look), 0)
        self.assertEqual(len(codes), 1)

    def test_status_shows_a_foreign_guard(self):
        docker("create", "--name", GUARD, "--label", "io.dockupd.store=another", "--label", "io.dockupd.op=20261121T1-a",
               "--label", "io.dockupd.who=maria", "--label", "io.dockupd.host=web2", "127.0.0.1:5000/tiny:v1")
        self.assertRegex(self.dockupd("status").stdout, r"LOCKED .*maria on web2.*20261121T1-a")
        self.assertTrue(self.result("status")["locked"]["foreign"])
        self.dockupd("update", "--tag", "v2", expect=75)
        self.dockupd("recover", expect=75)
        self.dockupd("plan", "--tag", "v2", expect=10)
        self.assertIn(GUARD, self.containers())

    def test_a_killed_run_leaves_it_for_recover(self):
        self.kill_midway()
        self.assertIn(GUARD, self.containers())
        self.dockupd("recover")
        self.assert_runs("v1")

    def test_a_run_killed_before_it_began_leaves_it_for_recover_too(self):
        self.stop_at("update", "--tag", "v2", when=lambda e: e["event"] == "phase" and e["phase"] == "preflight")
        self.dockupd("recover")
        self.assert_runs("v1")

    def test_of_sixteen_at_once_one_acts(self):
        runs = [subprocess.Popen(self.command("update", "--tag", "v2"), cwd=self.project, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True) for _ in range(16)]
        ends = [(p.communicate(timeout=120), p.returncode) for p in runs]
        codes = [code for _, code in ends]
        self.assertGreaterEqual(codes.count(0), 1, ends)
        self.assertEqual(codes.count(0) + codes.count(75), 16, ends)
        self.assertEqual(self.starts(), ["v1", "v2"], "it was done once")
        self.assert_runs("v2")

    def test_of_several_state_directories_at_once_one_acts(self):
        before = self.containers()
        commands = [[*self.command("update", "--tag", "v2")[:-1], os.path.join(self.work, f"state-{n}")]
                    for n in range(6)]
        runs = [subprocess.Popen(c, cwd=self.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                for c in commands]
        ends = [(p.communicate(timeout=120), p.returncode) for p in runs]
        codes = [code for _, code in ends]
        self.assertGreaterEqual(codes.count(0), 1, ends)
        self.assertEqual(codes.count(0) + codes.count(75), 6, ends)
        self.assertEqual(self.starts(), ["v1", "v2"], "it was done once")
        self.assertNotEqual(self.containers(), before)
        self.assert_runs("v2")


if __name__ == "__main__":
    unittest.main()
