"""What dockupd has acknowledged must stay: releases it has printed, snapshots it has listed, a database that is whole.
Asks the shipped program and SQLite; whether what runs is right is the checker's to say (checker.py)."""
from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from case import Violation
from machine import Machine, Result

# What the README promises: any other way to end (a signal, 127, an abort) is a crash.
EXIT_CODES = frozenset({0, 1, 2, 3, 4, 5, 10, 20, 21, 22, 30, 40, 75})
UNCHANGED = frozenset({1, 2, 3, 4, 5, 10, 75})


def state_directory(machine: Machine, root: Path | None = None) -> Path | None:
    """Of the only project in a state directory; None: there is none yet."""
    root = root or machine.state
    if not root.is_dir():
        return None
    found = [entry for entry in root.iterdir() if (entry / "state.db").exists()]
    if len(found) > 1:
        raise Violation(f"several projects in {root}: {[entry.name for entry in found]}")
    return found[0] if found else None


def check_database(machine: Machine, root: Path | None = None) -> None:
    """`pragma integrity_check` on a copy, as a person would; the run has ended."""
    directory = state_directory(machine, root)
    if directory is None:
        return
    with tempfile.TemporaryDirectory(dir=machine.work) as copy:
        for part in ("state.db", "state.db-wal", "state.db-journal"):
            if (directory / part).exists():
                shutil.copyfile(directory / part, Path(copy) / part)
        if (Path(copy) / "state.db").stat().st_size == 0:
            return  # killed before its first page: the next run begins it anew
        try:
            connection = sqlite3.connect(Path(copy) / "state.db")
            answer = [row[0] for row in connection.execute("pragma integrity_check")]
            connection.close()
        except sqlite3.Error as error:
            answer = [str(error)]
    if answer != ["ok"]:
        raise Violation(f"the database is damaged: {answer[:5]}")


def check_exit(result: Result, killed: bool, what: str) -> None:
    if killed and result.code in (-9, 137):
        return
    if result.code not in EXIT_CODES:
        raise Violation(f"{what}: no documented way to end: {result}")


def document(result: Result) -> dict:
    """The one JSON document on stdout."""
    try:
        return json.loads(result.out)
    except ValueError:
        raise Violation(f"no JSON document: {result}") from None


def lift_holds(machine: Machine) -> None:
    status = machine.dockupd("status", "--json", program="shipped")
    for hold in document(status).get("holds", []):
        lifted = machine.dockupd("unhold", hold["image"], program="shipped")
        if lifted.code != 0:
            raise Violation(f"unhold {hold['reference']}: {lifted}")


class Ledger:
    """What was acknowledged so far, and whether all of it is still there."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.releases: dict[int, tuple] = {}
        self.take()

    def _ask(self, *args: str) -> dict:
        result = self.machine.dockupd(*args, "--json", program="shipped")
        if result.code != 0:
            raise Violation(f"{' '.join(args)}: {result}")
        return document(result)

    def take(self) -> None:
        """Notes what is printed now. The verdict may still change, a release may not."""
        entries = self._ask("history")["entries"]
        now = {entry["release"]: (entry["tag"], entry["at"]) for entry in entries if "release" in entry}
        for number, facts in self.releases.items():
            if now.get(number) != facts:
                raise Violation(f"release r{number} {facts} was acknowledged and is lost; history has {now}")
        self.releases = now

    def check(self, result: Result) -> None:
        """Nothing that was acknowledged is lost; what this run (with --json) has said it made is there."""
        self.take()
        made = (document(result).get("release_now") or {}).get("number") if result.code == 0 else None
        if made is not None and made not in self.releases:
            raise Violation(f"it said that r{made} runs, and the history has no such release: {result}")

    def check_snapshots(self) -> None:
        """Verified to the last byte, or not there: after a recover nothing half is left."""
        listed = self._ask("snapshot", "list")
        if listed["unreadable"]:
            raise Violation(f"snapshots that cannot be read are listed: {listed['unreadable']}")
        ids = [entry["id"] for entry in listed["snapshots"]]
        for one in ids:
            result = self.machine.dockupd("snapshot", "verify", one, program="shipped")
            if result.code != 0:
                raise Violation(f"listed snapshot {one} is not whole: {result}")
        directory = state_directory(self.machine) or self.machine.state
        left = set(os.listdir(directory / "snapshots")) if (directory / "snapshots").exists() else set()
        if left - set(ids):
            raise Violation(f"left over in snapshots/: {sorted(left - set(ids))}")
