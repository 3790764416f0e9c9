"""Not a byte free: rollback, automatic and typed, all the same; an update is refused with the numbers. Images and
volumes are on the engine's own small disk (with_engine --data-size), dockupd's state on another of the same kind."""
import contextlib
import os
import signal
import subprocess
import unittest

from scenario import Scenario, docker

DATA_ROOT = docker("info", "--format", "{{.DockerRootDir}}")
BALLAST = 16 << 20


def kind_of(directory):
    return subprocess.run(["stat", "-f", "-c", "%T", directory], capture_output=True, text=True, check=True).stdout.strip()


def make_disk(image, size):
    with open(image, "wb") as file:
        file.truncate(size)
    make = {"xfs": ["mkfs.xfs", "-q", "-f"], "btrfs": ["mkfs.btrfs", "-q", "-f"]}
    subprocess.run([*make.get(kind_of(DATA_ROOT), ["mkfs.ext4", "-q", "-F", "-m", "0"]), image], check=True,
                   capture_output=True)


def sync(directory):
    subprocess.run(["sync", "-f", directory], capture_output=True)  # a full btrfs refuses even that


def fill(directory):
    """To the last byte that root gets, and again after what was given has reached the disk."""
    with open(os.path.join(directory, "filler"), "ab", buffering=0) as filler:
        for _ in range(3):
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while filler.write(bytes(size)) == size:
                        pass
            sync(directory)


def free(directory):
    status = os.statvfs(directory)
    return status.f_bfree * status.f_frsize


class Disk(Scenario):
    def setUp(self):
        super().setUp()
        os.mkdir(self.state, 0o700)
        make_disk(os.path.join(self.work, "state.img"), 320 << 20)
        subprocess.run(["mount", "-o", "loop", os.path.join(self.work, "state.img"), self.state], check=True)
        os.chmod(self.state, 0o700)
        self.ballast = [os.path.join(self.state, "tiny", "ballast"), os.path.join(DATA_ROOT, "dockupd.ballast")]
        self.dockupd("update", "--tag", "v1")

    def tearDown(self):
        self.make_room()
        try:
            for name in self.containers():
                docker("rm", "-f", name)
        finally:
            subprocess.run(["umount", self.state], check=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.ballast[1])
        super().tearDown()

    def fill_disks(self):
        for directory in (self.state, DATA_ROOT):
            fill(directory)

    def make_room(self):
        for directory in (self.state, DATA_ROOT):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(directory, "filler"))
            sync(directory)

    def assert_ballast(self):
        for file in self.ballast:
            self.assertGreaterEqual(os.stat(file).st_blocks * 512, BALLAST, file)
            self.assertEqual(os.stat(file).st_mode & 0o777, 0o600, file)

    def rows(self):
        return docker("exec", "tiny-app-1", "cat", "/data/starts")

    def test_room_is_kept_back_from_the_first_update_on(self):
        self.assert_ballast()

    def test_an_update_is_refused_with_the_numbers(self):
        self.fill_disks()
        done = self.dockupd("update", "--tag", "v2", expect=3)
        self.assertRegex(done.stderr, r"\d+ MiB (are )?(free|needed)")
        self.assert_ballast()
        self.assertEqual(self.running(), ["tiny-app-1", "tiny-worker-1"])
        self.make_room()
        self.assert_runs("v1")

    def test_an_update_that_does_not_fit_is_refused_with_what_it_needs(self):
        fill(self.state)
        subprocess.run(["truncate", "-s", "-8M", os.path.join(self.state, "filler")], check=True)
        sync(self.state)
        done = self.dockupd("update", "--tag", "v2", expect=5)
        self.assertRegex(done.stderr, r"not enough space for the snapshot in .*: \d+ MiB needed \(.*\), \d+ MiB free")
        self.assert_ballast()
        self.make_room()
        self.assert_runs("v1")

    def rollback(self, data):
        self.dockupd("update", "--tag", "v2")
        self.fill_disks()
        result = self.result("rollback", data)
        self.assertEqual(result["outcome"], "done")
        self.assert_runs("v1")
        self.assertTrue(any("kept back" in w for w in result["warnings"]), result)
        self.make_room()
        self.dockupd("unhold", "127.0.0.1:5000/tiny:v2")
        self.dockupd("update", "--tag", "v2")
        self.assert_runs("v2")
        self.assert_ballast()

    def test_a_rollback_that_keeps_the_data(self):
        self.rollback("--no-data")

    def test_a_rollback_that_puts_the_data_back(self):
        self.rollback("--with-data")

    def test_a_failing_update_on_disks_that_fill_while_it_is_watched(self):
        def look(event, process):
            if event["event"] == "phase" and event["text"] == "verify":
                process.send_signal(signal.SIGSTOP)  # else the filler would take what is given up for the way back
                self.fill_disks()
                process.send_signal(signal.SIGCONT)
            said.append(event.get("text", ""))
        said = []
        self.assertEqual(self.watch("update", "--tag", "v3", on_event=look), 20, "\n".join(said))
        self.assert_runs("v1")
        self.assertNotIn("v3", self.rows())

    def test_a_killed_update_is_recovered(self):
        self.stop_at("update", "--tag", "v2", how=signal.SIGKILL,
                     when=lambda e: e["event"] == "begin" and e["text"].startswith("set aside"))
        self.fill_disks()
        self.dockupd("recover")
        self.assert_runs("v1")

    def test_data_that_no_copy_fits_of_stays_and_does_not_hold_up_the_rollback(self):
        self.dockupd("update", "--tag", "v2")
        docker("exec", "tiny-app-1", "dd", "if=/dev/urandom", "of=/data/large", "bs=1M", "count=40")
        self.fill_disks()
        before = self.rows()
        result = self.result("rollback", "--no-data")
        self.assert_runs("v1")
        self.assertTrue(any("no copy of the present data was made" in w for w in result["warnings"]), result)
        self.assertIn(before.split()[-1], self.rows())
        self.assertEqual(docker("exec", "tiny-app-1", "stat", "-c", "%s", "/data/large"), str(40 << 20))

    def test_data_is_never_replaced_without_its_copy(self):
        self.dockupd("update", "--tag", "v2")
        docker("exec", "tiny-app-1", "dd", "if=/dev/urandom", "of=/data/large", "bs=1M", "count=40")
        self.fill_disks()
        done = self.dockupd("rollback", "--with-data", expect=5)
        self.assertRegex(done.stdout + done.stderr, r"about \d+ MiB in .*snapshots, where \d+ MiB are free")
        self.assertEqual(docker("exec", "tiny-app-1", "stat", "-c", "%s", "/data/large"), str(40 << 20))
        self.assertEqual(self.image_of("tiny-app-1"), "127.0.0.1:5000/tiny:v2")
        self.make_room()
        self.dockupd("rollback", "--with-data")
        self.assert_runs("v1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
