"""dockupd update on a real engine, with the sample `tiny`."""
import fcntl
import os
import signal
import subprocess
import unittest

from scenario import DOCKUPD, Scenario, docker, inspect, run


class Update(Scenario):
    def test_a_reader_that_no_longer_reads_holds_nothing_up(self):
        """As a terminal on Ctrl-S, or a CI agent that is stuck."""
        self.dockupd("update", "--tag", "v1")
        reader, writer = os.pipe()
        os.write(writer, b"x" * fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ))
        try:
            for tag, style in (("v2", "plain"), ("v4", "json")):
                done = subprocess.run(self.command("update", "--tag", tag, "--progress", style), cwd=self.project,
                                      stdout=subprocess.DEVNULL, stderr=writer, timeout=60)
                self.assertEqual(done.returncode, 0)
                self.assert_runs(tag)
        finally:
            os.close(reader)
            os.close(writer)

    def test_deploys_then_moves_to_the_next_version(self):
        first = self.result("update", "--tag", "v1")
        self.assertEqual(first["outcome"], "done")
        self.assert_runs("v1")
        second = self.result("update", "--tag", "v2")
        self.assertEqual((second["release_before"]["tag"], second["release_now"]["tag"]), ("v1", "v2"))
        self.assert_runs("v2")
        self.assertEqual(self.starts(), ["v1", "v2"])
        self.assertIn(second["snapshot"], self.dockupd("snapshot list").stdout)
        self.dockupd("snapshot verify", second["snapshot"])

    def test_labels_are_what_compose_writes(self):
        self.dockupd("update", "--tag", "v1")
        labels = inspect("tiny-worker-1")["Config"]["Labels"]
        compose = {k: v for k, v in labels.items() if k.startswith("com.docker.compose.")}
        image_id = docker("image", "inspect", "--format", "{{.Id}}", "127.0.0.1:5000/tiny:v1")
        self.assertRegex(compose.pop("com.docker.compose.config-hash"), "^[0-9a-f]{64}$")
        self.assertRegex(compose.pop("com.docker.compose.version"), r"^2\.")
        self.assertEqual(compose, {
            "com.docker.compose.project": "tiny",
            "com.docker.compose.service": "worker",
            "com.docker.compose.container-number": "1",
            "com.docker.compose.oneoff": "False",
            "com.docker.compose.depends_on": "app:service_started:false",
            "com.docker.compose.image": image_id,
            "com.docker.compose.project.working_dir": os.path.realpath(self.project),
            "com.docker.compose.project.config_files": os.path.realpath(self.path("compose.yaml")),
        })

    def test_every_other_byte_of_the_env_file_stays(self):
        before = b"\xef\xbb\xbf# release\r\nexport IMAGE_TAG = 'v1' # pinned\r\nOTHER=\"a b\"\r\n\r\nLAST=1"
        with open(self.path(".env"), "wb") as file:
            file.write(before)
        os.chmod(self.path(".env"), 0o640)
        self.dockupd("update", "--tag", "v2")
        self.assertEqual(self.read(".env"), before.replace(b"v1", b"v2"))
        self.assertEqual(os.stat(self.path(".env")).st_mode & 0o777, 0o640)

    def test_does_nothing_when_there_is_nothing_to_do(self):
        self.dockupd("update", "--tag", "v1")
        before = self.containers()
        self.assertEqual(self.result("update", "--tag", "v1")["outcome"], "nothing_to_do")
        self.assertEqual(self.containers(), before)

    def test_plan_shows_and_changes_nothing(self):
        self.dockupd("update", "--tag", "v1")
        before = self.containers()
        text = self.dockupd("plan", "--tag", "v2", expect=10).stdout
        self.assertIn("app.1", text)
        self.assertIn("tiny:v1 -> ", text)
        self.assertEqual(self.containers(), before)
        self.dockupd("plan", "--tag", "v1")

    def test_nothing_to_do_says_what_does_not_run(self):
        self.dockupd("update", "--tag", "v1")
        docker("kill", "tiny-worker-1")
        text = self.dockupd("update", "--tag", "v1").stdout
        self.assertIn("worker.1 is stopped", text)
        self.assertNotIn("verified", text)

    def test_projects_that_share_a_directory_keep_their_records_apart(self):
        self.dockupd("update", "--tag", "v1", "-p", "other")
        self.dockupd("update", "--tag", "v1")
        self.assertEqual(sorted(os.listdir(self.state)), ["other", "tiny"])
        self.assertEqual(len(self.result("history", "-p", "other")["entries"]), 1)
        # With a compose file that is broken nobody knows which of them is meant.
        self.write("compose.yaml", "services: [")
        self.assertIn("-p other", self.dockupd("rollback", expect=2).stderr)

    def test_records_that_cannot_be_written_leave_the_run_to_recovery(self):
        self.dockupd("update", "--tag", "v1")
        full = []

        def fill(event, process):
            if not full and event["event"] == "begin" and event["phase"] == "cut over":
                inject = ["-e", "trace=pwrite64,fdatasync", "-e", "inject=pwrite64,fdatasync:error=ENOSPC"]
                process.send_signal(signal.SIGSTOP)
                full.append(subprocess.Popen(["strace", "-f", "-o", "/dev/null", *inject, "-p", str(process.pid)],
                                             stderr=subprocess.PIPE, text=True))
                full[0].stderr.readline()  # "attached"
                process.send_signal(signal.SIGCONT)

        self.assertEqual(self.watch("update", "--tag", "v2", on_event=fill), 40)
        full[0].communicate()
        self.dockupd("recover")
        self.assert_runs("v1")

    def test_usage_errors_leave_stdout_to_the_document(self):
        done = self.dockupd("update", "--json", "--bogus", expect=2)
        self.assertEqual(done.stdout, "")
        self.assertIn("--bogus", done.stderr)
        self.assertEqual(self.result("recover", expect=2)["outcome"], "error", "of a project that nobody knows")

    def test_plan_needs_no_state_and_makes_none(self):
        done = self.dockupd("plan", "--tag", "v1", expect=10)
        self.assertEqual(done.stdout.encode(), self.read("plan.txt"))
        self.assertFalse(os.path.exists(self.state))

    def test_a_version_that_never_becomes_healthy_is_rolled_back_with_its_data(self):
        self.dockupd("update", "--tag", "v1")
        result = self.result("update", "--tag", "v3", expect=20)
        self.assertEqual(result["outcome"], "rolled_back")
        self.assertIn("app.1", result["reason"])
        self.assert_runs("v1")
        # v3 wrote its start on the volume; the snapshot was put back, and v1 started once more on it.
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.assertTrue(all(os.path.getsize(file) for file in result["evidence"]))
        self.dockupd("snapshot verify", result["safety_snapshot"])
        held = self.dockupd("update", "--tag", "v3", expect=75)
        self.assertIn("dockupd unhold 127.0.0.1:5000/tiny:v3", held.stderr)
        self.assert_runs("v1")

    def test_a_stopped_service_stays_stopped_and_a_paused_one_paused(self):
        self.dockupd("update", "--tag", "v1")
        docker("stop", "-t", "2", "tiny-app-1")
        docker("pause", "tiny-worker-1")
        self.dockupd("update", "--tag", "v2")
        self.assertEqual(inspect("tiny-app-1")["State"]["Running"], False)
        self.assertEqual(inspect("tiny-worker-1")["State"]["Status"], "paused")
        self.assertEqual(self.image_of("tiny-app-1"), "127.0.0.1:5000/tiny:v2")
        docker("unpause", "tiny-worker-1")

    def test_a_second_run_is_turned_away(self):
        self.dockupd("update", "--tag", "v1")
        tried = []

        def second(event, process):
            if not tried and event["event"] == "begin" and event["phase"] == "pull":
                process.send_signal(signal.SIGSTOP)
                before = self.containers()
                tried.append(self.dockupd("update", "--tag", "v2", expect=75))
                self.assertEqual(self.containers(), before)
                process.send_signal(signal.SIGCONT)

        self.assertEqual(self.watch("update", "--tag", "v2", on_event=second), 0)
        self.assertRegex(tried[0].stderr, r"is locked by update --tag v2 \(\w+@\S+, pid \d+ on \S+, since 20\S+Z, pull\)")
        self.assertIn("--lock-wait", tried[0].stderr)
        self.assert_runs("v2")

    def test_the_registry_means_another_image_by_the_same_tag(self):
        self.dockupd("update", "--tag", "v1")
        docker("pull", "-q", "127.0.0.1:5000/tiny:v4")
        docker("tag", "127.0.0.1:5000/tiny:v4", "127.0.0.1:5000/tiny:moving")
        docker("push", "-q", "127.0.0.1:5000/tiny:moving")
        self.dockupd("update", "--tag", "moving")
        first = inspect("tiny-app-1")["Image"]
        docker("tag", "127.0.0.1:5000/tiny:v1", "127.0.0.1:5000/tiny:moving")
        docker("push", "-q", "127.0.0.1:5000/tiny:moving")
        self.dockupd("update", "--tag", "moving")
        self.assertNotEqual(inspect("tiny-app-1")["Image"], first)
        self.dockupd("rollback", "--no-data")
        self.assertEqual(inspect("tiny-app-1")["Image"], first)


class Version(unittest.TestCase):
    def test_needs_no_engine(self):
        done = run([DOCKUPD, "version"], env={"DOCKER_HOST": "unix:///nowhere"})
        self.assertRegex(done.stdout, r"^dockupd \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
