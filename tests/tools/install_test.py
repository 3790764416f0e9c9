"""Installs the program into a folder, as a package would: the unit that recovers at boot is there, and what it starts is
the program beside it."""
import os
import shlex
import shutil
import subprocess
import tempfile
import unittest

BUILD = os.environ["BUILD"]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


class Install(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.mkdtemp(prefix="install-")
        done = run("cmake", "--install", BUILD, "--component", "dockupd", "--prefix", self.place)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.unit = os.path.join(self.place, "lib", "systemd", "system", "dockupd-recover.service")

    def tearDown(self):
        shutil.rmtree(self.place)

    def settings(self):
        with open(self.unit, encoding="utf-8") as file:
            pairs = [line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#")]
        return dict(pairs)

    def test_the_unit_starts_the_installed_program(self):
        program, *arguments = shlex.split(self.settings()["ExecStart"])
        self.assertEqual(program, os.path.join(self.place, "bin", "dockupd"))
        self.assertEqual(arguments[:2], ["recover", "--all"])
        empty = os.path.join(self.place, "state")
        done = run(program, *arguments, "--state-dir", empty)
        self.assertEqual((done.returncode, done.stdout), (0, f"no project in {empty}: nothing to recover.\n"), done.stderr)

    def test_it_comes_after_the_engine_at_every_boot(self):
        settings = self.settings()
        self.assertIn("docker.service", settings["After"].split())
        self.assertEqual(settings["Requires"], "docker.service")
        self.assertEqual(settings["WantedBy"], "multi-user.target")

    def test_what_it_has_to_write_is_writable(self):
        settings = self.settings()
        self.assertEqual(settings["StateDirectory"], "dockupd")
        self.assertEqual(settings["StateDirectoryMode"], "0700")
        self.assertNotEqual(settings["ProtectSystem"], "strict", "volumes and .env files may be anywhere")
        for needed in ("CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE", "CAP_MKNOD"):
            self.assertIn(needed, settings["CapabilityBoundingSet"].split())

    def test_systemd_understands_it(self):
        if shutil.which("systemd-analyze") is None:
            self.assertTrue(os.path.exists(self.unit))  # nobody here to ask
            return
        checked = run("systemd-analyze", "verify", "--man=no", self.unit)
        # Other units that are missing on this machine are none of its business.
        about_us = [line for line in checked.stderr.splitlines() if "dockupd-recover.service" in line
                    and "docker.service" not in line and "network-online.target" not in line]
        self.assertEqual(about_us, [])
        rated = run("systemd-analyze", "security", "--offline=true", "--threshold=30", self.unit)
        self.assertEqual(rated.returncode, 0, rated.stdout[-400:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
