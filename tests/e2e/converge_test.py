"""What a change brings with it, on a real engine: containers that join another one, replicas, secrets and configs that
are written into containers. Afterwards real docker compose finds nothing to do."""
import os
import unittest

from scenario import BesideCompose, docker, inspect

IMAGE = "${TINY_REGISTRY:-127.0.0.1:5000}/tiny"

# The agent is in the network of app and has its volumes; worker and keeper stay with v1.
FILES = """name: tiny
services:
  app:
    image: %(image)s:${IMAGE_TAG}
    stop_grace_period: 2s
    volumes:
      - data:/data
    secrets:
      - token
    configs:
      - source: settings
        target: /etc/app/settings.conf
        mode: 0400
    healthcheck: {test: ["CMD", "/app/healthy"], interval: 1s, timeout: 3s, retries: 2}
  agent:
    image: %(image)s:v1
    command: ["/app/run", "agent"]
    stop_grace_period: 2s
    network_mode: service:app
    volumes_from:
      - app
  worker:
    image: %(image)s:v1
    command: ["/app/run", "worker"]
    stop_grace_period: 2s
    scale: %(scale)d
volumes:
  data:
secrets:
  token:
    environment: APP_TOKEN
configs:
  settings:
    content: |
      answer=%(answer)s
"""


class Converge(BesideCompose):
    def setUp(self):
        super().setUp()
        self.write_files()
        self.write(".env", "IMAGE_TAG=v1\nAPP_TOKEN=canary-of-the-token\n")

    def write_files(self, scale=1, answer=42):
        self.write("compose.yaml", FILES % {"image": IMAGE, "scale": scale, "answer": answer})

    def assert_compose_changes_nothing(self):
        before = self.containers()
        started = {name: inspect(name)["State"]["StartedAt"] for name in before}
        self.compose("up", "-d")
        self.assertEqual(self.containers(), before)
        self.assertEqual({name: inspect(name)["State"]["StartedAt"] for name in before}, started)

    def content(self, container, path):
        return docker("exec", container, "cat", path)

    def assert_whole(self, tag, answer=42):
        """app runs the tag with its files, and the agent is with it."""
        self.assertEqual(self.image_of("tiny-app-1"), f"127.0.0.1:5000/tiny:{tag}")
        self.assertEqual(self.content("tiny-app-1", "/run/secrets/token"), "canary-of-the-token")
        self.assertEqual(self.content("tiny-app-1", "/etc/app/settings.conf"), f"answer={answer}")
        mode = docker("exec", "tiny-app-1", "stat", "-c", "%a %u", "/etc/app/settings.conf", "/run/secrets/token")
        self.assertEqual(mode.split("\n"), ["400 0", "444 0"])
        agent, app = inspect("tiny-agent-1"), inspect("tiny-app-1")
        self.assertTrue(agent["State"]["Running"])
        self.assertEqual(agent["HostConfig"]["NetworkMode"], "container:" + app["Id"])
        self.assertEqual(agent["HostConfig"]["VolumesFrom"], [app["Id"]])
        # One network namespace, and one volume.
        link = [docker("exec", name, "readlink", "/proc/self/ns/net") for name in ("tiny-app-1", "tiny-agent-1")]
        self.assertEqual(link[0], link[1])
        self.assertEqual(docker("exec", "tiny-agent-1", "tail", "-n", "1", "/data/starts"), tag)

    def test_who_joins_a_service_goes_with_it_there_and_back(self):
        self.dockupd("update", "--tag", "v1")
        self.assert_whole("v1")
        self.assert_compose_changes_nothing()
        self.dockupd("update", "--tag", "v2")
        self.assert_whole("v2")
        self.assert_compose_changes_nothing()
        self.dockupd("rollback", "--with-data")
        self.assert_whole("v1")
        self.assert_compose_changes_nothing()
        self.assertEqual(self.result("update", "--tag", "v1")["outcome"], "nothing_to_do")

    def test_a_failed_update_brings_them_back_by_itself(self):
        self.dockupd("update", "--tag", "v1")
        before = self.containers()
        self.dockupd("update", "--tag", "v3", expect=20)
        self.assertEqual(self.containers(), before)
        self.assert_whole("v1")
        self.assert_compose_changes_nothing()

    def test_what_compose_deployed_comes_back_with_its_files(self):
        self.compose("up", "-d")
        self.wait_until_healthy("tiny-app-1")
        self.assertEqual(self.result("update", "--tag", "v1")["outcome"], "nothing_to_do")
        self.write_files(answer=43)
        self.dockupd("update", "--tag", "v2")
        self.assert_whole("v2", answer=43)
        self.dockupd("rollback", "--with-data")
        self.assert_whole("v1", answer=42)
        self.assert_compose_changes_nothing()

    def test_replicas_come_and_go(self):
        def workers():
            return [name for name in self.running() if name.startswith("tiny-worker-")]

        self.write_files(scale=3)
        self.dockupd("update", "--tag", "v1")
        self.assertEqual(workers(), ["tiny-worker-1", "tiny-worker-2", "tiny-worker-3"])
        self.assert_compose_changes_nothing()
        self.write_files(scale=1)
        self.dockupd("update", "--tag", "v2")
        self.assertEqual(workers(), ["tiny-worker-1"])
        self.assertEqual(sorted(self.containers()), ["tiny-agent-1", "tiny-app-1", "tiny-worker-1"])
        self.assert_compose_changes_nothing()
        self.write_files(scale=3)
        started = inspect("tiny-app-1")["State"]["StartedAt"]
        self.dockupd("update", "--tag", "v2")
        self.assertEqual(workers(), ["tiny-worker-1", "tiny-worker-2", "tiny-worker-3"])
        self.assertEqual(inspect("tiny-app-1")["State"]["StartedAt"], started, "nobody rests for a replica more")
        self.assert_compose_changes_nothing()

    def test_the_secret_is_shown_nowhere(self):
        shown = self.dockupd("plan", "--tag", "v1", expect=10)
        result = self.dockupd("update", "--tag", "v1", "--json")
        planned = self.dockupd("plan", "--tag", "v2", "--json", expect=10)
        history = self.dockupd("history", "--json")
        for done in (shown, result, planned, history):
            self.assertNotIn("canary", done.stdout + done.stderr)
        for folder, _, names in os.walk(self.state):
            for name in names:
                path = os.path.join(folder, name)
                self.assertEqual(os.stat(path).st_mode & 0o077, 0, path)

    def test_a_variable_that_is_not_set_is_refused_before_anything_stops(self):
        self.dockupd("update", "--tag", "v1")
        before = self.containers()
        self.write(".env", "IMAGE_TAG=v1\n")
        done = self.dockupd("update", "--tag", "v2", expect=3)
        self.assertIn("needs the environment variable APP_TOKEN, which is not set", done.stderr)
        self.assertEqual(self.containers(), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
