"""Group K: killed at every point, and dockupd cannot be had. `sh rescue.sh` brings the old version back with its data,
with docker and tar alone; a recover afterwards agrees with it and leaves nothing over. Where there is no script, nothing
had been changed yet, or all had been done."""
from __future__ import annotations

import random
from pathlib import Path

import checker
import glance
import scenarios
import world
from case import Case, Info, Violation
from machine import Machine, Result
from scenarios import ALL, must

FEWEST = {"pr": 8, "full": 250}
PR_SHARE = 1/4  # of its cases, by the seed
CHAIN = 8
SAMPLE = {"update": 4, "failing_update": 4, "rollback": 4}  # points in the small tier
SECONDS = 90


def cases(tier: str, info: Info) -> list[Case]:
    out = []
    for name in SAMPLE:
        points = info.points(name)
        if name == "failing_update":  # up to there it is an update like any other
            points = points[points.index("state:starting:before#1"):]
        once, rest = scenarios.split_passed_once(points)
        if tier != "full":
            step = len(rest) / SAMPLE[name]
            once, rest = [], [rest[int((number + 0.5) * step)] for number in range(SAMPLE[name])]
        chains = [[point] for point in once] + [rest[at:at + CHAIN] for at in range(0, len(rest), CHAIN)]
        out += [Case("escape", f"{name}/{number}", escaped(name, chain), ALL[name].world, points=len(chain))
                for number, chain in enumerate(chains, 1)]
    return out


def escaped(name: str, points: list[str]):
    def run(machine: Machine, chance: random.Random) -> None:
        gone: set[str] = set()  # what a version wrote that a script took away again
        for point in points:
            try:
                one_point(machine, ALL[name].argv(scenarios.live_tag(machine)), point, gone)
            except Violation as violation:
                raise Violation(f"{name}, killed at {point}: {violation}") from violation
    return run


def one_point(machine: Machine, argv: list[str], point: str, gone: set[str]) -> None:
    old, new = scenarios.live_tag(machine), argv[2]
    world.wait_for_lines(machine, old, 2)
    lines = [line for line in checker.acknowledged(machine, old) if line not in gone]
    before = services(machine)
    must(machine.dockupd(*argv, failpoints=f"{point}=kill"), -9)
    checker.check_open(machine, (old, new))
    scripts = list(machine.state.glob("*/attempts/*/rescue.sh"))
    if len(scripts) > 1:
        raise Violation(f"several scripts: {scripts}")
    rescued = None
    if scripts:
        rescued = rescue(machine, scripts[0])
        gone.update(checker.acknowledged(machine, new))
        checker.check_rescued(machine, old, lines)
        if point.endswith(":after#1"):  # twice, as a person does who is not sure
            rescue(machine, scripts[0])
            checker.check_rescued(machine, old, lines)
    elif (running := scenarios.running_tags(machine)) not in ({old}, {new}) or running == {new} and new not in world.GOOD:
        raise Violation(f"there is no script, and what runs is {running}")
    elif running == {old} and before != services(machine):
        raise Violation("there is no script, and something was changed")
    recovered = must(machine.dockupd("recover"), 0)
    scenarios.lift_holds(machine)
    versions = (old,) if rescued or new not in world.GOOD else (old, new)
    if argv[0] == "rollback" and scenarios.live_tag(machine) == new:
        lines = []  # with the data of then; what was written since is in the archive
    checker.check(machine, versions, recovered, lines)


def services(machine: Machine) -> list[glance.Container]:
    return [c for c in glance.containers(machine) if c.service]


def rescue(machine: Machine, script: Path) -> Result:
    """As a person types it: plain sh, nothing of ours."""
    result = machine.run(["sh", str(script)], timeout=SECONDS, cwd=machine.project)
    if result.code != 0:
        raise Violation(f"the script failed: {result}")
    return result
