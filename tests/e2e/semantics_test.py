"""tests/support/engine_semantics.txt, played on a real dockerd: what the fake of the explorer does as well."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TABLE = os.path.join(ROOT, "tests", "support", "engine_semantics.txt")
IMAGE = "semantics.local/base:v1"
STATES = ("created", "exited", "paused", "running")
PRUNES = {"containers": ["container"], "volumes": ["volume"], "networks": ["network"], "images": ["image", "-a"],
          "system": ["system", "-a", "--volumes"]}


def docker(*words):
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


def lines(of_prune):
    with open(TABLE, encoding="utf-8") as table:
        for text in table:
            if text.strip() and not text.startswith("#") and text.startswith("prune") == of_prune:
                how, _, rest = text.partition("|")
                yield how.split(), rest.split()


def bring_to(name, state):
    if state != "created":
        docker("start", name)
    if state in ("stopped", "exited"):
        docker("stop", "-t", "1", name)
    if state == "paused":
        docker("pause", name)


def remove_all():
    for name in docker("ps", "-aq").split():
        docker("rm", "-f", name)
    docker("volume", "prune", "-f")
    docker("network", "prune", "-f")


class Semantics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # An image for each, that no other shares: a prune tells them apart.
        shell = 'CMD ["sh", "-c", "trap \\"exit 0\\" TERM; while :; do sleep 0.1; done"]'
        with tempfile.TemporaryDirectory() as rootfs:
            os.makedirs(os.path.join(rootfs, "bin"))
            shutil.copy(shutil.which("busybox"), os.path.join(rootfs, "bin", "busybox"))
            for applet in ("sh", "sleep"):
                os.symlink("busybox", os.path.join(rootfs, "bin", applet))
            tar = subprocess.run(["tar", "-C", rootfs, "-c", "."], check=True, capture_output=True).stdout
        subprocess.run(["docker", "import", "--change", shell, "-", IMAGE], input=tar, check=True,
                       stdout=subprocess.DEVNULL)

    def setUp(self):
        remove_all()
        self.addCleanup(remove_all)

    def test_a_daemon_that_comes_back_starts_what_it_starts(self):
        for verb, how in (("kill-daemon", "killed"), ("restart-daemon", "stopped")):
            expected = {}
            for number, (when, words) in enumerate(lines(False)):
                if when[0] != how:
                    continue
                name = f"{how}-{number}"
                docker("create", "--name", name, "--restart", words[0], IMAGE)
                bring_to(name, words[1])
                if words[2] == "disarmed":
                    docker("update", "--restart", "no", name)
                expected[name] = (words[-1], " ".join(words[:-2]))
            subprocess.run([os.path.join(ROOT, "tools", "engine"), verb], check=True, stdout=subprocess.DEVNULL)
            for name, (state, what) in expected.items():
                with self.subTest(how=how, what=what):
                    self.assertEqual(docker("inspect", "-f", "{{.State.Status}}", name).strip(), state)
            self.assertGreaterEqual(len(expected), 8)
            remove_all()

    def make(self):
        for state in (*STATES, "nobody"):
            docker("volume", "create", state)
            docker("network", "create", state)
            made = docker("create", "--label", f"of={state}", IMAGE).strip()
            docker("commit", "--change", f"LABEL of={state}", made, f"semantics.local/{state}:v1")
            docker("rm", made)
        for state in STATES:
            docker("create", "--name", state, "--network", state, "-v", f"{state}:/data", f"semantics.local/{state}:v1")
            bring_to(state, state)

    def left(self):
        out = ["c:" + name for name in docker("ps", "-a", "--format", "{{.Names}}").split()]
        out += ["v:" + name for name in docker("volume", "ls", "-q").split()]
        out += ["n:" + name for name in docker("network", "ls", "--format", "{{.Name}}").split()
                if name not in ("bridge", "host", "none")]
        out += ["i:" + name.rpartition("/")[2] for name in docker("images", "--format", "{{.Repository}}").split()
                if name.startswith("semantics.local/") and not name.endswith("/base")]
        return sorted(out)

    def test_a_prune_takes_what_it_takes(self):
        for (_, what), left in lines(True):
            with self.subTest(prune=what):
                self.make()
                first, *options = PRUNES[what]
                docker(first, "prune", "-f", *options)
                self.assertEqual(self.left(), left)
                for name in docker("ps", "-q", "--filter", "status=paused").split():
                    docker("unpause", name)
                remove_all()
                if what in ("images", "system"):  # it took the base as well
                    self.setUpClass()


if __name__ == "__main__":
    unittest.main(verbosity=2)
