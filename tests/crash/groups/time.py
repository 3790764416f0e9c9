"""Group L: the wall clock is wrong, steps, or is of another zone; the machine has slept. Only dockupd sees the other clock (a
preloaded shim on the shipped program): a time namespace has no CLOCK_REALTIME, and the machine's own clock belongs to
everybody. That deadlines go on while nothing runs is also tested by a process that is stopped (process.py,
stopped/past_deadline)."""
from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import checker
import glance
import records
import scenarios
import world
from case import Case, Info, Violation
from machine import Machine, Result
from scenarios import must

FEWEST = {"pr": 4, "full": 15}
PR_SHARE = 1/3  # of its cases, by the seed
HERE = Path(__file__).resolve().parent.parent
YEAR = 365 * 86400
CLOCKS = {"year_ago": -YEAR, "in_ten_years": 10 * YEAR, "epoch": -int(time.time()) + 5}
STEPS = {"back_a_year": -YEAR, "on_ten_years": 10 * YEAR, "back_an_hour": -3600, "on_an_hour": 3600}
SOON = 300  # ms into a run: it has begun, and is not proven
ASLEEP_AFTER, PATIENCE = 15, 60  # s: by then it waits for the migration, which never ends
ZONES = ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "nonsense")


def cases(tier: str, info: Info) -> list[Case]:
    clocks = CLOCKS if tier == "full" else {"in_ten_years": CLOCKS["in_ten_years"]}
    steps = STEPS if tier == "full" else {"back_a_year": STEPS["back_a_year"]}
    out = [Case("time", f"wrong/{name}", wrong_in_between(offset)) for name, offset in clocks.items()]
    out += [Case("time", f"step/{name}", steps_while_proving(seconds)) for name, seconds in steps.items()]
    out += [Case("time", f"step_failing/{name}", steps_while_failing(seconds)) for name, seconds in steps.items()]
    out += [Case("time", f"killed/{name}", recovered_by_another_clock(offset)) for name, offset in clocks.items()]
    out.append(Case("time", "zone/changes", zone_changes))
    if tier == "full":
        out.append(Case("time", "suspended/while_proving", suspended_while_proving))
    return out


def shim(machine: Machine) -> Path:
    library = machine.work / "clock_shim.so"
    if not library.exists():
        subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library),
                        str(HERE / "clock_shim.c")], check=True)
    return library


def at(machine: Machine, *args: str, offset: int = 0, step: int = 0, program: str = "shipped", **more) -> Result:
    env = {"LD_PRELOAD": str(shim(machine)), "SHIM_OFFSET": str(offset), "SHIM_STEP": str(step),
           "SHIM_STEP_AFTER": str(SOON)}
    return machine.dockupd(*args, program=program, env=env, **more)


def newest(machine: Machine) -> dict:
    entries = records.document(must(machine.dockupd("history", "--json", program="shipped"), 0))["entries"]
    return next(entry for entry in entries if "release" in entry)


def wrong_in_between(offset: int):
    """The order of releases is that of their numbers: one that was made by a wrong clock is gone back to, and back from,
    with the data that belongs to it."""
    def run(machine: Machine, chance: random.Random) -> None:
        must(at(machine, "update", "--tag", "v2", offset=offset), 0)
        made = newest(machine)
        if abs(int(made["at"][:4]) - time.gmtime(time.time() + offset).tm_year) > 1:
            raise RuntimeError(f"the shim has no effect: {made}")
        must(machine.dockupd("recover", program="shipped"), 0)
        must(machine.dockupd("update", "--tag", "v3", program="shipped"), 0)
        if newest(machine)["tag"] != "v3":
            raise Violation(f"the newest release is not the last one made: {newest(machine)}")
        status = records.document(must(machine.dockupd("status", "--json", program="shipped"), 0))
        if status["rollback"]["release"] != made["release"] or not status["rollback"]["ready"]:
            raise Violation(f"the way back leads to r{made['release']}, and status says {status['rollback']}")
        checker.check(machine, ("v3",))
        must(machine.dockupd("rollback", "--with-data", program="shipped"), 0)
        checker.check(machine, ("v2",))
        records.Ledger(machine).check_snapshots()
        must(at(machine, "rollback", "--to", "v1", "--with-data", offset=offset), 0)
        checker.check(machine, ("v1",))
    return run


def steps_while_proving(seconds: int):
    """Deadlines are of a clock that only goes on."""
    def run(machine: Machine, chance: random.Random) -> None:
        result = must(at(machine, "update", "--tag", "v2", step=seconds), 0)
        if result.seconds > 30:
            raise Violation(f"it took {result.seconds:.0f} s: {result}")
        checker.check(machine, ("v2",))
        must(machine.dockupd("rollback", "--with-data", program="shipped"), 0)
        checker.check(machine, ("v1",))
    return run


def steps_while_failing(seconds: int):
    """Neither given up early nor waited for a year."""
    def run(machine: Machine, chance: random.Random) -> None:
        result = must(at(machine, "update", "--tag", world.FAILING, step=seconds), 20)
        if result.seconds > 40:
            raise Violation(f"it took {result.seconds:.0f} s: {result}")
        checker.check(machine, ("v1",))
    return run


def suspended_while_proving(machine: Machine, chance: random.Random) -> None:
    """The time for a migration counts while the machine sleeps, though a clock that measures stands still then."""
    env = {"LD_PRELOAD": str(shim(machine)), "SHIM_SUSPEND": "600", "SHIM_STEP_AFTER": str(ASLEEP_AFTER * 1000)}
    result = must(machine.dockupd("update", "--tag", "mig-hang", "--migration-timeout", str(PATIENCE), program="shipped",
                                  env=env), 20)
    if not ASLEEP_AFTER <= result.seconds < PATIENCE:
        raise Violation(f"given up after {result.seconds:.0f} s: {result}")
    checker.check(machine, ("v1",))


def recovered_by_another_clock(offset: int):
    """Killed by one clock, recovered by the other, both ways; and `recover` counts its tries, not the years."""
    def run(machine: Machine, chance: random.Random) -> None:
        for killed_at, recovered_at in ((0, offset), (offset, 0)):
            after = scenarios.other(glance.live_tag(machine))
            must(at(machine, "update", "--tag", after, offset=killed_at, program="failpoints",
                    failpoints="state:verifying:after=kill"), -9)
            must(at(machine, "recover", offset=recovered_at), 0)
            checker.check(machine, (after,))
    return run


def zone_changes(machine: Machine, chance: random.Random) -> None:
    """Times are kept and sorted as UTC."""
    seen = []
    for zone in ZONES:
        after = scenarios.other(glance.live_tag(machine))
        must(machine.dockupd("update", "--tag", after, program="shipped", env={"TZ": zone}), 0)
        seen.append(newest(machine)["at"])
    if seen != sorted(seen) or not all(at.endswith("Z") for at in seen):
        raise Violation(f"times of releases made one after another: {seen}")
    checker.check(machine, (glance.live_tag(machine),))
