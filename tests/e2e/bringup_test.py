"""The engine dies and takes the services with it: `dockupd recover` brings back what should run, and proves it, for one
project or for all; `status` says what is down and what to type."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from scenario import ROOT, Scenario, begins, docker, inspect, run

BOTH = ["tiny-app-1", "tiny-worker-1"]


def kill_daemon():
    subprocess.run([os.path.join(ROOT, "tools", "engine"), "kill-daemon"], check=True, stdout=subprocess.DEVNULL)


class BringUp(Scenario):
    def setUp(self):
        super().setUp()
        self.dockupd("update", "--tag", "v1")
        self.before = self.containers()

    def command(self, verb, *arguments):
        quick = ["--stable-for", "0"] if verb == "recover" else []
        return [*super().command(verb, *arguments), *quick]

    def test_what_went_down_with_the_engine_is_brought_back(self):
        kill_daemon()
        self.assertEqual(self.running(), [])
        status = self.dockupd("status").stdout
        self.assertRegex(status, r"DOWN +tiny-app-1: exited")
        self.assertIn("dockupd recover -p tiny", status)
        result = self.result("recover")
        self.assertEqual((result["outcome"], sorted(result["started"]), result["release"]["number"]), ("done", BOTH, 1))
        self.assert_runs("v1")
        self.assertEqual(self.containers(), self.before)
        self.assertEqual(self.dockupd("recover").stdout, "tiny: nothing to recover.\n")

    def test_an_update_first_starts_what_went_down_with_the_engine_and_nothing_else(self):
        docker("stop", "-t", "0", "tiny-worker-1")
        time.sleep(13)  # what ended nearer to the engine's return is taken for its doing
        kill_daemon()
        self.assertEqual(self.running(), [])
        self.assertIn("tiny-app-1 went down when the daemon died", self.dockupd("plan", "--tag", "v2", expect=10).stdout)
        self.assertEqual(self.running(), [])
        said = self.dockupd("update", "--tag", "v2").stderr
        self.assertIn("tiny-app-1 went down when the daemon died", said)
        self.assertIn("tiny-worker-1 is down", said)
        self.assertEqual(self.running(), ["tiny-app-1"])

    def test_the_text_says_what_was_started(self):
        docker("stop", "-t", "0", "tiny-worker-1")
        self.assertEqual(self.dockupd("recover").stdout,
                         "tiny: r1 (v1) runs again, verified.\n  started:           tiny-worker-1\n")

    def test_recover_killed_in_the_middle_is_harmless(self):
        kill_daemon()
        self.stop_at("recover", when=begins("start", "start app"))
        self.dockupd("status")
        self.dockupd("recover")
        self.assert_runs("v1")
        self.assertEqual(self.containers(), self.before)

    def test_what_was_pruned_is_made_anew_by_the_command_that_is_named(self):
        docker("rm", "-f", "tiny-worker-1")
        docker("stop", "-t", "0", "tiny-app-1")
        failed = self.dockupd("recover", expect=30).stdout
        self.assertIn("tiny-worker-1: there is no such container", failed)
        self.assertEqual(self.running(), ["tiny-app-1"])
        typed = re.search(r"dockupd (rollback .*)", failed)[1].split()
        self.dockupd(*typed)
        self.assert_runs("v1")

    def test_containers_that_others_put_there_are_left_alone(self):
        docker("tag", "127.0.0.1:5000/tiny:v1", "127.0.0.1:5000/tiny:by-hand")
        labels = inspect("tiny-worker-1")["Config"]["Labels"]
        docker("rm", "-f", "tiny-worker-1")
        flags = [f"--label={name}={value}" for name, value in labels.items() if name.startswith("com.docker.compose")
                 and name != "com.docker.compose.config-hash"]
        docker("run", "-d", "--name", "tiny-worker-1", *flags, "127.0.0.1:5000/tiny:by-hand", "/app/run", "worker")
        before = self.containers()
        said = self.dockupd("recover").stdout
        self.assertIn("left alone:        tiny-worker-1: made from 127.0.0.1:5000/tiny:by-hand", said)
        self.assertEqual(self.containers(), before)

    def test_an_unknown_project_is_not_recovered_but_unknown(self):
        done = self.dockupd("recover", "-p", "nobody", expect=2)
        self.assertIn("no record of project nobody", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.state, "nobody")))

    def test_an_interrupted_run_is_explained(self):
        self.stop_at("update", "--tag", "v2", when=begins("cut over", "snapshot"))
        status = self.dockupd("status", expect=40).stdout
        self.assertRegex(status, r"INTERRUPTED +update .* by \S+@\S+, to r2 \(v2\), since 20\S+Z")
        self.assertRegex(status, r"found +nothing new has run yet: what ran before is brought back")
        self.dockupd("recover")
        self.stop_at("update", "--tag", "v2", when=begins("start", "start app"))
        self.assertRegex(self.dockupd("status", expect=40).stdout, r"found +the new version may have run: it goes on forward")

    def test_bystanders_of_an_interrupted_update_come_back_too(self):
        self.stop_at("update", "--tag", "v2", "worker", when=begins("start", "start worker"))
        kill_daemon()
        self.dockupd("recover")
        self.assertEqual(self.running(), BOTH)
        self.assertEqual(self.image_of("tiny-app-1"), "127.0.0.1:5000/tiny:v1")
        self.assertEqual(self.image_of("tiny-worker-1"), "127.0.0.1:5000/tiny:v2")

    # --- the records are gone

    def test_lost_records_are_begun_anew_only_when_told_so_and_the_update_is_undone(self):
        self.stop_at("update", "--tag", "v2", when=begins("verify", "verify"))
        before = self.containers()
        database = os.path.join(self.state, "tiny", "state.db")
        for path in glob.glob(database + "*"):
            os.remove(path)
        for verb in (["update", "--tag", "v2"], ["recover"], ["status"]):
            said = self.dockupd(*verb, expect=3).stderr
            self.assertIn("dockupd recover --rebuild -p tiny", said)
            self.assertRegex(said, r"Not ended: update \S+ to v2 by \S+, since 20")
        self.assertEqual(self.containers(), before)
        self.dockupd("recover", "--rebuild")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.dockupd("update", "--tag", "v2")
        self.assert_runs("v2")

    def test_a_damaged_database_is_kept_aside(self):
        database = os.path.join(self.state, "tiny", "state.db")
        with open(database, "wb") as file:
            file.write(bytes(8192))
        self.assertIn("dockupd recover --rebuild -p tiny", self.dockupd("recover", expect=3).stderr)
        self.dockupd("recover", "--rebuild")
        kept = glob.glob(database + ".damaged-*")
        self.assertEqual([os.path.getsize(path) for path in kept], [8192])
        self.dockupd("update", "--tag", "v2")
        self.assert_runs("v2")

    # --- somebody prunes in the middle

    def prune_everything(self):
        docker("stop", "-t", "0", *self.containers())
        docker("system", "prune", "-af", "--volumes")
        self.assertEqual((self.containers(), docker("volume", "ls", "-q")), ({}, ""))

    def test_everything_pruned_at_the_cut_over_is_made_anew_with_its_data(self):
        self.stop_at("update", "--tag", "v2", when=begins("cut over", "set aside"))
        self.prune_everything()
        self.assertEqual(self.result("recover")["run"]["outcome"], "rolled_back")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.dockupd("update", "--tag", "v2")
        self.assert_runs("v2")

    def test_everything_pruned_once_the_new_version_ran_is_made_anew_with_its_data(self):
        self.stop_at("update", "--tag", "v2", when=begins("verify", "verify"))
        self.prune_everything()
        self.assertEqual(self.result("recover")["run"]["outcome"], "rolled_back")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.dockupd("rollback", expect=3)

    def test_only_the_networks_pruned_at_the_cut_over(self):
        self.stop_at("update", "--tag", "v2", when=begins("cut over", "set aside"))
        docker("network", "prune", "-f")
        self.dockupd("recover")
        self.assert_runs("v1")

    def recover_all(self, *arguments, expect=0):
        done = run([*self.command("recover", "--all", *arguments), "--json"], cwd="/")
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_all_projects_are_recovered_whatever_becomes_of_one(self):
        second = os.path.join(self.work, "second")
        shutil.copytree(self.project, second)
        text = self.read("compose.yaml").decode().replace("name: tiny", "name: other")
        with open(os.path.join(second, "compose.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        done = run(self.command("update", "--tag", "v1"), cwd=second)
        self.assertEqual(done.returncode, 0, done.stderr)
        kill_daemon()
        with open(os.path.join(self.state, "other", "state.db"), "wb") as file:
            file.write(bytes(8192))
        result = self.recover_all(expect=3)
        self.assertEqual([(p["project"], p["exit_code"]) for p in result["projects"]], [("other", 3), ("tiny", 0)])
        self.assertEqual(self.running(), BOTH)

    def test_it_waits_for_the_engine_to_answer(self):
        self.stop_at("update", "--tag", "v2", when=begins("cut over", "snapshot"))
        with tempfile.TemporaryDirectory() as directory:
            later = os.path.join(directory, "docker.sock")
            host = ["-H", "unix://" + later]
            result = self.recover_all(*host, expect=40)
            self.assertEqual(result["projects"][0]["exit_code"], 40)
            appear = threading.Timer(1, os.symlink, (os.environ["DOCKER_HOST"].removeprefix("unix://"), later))
            appear.start()
            result = self.recover_all(*host, "--engine-wait", "60")
            appear.join()
        self.assertEqual(result["projects"][0]["run"]["outcome"], "abandoned")
        self.assert_runs("v1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
