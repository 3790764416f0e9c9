"""Group F: the archive to go back to is not what it was. A rollback with the data refuses before anything stops, and an
automatic one before anything is wiped; the present data is untouched, and with the archive mended all goes well."""
from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Callable

import checker
import pictures
from case import Case, Info, Violation
from machine import Machine, Result, wait_for

FEWEST = {"pr": 24, "full": 60}
PR_SHARE = 2/3  # of its cases, by the seed
OLD = "v1"
STEP = 4096
REFUSED = (3,)  # nothing was changed
PLANTED = 60_000  # bytes that do not compress: the archive is a little longer
Damage = Callable[[Path, random.Random], None]  # to a snapshot's directory


def cases(tier: str, info: Info) -> list[Case]:
    sets = {"truncated": truncated(), "flipped": flipped(tier), "missing": missing(), "foreign": foreign(),
            "access": access()}
    if tier != "full":
        sets["truncated"] = dict(list(sets["truncated"].items())[::3])
    out = [Case("archive", f"refused/{name}", refused(damages), points=len(damages)) for name, damages in sets.items()]
    late = {"renamed": renamed_over, "in_place": in_place}
    for name, damage in late.items():
        for point in ("state:cut_over:after#1", "restore:rig_data:verified#1"):
            moment = point.split(":")[-1].split("#")[0] if "restore" in point else "checked"
            out.append(Case("archive", f"swapped/{name}.{moment}", swapped(point, damage)))
    out += [Case("archive", f"automatic/{name}", automatic(damage))
            for name, damage in (("truncated", cut_to(STEP)), ("missing", without("rig_data.tar.zst")))]
    return out


# --- damages ------------------------------------------------------------------------------------------------------


def archive_in(snapshot: Path, volume: str = "rig_data") -> Path:
    return snapshot / f"{volume}.tar.zst"


def cut_to(size: int, volume: str = "rig_data") -> Damage:
    return lambda snapshot, chance: os.truncate(archive_in(snapshot, volume), size)


def truncated() -> dict[str, Damage]:
    out = {f"to {size}": cut_to(size) for size in range(0, PLANTED, STEP)}
    out["by a byte"] = lambda snapshot, chance: os.truncate(archive_in(snapshot), archive_in(snapshot).stat().st_size - 1)
    out["the other volume's"] = cut_to(100, "rig_dbdata")
    return out


def flip(name: str, first: float, last: float) -> Damage:
    """One bit, somewhere between two shares of the file."""
    def damage(snapshot: Path, chance: random.Random) -> None:
        path = snapshot / name
        data = bytearray(path.read_bytes())
        at = min(int(chance.uniform(first, last) * len(data)), len(data) - 1)
        data[at] ^= 1 << chance.randrange(8)
        path.write_bytes(data)
    return damage


def flip_in_manifest(snapshot: Path, chance: random.Random) -> None:
    """Anywhere: its hash is recorded."""
    flip("manifest.json", 0, 1)(snapshot, chance)


def flipped(tier: str) -> dict[str, Damage]:
    out = {}
    times = 6 if tier == "full" else 2
    for number in range(times):
        out[f"header {number}"] = flip("rig_data.tar.zst", 0, 0.0003)
        out[f"data {number}"] = flip("rig_data.tar.zst", 0.001, 0.99)
        out[f"end {number}"] = flip("rig_data.tar.zst", 0.999, 1)
        out[f"other volume {number}"] = flip("rig_dbdata.tar.zst", 0, 1)
        out[f"file list {number}"] = flip("rig_data.files.jsonl.zst", 0, 1)
        out[f"manifest {number}"] = flip_in_manifest
    return out


def without(name: str) -> Damage:
    return lambda snapshot, chance: (snapshot / name).unlink()


def missing() -> dict[str, Damage]:
    names = ("rig_data.tar.zst", "rig_dbdata.tar.zst", "rig_data.files.jsonl.zst", "manifest.json")
    out = {name: without(name) for name in names}
    out["all of it"] = lambda snapshot, chance: shutil.rmtree(snapshot)
    out["empty manifest"] = lambda snapshot, chance: os.truncate(snapshot / "manifest.json", 0)
    return out


def exchange(snapshot: Path, chance: random.Random) -> None:
    for kind in ("tar.zst", "files.jsonl.zst"):
        first, second = snapshot / f"rig_data.{kind}", snapshot / f"rig_dbdata.{kind}"
        kept = first.read_bytes()
        first.write_bytes(second.read_bytes())
        second.write_bytes(kept)


