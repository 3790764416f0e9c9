#!/usr/bin/env python3
"""Each promise is broken on purpose on a real engine, and the checker has to name it: a checker that cannot fail is worth
nothing. Runs inside tests/e2e/with_engine; needs no dockupd: what it would have made is made by hand."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

import checker  # noqa: E402
import world  # noqa: E402

SOCKET = os.environ["DOCKER_HOST"].removeprefix("unix://")
LABELS = ("com.docker.compose.project", "com.docker.compose.service")


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {words}: {done.stderr}"
    return done.stdout.strip()


class Planted(unittest.TestCase):
    """The project of world.py, run by hand, then one thing wrong with it."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.work = Path(tempfile.mkdtemp(prefix="checker-"))
        world.write_tars(cls.work)
        changes = {"v1": "ok", "v2": "ok", "unhealthy": "unhealthy"}
        for tag, behaviour in changes.items():
            cls.import_image(f"{world.IMAGE}:{tag}", tag, behaviour)
        cls.import_image("127.0.0.1:5000/db:stable", "db", "ok")

    @classmethod
    def import_image(cls, reference: str, version: str, behaviour: str) -> None:
        docker("import", "--change", f"ENV VERSION={version}", "--change", f"ENV BEHAVIOUR={behaviour}", "--change",
               'ENTRYPOINT ["/app"]', "--change", 'CMD ["run"]', str(cls.work / "root.tar"), reference)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.work)

    def setUp(self):
        self.here = Path(tempfile.mkdtemp(prefix="planted-", dir=self.work))
        self.evidence, self.state, self.project = (self.here / name for name in ("evidence", "state", "project"))
        self.evidence.mkdir()
        for directory in (self.state, self.state / "rig", self.state / "rig/snapshots", self.state / "rig/attempts"):
            directory.mkdir(mode=0o700)
        world.write_project(self.project, "v1")
        docker("network", "create", checker.NETWORK)
        self.start("v1")

    def tearDown(self):
        for name in docker("ps", "-aq").split():
            docker("rm", "-f", "-v", name)
        for name in docker("volume", "ls", "-q").split():
            docker("volume", "rm", name)
        docker("network", "prune", "-f")

    def service(self, name: str, image: str, *words: str, policy: str, volume: str = "", container: str = "",
                verb: str = "run", more: tuple[str, ...] = ()) -> str:
        networked = checker.SERVICES[name].networked
        network = ["--network", checker.NETWORK, "--network-alias", name] if networked else ["--network", "host"]
        command = [verb, "--name", container or f"rig-{name}-1", "--restart", policy, *network, "--label",
                   f"{LABELS[0]}=rig", "--label", f"{LABELS[1]}={name}", "-v", f"{self.evidence}:/evidence", *more]
        if verb == "run":
            command.append("-d")
        if volume:
            command += ["-v", f"{volume}:/data"]
        return docker(*command, image, *words)

    def app(self, tag: str, **more) -> str:
        return self.service("app", f"{world.IMAGE}:{tag}", policy=more.pop("policy", "always"), volume="rig_data", **more)

    def start(self, tag: str) -> None:
        self.service("migrate", f"{world.IMAGE}:{tag}", "mig", policy="no", volume="rig_data")
        docker("wait", "rig-migrate-1")
        self.service("db", "127.0.0.1:5000/db:stable", "db", policy="unless-stopped", volume="rig_dbdata")
        self.service("side", f"{world.IMAGE}:{tag}", "side", policy="always")
        self.app(tag)
        self.await_lines()

    def await_lines(self, more: int = 4) -> None:
        count = len(self.events())
        deadline = time.monotonic() + 20
        while len([e for e in self.events()[count:] if e.what == "ack" and e.role == "app"]) < more:
            self.assertLess(time.monotonic(), deadline, "the app writes nothing")
            time.sleep(0.02)

    def events(self):
        return checker.read_evidence(self.evidence)

    def volume(self, name: str = "rig_data") -> Path:
        return Path(docker("volume", "inspect", "-f", "{{.Mountpoint}}", name))

    def say(self, role: str, version: str, start: str, what: str) -> None:
        with open(self.evidence / "log", "a", encoding="utf-8") as log:
            log.write(f"{time.monotonic_ns()} {role} {version} host {start} {what}\n")

    def findings(self, *versions: str, kept: tuple[str, ...] = (), opened: bool = False, words=None) -> str:
        one = checker.Checker(checker.Engine(SOCKET), self.evidence, self.state, self.project)
        if opened:
            one.open(versions or ("v1",))
        else:
            one.closed(versions or ("v1",), kept)
        if words is not None:
            one.check_words(*words)
        return "\n".join(one.found)

    def assert_found(self, which: str, text: str, *versions: str, **more) -> None:
        found = self.findings(*versions, **more)
        self.assertTrue(any(line.startswith(which) and text in line for line in found.splitlines()),
                        f"no {which} with {text!r} in:\n{found}")


