"""Whole runs of dockupd that are broken at each of their points, and what is known of them undisturbed.

A scenario goes from one good version to another, or tries to. Which is which is asked of the machine, so that one can
follow another on the same machine: update, and update back again."""
from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import glance
import world
from case import Violation
from machine import Machine, Result, RigError

TRACE = Path("/run/trace")


def live_tag(machine: Machine) -> str:
    """Of the containers that run, by the engine alone; RigError when it is not one and the same."""
    tags = running_tags(machine)
    if len(tags) != 1:
        raise RigError(f"running: {tags}")
    return tags.pop()


def running_tags(machine: Machine) -> set[str]:
    images = [entry["Image"].rpartition(":") for entry in machine.api("GET", "/containers/json")]
    return {tag for repository, _, tag in images if repository == world.IMAGE}


def other(tag: str) -> str:
    return next(good for good in world.GOOD[:2] if good != tag)


def lift_holds(machine: Machine) -> None:
    """What an update that was rolled back left, so that the same can be tried again."""
    status = machine.dockupd("status").out
    for tag in (*world.GOOD, world.FAILING):
        if f"{world.IMAGE}:{tag}" in status:
            machine.dockupd("unhold", f"{world.IMAGE}:{tag}")


def as_it_says(machine: Machine, result: Result) -> Result:
    """Of the command that a run which needs a person prints."""
    printed = re.search(r"^  bring it back: +dockupd (.*)$", result.out, re.M)
    if printed is None:
        raise Violation(f"it does not say what to type: {result}")
    done = machine.dockupd(*printed[1].split(), program="shipped", timeout=90)
    remove_set_aside(machine)
    return done


def remove_set_aside(machine: Machine) -> None:
    """What an attempt that needed a person has left stays for that person to look at, and to remove."""
    for c in glance.containers(machine):
        if ".dockupd-" in c.name:
            machine.docker("rm", "-f", c.id)


def split_passed_once(points: list[str]) -> tuple[list[str], list[str]]:
    """Those that a machine passes the first time only (a version is fetched, the old one's image kept), and the rest."""
    once = [point for point in points if "pull" in point or "tag_image" in point]
    return once, [point for point in points if point not in once]


def must(result: Result, *codes: int) -> Result:
    if result.code not in codes:
        raise Violation(f"exit {' or '.join(map(str, codes))} expected: {result}")
    return result


@dataclass(frozen=True)
class Scenario:
    """What is broken is dockupd `argv`, in `world`, after `prelude` has set the stage."""

    world: str
    argv: Callable[[str], list[str]]  # of the tag that is live
    codes: tuple[int, ...]  # undisturbed
    prelude: Callable[[Machine, str], None] = lambda machine, live: None
    failpoints: str = ""  # that make it what it is
    goes_forward: bool = False  # something new can be what runs in the end
    found: str = ""  # the state of the attempt at its beginning, when it is one that the prelude left

    def trace(self, machine: Machine) -> list[str]:
        """The passages of an undisturbed run, in order."""
        live = live_tag(machine)
        self.prelude(machine, live)
        must(machine.dockupd(*self.argv(live), failpoints=self.failpoints,
                             env={"DOCKUPD_FAILPOINT_TRACE": str(TRACE)}), *self.codes)
        return machine.read(TRACE).split("\n")[:-1]


UNTOUCHED = ("", "prepared", "cut_over")


def versions_after(scenario: Scenario, passages: list[str], point: str, live: str, fault: str) -> tuple[str, ...]:
    """What may run once a run that met this fault at this passage was recovered. When nothing else died with it, what goes
    forward also gets there."""
    if not scenario.goes_forward:
        return (live,)
    if fault == "engine":  # the run itself goes on from there
        return (live, other(live))
    state, is_known = scenario.found, True
    for passage in passages:
        word, _, rest = passage.partition(":")
        if word == "state":
            name, _, moment = rest.partition(":")
            after = moment.startswith("after#")
            # Between the two it may have been recorded, and at the first it has not.
            state, is_known = (name, True) if after else (state, passage == point)
        if passage == point:
            break
    new = other(live)
    if not is_known:
        return (live, new)
    if state in UNTOUCHED:
        return (live,)
    return (new,) if fault == "kill" or state in ("committed", "done") else (live, new)


def update_killed_at(tag: Callable[[str], str], point: str) -> Callable[[Machine, str], None]:
    def prelude(machine: Machine, live: str) -> None:
        must(machine.dockupd("update", "--tag", tag(live), failpoints=f"{point}=kill"), -9)
    return prelude


ALL = {
    "update": Scenario("v1", lambda live: ["update", "--tag", other(live)], (0,), goes_forward=True),
    # Its version has written, and is never healthy.
    "failing_update": Scenario("v1", lambda live: ["update", "--tag", world.FAILING], (20,)),
    "rollback": Scenario("v2", lambda live: ["rollback", "--to", other(live), "--with-data"], (0,), goes_forward=True),
    "recover": Scenario("v1", lambda live: ["recover"], (0,), update_killed_at(other, "state:verifying:after"),
                        goes_forward=True, found="verifying"),
    "recover_back": Scenario("v1", lambda live: ["recover"], (0,),
                             update_killed_at(lambda live: world.FAILING, "state:restoring:after")),
    # Given up before anything stopped; and the end that leaves it to a person. Only their traces are of use.
    "abandoned": Scenario("v1", lambda live: ["update", "--tag", other(live)], (3,),
                          failpoints="engine:stop_container:before=error"),
    "attention": Scenario("v2", lambda live: ["rollback", "--to", other(live), "--with-data"], (30,),
                          failpoints="engine:start_container:before=error"),
}
SCENARIOS = {name: (scenario.world, scenario.trace) for name, scenario in ALL.items()}
