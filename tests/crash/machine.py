"""A machine to pull the plug of: two loop-mounted file systems, an engine, a registry and dockupd, in namespaces of
their own under one init. It dies with one SIGKILL; the files that are its disks stay.

Inside, the paths are the same at every boot and on every machine, so that a copy of the disks boots anywhere:

    /run/rig/data       the engine's data root, containerd's, the registry's files (file system 1)
    /run/rig/state      project/ and dockupd's --state-dir (file system 2)
    /run/evidence       what must outlive the machine: outside its disks, shared with whoever watches
    /run/docker.sock    the engine

The process that owns a machine sees all of these under the same paths while the machine runs (own_mounts() and a link
to /proc/PID/root), so a Path from here may be opened outside and named to a command inside alike. Root only.

Run as a program (`--init FILE`) this module is the machine's process 1."""
from __future__ import annotations

import ctypes
import errno
import fcntl
import http.client
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from case import Violation

RIG = Path("/run/rig")
EVIDENCE = Path("/run/evidence")
SOCKET = Path("/run/docker.sock")
CONTROL = Path("/run/control")  # words for process 1
READY = Path("/run/ready")
FIREWALL = Path("/run/firewall")  # while it is there, an engine that starts makes its iptables rules
HOLD = Path("/run/hold-engine")  # while it is there, a dead dockerd stays dead
FAULTS = Path("/run/faults")  # programs for DOCKUPD_FAILPOINT_COMMAND
REGISTRY = "127.0.0.1:5000"
UPLINK = "192.0.2.1"  # the end of a link to nowhere
DISKS = ("data", "state")
DISK_SIZE = {"data": 1024 << 20, "state": 512 << 20}  # sparse; mkfs.xfs takes nothing below 300 MiB
MKFS = {
    # No lazy start: its thread would write on after the copy was taken.
    # -m 0: then what statfs calls available is what root can write.
    "ext4": ["mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", "-J", "size=8"],
    "xfs": ["mkfs.xfs", "-q", "-f", "-m", "reflink=0"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}
SHUTDOWN_IOCTL = 0x8004587D  # _IOR('X', 125, __u32): EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
NO_LOG_FLUSH = 2
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
BOOT_SECONDS = 30.0
# Short waits that still let a sick version be seen: a service without health check is proven after this long.
WAITS = ["--stable-for", "0", "--health-timeout", "10", "--timeout", "2"]
WAITING_VERBS = ("update", "deploy", "rollback", "plan")

_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: Path | str, kind: str | None, flags: int = 0, data: str | None = None) -> None:
    encoded = [None if text is None else str(text).encode() for text in (source, target, kind, data)]
    if _libc.mount(encoded[0], encoded[1], encoded[2], flags, encoded[3]) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def own_mounts() -> None:
    """Gives this process a /run of its own, in which the paths of its machine appear. Once, before the machine."""
    if _libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare: root only")
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    _mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    EVIDENCE.mkdir()


class TimedOut(Violation):
    """A command that should have ended did not. It was killed."""


class RigError(Exception):
    """The rig itself failed: nothing is said about dockupd."""


@dataclass
class Result:
    """code as of subprocess: -9 when it died of SIGKILL."""

    code: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        return f"exit {self.code} after {self.seconds:.1f} s\n--- stdout\n{self.out}--- stderr\n{self.err}"


def wait_for(condition, seconds: float, what: str, step: float = 0.005):
    """The condition's first true value; RigError after that many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise RigError(f"{what}: not within {seconds:g} s")
        time.sleep(step)
    return value


def _only_child(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def _state_of(pid: int) -> str:
    """As proc(5) has it; "": it is not there."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def _pid_inside(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    raise RigError(f"process {pid} has no NSpid")


