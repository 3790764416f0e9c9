"""The program over files that want more memory, time or files than any project needs: each ends with exit code 2, names
the file, and takes less than a second of the processor and 200 MB."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

DOCKUPD = os.environ["DOCKUPD"]
SECONDS = 1.0  # of the processor: how long it takes by the clock is the machine's affair
MEMORY = 200 * 1000 * 1000
WAIT = 60  # for a program that hangs
ONE_SERVICE = "services: {a: {image: x}}\n"


def laughs():
    lines = ["x-0: &a0 [lol, lol]"] + [f"x-{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    return "\n".join(lines) + "\n" + ONE_SERVICE


class Hostile(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="hostile-")

    def tearDown(self):
        shutil.rmtree(self.place)

    def write(self, name, content, times=1):
        """Bit by bit: what this process has at its peak is counted for the programs that it starts as well."""
        with open(os.path.join(self.place, name), "wb") as out:
            for _ in range(times):
                out.write(content if isinstance(content, bytes) else content.encode())

    def run_program(self, *arguments, program=DOCKUPD, **options):
        """(exit code, stderr), after the limits were checked."""
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen([program, "config", "--quiet", *arguments], cwd=self.place, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=errors, env={"HOME": "/nowhere"}, **options)
            deadline = time.monotonic() + WAIT
            while True:
                done, status, usage = os.wait4(process.pid, os.WNOHANG)
                if done:
                    break
                if time.monotonic() > deadline:
                    process.kill()
                    os.wait4(process.pid, 0)
                    self.fail("it hangs")
                time.sleep(0.002)
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            said = errors.read().decode()
        self.assertLess(usage.ru_utime + usage.ru_stime, SECONDS, said)
        self.assertLess(usage.ru_maxrss * 1024, MEMORY, said)
        return process.returncode, said

    def refused(self, *expected, **options):
        code, said = self.run_program(**options)
        self.assertEqual(code, 2, said)
        self.assertLess(len(said), 5000)
        for text in expected:
            self.assertIn(text, said)

    def test_a_plain_file_is_taken(self):
        self.write("compose.yaml", ONE_SERVICE)
        code, said = self.run_program()
        self.assertEqual((code, said), (0, ""))

    def test_a_billion_laughs(self):
        self.write("compose.yaml", laughs())
        self.refused("compose.yaml:")

    def test_deep_nesting(self):
        self.write("compose.yaml", "x-a: " + "[" * 400_000)
        self.refused("compose.yaml:1:")

    def test_a_hundred_megabytes(self):
        self.write("compose.yaml", b"#" * 1_000_000, times=100)
        self.refused("compose.yaml")

    def test_what_is_not_utf_8(self):
        self.write("compose.yaml", b"services:\n  a:\n    image: \"\xff\xfe\"\n")
        self.refused("compose.yaml:3")

    def test_an_include_loop(self):
        self.write("compose.yaml", "include: [other.yaml]\n" + ONE_SERVICE)
        self.write("other.yaml", "include: [compose.yaml]\n")
        self.refused("other.yaml:1:")

    def test_an_extends_loop(self):
        self.write("compose.yaml", "services:\n  a: {extends: b}\n  b: {extends: a}\n")
        self.refused("compose.yaml:2:")

    def test_extends_that_multiply(self):
        """No harm in itself: the file is read once for all that extend it."""
        services = ["  s0: {image: x, labels: [a=1]}"]
        services += [f"  s{i}: {{extends: {{file: compose.yaml, service: s{i - 1}}}}}" for i in range(1, 400)]
        self.write("compose.yaml", "services:\n" + "\n".join(services) + "\n")
        code, said = self.run_program()
        self.assertEqual((code, said), (0, ""))

    def test_a_giant_env_file(self):
        self.write("compose.yaml", "services:\n  a:\n    image: x\n    env_file: big.env\n")
        self.write("big.env", b"A=1\n" * 250_000, times=100)
        self.refused("big.env")

    def test_a_giant_dot_env(self):
        self.write("compose.yaml", ONE_SERVICE)
        self.write(".env", b"A=" + b"1" * 999_998, times=100)
        self.refused(".env")

    def test_a_fifo(self):
        os.mkfifo(os.path.join(self.place, "compose.yaml"))
        self.refused("compose.yaml")

    def test_a_fifo_as_env_file(self):
        self.write("compose.yaml", "services:\n  a:\n    image: x\n    env_file: pipe\n")
        os.mkfifo(os.path.join(self.place, "pipe"))
        self.refused("pipe")

    def test_a_directory(self):
        os.mkdir(os.path.join(self.place, "compose.yaml"))
        code, said = self.run_program("-f", "compose.yaml")
        self.assertEqual(code, 2, said)
        self.assertIn("compose.yaml", said)

    def test_a_device_without_end(self):
        code, said = self.run_program("-f", "/dev/zero")
        self.assertEqual(code, 2, said)
        self.assertIn("/dev/zero", said)

    def test_a_file_that_may_not_be_read(self):
        self.write("compose.yaml", ONE_SERVICE)
        os.chmod(os.path.join(self.place, "compose.yaml"), 0)
        if os.geteuid() != 0:
            return self.refused("compose.yaml")
        # root reads everything: somebody else asks.
        program = os.path.join(self.place, "dockupd")
        shutil.copy(DOCKUPD, program)
        for path in (self.place, program):
            os.chmod(path, 0o755)
        return self.refused("compose.yaml", program=program, user=65534, group=65534, extra_groups=[])

    def test_a_link_to_itself(self):
        os.symlink("compose.yaml", os.path.join(self.place, "compose.yaml"))
        code, said = self.run_program("-f", "compose.yaml")
        self.assertEqual(code, 2, said)
        self.assertIn("compose.yaml", said)


if __name__ == "__main__":
    sys.exit(unittest.main())