def manifest_of_another(snapshot: Path, chance: random.Random) -> None:
    """Its archives are this one's no more: the names of the volumes are exchanged in it."""
    path = snapshot / "manifest.json"
    text = path.read_text().replace("rig_dbdata", "@").replace("rig_data", "rig_dbdata").replace("@", "rig_data")
    path.write_text(text)


def forged(snapshot: Path, chance: random.Random) -> None:
    """A whole archive of something else, and a manifest that agrees with it."""
    other = snapshot.parent / "forged"
    (other / "root").mkdir(parents=True)
    (other / "root/format").write_text("v1\n")
    (other / "root/lines.v1").write_text("")
    tar = subprocess.run(["tar", "-C", str(other / "root"), "--numeric-owner", "-cf", "-", "."], check=True,
                         capture_output=True).stdout
    data = subprocess.run(["zstd", "-q", "-c"], input=tar, check=True, capture_output=True).stdout
    shutil.rmtree(other)
    archive_in(snapshot).write_bytes(data)
    manifest = json.loads((snapshot / "manifest.json").read_text())
    for volume in manifest["volumes"]:
        if volume["name"] == "rig_data":
            volume.update(archive_bytes=len(data), archive_sha256=hashlib.sha256(data).hexdigest())
    (snapshot / "manifest.json").write_text(json.dumps(manifest))


def foreign() -> dict[str, Damage]:
    return {"archives exchanged": exchange, "manifest of another": manifest_of_another, "forged": forged}


def replaced_by(make: Callable[[Path], None]) -> Damage:
    def damage(snapshot: Path, chance: random.Random) -> None:
        archive_in(snapshot).unlink()
        make(archive_in(snapshot))
    return damage


def linked(snapshot: Path, chance: random.Random) -> None:
    """The same bytes, where others may change them."""
    outside = Path("/run/evidence/archive")
    shutil.copyfile(archive_in(snapshot), outside)
    archive_in(snapshot).unlink()
    archive_in(snapshot).symlink_to(outside)


def access() -> dict[str, Damage]:
    return {
        "archive writable by all": lambda snapshot, chance: archive_in(snapshot).chmod(0o666),
        "archive of somebody else": lambda snapshot, chance: os.chown(archive_in(snapshot), 1000, 1000),
        "manifest writable by all": lambda snapshot, chance: (snapshot / "manifest.json").chmod(0o666),
        "manifest of somebody else": lambda snapshot, chance: os.chown(snapshot / "manifest.json", 1000, 1000),
        "directory writable by all": lambda snapshot, chance: snapshot.chmod(0o777),
        "directory of somebody else": lambda snapshot, chance: os.chown(snapshot, 1000, 1000),
        "a pipe": replaced_by(lambda path: os.mkfifo(path, 0o600)),
        "a directory": replaced_by(lambda path: path.mkdir(0o700)),
        "a link": linked,
    }


# --- cases --------------------------------------------------------------------------------------------------------


def updated(machine: Machine, chance: random.Random) -> Path:
    """v1 has data worth keeping, v2 runs; the snapshot that a rollback wants."""
    pictures.plant(machine, chance, PLANTED)
    result = machine.dockupd("update", "--tag", "v2", program="shipped")
    if result.code != 0:
        raise Violation(f"exit 0 expected: {result}")
    return newest_snapshot(machine)


def newest_snapshot(machine: Machine) -> Path:
    return max(path.parent for path in machine.state.glob("*/snapshots/*/manifest.json"))


class Kept:
    """A snapshot as it was, to be put in place again, modes, owners and all."""

    def __init__(self, machine: Machine, snapshot: Path):
        self.snapshot, self.copy = snapshot, machine.work / "snapshot"
        shutil.rmtree(self.copy, ignore_errors=True)
        subprocess.run(["cp", "-a", str(snapshot), str(self.copy)], check=True)

    def put_back(self) -> None:
        shutil.rmtree(self.snapshot, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.copy), str(self.snapshot)], check=True)


