"""dockupd rollback on a real engine: from the stored record alone."""
import os
import shutil
import subprocess
import unittest

from scenario import Scenario, docker, inspect


class Rollback(Scenario):
    def setUp(self):
        super().setUp()
        self.dockupd("update", "--tag", "v1")
        self.dockupd("update", "--tag", "v2")

    def test_with_data_replaces_the_whole_content_and_keeps_a_safety_copy(self):
        docker("exec", "tiny-app-1", "sh", "-c", "echo new > /data/left-over-wal")
        result = self.result("rollback", "--with-data")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v1"])
        self.assertEqual(docker("exec", "tiny-app-1", "ls", "/data"), "starts")
        # The rollback itself can be undone, data too.
        self.dockupd("snapshot verify", result["snapshot"])
        self.dockupd("rollback", "r2", "--with-data")
        self.assert_runs("v2")
        self.assertIn("left-over-wal", docker("exec", "tiny-app-1", "ls", "/data"))

    def test_without_a_migration_the_data_stays(self):
        self.dockupd("rollback")
        self.assert_runs("v1")
        self.assertEqual(self.starts(), ["v1", "v2", "v1"])

    def test_needs_neither_compose_file_nor_registry(self):
        engine = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "engine")
        shutil.rmtree(self.project)
        os.mkdir(self.project)
        subprocess.run([engine, "registry", "stop"], check=True, stdout=subprocess.DEVNULL)
        try:
            self.dockupd("rollback", "--with-data")
        finally:
            subprocess.run([engine, "registry", "start"], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(self.running(), ["tiny-app-1", "tiny-worker-1"])
        self.assertEqual(self.image_of("tiny-app-1"), "127.0.0.1:5000/tiny:v1")
        self.assertEqual(self.starts(), ["v1", "v1"])

    def test_brings_back_what_was_there_to_the_last_setting(self):
        self.dockupd("rollback", "--no-data")
        first = inspect("tiny-app-1")
        self.dockupd("unhold", "127.0.0.1:5000/tiny:v2")
        self.dockupd("update", "--tag", "v2")
        self.dockupd("rollback", "--no-data")
        again = inspect("tiny-app-1")
        for section in ("Config", "HostConfig"):
            for inspected in (first, again):
                # These name the container or the attempt, and so differ by design.
                inspected[section].pop("Hostname", None)
                labels = inspected[section].get("Labels", {})
                for own in [name for name in labels if name.startswith("io.dockupd.")]:
                    labels.pop(own)
            self.assertEqual(first[section], again[section])

    def test_what_was_left_is_on_hold(self):
        self.dockupd("rollback", "--no-data")
        self.dockupd("update", "--tag", "v2", expect=75)
        self.assertIn("tiny:v2", self.dockupd("status").stdout)
        self.dockupd("unhold", "127.0.0.1:5000/tiny:v2")
        self.dockupd("update", "--tag", "v2")
        self.assert_runs("v2")

    def test_a_rehearsal_is_one_document_and_changes_nothing(self):
        before = self.containers()
        self.assertEqual(self.result("rollback", "--check", expect=10)["outcome"], "would_change")
        self.assertEqual(self.containers(), before)

    def test_the_way_back_makes_anew_what_was_pruned(self):
        def prune(event, _):
            if event["event"] == "begin" and event["phase"] == "verify":
                docker("container", "prune", "-f")

        self.assertEqual(self.watch("update", "--tag", "v3", on_event=prune), 20)
        self.assertEqual(self.image_of("tiny-app-1"), "127.0.0.1:5000/tiny:v2")
        self.assertEqual(self.running(), ["tiny-app-1", "tiny-worker-1"])
        self.assertEqual(self.starts()[:2], ["v1", "v2"])
        self.dockupd("status")

    def test_there_is_nothing_before_the_first_release(self):
        self.dockupd("rollback", "--no-data")
        done = self.dockupd("rollback", expect=3)
        self.assertIn("no verified release before r1", done.stderr)
        self.assert_runs("v1")

    def test_a_damaged_snapshot_is_refused_and_the_data_stays(self):
        newest = self.result("snapshot list")["snapshots"][0]
        archive = os.path.join(self.state, "tiny", "snapshots", newest["id"], newest["volumes"][0]["archive"])
        with open(archive, "r+b") as file:
            file.seek(os.path.getsize(archive) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x40]))
        done = self.dockupd("snapshot verify", newest["id"], expect=3)
        self.assertIn("DAMAGED", done.stdout)
        before = self.containers()
        self.dockupd("rollback", "--with-data", expect=3)
        self.assertEqual(self.containers(), before)
        self.wait_until_healthy("tiny-app-1")
        self.assert_runs("v2")
        self.assertEqual(self.starts()[:2], ["v1", "v2"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
