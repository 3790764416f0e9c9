"""From docker compose to dockupd and back, for each project of tests/e2e/projects, on a real engine: what one has
deployed the other finds as it should be."""
import concurrent.futures
import json
import os
import shutil
import tempfile
import unittest

from scenario import DOCKUPD, ROOT, compose_oracle, docker, run, wipe

PROJECTS = os.path.join(ROOT, "tests", "e2e", "projects")
# What docker compose 1.29 cannot load, and what it refuses to run without a swarm.
NOT_FOR_VERSION_1 = {"parts"}
WAITS = ["--stable-for", "0", "--health-timeout", "30", "--timeout", "2"]
AT_ONCE = 3


class Project:
    """A copy of one project, and both programs to move it with."""

    def __init__(self, name, work):
        self.name = name
        self.directory = os.path.join(work, name)
        self.state = os.path.join(work, "state")
        shutil.copytree(os.path.join(PROJECTS, name), self.directory)

    def command(self, *arguments):
        done = run(arguments, cwd=self.directory)
        assert done.returncode == 0, f"{' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def compose(self, *arguments):
        return self.command(COMPOSE, *arguments)

    def update(self, tag):
        self.command(DOCKUPD, "update", "--tag", tag, *WAITS, "--state-dir", self.state)

    def containers(self):
        ids = docker("ps", "-aq", "--no-trunc", "--filter", f"label=com.docker.compose.project={self.name}").split()
        return json.loads(docker("inspect", *ids)) if ids else []

    def shown(self):
        """What a compose that finds nothing to do leaves alone: an exited one-shot it starts again."""
        return {c["Name"]: (c["Id"], c["State"]["StartedAt"] if c["State"]["Running"] else "")
                for c in self.containers()}

    def assert_compose_finds_nothing_to_do(self):
        before = self.shown()
        said = run([COMPOSE, "up", "-d"], cwd=self.directory)
        assert said.returncode == 0, said.stderr
        assert self.shown() == before, f"compose changed {before} to {self.shown()}:\n{said.stderr}"

    def assert_runs(self, tag):
        containers = self.containers()
        assert containers, "nothing is there"
        for c in containers:
            assert c["Config"]["Image"].endswith(f":{tag}"), f"{c['Name']} runs {c['Config']['Image']}"
            well = c["State"]["Running"] or c["State"]["ExitCode"] == 0
            assert well, f"{c['Name']}: {c['State']}"

    def assert_compose_can_be_used(self, tag):
        names = {c["Name"].lstrip("/") for c in self.containers()}
        listed = self.compose("ps", "-a")
        for name in names:
            assert name in listed, f"{name} is not in:\n{listed}"
        if any("app" in c["Config"]["Labels"]["com.docker.compose.service"] for c in self.containers()):
            logs = self.compose("logs", "app")
            assert tag in logs, logs

    def assert_down_leaves_nothing(self):
        self.compose("down", "-v")
        label = ("--filter", f"label=com.docker.compose.project={self.name}")
        left = docker("ps", "-aq", *label) + docker("network", "ls", "-q", *label) + docker("volume", "ls", "-q", *label)
        assert not left, f"left after down: {left}"


def compose_then_dockupd(project):
    project.compose("up", "-d")
    project.update("v2")
    project.assert_runs("v2")
    project.assert_compose_finds_nothing_to_do()
    project.assert_compose_can_be_used("v2")
    project.assert_down_leaves_nothing()


def dockupd_then_compose(project):
    project.update("v1")
    project.assert_runs("v1")
    project.assert_compose_finds_nothing_to_do()
    project.update("v2")
    project.assert_compose_finds_nothing_to_do()
    project.assert_compose_can_be_used("v2")
    project.assert_down_leaves_nothing()


def version_1_then_dockupd(project):
    project.command(COMPOSE_1, "up", "-d")
    project.update("v2")
    project.assert_runs("v2")
    project.assert_compose_finds_nothing_to_do()
    project.assert_compose_can_be_used("v2")
    project.assert_down_leaves_nothing()


class Interop(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="interop-")
        docker("network", "create", "interop-theirs")
        docker("volume", "create", "interop-theirs")

    def tearDown(self):
        wipe()
        shutil.rmtree(self.work)

    def for_each_project(self, way, but=frozenset()):
        """Several at once, for they wait more than they work; every failure is told."""
        names = sorted(set(os.listdir(PROJECTS)) - but)
        self.assertGreaterEqual(len(names), 10)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            ways = {name: pool.submit(lambda name=name: way(Project(name, self.work))) for name in names}
        failures = [f"--- {name}\n{ways[name].exception()}" for name in names if ways[name].exception()]
        self.assertFalse(failures, "\n" + "\n".join(failures))
        # What is not the project's is still there.
        docker("network", "inspect", "interop-theirs")
        docker("volume", "inspect", "interop-theirs")

    def test_compose_finds_nothing_to_do_after_dockupd_has_moved_what_compose_deployed(self):
        self.for_each_project(compose_then_dockupd)

    def test_compose_finds_nothing_to_do_after_dockupd_has_deployed(self):
        self.for_each_project(dockupd_then_compose)

    def test_compose_finds_nothing_to_do_after_dockupd_has_moved_what_compose_1_deployed(self):
        self.for_each_project(version_1_then_dockupd, NOT_FOR_VERSION_1)


COMPOSE = compose_oracle()
COMPOSE_1 = compose_oracle("--v1")

if __name__ == "__main__":
    unittest.main(verbosity=2)
