"""kill -9 in the middle, and dockupd cannot be had: `sh rescue.sh` brings the old version back with its data. Afterwards
`dockupd recover` agrees with that, leaves nothing over, and updates go on as ever."""
import fcntl
import glob
import os
import re
import shlex
import signal
import stat
import unittest

from scenario import Scenario, docker, inspect, run


def begins(phase, words):
    return lambda e: e["event"] == "begin" and e["phase"] == phase and e["text"].startswith(words)


class Rescue(Scenario):
    def setUp(self):
        super().setUp()
        self.dockupd("update", "--tag", "v1")
        docker("update", "--restart", "always", "tiny-app-1")
        self.before = self.containers()

    def attempts(self):
        return glob.glob(os.path.join(self.state, "tiny", "attempts", "*"))

    def killed(self, when, verb="update", arguments=("--tag", "v2")):
        """Returns the script, as `status` names it."""
        self.assertEqual(self.stop_at(verb, *arguments, when=when), -signal.SIGKILL)
        status = self.dockupd("status", expect=40).stdout
        script = shlex.split(re.search(r"without dockupd: sh (.*)", status)[1])[0]
        for path, mode in ((script, 0o600), (os.path.join(os.path.dirname(script), "plan.json"), 0o600),
                           (os.path.dirname(script), 0o700)):
            self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode, path)
        return script

    def rescue(self, script, expect=0):
        done = run(["sh", script])
        self.assertEqual(done.returncode, expect, f"--- stdout\n{done.stdout}--- stderr\n{done.stderr}")
        return done

    def assert_old_runs(self, starts):
        """Without dockupd having done anything more."""
        present = self.containers()
        for name, id in self.before.items():
            self.assertEqual(present[name], id, "the old container under its name")
        self.assertEqual(self.running(), ["tiny-app-1", "tiny-worker-1"])
        self.assertEqual(inspect("tiny-app-1")["State"]["Health"]["Status"], "healthy")
        self.assertEqual(inspect("tiny-app-1")["HostConfig"]["RestartPolicy"]["Name"], "always")
        self.assertEqual(self.image_of("tiny-app-1"), "127.0.0.1:5000/tiny:v1")
        self.assertEqual(self.starts(), starts)

    def assert_recovers(self, starts):
        started = inspect("tiny-app-1")["State"]["StartedAt"]
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.containers(), self.before)
        self.assertEqual(inspect("tiny-app-1")["State"]["StartedAt"], started, "what ran went on running")
        self.assertEqual(self.starts(), starts)
        self.assertEqual(self.dockupd("recover").stdout, "tiny: nothing to recover.\n")
        self.assertNotIn("rescue", self.dockupd("status").stdout)
        if "127.0.0.1:5000/tiny:v2" in self.dockupd("status").stdout:  # on hold, as after any way back
            self.dockupd("unhold", "127.0.0.1:5000/tiny:v2")
        self.dockupd("update", "--tag", "v2")
        self.assert_runs("v2")
        self.assertEqual(self.starts(), [*starts, "v2"])

    def test_killed_while_pulling(self):
        script = self.killed(begins("pull", "pull"))
        self.rescue(script)
        self.assert_old_runs(["v1"])
        self.assert_recovers(["v1"])
        self.assertEqual(self.attempts(), [])

    def test_one_at_a_time(self):
        script = self.killed(begins("start", "start app"))
        directory = os.open(os.path.dirname(script), os.O_RDONLY)  # as another run of the script holds it
        fcntl.flock(directory, fcntl.LOCK_EX)
        self.assertIn("is at work on this project", self.rescue(script, expect=1).stderr)
        self.assertIn("rescue.sh of this run is at work", self.dockupd("recover", expect=40).stdout)
        os.close(directory)
        self.rescue(script)
        self.assert_old_runs(["v1", "v1"])
        self.assert_recovers(["v1", "v1"])

    def test_killed_while_archiving(self):
        script = self.killed(begins("cut over", "snapshot"))
        self.rescue(script)
        self.assert_old_runs(["v1", "v1"])
        self.rescue(script)
        self.assert_old_runs(["v1", "v1"])
        self.assert_recovers(["v1", "v1"])
        self.assertEqual(self.attempts(), [])

    def test_killed_while_the_new_version_starts(self):
        script = self.killed(begins("start", "start app"))
        self.rescue(script)
        self.assert_old_runs(["v1", "v1"])
        self.assert_recovers(["v1", "v1"])

    def test_killed_while_the_new_version_is_verified(self):
        script = self.killed(begins("verify", "verify"))
        self.assertEqual(self.starts(), ["v1", "v2"], "the new version has written")
        self.rescue(script)
        self.assert_old_runs(["v1", "v1"])
        copies = glob.glob(os.path.join(os.path.dirname(script), "before-rescue.*"))
        self.assertEqual(len(copies), 1)
        kept = run(["tar", "--zstd", "-xOf", copies[0], "./starts"])
        self.assertEqual(kept.stdout.split(), ["v1", "v2"], "what the new version wrote is not lost")
        docker("exec", "tiny-app-1", "sh", "-c", "echo written-by-the-old-one >> /data/starts")
        self.rescue(script)
        after = ["v1", "v1", "written-by-the-old-one"]
        self.assert_old_runs(after)
        self.assert_recovers(after)
        self.assertEqual(glob.glob(os.path.join(os.path.dirname(script), "*")), copies)

    def test_killed_on_the_way_back(self):
        script = self.killed(begins("restore", "restore"), arguments=("--tag", "v3"))
        self.rescue(script)
        self.assert_old_runs(["v1", "v1"])
        self.assert_recovers(["v1", "v1"])
        self.assertEqual(self.attempts(), [], "dockupd had its own copy of what the new version wrote")

    def test_killed_once_the_data_is_back_it_is_not_put_back_again(self):
        script = self.killed(begins("verify", "verify worker"), arguments=("--tag", "v3"))
        with open(script, encoding="utf-8") as file:
            self.assertIn("put_back", file.read())
        self.stop_at("recover", when=lambda e: e["event"] == "phase" and e["phase"] == "undo: verify")
        docker("exec", "tiny-app-1", "sh", "-c", "echo written-by-the-old-one >> /data/starts")
        self.rescue(script)
        after = ["v1", "v1", "written-by-the-old-one"]
        self.assert_old_runs(after)
        self.assert_recovers(after)

    def test_a_damaged_archive_is_found_before_anything_is_emptied(self):
        script = self.killed(begins("verify", "verify"))
        archive, = glob.glob(os.path.join(self.state, "tiny", "snapshots", "*", "*.tar.zst"))
        with open(archive, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            last = file.read(1)
            file.seek(-1, os.SEEK_END)
            file.write(bytes([last[0] ^ 1]))
        self.assertIn("is damaged", self.rescue(script, expect=1).stderr)
        self.assertEqual(self.starts(), ["v1", "v2"])
        self.dockupd("recover")
        self.assert_runs("v2")

    def test_nothing_is_done_while_dockupd_is_at_work(self):
        seen = []

        def look(event, _):
            if not seen and begins("cut over", "snapshot")(event):
                script, = glob.glob(os.path.join(self.state, "tiny", "attempts", "*", "rescue.sh"))
                seen.append(run(["sh", script]))

        self.assertEqual(self.watch("update", "--tag", "v2", on_event=look), 0)
        self.assertEqual(seen[0].returncode, 1)
        self.assertIn("dockupd is at work on this project", seen[0].stderr)
        self.assert_runs("v2")
        self.assertEqual(self.attempts(), [])

    def test_a_rescue_that_was_broken_off_is_finished_by_recover(self):
        script = self.killed(begins("verify", "verify"))
        with open(script, encoding="utf-8") as file:
            text = file.read()
        # As if the power went after the volume had been emptied.
        broken = os.path.join(self.work, "broken.sh")
        with open(broken, "w", encoding="utf-8") as file:
            file.write(re.sub(r"-delete .*\n", "-delete\n  exit 9\n", text))
        self.rescue(broken, expect=9)
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])

    def test_a_rollback_is_led_back_to_where_it_began(self):
        self.dockupd("update", "--tag", "v2")
        self.before = self.containers()
        script = self.killed(begins("restore", "restore"), "rollback", ("--with-data",))
        self.rescue(script)
        self.assertEqual(self.image_of("tiny-app-1"), "127.0.0.1:5000/tiny:v2")
        self.assertEqual(self.starts(), ["v1", "v2", "v2"])
        self.dockupd("recover")
        self.assert_runs("v2")
        self.assertEqual(self.containers(), self.before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