class Process:
    """A command inside a machine. Its output goes to files, so it never waits for a reader."""

    def __init__(self, argv: list[str], popen: subprocess.Popen, out: Path, err: Path):
        self.argv = argv
        self._popen, self._out, self._err = popen, out, err
        self._started = time.monotonic()
        self._outside: int | None = None

    @property
    def outside_pid(self) -> int:
        """As this side counts. RigError when it has ended already."""
        if self._outside is None:
            def look():
                if self._popen.poll() is not None:
                    raise RigError(f"{self.argv[0]} has ended already")
                return _only_child(self._popen.pid)
            self._outside = wait_for(look, 5, f"start of {self.argv[0]}", 0.001)
        return self._outside

    @property
    def pid(self) -> int:
        """As the machine counts."""
        return _pid_inside(self.outside_pid)

    def poll(self) -> int | None:
        return self._popen.poll()

    def stopped(self) -> bool:
        """By SIGSTOP, as the failpoint action `stop` does."""
        try:
            return _state_of(self.outside_pid) == "T"
        except RigError:
            return False

    def signal(self, number: int) -> None:
        """SIGCONT goes by nsenter, which stands still with its command and continues it when it is continued."""
        try:
            if number == signal.SIGCONT and self.stopped():
                wait_for(lambda: _state_of(self._popen.pid) == "T", 5, "nsenter stands still", 0.001)
            else:
                os.kill(self.outside_pid, number)
        except (ProcessLookupError, RigError):
            pass
        if number in (signal.SIGCONT, signal.SIGKILL):
            self.reap()

    def reap(self) -> None:
        """An nsenter that stands still would keep its dead command, and with it the dead machine."""
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGCONT)

    def wait(self, timeout: float = 120) -> Result:
        """TimedOut, and the command is dead, when it takes longer."""
        try:
            code = self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._popen.wait()
            raise TimedOut(f"{' '.join(self.argv)} had not ended after {timeout:g} s; so far: "
                           f"{self.result(-9)}") from None
        return self.result(code)

    def result(self, code: int) -> Result:
        return Result(code, self.out(), self.err(), time.monotonic() - self._started)

    def out(self) -> str:
        return self._out.read_text(errors="replace")

    def err(self) -> str:
        return self._err.read_text(errors="replace")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class ApiError(Exception):
    def __init__(self, status: int, text: str):
        super().__init__(f"HTTP {status}: {text}")
        self.status = status