def refused(damages: dict[str, Damage]):
    def run(machine: Machine, chance: random.Random) -> None:
        kept = Kept(machine, updated(machine, chance))
        ids, volume = pictures.containers(machine), pictures.take(machine, "rig_data")
        lines = checker.acknowledged(machine)
        found = []
        for name, damage in damages.items():
            damage(kept.snapshot, chance)
            result = machine.dockupd("rollback", "--with-data", program="shipped", timeout=40)
            try:
                if result.code not in REFUSED:
                    raise Violation(f"exit {REFUSED} expected: {result}")
                pictures.untouched(ids, machine)
                pictures.same_but_for_lines(volume, pictures.take(machine, "rig_data"))
            except Violation as violation:
                found.append(f"{name}: {violation}")
                if pictures.containers(machine) != ids:  # nothing can be said of the others any more
                    break
            kept.put_back()
        if found:
            raise Violation("\n".join(found))
        checker.check(machine, ("v2",), result, lines)
        goes_back(machine)
    return run


def goes_back(machine: Machine) -> None:
    """It was the damage and nothing else."""
    result = machine.dockupd("rollback", "--with-data", program="shipped")
    if result.code != 0:
        raise Violation(f"the archive is mended; exit 0 expected: {result}")
    checker.check(machine, ("v1",), result)


def renamed_over(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    other = path.with_name("other")
    other.write_bytes(data)
    other.chmod(0o600)
    other.rename(path)


def in_place(path: Path, chance: random.Random) -> None:
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))


def swapped(point: str, damage: Callable[[Path, random.Random], None]):
    """After it was checked and before it is used. What was asked for, on the right data; or what ran before, untouched;
    or it says that it needs a person, and with the archive mended recover finishes it. Never the wrong data."""
    def run(machine: Machine, chance: random.Random) -> None:
        kept = Kept(machine, updated(machine, chance))
        process = machine.start_dockupd("rollback", "--with-data", failpoints=f"{point}=stop")
        wait_for(process.stopped, 30, point)
        damage(archive_in(kept.snapshot), chance)
        process.signal(signal.SIGCONT)
        result = process.wait(60)
        kept.put_back()
        if result.code == 0:
            return checker.check(machine, ("v1",), result)
        nothing_began_on_wrong_data(machine)
        if result.code in (3, 20):
            return checker.check(machine, ("v2",), result)
        if result.code not in (22, 30, 40):
            raise Violation(f"exit 3, 20, 22, 30 or 40 expected: {result}")
        mended(machine, result, ("v1", "v2"))
    return run


def automatic(damage: Damage):
    """The update fails, and its own snapshot is damaged by then: nothing is wiped, nothing runs on half of the data."""
    def run(machine: Machine, chance: random.Random) -> None:
        pictures.plant(machine, chance, PLANTED)
        volume = pictures.take(machine, "rig_data")
        process = machine.start_dockupd("update", "--tag", "unhealthy", failpoints="state:rolling_back:after=stop")
        wait_for(process.stopped, 60, "the way back")
        snapshot = newest_snapshot(machine)
        kept = Kept(machine, snapshot)
        damage(snapshot, chance)
        written = pictures.take(machine, "rig_data")
        process.signal(signal.SIGCONT)
        result = process.wait(60)
        if result.code not in (22, 30, 40):
            raise Violation(f"exit 22, 30 or 40 expected: {result}")
        pictures.same_but_for_lines(written, pictures.take(machine, "rig_data"))
        kept.put_back()
        mended(machine, result, (OLD,))
        pictures.same_but_for_lines(volume, pictures.take(machine, "rig_data"))
    return run


def nothing_began_on_wrong_data(machine: Machine) -> None:
    wrong = [e for e in checker.read_evidence(machine.evidence) if e.what == "wrong-data"]
    if wrong:
        raise Violation(f"{wrong[-1].version} was started on the data of {wrong[-1].text}")


def mended(machine: Machine, result: Result, versions: tuple[str, ...]) -> None:
    """The archive is whole again: recover, or else the very command that was printed, brings one of them back. What a
    person is told to look at and remove is removed."""
    recovered = machine.dockupd("recover", program="shipped")
    if recovered.code != 0:
        typed = re.search(r"^  bring it back: +dockupd (.*)$", result.out, re.M)
        if not typed:
            raise Violation(f"no way back is named: {result}")
        recovered = machine.dockupd(*typed[1].split(), program="shipped")
        if recovered.code != 0:
            raise Violation(f"no way back: {result}\n{recovered}")
        for name in pictures.containers(machine):
            if ".dockupd-" in name:
                machine.docker("rm", name)
    checker.check(machine, versions, recovered)
