"""Group J: several at once. Of sixteen invocations one acts, the others say 75 within 200 ms and change nothing; hosts
are told apart by their state directories; whoever types `docker` by hand in the middle is not fought."""
from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import checker
import glance
import records
import scenarios
import world
from case import Case, Info, Violation
from machine import Machine, Result, RigError, wait_for
from scenarios import must

FEWEST = {"pr": 8, "full": 115}
PR_SHARE = 1/3  # of its cases, by the seed
AT_ONCE = 16
ROUNDS = {"pr": 3, "full": 100}
ROUNDS_IN_A_CASE = 10
REFUSAL_SECONDS = 0.200
HERE = Path(__file__).resolve().parent.parent
# Where the first one stands while the others try.
BUSY_AT = ("state:prepared:after", "state:cut_over:after", "state:verifying:after")


def cases(tier: str, info: Info) -> list[Case]:
    out = []
    left, number = ROUNDS[tier], 1
    while left > 0:
        rounds = min(left, ROUNDS_IN_A_CASE)
        out.append(Case("concurrency", f"race/{number}", race(rounds, tier), points=rounds))
        left, number = left - rounds, number + 1
    for at in BUSY_AT if tier == "full" else BUSY_AT[1:2]:
        out.append(Case("concurrency", f"busy/{at}", all_verbs_while_busy(at)))
    for count in (2, 5) if tier == "full" else (2,):
        out.append(Case("concurrency", f"hosts/{count}", race_of_hosts(count)))
    pairs = (("update", "rollback"), ("update", "recover"), ("rollback", "recover"), ("rollback", "rollback"))
    for first, second in pairs if tier == "full" else pairs[:1]:
        out.append(Case("concurrency", f"pair/{first}.{second}", pair(first, second), world="v2"))
    out.append(Case("concurrency", "waits/lock_wait", waits_its_turn))
    by_hand = {"stop_old": "state:cut_over:before", "start_old": "engine:stop_container:after",
               "remove_new": "engine:create_container:after", "restart_new": "state:verifying:after",
               "remove_old": "state:starting:after", "run_stranger": "engine:create_container:after"}
    for what, at in by_hand.items() if tier == "full" else [("start_old", by_hand["start_old"])]:
        out.append(Case("concurrency", f"by_hand/{what}", by_hand_in_the_middle(what, at)))
    return out


# --- sixteen at once ----------------------------------------------------------------------------------------------


def volley(machine: Machine) -> Path:
    """The program that starts them and takes their times, without a shell between."""
    program = machine.work / "volley"
    if not program.exists():
        subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(program), str(HERE / "volley.c")],
                       check=True)
    return program


def fire(machine: Machine, argv: list[str], count: int = AT_ONCE) -> list[tuple[int, float]]:
    """(exit code, seconds from spawn to exit) of each."""
    command = machine.dockupd_command(*argv, program="shipped")
    done = machine.run([str(volley(machine)), str(count), *command], cwd=machine.project, timeout=60)
    if done.code != 0:
        raise RigError(f"volley: {done}")
    out = []
    for line in done.out.splitlines():
        code, microseconds = line.split()
        out.append((int(code), int(microseconds) / 1e6))
    if len(out) != count:
        raise RigError(f"volley: {done}")
    return out


def race(rounds: int, tier: str):
    """All are started at once. From spawn to exit a loser may take 200 ms. In the smaller tier, where others work beside
    them, twice what sixteen that only look (`history`) take at the same time; the whole is for `--machines 1`."""
    def run(machine: Machine, chance: random.Random) -> None:
        times = []
        for _ in range(rounds):
            before = glance.live_tag(machine)
            after = scenarios.other(before)
            idle = sorted(seconds for _, seconds in fire(machine, ["history"]))
            ended = fire(machine, ["update", "--tag", after, "--json", "--progress", "quiet"])
            codes = sorted(code for code, _ in ended)
            if codes != [0] + [75] * (AT_ONCE - 1):
                raise Violation(f"one of {AT_ONCE} acts, the others say 75; they said {codes}")
            if glance.live_tag(machine) != after:
                raise Violation(f"one said done, and {before} runs")
            refused = sorted(seconds for code, seconds in ended if code == 75)
            times.append((refused, idle[-1]))
            if refused[-1] > (REFUSAL_SECONDS if tier == "full" else max(REFUSAL_SECONDS, 2 * idle[-1])):
                raise Violation(f"the last refusal came after {refused[-1] * 1000:.0f} ms ({AT_ONCE} times `history`: "
                                f"{idle[-1] * 1000:.0f} ms); all: {[round(s * 1000) for s in refused]} ms")
            scenarios.lift_holds(machine)
        report(times)
        checker.check(machine, (glance.live_tag(machine),))
        alone(machine)
    return run


