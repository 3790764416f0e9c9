"""Group M: dockupd's database is gone, damaged, of the future, or not its own any more, while nothing goes on and in the
middle of an update. Nothing destructive happens by itself, the message says what to do, and the way back by hand works
without it. Databases of older releases: there has been no release yet."""
from __future__ import annotations

import os
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Callable

import checker
import glance
import records
import scenarios
import world
from case import Case, Info, Violation
from machine import Machine, Result, RigError
from scenarios import must

FEWEST = {"pr": 10, "full": 52}
PR_SHARE = 1/5  # of its cases, by the seed
DAMAGED, SPOILT = "damaged", "spoilt"  # needs --rebuild · is well again when what was done to it is undone
ADVICE = {DAMAGED: ("recover --rebuild",), SPOILT: ("chmod", "chown", "remove", "newer", "read-only", "owner")}
OPEN_AT = {"before_stop": "state:prepared:after", "old_stopped": "engine:stop_container:after",
           "new_runs": "state:verifying:after"}
PR = (("idle", "deleted"), ("idle", "zeroed"), ("idle", "header_flipped"), ("idle", "newer_schema"),
      ("idle", "mode_open"), ("old_stopped", "deleted"), ("old_stopped", "zeroed"), ("old_stopped", "wal_lost"),
      ("new_runs", "header_flipped"), ("new_runs", "read_only"))


def cases(tier: str, info: Info) -> list[Case]:
    if tier == "pr":
        chosen = PR
    else:
        chosen = [("idle", name) for name in WAYS] + [(at, name) for at in OPEN_AT for name in WAYS]
    return [Case("database", f"{at}/{name}", idle(name) if at == "idle" else in_the_middle(name, OPEN_AT[at]))
            for at, name in chosen]


# --- ways to lose it ----------------------------------------------------------------------------------------------


def deleted(machine: Machine, file: Path) -> None:
    for path in file.parent.glob("state.db*"):
        path.unlink()


def emptied(machine: Machine, file: Path) -> None:
    os.truncate(file, 0)


