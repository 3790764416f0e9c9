"""`dockupd recover --all` as its systemd unit runs it: with the unit's capabilities, its read-only system and its view of
/proc, which are taken from the unit's own text, and no system call that the unit's filter would refuse."""
import os
import re
import shutil
import tempfile

from scenario import DOCKUPD, ROOT, Scenario, begins, docker, run

UNIT = os.path.join(ROOT, "tools", "dockupd-recover.service.in")
# What a database's volume may have in it: of other users, with modes, capabilities and types of all kinds.
TREE = r"""
cd "$1"
mkdir -m 2750 other; echo data > other/file; chmod 0640 other/file
printf x > setuid; mkfifo -m 0600 fifo; mknod null c 1 3; ln -s ../elsewhere link; ln setuid other/again
cp /bin/true capable; setcap cap_net_bind_service=ep capable
setfattr -n user.note -v kept other/file
chown -h 999:998 other other/file setuid fifo null link; chmod 4711 setuid; touch -d @1234567890.5 other/file other
"""
LISTED = r"""
cd "$1" && find . -path ./starts -prune -o -printf '%p %y %m %U:%G %n %l %T@\n' | sed '/^\. /d' | sort
getfattr -h -R -d -m '^(user|security)\.' --absolute-names . 2> /dev/null; stat -c %t:%T null
"""


def settings():
    with open(UNIT, encoding="utf-8") as file:
        pairs = [line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#")]
    return {key: [value for k, value in pairs if k == key] for key, _ in pairs}


def setting(name, default=""):
    return settings().get(name, [default])[-1]


def mounts():
    """Shell commands that make, in a mount namespace, what the unit's Protect… settings say."""
    hidden = {"default": "0", "noaccess": "1", "invisible": "2"}[setting("ProtectProc", "default")]
    subset = {"all": "", "pid": ",subset=pid"}[setting("ProcSubset", "all")]
    lines = [f"mount -t proc -o hidepid={hidden}{subset} proc /proc"]
    read_only = {"no": [], "yes": ["/usr", "/boot"], "full": ["/usr", "/boot", "/etc"]}[setting("ProtectSystem", "no")]
    writable = [path.lstrip("-") for path in setting("ReadWritePaths").split()]
    lines += [f"mount --rbind {path} {path}" for path in [*writable, *read_only] if os.path.isdir(path)]
    lines += [f"mount -o remount,bind,ro {path}" for path in read_only if os.path.isdir(path)]
    lines += [f"mount -o remount,bind,rw {path}" for path in writable if os.path.isdir(path)]
    return lines


def confined(*command):
    """The command, as the unit would run it."""
    capabilities = ",".join("+" + name.removeprefix("CAP_").lower() for name in setting("CapabilityBoundingSet").split())
    inside = ["setpriv", f"--bounding-set=-all,{capabilities}", "--inh-caps=-all", "--no-new-privs", *command]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-ec", "\n".join([*mounts(), 'exec "$@"']), "sh", *inside]


def refused_calls():
    """Names that SystemCallFilter= leaves out of what is used, by systemd's own groups."""
    def of(name):
        if not name.startswith("@"):
            return {name}
        shown = run(["systemd-analyze", "syscall-filter", "--no-pager", name])
        assert shown.returncode == 0, shown.stderr
        words = [line.strip() for line in shown.stdout.splitlines() if line.startswith("    ") and not line.strip().startswith("#")]
        return set().union(*(of(word) for word in words)) if words else set()
    allowed, denied = set(), set()
    for value in settings()["SystemCallFilter"]:
        target = denied if value.startswith("~") else allowed
        target |= set().union(*(of(word) for word in value.removeprefix("~").split()))
    assert len(allowed) > 200, allowed
    return lambda used: sorted(call for call in used if call not in allowed or call in denied)


class BootUnit(Scenario):
    def test_it_brings_back_what_other_users_own(self):
        self.dockupd("update", "--tag", "v1")
        volume = docker("volume", "inspect", "-f", "{{.Mountpoint}}", "tiny_data")
        made = run(["sh", "-ec", TREE, "sh", volume])
        self.assertEqual(made.returncode, 0, made.stderr)
        before = run(["sh", "-ec", LISTED, "sh", volume]).stdout
        for words in ("4711 999:998", "security.capability", "user.note", "1:3", "./fifo p"):
            self.assertIn(words, before)
        self.stop_at("update", "--tag", "v3", when=begins("restore", "restore"))
        shutil.rmtree(os.path.join(volume, "other"))
        done = run(confined(DOCKUPD, "recover", "--all", "--state-dir", self.state))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assert_runs("v1")
        self.assertEqual(run(["sh", "-ec", LISTED, "sh", volume]).stdout, before)

    def test_its_filter_refuses_no_call(self):
        self.dockupd("update", "--tag", "v1")
        self.stop_at("update", "--tag", "v3", when=begins("restore", "restore"))
        trace = os.path.join(self.work, "calls")
        traced = run(["strace", "-f", "-qq", "-o", trace, DOCKUPD, "recover", "--all", "--state-dir", self.state])
        self.assertEqual(traced.returncode, 0, traced.stdout + traced.stderr)
        with open(trace, encoding="utf-8", errors="replace") as file:
            used = set(re.findall(r"^\d+ +(?:<\.\.\. )?([a-z0-9_]+)[( ]", file.read(), re.M))
        self.assertTrue({"openat2", "fsync", "connect", "fchown"} <= used, used)
        self.assertEqual(refused_calls()(used), [])

    def test_it_sees_the_processes_of_a_container(self):
        """What runs and the daemon has forgotten would write beside what is started."""
        self.dockupd("update", "--tag", "v1")
        container = docker("inspect", "-f", "{{.Id}}", "tiny-app-1")
        other = docker("run", "-d", "--user", "1234", "--entrypoint", "/bin/sh", "127.0.0.1:5000/tiny:v1", "-c", "sleep 60")
        for one in (container, other):
            seen = run(confined("sh", "-c", f"grep -ls {one} /proc/[0-9]*/cgroup"))
            self.assertRegex(seen.stdout, r"/proc/\d+/cgroup", seen.stderr)

    def test_a_project_may_be_anywhere(self):
        for place in ("/etc", "/usr/local", "/home", "/opt", "/srv", "/root", "/var/lib"):
            folder = tempfile.mkdtemp(prefix="dockupd-unit-", dir=place)
            try:
                done = run(confined("touch", os.path.join(folder, ".env")))
                self.assertEqual(done.returncode, 0, done.stderr)
            finally:
                shutil.rmtree(folder)


if __name__ == "__main__":
    import unittest
    unittest.main()
