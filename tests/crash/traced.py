"""The shipped program under strace: a fault at the n-th call of a system call, and what it did before and after.

Kills need every system call traced (a signal that is injected at a seccomp stop is lost); errors do not."""
from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from case import Violation

# What makes something durable, and what talks to the engine (sendto).
DURABLE = ("pwrite64", "fdatasync", "fsync", "rename", "unlink", "openat", "write", "mkdir", "ftruncate", "fchmod")
TALK = ("sendto", "sendmsg", "writev")
ERRORS = {
    "pwrite64": ("ENOSPC", "EIO", "EDQUOT", "EINTR"),
    "fdatasync": ("EIO", "ENOSPC"),
    "fsync": ("EIO", "EDQUOT"),
    "rename": ("ENOSPC", "EROFS", "EIO"),
    "unlink": ("EROFS", "EIO"),
    "openat": ("EMFILE", "ENOMEM", "EROFS", "ENOSPC", "EINTR"),
    "write": ("ENOSPC", "EIO", "EINTR"),
    "mkdir": ("ENOSPC", "EDQUOT", "EROFS"),
    "ftruncate": ("EIO", "EROFS"),
    "fchmod": ("EROFS", "EIO"),
    "pread64": ("EIO", "EINTR"),
    "read": ("EIO", "EINTR"),
}
CHANGES = re.compile(r'"(POST|PUT|DELETE) /v[0-9.]+/([^ ?]*)')
LINE = re.compile(r"^(\d+)\s+(\w+)\((.*)$")
# The program's own libraries and the system's settings: a fault there is the loader's to report.
NOT_OURS = re.compile(r'["<]/(usr|etc|lib|lib64|proc|sys|dev)/')


@dataclass(frozen=True)
class Fault:
    call: str
    action: str  # KILL, or the error it answers
    nth: int  # of one thread's calls, from 1

    def __str__(self) -> str:
        return f"{self.call}#{self.nth}={self.action}"

    @property
    def kills(self) -> bool:
        return self.action == "KILL"


def command(argv: list[str], trace: Path, fault: Fault | None = None, calls: tuple[str, ...] = ()) -> list[str]:
    """`argv` under strace, which ends as the program does; the trace is written to the file."""
    wanted = ",".join(dict.fromkeys((*DURABLE, *TALK, *calls)))
    out = ["strace", "-f", "-qq", "-y", "-s", "160", "-o", str(trace), "-e", f"trace={wanted}"]
    if fault is None or not fault.kills:
        out.append("--seccomp-bpf")
    if fault is not None:
        what = "signal=KILL" if fault.kills else f"error={fault.action}"
        out += ["-e", f"inject={fault.call}:{what}:when={fault.nth}"]
    return [*out, "--", *argv]


@dataclass(frozen=True)
class Call:
    thread: int
    name: str
    text: str  # arguments and result

    @property
    def injected(self) -> bool:
        return "(INJECTED)" in self.text

    @property
    def on_records(self) -> bool:
        """On the log: what is written to the database itself was recorded there before."""
        return "/state.db-wal" in self.text

    @property
    def failed(self) -> bool:
        return bool(re.search(r"\)\s+= -1 ", self.text))

    @property
    def engine_change(self) -> str:
        """"POST containers/…/start"; empty: none."""
        found = CHANGES.search(self.text) if self.name in TALK else None
        return f"{found[1]} {found[2]}" if found else ""


def read(trace: Path) -> list[Call]:
    out = []
    for line in trace.read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if found:
            out.append(Call(int(found[1]), found[2], found[3]))
    return out


def points(calls: list[Call], names: tuple[str, ...] = DURABLE) -> list[tuple[str, int]]:
    """(call, n-th), each thread's in order, since each counts for itself: the second one archives and restores. Of a long
    row of the same write to the same file only the ends and the middle: the reserve that is written into the log is
    hundreds of the same. A fault is met by every thread that gets so far, so it is none where one of them wakes another:
    that cannot fail."""
    threads = dict.fromkeys(call.thread for call in calls)
    wakes: set[tuple[str, int]] = set()
    every = [_points_of([c for c in calls if c.thread == thread], names, wakes) for thread in threads]
    return [point for point in dict.fromkeys(sum(every, [])) if point not in wakes]


def _points_of(calls: list[Call], names: tuple[str, ...], wakes: set[tuple[str, int]]) -> list[tuple[str, int]]:
    counts: Counter = Counter()
    rows: list[list[tuple[str, int]]] = []
    last = None
    for call in calls:
        if call.name not in names:
            continue
        counts[call.name] += 1
        if "anon_inode" in call.text:
            wakes.add((call.name, counts[call.name]))
        if NOT_OURS.search(call.text) or "anon_inode" in call.text:
            continue
        kind = (call.name, call.text.split(",")[0])
        if kind != last or call.name == "openat":
            rows.append([])
        rows[-1].append((call.name, counts[call.name]))
        last = kind
    out = []
    for row in rows:
        keep = row if len(row) <= 4 else [row[0], row[1], row[len(row) // 2], row[-1]]
        out.extend(keep)
    return out


def spread(where: list[tuple[str, int]], count: int, kills: float, source: random.Random) -> list[Fault]:
    """`count` faults over the whole run, `kills` of them SIGKILL; all different. Fewer when there are no more."""
    all_kills = [Fault(name, "KILL", nth) for name, nth in where]
    all_errors = [Fault(name, error, nth) for name, nth in where for error in ERRORS[name]]
    out = _evenly(all_kills, round(count * kills), source)
    return out + _evenly(all_errors, count - len(out), source)


def _evenly(items: list, count: int, source: random.Random) -> list:
    if count >= len(items):
        return list(items)
    step = len(items) / max(count, 1)
    first = source.random()
    return [items[min(int((i + first) * step), len(items) - 1)] for i in range(count)]


def check_no_act_after_failed_record(trace: Path, left_open: bool, known: set[str]) -> None:
    """After a record could not be written, nothing may be changed on the engine until one could be; when the run was
    left open over it, nothing at all. The guard is no step: a run that ends removes it, whatever could be recorded. It
    is the last it removes, and none of the containers that were `known` (ids) before."""
    failed_record = ""
    lost = False
    acts: list[str] = []
    for call in read(trace):
        if call.on_records and call.injected and call.failed and "EINTR" not in call.text:
            failed_record, lost = f"{call.name}({call.text}", True
        elif lost and call.on_records and call.name == "fdatasync" and not call.failed:
            lost = False
        if call.engine_change and failed_record and (lost or left_open):
            acts.append(call.engine_change)
    if acts and acts[-1].startswith("DELETE containers/") and acts[-1].rpartition("/")[2] not in known:
        acts.pop()
    if acts:
        raise Violation(f"changed the engine ({', '.join(acts)}) after this had failed: {failed_record}")