def zeroed(machine: Machine, file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def header_flipped(machine: Machine, file: Path) -> None:
    wal_lost(machine, file)  # it may hold the page whole, which is then no damage
    flip(file, 3)


def page_flipped(machine: Machine, file: Path) -> None:
    """The root page of a table: its type is none that there is."""
    wal_lost(machine, file)
    flip(file, 4096 * 2)


def flip(file: Path, at: int) -> None:
    with open(file, "r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)
        opened.seek(at)
        opened.write(bytes([byte[0] ^ 0x55]))


def truncated(machine: Machine, file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2 + 100)


def wal_lost(machine: Machine, file: Path) -> None:
    """What was recorded last is gone; the rest is whole, and old."""
    for path in file.parent.glob("state.db-*"):
        path.unlink()


def newer_schema(machine: Machine, file: Path) -> None:
    copy = machine.work / "newer.db"  # SQLite does not open through another process's root
    for part in ("", "-wal"):  # what it holds of these pages would win
        if Path(f"{file}{part}").exists():
            shutil.copyfile(f"{file}{part}", f"{copy}{part}")
    with sqlite3.connect(copy) as database:
        database.execute("pragma user_version = 9999")
        database.execute("update meta set min_reader = 9999, written_by = '9.9.9'")
    database.close()
    wal_lost(machine, file)
    shutil.copyfile(copy, file)


def read_only(machine: Machine, file: Path) -> None:
    directory = str(file.parent)
    must(machine.run(["mount", "--bind", directory, directory]), 0)
    must(machine.run(["mount", "-o", "remount,bind,ro", directory]), 0)


def wrong_owner(machine: Machine, file: Path) -> None:
    os.chown(file, 12345, 12345)


def mode_open(machine: Machine, file: Path) -> None:
    file.chmod(0o666)


def directory_open(machine: Machine, file: Path) -> None:
    file.parent.chmod(0o777)


def symlink(machine: Machine, file: Path) -> None:
    elsewhere = machine.state.parent / "elsewhere.db"
    shutil.move(file, elsewhere)
    file.symlink_to(elsewhere)


WAYS: dict[str, tuple[Callable, str]] = {
    "deleted": (deleted, DAMAGED), "emptied": (emptied, DAMAGED), "zeroed": (zeroed, DAMAGED),
    "header_flipped": (header_flipped, DAMAGED), "page_flipped": (page_flipped, DAMAGED),
    "truncated": (truncated, DAMAGED), "wal_lost": (wal_lost, SPOILT), "newer_schema": (newer_schema, SPOILT),
    "read_only": (read_only, SPOILT), "wrong_owner": (wrong_owner, SPOILT), "mode_open": (mode_open, SPOILT),
    "directory_open": (directory_open, SPOILT), "symlink": (symlink, SPOILT)}


def kept_aside(directory: Path, machine: Machine) -> Path:
    copy = machine.work / "records"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for path in directory.glob("state.db*"):
        shutil.copy2(path, copy / path.name)
    return copy


def undo(machine: Machine, name: str, directory: Path, copy: Path) -> None:
    """Of what is SPOILT, as the message advises."""
    if name == "wal_lost":
        return
    if name == "read_only":
        must(machine.run(["umount", str(directory)]), 0)
        return
    directory.chmod(0o700)
    for path in directory.glob("state.db*"):
        path.unlink()
    for path in copy.iterdir():
        shutil.copyfile(path, directory / path.name)
        (directory / path.name).chmod(0o600)


# --- what is looked at --------------------------------------------------------------------------------------------


def snapshot_files(directory: Path) -> dict[str, int]:
    return {str(path.relative_to(directory)): path.stat().st_size
            for path in sorted((directory / "snapshots").rglob("*")) if path.is_file()}


def data_volumes(machine: Machine) -> list[str]:
    return sorted(volume["Name"] for volume in machine.api("GET", "/volumes")["Volumes"])


class Watched:
    """What a command that refuses must leave as it is."""

    def __init__(self, machine: Machine, directory: Path):
        self.machine, self.directory = machine, directory
        self.before = self.look()

    def look(self) -> tuple:
        return glance.identities(self.machine), data_volumes(self.machine), snapshot_files(self.directory)

    def refuses(self, name: str, *argv: str) -> Result:
        result = self.machine.dockupd(*argv, program="shipped")
        if result.code not in records.EXIT_CODES - {0}:
            raise Violation(f"{' '.join(argv)} with a database that is {name}: {result}")
        advice = ADVICE[WAYS[name][1]]
        if not any(word in result.err + result.out for word in advice):
            raise Violation(f"{' '.join(argv)} does not say what to do (one of {advice}): {result}")
        self.unchanged(" ".join(argv), result)
        return result

    def looks(self, *argv: str) -> None:
        """May succeed, and says nothing untrue."""
        result = self.machine.dockupd(*argv, "--json", program="shipped")
        if result.code not in records.EXIT_CODES:
            raise Violation(f"{' '.join(argv)}: {result}")
        if argv == ("status",) and result.code == 0:
            said = {c["name"]: c["state"] for c in records.document(result)["containers"]}
            so = {name: state for name, (_, state) in glance.identities(self.machine).items()}
            if any(so.get(container) != state for container, state in said.items()):
                raise Violation(f"status says {said}, and so it is: {so}")
        self.unchanged(" ".join(argv), result)

    def unchanged(self, what: str, result: Result) -> None:
        after = self.look()
        if after != self.before:
            raise Violation(f"{what} changed {self.before} into {after}: {result}")


def project_directory(machine: Machine) -> Path:
    directory = records.state_directory(machine)
    if directory is None:
        raise RigError("no database to damage")
    return directory


# --- cases --------------------------------------------------------------------------------------------------------


def idle(name: str):
    def run(machine: Machine, chance: random.Random) -> None:
        way, kind = WAYS[name]
        directory = project_directory(machine)
        copy = kept_aside(directory, machine)
        live = glance.live_tag(machine)
        way(machine, directory / "state.db")
        if name != "wal_lost":  # at rest all is in the file
            watched = Watched(machine, directory)
            for looking in (("status",), ("history",), ("snapshot", "list")):
                watched.looks(*looking)
            for changing in (("update", "--tag", world.GOOD[2]), ("rollback", "--no-data"), ("recover",)):
                watched.refuses(name, *changing)
        mended(machine, name, kind, directory, copy)
        checker.check(machine, (live,))
        goes_on(machine, directory)
    return run


def in_the_middle(name: str, point: str):
    """Killed there; then the database is lost. First as dockupd would have it, then by hand."""
    def run(machine: Machine, chance: random.Random) -> None:
        way, kind = WAYS[name]
        before = glance.live_tag(machine)
        must(machine.dockupd("update", "--tag", world.GOOD[1], failpoints=f"{point}=kill"), -9)
        directory = project_directory(machine)
        copy = kept_aside(directory, machine)
        script = rescue_script(directory)
        way(machine, directory / "state.db")
        watched = Watched(machine, directory)
        for looking in (("status",), ("history",)):
            watched.looks(*looking)
        if name != "wal_lost":
            watched.refuses(name, "update", "--tag", world.GOOD[2])
        # On a read-only directory the script refuses: it could not leave its marks, and recover would not know.
        if name == "symlink" or kind == DAMAGED and chance.random() < 0.5:
            rescued(machine, script, before)
        mended(machine, name, kind, directory, copy)
        scenarios.lift_holds(machine)
        checker.check(machine, world.GOOD[:2])
        goes_on(machine, directory)
    return run


def rescue_script(directory: Path) -> Path:
    found = sorted(directory.glob("attempts/*/rescue.sh"))
    if not found:
        raise Violation(f"an open update, and no rescue.sh in {directory}")
    if not (found[-1].parent / "plan.json").exists():
        raise Violation(f"no plan.json beside {found[-1]}")
    return found[-1]


def rescued(machine: Machine, script: Path, tag: str) -> None:
    done = machine.run(["sh", str(script)], timeout=90)
    if done.code != 0:
        raise Violation(f"{script.name}: {done}")
    running = {c.service: c.tag for c in glance.containers(machine) if c.state == "running"}
    if running.get("app") != tag or running.get("side") != tag or "db" not in running:
        raise Violation(f"after rescue.sh {running} run, {tag} was wanted: {done}")


def mended(machine: Machine, name: str, kind: str, directory: Path, copy: Path) -> None:
    if kind == DAMAGED:
        must(machine.dockupd("recover", "--rebuild", program="shipped"), 0)
        damaged = list(directory.glob("state.db.damaged-*"))
        if not damaged and name not in ("deleted", "emptied"):
            raise Violation("recover --rebuild did not keep the records that it could not read")
        for path in damaged:  # looked at, and thrown away by hand: nothing else may be left
            path.unlink()
    else:
        undo(machine, name, directory, copy)
        must(machine.dockupd("recover", program="shipped"), 0)


def goes_on(machine: Machine, directory: Path) -> None:
    after = scenarios.other(glance.live_tag(machine))
    must(machine.dockupd("update", "--tag", after, program="shipped"), 0)
    records.check_database(machine)
    records.Ledger(machine).check_snapshots()
    checker.check(machine, (after,))
