"""A case: one fault on one machine, and what must hold afterwards. Groups list their cases in groups/NAME.py:

    FEWEST = {"pr": 40, "full": 200}   # points (of all cases it lists) below which the group is not what it claims
    PR_SHARE = 1/2                     # of the cases that it lists for the pr tier, how many are run; without it all
    def cases(tier: str, info: Info) -> list[Case]

A case gets a machine that was booted from the saved world it asks for, and a random source that its seed decides. It
raises Violation when a promise is broken; any other exception is a fault of the rig and ends the run as a failure too.

world.py has the worlds, each built on its parent, once in a run and file system, then only copied:

    WORLDS: dict[str, tuple[parent's name or None, Callable[[Machine], None]]]     # makes it, on a booted machine
    def ready(machine: Machine, world: str) -> None                               # waits, after a boot of a copy
"""
from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from machine import Machine

TIERS = frozenset({"pr", "full"})


class Violation(Exception):
    """dockupd broke a promise. The text says which, and what was seen."""


@dataclass(frozen=True)
class Case:
    group: str
    name: str  # unique in its group, without spaces: it is typed after --replay; "KIND/REST" gets KIND a row of its own
    # What comes back, if anything: seconds of recoveries (recovery_time.py), for the report.
    run: Callable[[Machine, random.Random], list[float] | None]
    world: str = "v1"  # "empty", "v1" (deployed and proven by dockupd, has written data), "v2" (then updated)
    filesystem: str = "ext4"
    tiers: frozenset = field(default=TIERS)
    points: int = 1  # faults it goes through, for the table

    @property
    def id(self) -> str:
        return f"{self.group}/{self.name}"


class Info:
    """What groups may ask while they list their cases."""

    def __init__(self, traces: dict[str, list[str]], seed: int):
        self._traces = traces
        self.seed = seed

    def points(self, scenario: str) -> list[str]:
        """The failpoint passages ("NAME#k", in order) of one undisturbed run of a scenario: "update",
        "failing_update" (comes back by itself, with the data), "rollback" (an operator's, with the data),
        "recover" (of an update killed while its new version was verified)."""
        return list(self._traces[scenario])