class Machine:
    """Off until boot(). `work` is a directory on a tmpfs, the machine's own; `name` tells its control groups apart.
    The process has called own_mounts(); it owns one machine at a time."""

    project = RIG / "state" / "project"
    state = RIG / "state" / "dockupd"
    data_root = RIG / "data" / "docker"
    socket = SOCKET
    evidence = EVIDENCE
    registry = REGISTRY

    def __init__(self, work: Path, name: str, programs: dict[str, str], filesystem: str = "ext4"):
        self.work = work
        self.name = name
        self.programs = programs  # "shipped", "failpoints" → path
        self.filesystem = filesystem
        self.begin_again: Callable[[], None] = lambda: None  # from the world that the case asked for, booted; run sets it
        self._unshare: subprocess.Popen | None = None
        self._init = 0
        self._commands = 0
        self._processes: list[Process] = []
        work.mkdir(parents=True, exist_ok=True)
        (work / "out").mkdir(exist_ok=True)

    # --- disks

    def image(self, disk: str) -> Path:
        return self.work / f"{disk}.img"

    def format(self, filesystem: str) -> None:
        """Empty disks, no evidence. The machine is off."""
        self.filesystem = filesystem
        for disk in DISKS:
            self.image(disk).unlink(missing_ok=True)
            with open(self.image(disk), "wb") as file:
                file.truncate(DISK_SIZE[disk])
            subprocess.run([*MKFS[filesystem], str(self.image(disk))], check=True, capture_output=True)
        _empty(EVIDENCE)

    def save(self, directory: Path) -> None:
        """Copies disks and evidence of the machine, which is off, to a directory that does not exist."""
        directory.mkdir(parents=True)
        for disk in DISKS:
            _copy_sparse(self.image(disk), directory / f"{disk}.img")
        shutil.copytree(EVIDENCE, directory / "evidence")
        (directory / "filesystem").write_text(self.filesystem)

    def restore(self, directory: Path) -> None:
        """The other way. The machine is off."""
        assert self._unshare is None, "restore() while the machine runs"
        for disk in DISKS:
            _copy_sparse(directory / f"{disk}.img", self.image(disk))
        _empty(EVIDENCE)
        shutil.copytree(directory / "evidence", EVIDENCE, dirs_exist_ok=True)
        self.filesystem = (directory / "filesystem").read_text()

    # --- power

    @property
    def is_on(self) -> bool:
        return self._unshare is not None

    def boot(self, registry: bool = True) -> None:
        """Returns when the engine answers, and the registry if it is wanted."""
        assert self._unshare is None, "boot() while the machine runs"
        settings = {
            "disks": {disk: str(self.image(disk)) for disk in DISKS}, "filesystem": self.filesystem,
            "cgroup": self.name, "log": str(self.work), "registry": registry}
        (self.work / "boot.json").write_text(json.dumps(settings))
        # --kill-child: SIGKILL to what is started here ends all of the machine.
        self._unshare = subprocess.Popen(
            ["unshare", "--fork", "--pid", "--mount", "--net", "--uts", "--ipc", "--mount-proc", "--kill-child",
             "--propagation", "private", sys.executable, "-S", "-B", os.path.realpath(__file__), "--init",
             str(self.work / "boot.json")],
            stdin=subprocess.DEVNULL, stdout=open(self.work / "init.log", "ab"), stderr=subprocess.STDOUT)
        self._init = wait_for(lambda: _only_child(self._unshare.pid), 5, "start of the machine", 0.001)
        _relink(self._init)
        try:
            wait_for(self._is_ready, BOOT_SECONDS, "boot")
        except RigError as error:
            raise RigError(f"{error}\n{self.logs()}") from None

    def _is_ready(self) -> bool:
        if self._unshare.poll() is not None:
            raise RigError(f"process 1 has ended\n{self.logs()}")
        return os.path.exists(f"/proc/{self._init}/root{READY}")

    def power_cut(self) -> None:
        """What was not synced is gone. The machine is off afterwards, its disks as a real cut leaves them."""
        if self.filesystem == "btrfs":  # takes no shutdown: keep what had reached the disk by now
            for disk in DISKS:
                _copy_sparse(self.image(disk), self.image(disk).with_suffix(".cut"))
            self.kill_machine()
            for disk in DISKS:
                os.replace(self.image(disk).with_suffix(".cut"), self.image(disk))
            return
        for disk in DISKS:
            _shut_down(f"/proc/{self._init}/root{RIG}/{disk}")
        self.kill_machine()

    def kill_machine(self) -> None:
        """Everything dies at once; what was written is written. Returns when the disks are free again."""
        if self._unshare is None:
            return
        try:
            os.kill(self._init, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.await_off()

    def await_off(self, seconds: float = 30) -> None:
        """Until the machine has died, of kill_machine() or of a fault that it did to itself."""
        deadline = time.monotonic() + seconds
        while self._unshare.poll() is None:
            for process in self._processes:
                process.reap()
            if time.monotonic() > deadline:
                raise RigError(f"the machine does not die\n{self.logs()}")
            time.sleep(0.002)
        self._unshare = None
        self._processes.clear()
        self._init = 0
        wait_for(lambda: not self._attached(), 30, "the disks are still in use (an open file?)", 0.002)
        remove_cgroups(self.name)

    def _attached(self) -> bool:
        mine = {str(self.image(disk)) for disk in DISKS}
        for entry in Path("/sys/block").glob("loop*/loop/backing_file"):
            try:
                if entry.read_text().strip().removesuffix(" (deleted)") in mine:
                    return True
            except OSError:
                pass
        return False

    # --- engine

    def kill_engine(self, stay_down: bool = False) -> None:
        """SIGKILL to dockerd. It comes back by itself, unless it is to stay down: then by start_engine()."""
        if stay_down:
            self._inside(HOLD).touch()
        _kill_quietly(self._engine_pid(), signal.SIGKILL)

    def start_engine(self) -> None:
        self._inside(HOLD).unlink(missing_ok=True)
        self.wait_engine()

    def use_firewall(self) -> None:
        """The engine with its iptables rules, which it makes for none of the others: they are a part of each start."""
        self._inside(FIREWALL).touch()
        self.restart_engine()

    def restart_engine(self) -> None:
        """In order: SIGTERM, and it comes back."""
        before = self._engine_pid()
        _kill_quietly(before, signal.SIGTERM)
        wait_for(lambda: self._engine_pid() not in (0, before), 30, "restart of dockerd")
        self.wait_engine()

    def wait_engine(self, seconds: float = BOOT_SECONDS) -> None:
        wait_for(self.engine_answers, seconds, "dockerd")

    def engine_answers(self) -> bool:
        try:
            return self._request("GET", "/_ping", None, 2)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def _engine_pid(self) -> int:
        """Of dockerd, outside; 0: it is not there."""
        try:
            wanted = int(self._inside(Path("/run/dockerd.inside")).read_text())
            children = Path(f"/proc/{self._init}/task/{self._init}/children").read_text().split()
            return next((int(child) for child in children if _pid_inside(int(child)) == wanted), 0)
        except (OSError, ValueError):
            return 0

    def read(self, path: Path) -> str:
        """A file of the machine, of its /run too."""
        return self._inside(path).read_text(errors="replace")

    def _inside(self, path: Path) -> Path:
        return Path(f"/proc/{self._init}/root{path}")

    def api(self, method: str, path: str, body=None, timeout: float = 30):
        """One engine call; the answer as JSON, None when there is none. ApiError from 400 on."""
        status, text = self._request(method, "/v1.41" + path, body, timeout)
        if status >= 400:
            raise ApiError(status, text.decode(errors="replace"))
        return json.loads(text) if text.strip() else None

    def _request(self, method: str, path: str, body, timeout: float) -> tuple[int, bytes]:
        connection = _UnixConnection(str(self._inside(SOCKET)), timeout)
        try:
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    # --- commands

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/run/home",
                "LANG": "C.UTF-8", "DOCKER_HOST": f"unix://{SOCKET}", **(more or {})}

    def start(self, argv: list[str], env: dict[str, str] | None = None, cwd: Path | None = None,
              input: str | None = None) -> Process:
        """In the machine, as root, with no more environment than environment() and `env`."""
        assert self._unshare is not None, "the machine is off"
        self._commands += 1
        out, err = (self.work / "out" / f"{self._commands}.{part}" for part in ("out", "err"))
        stdin = subprocess.DEVNULL
        if input is not None:
            stdin = open(self.work / "out" / f"{self._commands}.in", "w+")
            stdin.write(input)
            stdin.seek(0)
        command = ["nsenter", "--target", str(self._init), "--pid", "--mount", "--net", "--uts", "--ipc",
                   f"--wdns={cwd or '/'}", "--", *map(str, argv)]
        with open(out, "wb") as out_file, open(err, "wb") as err_file:
            popen = subprocess.Popen(command, stdin=stdin, stdout=out_file, stderr=err_file, env=self.environment(env))
        if input is not None:
            stdin.close()
        process = Process(list(map(str, argv)), popen, out, err)
        self._processes = [one for one in self._processes if one.poll() is None] + [process]
        return process

    def run(self, argv: list[str], env: dict[str, str] | None = None, timeout: float = 120, input: str | None = None,
            cwd: Path | None = None) -> Result:
        return self.start(argv, env, cwd, input).wait(timeout)

    def dockupd_command(self, *args: str, program: str = "failpoints") -> list[str]:
        waits = WAITS if args[0] in WAITING_VERBS else []
        given = {arg for arg in args if arg.startswith("--")}
        pairs = zip(waits[::2], waits[1::2])
        return [self.programs[program], *args, *(word for pair in pairs if pair[0] not in given for word in pair),
                "--state-dir", str(self.state)]

    def start_dockupd(self, *args: str, program: str = "failpoints", failpoints: str = "",
                      env: dict[str, str] | None = None) -> Process:
        """`failpoints` as in DOCKUPD_FAILPOINTS; `NAME=run:PROGRAM` is short for the action with its command, where
        PROGRAM is one of FAULTS: cut (the power), engine (SIGKILL to dockerd)."""
        failpoints, more = _with_command(failpoints)
        if failpoints:
            more["DOCKUPD_FAILPOINTS"] = failpoints
        return self.start(self.dockupd_command(*args, program=program), {**more, **(env or {})}, self.project)

    def dockupd(self, *args: str, program: str = "failpoints", failpoints: str = "",
                env: dict[str, str] | None = None, timeout: float = 120) -> Result:
        return self.start_dockupd(*args, program=program, failpoints=failpoints, env=env).wait(timeout)

    def docker(self, *args: str, check: bool = True, timeout: float = 120) -> str:
        """The docker CLI (60 ms each: api() where it matters). RigError when it fails and `check` is set."""
        done = self.run(["docker", *args], timeout=timeout)
        if check and done.code != 0:
            raise RigError(f"docker {' '.join(args)}: {done}")
        return done.out.strip()

    # --- space

    def free_space(self, mount: str) -> int:
        """Bytes that root may still use on a disk ("data", "state")."""
        facts = os.statvfs(self._disk(mount))
        return facts.f_bavail * facts.f_frsize

    def fill(self, mount: str, leave: int = 0) -> None:
        """To the last byte, root's reserve included; with `leave`, that many bytes stay free."""
        with open(self._disk(mount) / "filler", "ab") as file:
            _grow_to_the_end(file)
        if leave:
            path = self._disk(mount) / "filler"
            os.truncate(path, max(0, path.stat().st_size - leave))
        _sync(self._disk(mount))

    def unfill(self, mount: str) -> None:
        (self._disk(mount) / "filler").unlink(missing_ok=True)
        _sync(self._disk(mount))

    def _disk(self, mount: str) -> Path:
        assert mount in DISKS, f"a disk is one of {DISKS}"
        return self._inside(RIG / mount)

    def logs(self, lines: int = 30) -> str:
        """The ends of the logs of what runs inside, for messages."""
        out = []
        for name in ("init", "dockerd", "containerd", "registry"):
            path = self.work / f"{name}.log"
            if path.exists():
                out.append(f"--- {name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-lines:]))
        return "\n".join(out)


def _with_command(failpoints: str) -> tuple[str, dict[str, str]]:
    for action in ("run+kill:", "run:"):
        if f"={action}" in failpoints:
            before, after = failpoints.split(f"={action}", 1)
            program, *rest = after.split(";", 1)
            text = before + "=" + action.rstrip(":") + "".join(";" + entry for entry in rest)
            return text, {"DOCKUPD_FAILPOINT_COMMAND": str(FAULTS / program)}
    return failpoints, {}


def _copy_sparse(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--sparse=auto", "--remove-destination", str(source), str(target)], check=True)


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _relink(init: int) -> None:
    """The machine's paths, for this process: links through its root directory."""
    for path in (RIG, SOCKET):
        path.unlink(missing_ok=True)
        path.symlink_to(f"/proc/{init}/root{path}")


def _sync(directory: Path) -> None:
    """The whole file system: btrfs has the room of what was deleted only after that."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        if _libc.syncfs(fd) != 0:
            raise OSError(ctypes.get_errno(), f"syncfs {directory}")
    finally:
        os.close(fd)


def _shut_down(mount_point: str) -> None:
    fd = os.open(mount_point, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, SHUTDOWN_IOCTL, struct.pack("I", NO_LOG_FLUSH))
    finally:
        os.close(fd)


def _kill_quietly(pid: int, number: int) -> None:
    try:
        if pid:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def _grow_to_the_end(file) -> None:
    size = os.fstat(file.fileno()).st_size
    step = 256 << 20
    while step >= 4096:  # reserves without writing
        try:
            os.posix_fallocate(file.fileno(), size, step)
            size += step
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            step //= 4
    chunk = 4096
    while chunk:
        try:
            os.write(file.fileno(), b"\1" * chunk)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            chunk //= 64


def remove_cgroups(name: str) -> None:
    """The empty control groups that the containers of a dead machine left."""
    for top in Path("/sys/fs/cgroup").glob("*/" + name):
        for directory, _, _ in os.walk(top, topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                pass


# --- process 1 ---------------------------------------------------------------------------------------------------


class Init:
    """Mounts, starts, starts again what dies, reaps. Never returns."""

    def __init__(self, settings: dict):
        self.settings = settings
        self.children: dict[int, str] = {}

    def run(self) -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        wake = self._wake_on_child()
        self._mount_all()
        self._write_files()
        self.spawn("containerd")
        if self.settings["registry"]:
            self.spawn("registry")
        self._network()
        self.spawn("dockerd")
        self._serve(wake)

    @staticmethod
    def _wake_on_child() -> int:
        read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return read_end

    def _mount_all(self) -> None:
        evidence = os.open(EVIDENCE, os.O_PATH | os.O_DIRECTORY)
        _mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
        for directory in (EVIDENCE, RIG, FAULTS, Path("/run/home"), Path("/run/lock")):
            directory.mkdir()
        _mount(f"/proc/self/fd/{evidence}", EVIDENCE, None, 0x1000)  # MS_BIND
        os.close(evidence)
        options = "loop,nouuid" if self.settings["filesystem"] == "xfs" else "loop"  # copies of one disk, all at once
        for disk, image in self.settings["disks"].items():
            (RIG / disk).mkdir()
            subprocess.run(["mount", "-t", self.settings["filesystem"], "-o", options, image, str(RIG / disk)],
                           check=True)
        for directory in ("data/docker", "data/containerd", "data/registry", "state/project"):
            (RIG / directory).mkdir(exist_ok=True)
        socket.sethostname("rig")

    def _write_files(self) -> None:
        Path("/run/containerd.toml").write_text(
            'version = 2\nroot = "/run/rig/data/containerd"\nstate = "/run/containerd"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs",'
            ' "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",'
            ' "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]\n'
            '[grpc]\naddress = "/run/containerd.sock"\n')
        # The engine's identity belongs to its disk, not to the host that runs the rig.
        Path("/run/daemon.json").write_text(json.dumps({"deprecated-key-path": "/run/rig/data/key.json",
                                                        "seccomp-profile": "/run/seccomp.json"}))
        Path("/run/seccomp.json").write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')  # runc compiles it for each start
        Path("/run/registry.yml").write_text(
            "version: 0.1\nlog: {level: error}\nstorage:\n  filesystem: {rootdirectory: /run/rig/data/registry}\n"
            f"  delete: {{enabled: true}}\nhttp: {{addr: '{REGISTRY}'}}\n")
        kill = "p=$(cat /run/dockerd.inside); kill -9 $p; while kill -0 $p 2> /dev/null; do :; done"
        for name, text in {"cut": f"echo cut > {CONTROL}; exec sleep 60", "engine": kill}.items():
            (FAULTS / name).write_text(f"#!/bin/sh\n{text}\n")
            (FAULTS / name).chmod(0o755)
        os.mkfifo(CONTROL, 0o600)

    @staticmethod
    def _network() -> None:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        lines = ("link set lo up", "link add uplink type veth peer name uplink-end", f"addr add {UPLINK}/24 dev uplink",
                 "link set uplink up", "link set uplink-end up", "route add default via 192.0.2.254 dev uplink")
        subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def command(self, name: str) -> list[str]:
        return {
            "containerd": ["containerd", "--config", "/run/containerd.toml", "--log-level", "warn"],
            "dockerd": ["dockerd", "--config-file", "/run/daemon.json", "--data-root", str(Machine.data_root),
                        "--exec-root", "/run/docker", "--pidfile", "/run/dockerd.pid", "--host", f"unix://{SOCKET}",
                        "--containerd", "/run/containerd.sock", "--exec-opt", "native.cgroupdriver=cgroupfs",
                        "--cgroup-parent", "/" + self.settings["cgroup"], "--dns", UPLINK,
                        "--storage-driver", "overlay2", f"--iptables={str(FIREWALL.exists()).lower()}",
                        "--log-level", "warn"],
            "registry": ["docker-registry", "serve", "/run/registry.yml"],
        }[name]

    def spawn(self, name: str) -> None:
        for stale in {"dockerd": ["/run/dockerd.pid", str(SOCKET)]}.get(name, []):
            Path(stale).unlink(missing_ok=True)
        # Most of a machine's time is Go programs that live for milliseconds: they need no collector and one thread.
        environment = {"PATH": os.environ["PATH"], "HOME": "/run/home", "OTEL_TRACES_EXPORTER": "none",
                       "GOMAXPROCS": "1", "GOGC": "400"}
        with open(f"{self.settings['log']}/{name}.log", "ab") as log:
            child = subprocess.Popen(self.command(name), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env=environment, start_new_session=True)
        self.children[child.pid] = name
        child.returncode = 0  # reaped below, with all the others
        if name == "dockerd":
            Path("/run/dockerd.inside").write_text(str(child.pid))

    def _serve(self, wake: int) -> None:
        control = os.open(CONTROL, os.O_RDWR | os.O_NONBLOCK)
        while True:
            waiting = not READY.exists() or "dockerd" not in self.children.values()
            select.select([wake, control], [], [], 0.01 if waiting else None)
            self._drain(wake)
            for word in self._drain(control).split():
                self._obey(word)
            self._reap()
            self._start_again()
            if not READY.exists() and self._all_answer():
                READY.touch()

    @staticmethod
    def _drain(fd: int) -> str:
        try:
            return os.read(fd, 4096).decode()
        except BlockingIOError:
            return ""

    def _obey(self, word: str) -> None:
        if word == "cut":
            for disk in DISKS:
                _shut_down(str(RIG / disk))
            os._exit(0)  # and all die

    def _reap(self) -> None:
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.children.pop(pid, None)

    def _start_again(self) -> None:
        alive = set(self.children.values())
        wanted = ["containerd", "dockerd"] + (["registry"] if self.settings["registry"] else [])
        for name in wanted:
            if name not in alive and not (name == "dockerd" and HOLD.exists()):
                self.spawn(name)

    def _all_answer(self) -> bool:
        try:
            if self.settings["registry"]:
                socket.create_connection(("127.0.0.1", 5000), 0.1).close()
            connection = _UnixConnection(str(SOCKET), 1)
            connection.request("GET", "/_ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] != "--init" or os.getpid() != 1:
        sys.exit("machine.py is the first process of a machine, started by Machine.boot()")
    try:
        Init(json.loads(Path(sys.argv[2]).read_text())).run()
    except BaseException:  # process 1 that ends takes the machine with it; say why first
        import traceback
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
