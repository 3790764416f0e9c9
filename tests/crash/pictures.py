"""What a volume and the containers were, to compare with what they are: nothing lost, nothing added, nothing touched."""
from __future__ import annotations

import hashlib
import os
import random
import stat
from dataclasses import dataclass
from pathlib import Path

from case import Violation
from machine import Machine

PROJECT = "rig"


@dataclass(frozen=True)
class Entry:
    mode: str
    owner: tuple[int, int]
    mtime: int  # ns
    size: int
    content: str  # digest, or target of a link
    links: int
    attributes: tuple


def mountpoint(machine: Machine, volume: str) -> Path:
    return Path(machine.api("GET", f"/volumes/{volume}")["Mountpoint"])


def plant(machine: Machine, chance: random.Random, size: int = 200_000) -> None:
    """Things in the app's volume that a careless copy loses. What the app writes later leaves them as they are, but for
    its migrations, which change extra.bin and make extra.new."""
    root = mountpoint(machine, "rig_data")
    (root / "extra.bin").write_bytes(chance.randbytes(size))
    os.link(root / "extra.bin", root / "extra.second name")
    (root / "extra").mkdir()
    (root / "extra/setuid").write_bytes(b"#!")
    os.chown(root / "extra/setuid", 1234, 4321)
    os.chmod(root / "extra/setuid", 0o6751)
    (root / "extra/empty \n\udcff").write_bytes(b"")
    with open(root / "extra/sparse", "wb") as file:
        file.seek(5_000_000)
        file.write(b"end")
    os.symlink("../../outside", root / "extra/link")
    os.mkfifo(root / "extra/fifo", 0o640)
    os.setxattr(root / "extra/setuid", "user.note", b"kept")
    for path in ("extra/setuid", "extra/sparse", "extra"):
        os.utime(root / path, ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    fd = os.open(root, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


def take(machine: Machine, volume: str) -> dict[str, Entry]:
    root = mountpoint(machine, volume)
    paths = [root, *(Path(base) / name for base, dirs, files in os.walk(root) for name in (*dirs, *files))]
    return {str(path.relative_to(root)): _entry(path) for path in sorted(paths)}


def _entry(path: Path) -> Entry:
    facts = path.lstat()
    content, size = "", 0
    if stat.S_ISLNK(facts.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(facts.st_mode):
        data = path.read_bytes()
        content, size = hashlib.sha256(data).hexdigest(), len(data)
    names = [] if stat.S_ISLNK(facts.st_mode) else os.listxattr(path)
    attributes = tuple((name, os.getxattr(path, name)) for name in sorted(names))
    links = 1 if stat.S_ISDIR(facts.st_mode) else facts.st_nlink
    return Entry(stat.filemode(facts.st_mode), (facts.st_uid, facts.st_gid), facts.st_mtime_ns, size, content, links,
                 attributes)


def same_but_for_lines(before: dict[str, Entry], now: dict[str, Entry]) -> None:
    """Everything byte for byte, times too; the lines, to which is added all the time, are the checker's."""
    def settled(picture: dict[str, Entry]) -> dict[str, Entry]:
        return {name: entry for name, entry in picture.items() if not name.startswith("lines.")}
    first, second = settled(before), settled(now)
    found = [f"{name!r}: {first.get(name)} -> {second.get(name)}" for name in sorted({*first, *second})
             if first.get(name) != second.get(name)]
    if found or sorted(before) != sorted(now):
        raise Violation("the volume is not what it was:\n" + "\n".join(found or [f"{sorted(before)} {sorted(now)}"]))


def containers(machine: Machine) -> dict[str, tuple[str, str]]:
    """name → (id, since when it runs)."""
    out = {}
    for entry in machine.api("GET", "/containers/json?all=1"):
        facts = machine.api("GET", f"/containers/{entry['Id']}/json")
        out[facts["Name"].lstrip("/")] = (facts["Id"], facts["State"]["StartedAt"])
    return out


def ids(machine: Machine) -> dict[str, str]:
    return {name: identity for name, (identity, _) in containers(machine).items()}


def untouched(before: dict[str, tuple[str, str]], machine: Machine) -> None:
    """The same containers, and none of them was ever stopped."""
    now = containers(machine)
    if now != before:
        raise Violation(f"containers were touched: {before} -> {now}")