def report(times: list[tuple[list[float], float]]) -> None:
    refused = sorted(seconds for one, _ in times for seconds in one)
    middle, late = refused[len(refused) // 2], refused[len(refused) * 95 // 100]
    print(f"concurrency: {len(refused)} refusals, {AT_ONCE} at once on {os.cpu_count()} processors: median "
          f"{middle * 1000:.0f} ms, 95 % within {late * 1000:.0f} ms, the last {refused[-1] * 1000:.0f} ms "
          f"(`history` instead: {max(idle for _, idle in times) * 1000:.0f} ms)", flush=True)


def alone(machine: Machine) -> None:
    """One refusal with the processors to itself."""
    process = machine.start_dockupd("update", "--tag", scenarios.other(glance.live_tag(machine)),
                                    failpoints="state:cut_over:after=stop")
    wait_for(process.stopped, 30, "the cut-over")
    (code, seconds), = fire(machine, ["update", "--tag", world.GOOD[2]], 1)
    process.signal(signal.SIGCONT)
    must(process.wait(30), 0)
    if code != 75 or seconds > REFUSAL_SECONDS:
        raise Violation(f"a refusal alone: exit {code} after {seconds * 1000:.0f} ms")


def all_verbs_while_busy(at: str):
    """Who changes is refused, who only looks is answered; nothing is changed by either."""
    def run(machine: Machine, chance: random.Random) -> None:
        after = world.GOOD[1]
        process = machine.start_dockupd("update", "--tag", after, failpoints=f"{at}=stop")
        wait_for(process.stopped, 30, f"passage of {at}")
        seen = glance.identities(machine)
        files = listing(machine)
        for argv in (["update", "--tag", after], ["rollback"], ["recover"], ["unhold", "x"]):
            must(machine.dockupd(*argv, program="shipped"), 75)
        for argv in (["history"], ["snapshot", "list"], ["status"]):
            must(machine.dockupd(*argv, program="shipped"), 0, 40)
        must(machine.dockupd("plan", "--tag", after, program="shipped"), 75, 40)
        codes = {code for code, _ in fire(machine, ["update", "--tag", after])}
        if codes != {75}:
            raise Violation(f"while another runs: {codes}")
        if glance.identities(machine) != seen:
            raise Violation(f"changed the engine: {seen} → {glance.identities(machine)}")
        if listing(machine) != files:
            raise Violation(f"changed the state directory: {files} → {listing(machine)}")
        process.signal(signal.SIGCONT)
        must(process.wait(30), 0)
        checker.check(machine, (after,))
    return run


def listing(machine: Machine) -> dict[str, int]:
    """path → size of all that dockupd keeps; the lock tells of tries by its text, which is no record."""
    return {str(path.relative_to(machine.state)): path.stat().st_size
            for path in sorted(machine.state.rglob("*")) if path.is_file() and path.name != "lock"}


# --- hosts --------------------------------------------------------------------------------------------------------


def host_command(machine: Machine, host: int, *argv: str) -> list[str]:
    """Another host is another state directory; 0 is the one that deployed."""
    command = machine.dockupd_command(*argv, program="shipped")
    if host:
        command[-1] = str(machine.state.parent / f"host{host}")
    return command


def race_of_hosts(count: int):
    """Only the engine can tell them that they are several."""
    def run(machine: Machine, chance: random.Random) -> None:
        after = world.GOOD[1]
        started = [machine.start(host_command(machine, host, "update", "--tag", after), cwd=machine.project)
                   for host in range(count)]
        results = [process.wait(60) for process in started]
        codes = sorted(result.code for result in results)
        # A second one may come when the first has ended: then there is nothing to do.
        if 0 not in codes or set(codes) - {0, 75}:
            raise Violation("\n".join(map(str, results)))
        for host in range(count):
            result = machine.run(host_command(machine, host, "recover"), cwd=machine.project)
            must(result, 0, *([2] if host else []))
        checker.check(machine, (after,))
    return run


# --- pairs --------------------------------------------------------------------------------------------------------


def pair(first: str, second: str):
    """Both at the same time, from v2; whatever the order is, both say what was so."""
    def run(machine: Machine, chance: random.Random) -> None:
        argv = {"update": ["update", "--tag", world.GOOD[2]], "recover": ["recover"],
                "rollback": ["rollback", "--to", world.GOOD[0], "--with-data"]}
        started = [machine.start_dockupd(*argv[name], program="shipped") for name in (first, second)]
        results = [process.wait(60) for process in started]
        for result in results:
            must(result, 0, 75)
        if all(result.code == 75 for result in results):
            raise Violation(f"neither acts: {results[0]}\n{results[1]}")
        must(machine.dockupd("recover", program="shipped"), 0)
        scenarios.lift_holds(machine)
        checker.check(machine, world.GOOD)
    return run


def waits_its_turn(machine: Machine, chance: random.Random) -> None:
    """With --lock-wait others go after the first, and find nothing to do, with its tag or without one."""
    before = releases(machine)
    process = machine.start_dockupd("update", "--tag", world.GOOD[1], failpoints="state:cut_over:after=stop")
    wait_for(process.stopped, 30, "the cut-over")
    waiting = [machine.start_dockupd("update", *tag, "--lock-wait", "30", program="shipped")
               for tag in (["--tag", world.GOOD[1]], [])]
    must(machine.dockupd("update", "--tag", world.GOOD[1], program="shipped"), 75)
    process.signal(signal.SIGCONT)
    must(process.wait(30), 0)
    for each in waiting:
        must(each.wait(30), 0)
    made = releases(machine) - before
    if len(made) != 1:
        raise Violation(f"one update had something to do, and it made the releases {sorted(made)}")
    checker.check(machine, (world.GOOD[1],))


def releases(machine: Machine) -> set[int]:
    history = must(machine.dockupd("history", "--json", program="shipped"), 0)
    return {entry["release"] for entry in records.document(history)["entries"] if "release" in entry}


# --- by hand ------------------------------------------------------------------------------------------------------


def by_hand_in_the_middle(what: str, at: str):
    """An operator does something to the project's containers while dockupd is at it. It may finish or go back, or leave
    it to a person; it may not lose data, run two writers or lie."""
    def run(machine: Machine, chance: random.Random) -> None:
        before, after = glance.live_tag(machine), world.GOOD[1]
        old = {c.name: c.id for c in glance.containers(machine)}["rig-app-1"]
        process = machine.start_dockupd("update", "--tag", after, failpoints=f"{at}=stop")
        wait_for(process.stopped, 30, f"passage of {at}")
        interfere(machine, what, old)
        process.signal(signal.SIGCONT)
        result = process.wait(60)
        if result.code not in records.EXIT_CODES:
            raise Violation(f"no documented way to end: {result}")
        if what == "run_stranger":
            machine.docker("rm", "--force", "stranger")
        recovered = must(machine.dockupd("recover"), 0, 30, 40)
        if recovered.code != 0 or result.code in (22, 30):
            if what not in ("remove_old", "remove_new", "start_old"):
                raise Violation(f"{what} is nothing that takes a person to mend: {result}\n{recovered}")
            checker.check_open(machine, (before, after))
            must(scenarios.as_it_says(machine, recovered if recovered.code else result), 0)
        scenarios.lift_holds(machine)
        checker.check(machine, (before, after))
    return run


def interfere(machine: Machine, what: str, old: str) -> None:
    new = [c.id for c in glance.containers(machine) if c.service == "app" and c.id != old]
    if what == "stop_old":
        machine.docker("stop", "--time", "2", old)
    elif what == "start_old":
        machine.docker("start", old)
    elif what == "remove_old":
        machine.docker("rm", "--force", old)
    elif what == "remove_new":
        machine.docker("rm", "--force", *new, check=bool(new))
    elif what == "restart_new":
        machine.docker("restart", "--time", "2", *new)
    elif what == "run_stranger":
        machine.docker("run", "--detach", "--name", "stranger", "--entrypoint", "/app", f"{world.IMAGE}:v1", "side")
    else:
        raise RigError(what)