class Checker(Planted):
    def setUp(self):
        # Health is told by an engine field that `docker run` cannot set without a shell in the image.
        self.declared = checker.SERVICES
        checker.SERVICES = {**self.declared, "app": checker.Declared("always", "rig_data", role="app")}
        super().setUp()

    def tearDown(self):
        checker.SERVICES = self.declared
        super().tearDown()

    def test_finds_nothing_where_nothing_is_wrong(self):
        self.assertEqual(self.findings(), "")
        self.assertEqual(self.findings(opened=True), "")

    # I3

    def test_another_version_than_asked_for(self):
        self.assert_found("I3", "v1 runs, not v2", "v2")

    def test_a_service_that_is_down_or_gone(self):
        docker("stop", "-t", "1", "rig-side-1")
        docker("rm", "-f", "rig-db-1")
        self.assert_found("I3", "rig-side-1 (v1, exited, always) does not run")
        self.assert_found("I3", "no container rig-db-1")

    def test_an_unhealthy_app(self):
        checker.SERVICES = self.declared  # which has a health check, and this one has none that passes
        self.assert_found("I3", "is not healthy")

    def test_another_restart_policy(self):
        docker("update", "--restart", "no", "rig-app-1")
        self.assert_found("I3", "has restart policy no, declared is always")

    def test_a_version_of_each(self):
        docker("rm", "-f", "rig-side-1")
        self.service("side", f"{world.IMAGE}:v2", "side", policy="always")
        self.assert_found("I3", "versions are mixed")

    def test_a_tag_that_was_moved_away(self):
        docker("tag", f"{world.IMAGE}:v2", f"{world.IMAGE}:v1")
        try:
            self.assert_found("I3", "rig-app-1 runs sha256:")
        finally:
            docker("tag", docker("inspect", "-f", "{{.Image}}", "rig-app-1"), f"{world.IMAGE}:v1")

    def test_an_app_that_runs_and_writes_nothing(self):
        docker("pause", "rig-db-1")
        self.assert_found("I3", "db of db runs, and writes nothing")
        docker("unpause", "rig-db-1")

    def test_a_service_that_nobody_reaches(self):
        docker("network", "disconnect", checker.NETWORK, "rig-app-1")
        self.assert_found("I3", "rig-app-1 is in the networks []")
        docker("network", "connect", checker.NETWORK, "rig-app-1")
        self.assert_found("I3", "rig-app-1 is not reachable as app")

    # I2

    def test_a_second_writer_that_the_app_saw(self):
        self.app("v1", container="rig-app-1.dockupd-new.x", policy="no")
        docker("wait", "rig-app-1.dockupd-new.x")
        self.assert_found("I2", "found another writer")

    def test_a_second_one_running(self):
        self.app("v1", container="other", policy="no", more=("--entrypoint", "/app"))
        docker("rm", "-f", "other")
        self.service("app", f"{world.IMAGE}:v1", "side", policy="no", volume="rig_data", container="other")
        self.assert_found("I2", "two run now on rig_data")

    def test_a_set_aside_one_that_a_reboot_would_start(self):
        docker("stop", "-t", "1", "rig-app-1")
        docker("rename", "rig-app-1", "rig-app-1.dockupd-old.x")
        self.app("v1")
        self.await_lines()
        self.assert_found("I2", "two would run after a reboot on rig_data")
        self.assert_found("I2", "two would run after a reboot on rig_data", opened=True)
        docker("update", "--restart", "no", "rig-app-1.dockupd-old.x")
        self.assertNotIn("I2", self.findings())

    def test_lines_of_two_at_once(self):
        for start in ("aaaa", "bbbb", "aaaa"):
            self.say("db", "db", start, "ack 1 db x")
        self.assert_found("I2", "wrote after its successor had begun")

    # I4

    def test_a_line_that_was_acknowledged_and_is_gone(self):
        self.say("app", "v1", self.events()[-1].start, "ack 99999 v1 lost")
        self.assert_found("I4", "99999 v1 lost")

    def test_a_line_from_before_that_is_gone(self):
        self.assert_found("I4", "1 of 1 lines acknowledged before are lost", kept=("7 v1 gone",))

    def test_data_of_another_version(self):
        (self.volume() / "format").write_text("v2\n")
        self.assert_found("I4", "rig_data has the data of v2, v1 runs on it")

    def test_two_states_in_one_volume(self):
        docker("stop", "-t", "1", "rig-db-1")
        with open(self.volume("rig_dbdata") / "lines.db", "a", encoding="utf-8") as file:
            file.write("1 db again\n")
        docker("start", "rig-db-1")
        self.assert_found("I4", "two states are mixed")

    def test_data_that_begins_anew(self):
        for name in ("app", "migrate"):
            docker("rm", "-f", f"rig-{name}-1")
        docker("volume", "rm", "rig_data")
        self.service("migrate", f"{world.IMAGE}:v2", "mig", policy="no", volume="rig_data")
        docker("wait", "rig-migrate-1")
        self.app("v2")
        self.await_lines()
        self.assert_found("I4", "v2 goes on from nothing that was acknowledged before it", "v2")
        self.assert_found("I4", "neither in the volume nor in a snapshot", "v2")

    def test_a_migration_that_runs_again(self):
        self.assertNotIn("I4", self.findings())
        self.say("mig", "v1", "another", "mig-begin v1")
        self.assert_found("I4", "the migration of v1 had ended well, and ran again")

    def test_lines_that_are_only_in_a_snapshot_are_not_lost(self):
        self.say("db", "db", self.events()[0].start, "ack 99999 db elsewhere")
        self.assert_found("I4", "99999 db elsewhere")
        self.snapshot({"format": "db\n", "lines.db": "99999 db elsewhere\n"})
        self.assertNotIn("I4", self.findings())

    # I1

    def test_no_version_can_be_brought_back(self):
        docker("rm", "-f", "rig-side-1")
        self.assert_found("I1", "v1: no container of side", "v1", "v2", opened=True)

    def test_data_that_is_nowhere(self):
        docker("stop", "-t", "1", "rig-app-1")
        lines = (self.volume() / "lines.v1").read_text()
        (self.volume() / "format").write_text("unhealthy\n")
        self.assert_found("I1", "neither in the volume nor in a snapshot", opened=True)
        self.snapshot({"format": "v1\n", "lines.v1": lines[:lines.rstrip().rindex("\n") + 1]})
        self.assert_found("I1", "1 are in no data of its own", opened=True)
        self.snapshot({"format": "v1\n", "lines.v1": lines}, "20261121T000000Z-0002")
        self.assertEqual(self.findings(opened=True), "")

    def test_lines_of_the_database_that_are_nowhere(self):
        docker("stop", "-t", "1", "rig-app-1", "rig-db-1")
        lines = self.volume("rig_dbdata") / "lines.db"
        text = lines.read_text()
        lines.write_text("")
        self.assert_found("I1", "lines of the database are nowhere", opened=True)
        self.snapshot({"format": "db\n", "lines.db": text})
        self.assertEqual(self.findings(opened=True), "")

    # I5

    def snapshot(self, files: dict[str, str], name: str = "20261121T000000Z-0001") -> Path:
        directory = self.state / "rig/snapshots" / name
        directory.mkdir(mode=0o700)
        root = self.here / f"root-{name}"
        root.mkdir()
        for file, text in files.items():
            (root / file).write_text(text)
        archive = directory / "rig_data.tar.zst"
        subprocess.run(["tar", "--zstd", "-C", str(root), "-cf", str(archive), "."], check=True)
        (directory / "list").write_text("")
        (directory / "manifest.json").write_text(json.dumps(
            {"volumes": [{"archive": archive.name, "file_list": "list"}]}))
        for path in directory.iterdir():
            path.chmod(0o600)
        return directory

    def test_containers_that_were_left_over(self):
        docker("create", "--name", "dockupd-guard.rig", f"{world.IMAGE}:v1")
        self.service("app", f"{world.IMAGE}:v1", policy="no", container="rig-app-1.dockupd-old.x", verb="create")
        self.assert_found("I5", "of no service: dockupd-guard.rig")
        self.assert_found("I5", "left over: rig-app-1.dockupd-old.x")

    def test_volumes_and_networks_that_were_left_over(self):
        docker("volume", "create", "rig_other")
        docker("network", "create", "rig_other")
        self.assert_found("I5", "rig_other")
        self.assert_found("I5", "networks:")

    def test_files_that_were_left_over(self):
        for name in ("rig/.plan.json.0123.tmp", "rig/attempts/1/rescue.sh", "rig/snapshots/1.partial/x", "rig/core"):
            path = self.state / name
            path.parent.mkdir(mode=0o700, exist_ok=True)
            path.touch(0o600)
        (self.project / ".env.0123.tmp").touch()
        (self.volume() / "half").touch()
        found = self.findings()
        for text in (".plan.json", "left over of an attempt: 1", "snapshots/: 1.partial", "core", ".env.0123",
                     "rig_data: half"):
            self.assertIn(text, found)

    def test_a_snapshot_that_is_not_whole(self):
        good = self.snapshot({"format": "v1\n"})
        self.assertEqual(self.findings(), "")
        os.truncate(good / "rig_data.tar.zst", 20)
        self.assert_found("I5", "cannot be read")
        (good / "manifest.json").unlink()
        self.assert_found("I5", "no readable manifest")

    def test_modes(self):
        (self.state / "rig/state.db").touch(0o644)
        (self.state / "rig/attempts").chmod(0o755)
        (self.state / "rig/lock").symlink_to("/etc/passwd")
        found = self.findings()
        for text in ("state.db is -rw-r--r--", "attempts is drwxr-xr-x", "lock is l"):
            self.assertIn(text, found)

    # I8

    def test_words_that_are_not_so(self):
        self.assert_found("I8", "it said that v2 runs", words=(0, "rig: done.\n  now:     r2 (v2) runs, verified.\n"))
        self.assert_found("I8", "exit code 0", words=(0, "rig: update failed and was rolled back.\n"))
        self.assert_found("I8", "not a word", words=(20, ""))
        document = json.dumps({"exit_code": 20, "release_now": {"number": 1, "tag": "v2"}})
        self.assert_found("I8", "the document says 20", words=(0, document))
        self.assert_found("I8", "it said that v2 runs", words=(20, document))
        self.assertEqual(self.findings(words=(0, "rig: done.\n  now:    r1 (v1) runs, verified.\n")), "")

    def test_a_tag_line_of_another_version(self):
        (self.project / ".env").write_text("IMAGE_TAG=v2\n")
        self.assert_found("I8", ".env has")


if __name__ == "__main__":
    unittest.main(verbosity=2)
