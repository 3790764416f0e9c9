"""kill -9 in the middle, then `dockupd recover`: the version that the recovery table names runs, proven, with its data,
and nothing is left over. Before anything new starts, that is the old one; afterwards, the new one."""
import glob
import os
import signal
import subprocess
import unittest

from scenario import ROOT, Scenario, docker, inspect


def begins(phase, words):
    return lambda e: e["event"] == "begin" and e["phase"] == phase and e["text"].startswith(words)


class Recovery(Scenario):
    def setUp(self):
        super().setUp()
        self.dockupd("update", "--tag", "v1")

    def assert_clean(self):
        self.assertEqual(self.dockupd("recover").stdout, "tiny: nothing to recover.\n")
        self.assertEqual(glob.glob(os.path.join(self.state, "tiny", "snapshots", "*partial*")), [])
        self.dockupd("status")

    def killed(self, when, verb="update", arguments=("--tag", "v2")):
        self.assertEqual(self.stop_at(verb, *arguments, when=when), -signal.SIGKILL)
        status = self.dockupd("status", expect=40)
        self.assertIn("dockupd recover -p tiny", status.stdout)

    def test_killed_while_pulling(self):
        before = self.containers()
        self.killed(begins("pull", "pull"))
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.containers(), before)
        self.assert_clean()

    def test_killed_before_the_new_container_starts(self):
        before = self.containers()
        self.killed(begins("cut over", "snapshot"))
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.containers(), before, "the old containers, with their ids")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.assert_clean()

    def test_killed_while_the_new_container_starts(self):
        self.killed(begins("start", "start app"))
        self.dockupd("recover")
        self.assert_runs("v2")
        self.assertEqual(self.starts()[:2], ["v1", "v2"])
        self.assert_clean()

    def test_killed_while_the_new_version_is_verified(self):
        self.killed(begins("verify", "verify"))
        self.dockupd("recover")
        self.assert_runs("v2")
        self.assertEqual(self.starts(), ["v1", "v2"])
        self.assert_clean()

    def test_killed_while_cleaning_up(self):
        self.killed(begins("commit", "remove"))
        self.dockupd("recover")
        self.assert_runs("v2")
        self.assert_clean()

    def test_killed_while_a_broken_version_starts_goes_back_with_the_data(self):
        self.killed(begins("start", "start app"), arguments=("--tag", "v3"))
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.assert_clean()

    def test_killed_on_the_way_back_goes_on_back(self):
        self.killed(begins("restore", "restore"), arguments=("--tag", "v3"))
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.assert_clean()

    def test_killed_in_a_rollback_goes_on_to_its_target(self):
        self.dockupd("update", "--tag", "v2")
        self.killed(begins("restore", "restore"), "rollback", ("--with-data",))
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.assert_clean()

    def test_any_changing_command_recovers_first(self):
        self.killed(begins("cut over", "snapshot"))
        done = self.dockupd("update", "--tag", "v2")
        self.assertIn("interrupted", done.stderr)
        self.assert_runs("v2")
        self.assert_clean()

    def test_a_polite_signal_goes_back_at_once(self):
        before = self.containers()
        code = self.stop_at("update", "--tag", "v2", when=begins("cut over", "stop worker"), how=signal.SIGTERM)
        self.assertIn(code, (3, 5))
        self.assert_runs("v1")
        self.assertEqual(self.containers(), before)
        self.assert_clean()

    def test_killed_twice(self):
        self.killed(begins("start", "start app"), arguments=("--tag", "v3"))
        self.stop_at("recover", when=begins("restore", "restore"))
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.assert_clean()

    def test_the_engine_restarts_while_the_old_one_is_stopped(self):
        docker("update", "--restart", "always", "tiny-app-1")
        self.killed(begins("start", "start app"), arguments=("--tag", "v2"))
        old = [name for name in self.containers() if ".dockupd-old." in name]
        for name in old:
            self.assertIn(inspect(name)["HostConfig"]["RestartPolicy"]["Name"], ("", "no"), "disarmed")
        subprocess.run([os.path.join(ROOT, "tools", "engine"), "kill-daemon"], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual([name for name in old if inspect(name)["State"]["Running"]], [], "no second writer")
        self.dockupd("recover")
        self.assert_runs("v2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
