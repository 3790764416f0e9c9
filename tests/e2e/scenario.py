"""What the scenarios on a real engine share: a copy of a sample project, dockupd, and a look at the engine that is
not dockupd's own. Runs inside a private engine (with_engine); $DOCKUPD is the program under test."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
DOCKUPD = os.environ["DOCKUPD"]
assert os.environ["DOCKER_HOST"].startswith("unix://"), "runs inside tests/e2e/with_engine only"

# A waiting service is proven after this many seconds here, instead of the ten that suit a real deployment.
QUICK = ["--stable-for", "1", "--health-timeout", "20", "--timeout", "2"]


def run(command, **options):
    options.setdefault("timeout", 120)
    return subprocess.run(command, capture_output=True, text=True, **options)


def docker(*arguments):
    done = run(["docker", *arguments])
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


def inspect(name):
    return json.loads(docker("inspect", name))[0]


def compose_oracle(*arguments):
    """The path of a real docker-compose 2; with --v1 of 1.29."""
    done = run([os.path.join(ROOT, "tools", "compose-oracle"), *arguments], timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wipe():
    """The engine of everything that tests have made on it, images aside."""
    for name in docker("ps", "-aq").split():
        docker("rm", "-f", "-v", name)
    docker("network", "prune", "-f")
    for name in docker("volume", "ls", "-q").split():
        docker("volume", "rm", "-f", name)


def begins(phase, words):
    """For stop_at: the operation of the phase whose text starts so."""
    return lambda e: e["event"] == "begin" and e["phase"] == phase and e["text"].startswith(words)


class Scenario(unittest.TestCase):
    """One project of its own for each test; the engine is wiped of it afterwards."""

    samples = "compose-samples"
    sample = "tiny"
    maxDiff = None

    def setUp(self):
        self.work = tempfile.mkdtemp(prefix="scenario-")
        self.project = os.path.join(self.work, self.sample)
        self.state = os.path.join(self.work, "state")
        shutil.copytree(os.path.join(ROOT, self.samples, self.sample), self.project)

    def tearDown(self):
        wipe()
        shutil.rmtree(self.work)

    # --- the project's files

    def path(self, *parts):
        return os.path.join(self.project, *parts)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def set_tag(self, tag):
        """As an operator edits .env."""
        text = self.read(".env").decode()
        self.write(".env", "".join(f"IMAGE_TAG={tag}\n" if line.startswith("IMAGE_TAG=") else line
                                   for line in text.splitlines(keepends=True)))

    # --- dockupd

    def command(self, verb, *arguments):
        waits = QUICK if verb in ("update", "rollback", "plan") else []
        return [DOCKUPD, *verb.split(), *arguments, *waits, "--state-dir", self.state]

    def dockupd(self, verb, *arguments, expect=0, environment=None):
        """Its result; fails the test when the exit code is another than expected."""
        done = run(self.command(verb, *arguments), cwd=self.project, env={**os.environ, **(environment or {})})
        self.assertEqual(done.returncode, expect,
                         f"dockupd {verb} {' '.join(arguments)}\n--- stdout\n{done.stdout}--- stderr\n{done.stderr}")
        return done

    def result(self, verb, *arguments, expect=0):
        return json.loads(self.dockupd(verb, *arguments, "--json", expect=expect).stdout)

    def watch(self, verb, *arguments, on_event):
        """Runs dockupd and calls on_event(event, process) at each progress event. Returns its exit code."""
        process = subprocess.Popen([*self.command(verb, *arguments), "--progress", "json"], cwd=self.project,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stderr:
                if line.startswith("{"):
                    on_event(json.loads(line), process)
            return process.wait(timeout=60)
        finally:
            process.stderr.close()
            if process.poll() is None:
                process.kill()
                process.wait()

    def stop_at(self, verb, *arguments, when, how=signal.SIGKILL):
        """Sends dockupd the signal at the first progress event for which `when` holds. Returns its exit code."""
        seen = []

        def look(event, process):
            if seen and seen[-1] is None:
                return
            seen.append(event)
            if when(event):
                process.send_signal(how)
                seen.append(None)

        code = self.watch(verb, *arguments, on_event=look)
        self.assertTrue(seen and seen[-1] is None, "the moment never came; it said:\n" + "\n".join(map(str, seen)))
        return code

    # --- what the engine shows

    def containers(self):
        """name → id of everything, running or not."""
        lines = docker("ps", "-a", "--no-trunc", "--format", "{{.Names}} {{.ID}}").splitlines()
        return dict(line.split() for line in lines)

    def running(self):
        return sorted(docker("ps", "--format", "{{.Names}}").split())

    def image_of(self, container):
        return inspect(container)["Config"]["Image"]

    def wait_until_healthy(self, container):
        deadline = time.monotonic() + 30
        while inspect(container)["State"]["Health"]["Status"] != "healthy":
            self.assertLess(time.monotonic(), deadline, f"{container} never became healthy")
            time.sleep(0.1)

    def starts(self):
        """What tiny's app has written on its volume: the version of each of its starts."""
        return docker("exec", "tiny-app-1", "cat", "/data/starts").split()

    def assert_runs(self, tag):
        """Both services of tiny run the tag, healthy, armed as declared; nothing else of ours is there."""
        self.assertEqual(sorted(self.containers()), ["tiny-app-1", "tiny-worker-1"])
        for name in ("tiny-app-1", "tiny-worker-1"):
            self.assertEqual(self.image_of(name), f"127.0.0.1:5000/tiny:{tag}")
            self.assertTrue(inspect(name)["State"]["Running"], name)
        self.assertEqual(inspect("tiny-app-1")["State"]["Health"]["Status"], "healthy")
        self.assertIn(f"IMAGE_TAG={tag}\n".encode(), self.read(".env"))


class BesideCompose(Scenario):
    """With the real docker compose at hand."""

    @classmethod
    def setUpClass(cls):
        cls.compose_binary = compose_oracle()

    def compose(self, *arguments):
        done = run([self.compose_binary, *arguments], cwd=self.project)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout
