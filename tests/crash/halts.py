"""A run of dockupd that stands still at a failpoint while the world is changed under it, and is let go again."""
from __future__ import annotations

import signal

import checker
import glance
import records
import scenarios
from case import Info, Violation
from machine import Machine, Process, Result, RigError, wait_for
from scenarios import must

# phase of an update → beginning of a passage in it.
UPDATE_PHASES = {
    "begun": "state:prepared:after", "pulled": "engine:pull_image:after", "created": "engine:create_container:after",
    "cut_over": "state:cut_over:after", "stopped": "engine:stop_container:after", "archived": "snapshot:",
    "starting": "state:starting:after", "started": "engine:start_container:after",
    "verifying": "state:verifying:after", "committed": "state:committed:after"}


def first_passage(info: Info, scenario: str, prefix: str) -> str:
    for passage in info.points(scenario):
        if passage.startswith(prefix):
            return passage
    raise RigError(f"no passage of {scenario} begins with {prefix}")


def at_point(machine: Machine, argv: list[str], *points: str, env: dict | None = None) -> Process:
    """Stopped at the first of them."""
    process = machine.start_dockupd(*argv, failpoints=";".join(f"{point}=stop" for point in points), env=env)
    stops_or_ends(process)
    if not process.stopped():
        raise Violation(f"{points[0]} was not passed: {process.wait(1)}")
    return process


def stops_or_ends(process: Process) -> None:
    wait_for(lambda: process.stopped() or process.poll() is not None, 40, "stop or end of dockupd")


def let_go(process: Process) -> Result:
    """Through further stops that nobody waits for, to its end."""
    while process.poll() is None:
        process.signal(signal.SIGCONT)
        wait_for(lambda: not process.stopped(), 5, "continuing", 0.001)
        stops_or_ends(process)
    return process.wait(5)


def check_said(machine: Machine, result: Result, before: str, after: str) -> str:
    """The exit code is a documented one and agrees with the engine; the tag that runs, "" when it says it is not known."""
    if result.code not in records.EXIT_CODES:
        raise Violation(f"no documented way to end: {result}")
    live = glance.live_tag(machine) if result.code not in (22, 30, 40) else ""
    if result.code == 0 and live != after or result.code in records.UNCHANGED | {20} and live != before:
        raise Violation(f"it says {result.code}, and {live} runs: {result}")
    return live


def nothing_open(machine: Machine) -> None:
    said = records.document(must(machine.dockupd("recover", "--json"), 0))
    if said["outcome"] != "nothing_to_do":
        raise Violation(f"the run had ended, and recover found work: {said}")


def closed(machine: Machine, tags) -> None:
    """It ended by itself, and all is well."""
    nothing_open(machine)
    scenarios.lift_holds(machine)
    checker.check(machine, tags)
