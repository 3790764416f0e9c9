"""What fails beforehand leaves every container running with its old id, with an exit code and a message that names
the thing, the reason and what to do."""
import contextlib
import os
import socket
import subprocess
import unittest

from scenario import Scenario, docker


class Refusal(Scenario):
    def setUp(self):
        super().setUp()
        self.dockupd("update", "--tag", "v1")
        self.before = self.containers()

    def refused(self, *arguments, expect, saying, environment=None):
        done = self.dockupd("update", *arguments, expect=expect, environment=environment)
        for words in saying:
            self.assertIn(words, done.stderr + done.stdout)
        self.assertEqual(self.containers(), self.before, "every container keeps its id")
        self.assertEqual(self.running(), ["tiny-app-1", "tiny-worker-1"])
        self.wait_until_healthy("tiny-app-1")
        self.assertIn(b"IMAGE_TAG=v1\n", self.read(".env"))
        return done

    def publish(self, port):
        self.write("compose.override.yaml", f'services:\n  app:\n    ports: ["127.0.0.1:{port}:80"]\n')

    def test_a_file_that_everybody_can_write_is_named(self):
        self.assertNotIn("chmod o-w", self.dockupd("update", "--tag", "v1").stderr)
        os.chmod(self.path("compose.yaml"), 0o666)
        self.assertIn("compose.yaml can be written by everybody", self.dockupd("update", "--tag", "v1").stderr)

    def test_an_unknown_tag(self):
        self.refused("--tag", "v9", expect=4, saying=["127.0.0.1:5000/tiny:v9", "compose.yaml:", "check the tag"])

    def test_a_registry_that_does_not_answer(self):
        engine = os.path.join(os.path.dirname(__file__), "..", "..", "tools", "engine")
        subprocess.run([engine, "registry", "stop"], check=True, stdout=subprocess.DEVNULL)
        try:
            self.refused("--tag", "v2", expect=4,
                         saying=["127.0.0.1:5000/tiny:v2", "connection refused", "does not answer"])
        finally:
            subprocess.run([engine, "registry", "start"], check=True, stdout=subprocess.DEVNULL)

    @contextlib.contextmanager
    def small_disk(self, size):
        snapshots = os.path.join(self.state, "tiny", "snapshots")
        os.makedirs(snapshots, mode=0o700, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", snapshots], check=True)
        try:
            yield snapshots
        finally:
            subprocess.run(["umount", snapshots], check=True)

    def test_no_room_for_the_snapshot(self):
        with self.small_disk("1M"):
            self.refused("--tag", "v2", expect=5, saying=["not enough space for the snapshot", "MiB needed", "--state-dir"])

    def test_a_disk_that_fills_while_the_snapshot_is_written(self):
        with self.small_disk("64M") as snapshots:
            def fill(event, _):
                if event["event"] == "begin" and event["text"].startswith("stop worker"):
                    with open(os.path.join(snapshots, "filler"), "wb") as filler, contextlib.suppress(OSError):
                        while True:
                            filler.write(bytes(1 << 20))
                            filler.flush()
            code = self.watch("update", "--tag", "v2", on_event=fill)
            self.assertEqual(code, 5)
            self.assertEqual(os.listdir(snapshots), ["filler"])
        self.assertEqual(self.containers(), self.before)
        self.wait_until_healthy("tiny-app-1")
        self.assertIn("no space left", self.dockupd("history").stdout.lower())

    def test_a_port_that_another_container_holds(self):
        docker("run", "-d", "--name", "other", "-p", "127.0.0.1:8099:80", "127.0.0.1:5000/tiny:v1")
        self.before = self.containers()
        self.publish(8099)
        done = self.dockupd("update", "--tag", "v2", expect=3)
        self.assertIn("127.0.0.1:8099/tcp", done.stderr)
        self.assertIn("container other", done.stderr)
        self.assertEqual(self.containers(), self.before)

    def test_a_port_that_a_process_holds(self):
        with socket.create_server(("127.0.0.1", 8098)):
            self.publish(8098)
            self.refused("--tag", "v2", expect=3, saying=["127.0.0.1:8098/tcp", "process on this host", "ss -ltnp"])

    def test_a_compose_file_with_an_error(self):
        lines = self.read("compose.yaml").decode().splitlines(keepends=True)
        number = next(i for i, line in enumerate(lines, 1) if "stop_grace_period" in line)
        lines[number - 1] = "    stop_grace_periodd: 2s\n"
        self.write("compose.yaml", "".join(lines))
        self.refused("--tag", "v2", expect=2,
                     saying=[f"compose.yaml:{number}:", "services.app.stop_grace_periodd", "stop_grace_period"])

    def test_a_compose_file_that_is_no_yaml(self):
        self.write("compose.yaml", "services:\n  app:\n    image: [\n")
        self.refused("--tag", "v2", expect=2, saying=["compose.yaml:"])

    def test_a_missing_external_network(self):
        self.write("compose.override.yaml", "networks:\n  default:\n    external: true\n    name: nowhere\n")
        self.refused("--tag", "v2", expect=3, saying=["nowhere", "docker network create"])

    def test_a_tag_that_the_shell_overrides(self):
        self.refused("--tag", "v2", expect=3, saying=["IMAGE_TAG", "environment"], environment={"IMAGE_TAG": "v7"})

    def test_a_hostile_tag(self):
        for tag in ("v1;touch /pwn", "v1\nOTHER=1", "$(id)", "../x", ""):
            with self.subTest(tag=tag):
                done = self.dockupd("update", f"--tag={tag}", expect=2)
                self.assertNotIn("\x1b", done.stderr)
        self.assertEqual(self.containers(), self.before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
