"""Group A: killed everywhere (points_of() says at which points), in each way, then `recover`, then the checker. One
case goes through several points on one machine, each from where the last one left the project: that is what keeps the
sweep short, and what is left over by one is found by the next."""
from __future__ import annotations

import json
import math
import random
import re
import shutil
import signal
import sqlite3
import time
from pathlib import Path
from typing import Callable

import checker
import pictures
import recovery_time
import scenarios
import world
from case import Case, Info, Violation
from halts import at_point
from machine import Machine, Result, TimedOut, wait_for
from scenarios import ALL, Scenario, must

FEWEST = {"pr": 210, "full": 1300}
# What a case goes through on one machine. More would save boots; fewer say sooner which one it was.
CHAIN = {"kill": 10, "cut": 7, "engine": 7, "engine+kill": 7}
IN_A_ROW = 5  # of the deaths that chance decides
RANDOM_POINTS, NESTED_POINTS, STARTING_POINTS = 200, 100, 20
STARTING_SECONDS = 0.15
DAEMON_BLIND = "is in containerd, and the daemon"
LARGE = 32 << 20  # bytes that do not compress
ENDS = 4
SWEPT = ("update", "failing_update", "rollback", "recover", "recover_back")


def cases(tier: str, info: Info) -> list[Case]:
    out = [Case("kill", "points/of_every_step", every_step_has_points(info)),
           Case("kill", "points/of_every_state", every_state_has_points(info))]
    for fault in FAULTS:
        for name in SWEPT:
            out += sweep(tier, name, fault, points_of(tier, name, fault, info), info)
    if tier == "full":
        out += in_rows("random", RANDOM_POINTS, at_a_random_time)
        out += in_rows("nested", NESTED_POINTS, lambda machine, chance: nested(machine, chance, info))
        out += in_rows("starting", STARTING_POINTS,
                       lambda machine, chance: while_a_container_starts(machine, chance, info))
        points = ("snapshot:complete#1", "snapshot:listed#1", *recorded_snapshot(info))
        out += [Case("kill", "cut/of_a_large_snapshot", cut_of_a_large_snapshot(points), points=len(points)),
                Case("kill", "cut/right_after_the_end", cut_right_after_the_end())]
    return out


# --- which points -------------------------------------------------------------------------------------------------


def points_of(tier: str, name: str, fault: str, info: Info) -> list[str]:
    """Each place in the program by each death, at one passage, as the seed decides: full out of all scenarios, pr in the
    first that comes to it, and there a third of them by power cut and a third with dockerd killed. full kills at every
    instant of every scenario."""
    if tier == "full" and fault == "kill":
        return instants(info.points(name))
    chosen = []
    for place, passages in places(info).items():
        if tier == "pr":
            passages = [one for one in passages if one[0] == passages[0][0]]
        chosen.append(random.Random(f"{info.seed}:{fault}:{place}").choice(passages))  # whatever the other places are
    if tier == "pr":
        first = info.seed % 3
        thirds = {"cut": chosen[first::3], "engine": chosen[(first + 1) % 3::3], "kill": chosen, "engine+kill": []}
        chosen = thirds[fault]
    return [point for scenario, point in chosen if scenario == name]


def places(info: Info) -> dict[str, list[tuple[str, str]]]:
    """Where in the program → its passages, (scenario, point) each. The same call is another place in another step."""
    out: dict[str, list[tuple[str, str]]] = {}
    for name in SWEPT:
        step = ""
        for point in instants(info.points(name)):
            place = place_of(point)
            if point.startswith("step:"):
                step = place.rpartition(":")[0] + " "
            out.setdefault(step + place if point.startswith("engine:") else place, []).append((name, point))
    return out


def place_of(point: str) -> str:
    """Without which service, volume or image it is about, and the how-manieth passage it is."""
    words = point.rpartition("#")[0].split(":")
    if words[0] == "step":
        words = [*words[:2], re.match(r"\S+( network| volume)?", words[2])[0], words[-1]]
    elif words[0] != "state":
        words[1] = re.sub(r"^.*(?=\.(tar|files|log|state)\b)|^rig_\w+$", "*", words[1])
    return ":".join(words)


def instants(points: list[str]) -> list[str]:
    """Without those before which nothing has happened since the point before them, to disk or engine: dying at either
    is the same death. Between an intention, or the end of a call, and the beginning of a call the engine is only asked,
    and so it is between the end of a step's last call and "made"."""
    out = points[:1]
    for before, point in zip(points, points[1:]):
        calls = before.startswith("engine:") and ":after#" in before
        begins = point.startswith("engine:") and ":before#" in point
        if not (begins and (calls or ":intended#" in before) or calls and ":made#" in point):
            out.append(point)
    return out


def sweep(tier: str, name: str, fault: str, points: list[str], info: Info) -> list[Case]:
    first, rest = scenarios.split_passed_once(points)  # a case takes one of the first before all others
    count = max(len(first), math.ceil(len(points) / CHAIN[fault]))
    chains = [first[number:number + 1] for number in range(count)]
    for number, point in enumerate(rest):
        chains[number % count].append(point)
    return [Case("kill", f"{fault}/{name}.{number}", chain_of(tier, name, info, fault, chain), ALL[name].world,
                 points=len(chain)) for number, chain in enumerate(chains, 1)]


# --- faults -------------------------------------------------------------------------------------------------------


def killed(machine: Machine, argv: list[str], point: str) -> None:
    must(machine.dockupd(*argv, failpoints=f"{point}=kill"), -9)


def cut(machine: Machine, argv: list[str], point: str) -> None:
    if machine.filesystem == "btrfs":  # knows no shutdown from within
        process = machine.start_dockupd(*argv, failpoints=f"{point}=stop")
        wait_for(process.stopped, 30, f"passage of {point}")
        machine.power_cut()
    else:
        process = machine.start_dockupd(*argv, failpoints=f"{point}=run:cut")
        result = process.wait()
        if result.code != -9:
            raise Violation(f"{point} was not passed: {result}")
        machine.await_off()
    machine.boot()


def engine_killed(machine: Machine, argv: list[str], point: str) -> None:
    """The tool lives: it ends by itself, and what it says is what is so."""
    before = scenarios.live_tag(machine) if argv[0] != "recover" else None
    result = must(machine.dockupd(*argv, failpoints=f"{point}=run:engine"), 0, 1, 3, 4, 5, 20, 22, 30, 40)
    machine.wait_engine()
    if before is not None:
        check_what_it_said(machine, result, before)


def check_what_it_said(machine: Machine, result: Result, before: str) -> None:
    """Without `recover` yet: the engine may have come back without what it ran, which is no lie of dockupd's."""
    running = scenarios.running_tags(machine)
    if result.code == 0 and before in running:
        raise Violation(f"it said done, and {before} runs: {result}")
    if result.code in (1, 3, 4, 5, 20) and running - {before}:
        raise Violation(f"it said {before} was left or is back, and {running} runs: {result}")


def engine_and_tool_killed(machine: Machine, argv: list[str], point: str) -> None:
    must(machine.dockupd(*argv, failpoints=f"{point}=run+kill:engine"), -9)
    machine.wait_engine()


FAULTS = ("kill", "cut", "engine", "engine+kill")
_DO: dict[str, Callable[[Machine, list[str], str], None]] = {
    "kill": killed, "cut": cut, "engine": engine_killed, "engine+kill": engine_and_tool_killed}


# --- cases --------------------------------------------------------------------------------------------------------


def chain_of(tier: str, name: str, info: Info, fault: str, points: list[str]):
    scenario = ALL[name]

    def run(machine: Machine, chance: random.Random) -> list[float]:
        seconds = []
        for point in points:
            try:
                live = scenarios.live_tag(machine)
                versions = scenarios.versions_after(scenario, info.points(name), point, live, fault)
                scenario.prelude(machine, live)
                _DO[fault](machine, scenario.argv(live), point)
                checker.check_open(machine, (live, scenarios.other(live)))
                seconds.append(recovered(machine, live, versions))
            except Violation as violation:
                raise Violation(f"{fault} at {point}: {violation}") from violation
        if tier == "full":
            alive_afterwards(machine)
        return seconds
    return run


def restart_engine(machine: Machine) -> None:
    machine.kill_engine()
    machine.wait_engine()


def reboot(machine: Machine) -> None:
    machine.kill_machine()
    machine.boot()


def recovered(machine: Machine, before: str = "", versions: tuple[str, ...] = world.GOOD) -> float:
    """To one of the versions: recover says so, and everything holds. The seconds it took beyond waiting and copying.
    `before`: the tag that ran, when that is known; only what went back to it can have left a hold."""
    result = must(machine.dockupd("recover", "--progress", "json"), 0, 40)
    for mend in (restart_engine, reboot):  # as it then says
        if result.code == 40 and DAEMON_BLIND in result.out:
            print(f"by hand, as it said: {mend.__name__}", flush=True)
            mend(machine)
            result = machine.dockupd("recover", "--progress", "json")
    must(result, 0)
    checker.check(machine, versions, result)
    if before in ("", scenarios.live_tag(machine)):
        scenarios.lift_holds(machine)
    return recovery_time.own_seconds(result)


def alive_afterwards(machine: Machine) -> None:
    """I6: after a reboot, what ran runs; another update and a rollback succeed."""
    reboot(machine)
    recovered(machine)
    live = scenarios.live_tag(machine)
    new = scenarios.other(live)
    checker.check(machine, (new,), must(machine.dockupd("update", "--tag", new), 0))
    checker.check(machine, (live,), must(machine.dockupd("rollback", "--to", live, "--with-data"), 0))


def in_rows(name: str, points: int, one: Callable[[Machine, random.Random], float]) -> list[Case]:
    """Deaths as chance decides, several on one machine, each from where the last one left the project."""
    def run(machine: Machine, chance: random.Random) -> list[float]:
        seconds = []
        for _ in range(IN_A_ROW):
            seconds.append(one(machine, chance))
            scenarios.lift_holds(machine)  # a rollback that was done left one as well
        alive_afterwards(machine)
        return seconds
    return [Case("kill", f"{name}/{number}", run, "v2", points=IN_A_ROW) for number in range(points // IN_A_ROW)]


def at_a_random_time(machine: Machine, chance: random.Random) -> float:
    fault = chance.choice(FAULTS)
    name = chance.choice(("update", "failing_update", "rollback"))
    after = chance.uniform(0, 4.0 if name == "failing_update" else 2.0)  # what they take, and a little over
    live = scenarios.live_tag(machine)
    try:
        process = machine.start_dockupd(*ALL[name].argv(live))
        time.sleep(after)
        strike(machine, process, fault)
        return recovered(machine, live)
    except Violation as violation:
        raise Violation(f"{fault} {after:.3f} s into {name}: {violation}") from violation


def while_a_container_starts(machine: Machine, chance: random.Random, info: Info) -> float:
    """Between the engine's being asked and its answer containerd may have started what the daemon forgets."""
    name = chance.choice(("update", "failing_update"))
    point = chance.choice([p for p in info.points(name) if p.startswith("engine:start_container:before#")])
    fault, seconds = chance.choice(("engine", "engine+kill")), chance.uniform(0, STARTING_SECONDS)
    live = scenarios.live_tag(machine)
    try:
        process = at_point(machine, ALL[name].argv(live), point)
        process.signal(signal.SIGCONT)
        time.sleep(seconds)
        strike(machine, process, fault)
        return recovered(machine, live)
    except Violation as violation:
        raise Violation(f"{fault} {seconds * 1000:.0f} ms after {name} was at {point}: {violation}") from violation


def strike(machine: Machine, process, fault: str) -> None:
    if fault == "cut":
        machine.power_cut()
        process.wait(10)
        machine.boot()
        return
    if fault.startswith("engine"):
        machine.kill_engine()
    if fault.endswith("kill"):
        process.signal(9)
    process.wait()
    machine.wait_engine()


def nested(machine: Machine, chance: random.Random, info: Info) -> float:
    """Dies in the update, then in its recovery, then, every second time, in the recovery after that."""
    name = chance.choice(("update", "failing_update", "rollback"))
    live = scenarios.live_tag(machine)
    # Once it has been fetched a version is not fetched again.
    points = scenarios.split_passed_once(info.points(name))[1]
    story = []
    try:
        for number in range(chance.choice((2, 3))):
            fault = chance.choice(("kill", "cut", "engine+kill"))
            if number == 0:
                point = chance.choice(points)
                story.append(f"{fault} at {point}")
                _DO[fault](machine, ALL[name].argv(live), point)
            else:
                story.append(die_in_recovery(machine, fault, chance))
        return recovered(machine, live)
    except Violation as violation:
        raise Violation(f"{name}, {', then '.join(story)}: {violation}") from violation


def die_in_recovery(machine: Machine, fault: str, chance: random.Random) -> str:
    """At a time, since what a recovery passes depends on what it found."""
    process = machine.start_dockupd("recover")
    after = chance.uniform(0, 0.8)
    time.sleep(after)
    strike(machine, process, fault)
    return f"{fault} {after:.3f} s into recover"


# --- what a disk has not been told yet ----------------------------------------------------------------------------


def recorded_snapshot(info: Info) -> list[str]:
    return [point for point in info.points("update") if point.startswith("step:plan:snapshot") and ":recorded#" in point]


def cut_of_a_large_snapshot(points: tuple[str, ...]):
    """What is small enough is written out in time, synced or not. Of more, a cut right after the archive is complete
    shows whether it was: a snapshot that is listed is whole, or it is not there."""
    def run(machine: Machine, chance: random.Random) -> None:
        pictures.plant(machine, chance, LARGE)
        for point in points:
            try:
                cut(machine, ALL["update"].argv(scenarios.live_tag(machine)), point)
                for listed in machine.state.glob("*/snapshots/*/manifest.json"):
                    if listed.parent.suffix == ".partial":  # the cut took its new name: nobody lists it
                        continue
                    must(machine.dockupd("snapshot", "verify", listed.parent.name), 0)
                recovered(machine)
            except Violation as violation:
                raise Violation(f"cut at {point}: {violation}") from violation
    return run


def cut_right_after_the_end():
    """Exit 0 was seen, so the release stands, whatever becomes of the power."""
    def run(machine: Machine, chance: random.Random) -> None:
        live = scenarios.live_tag(machine)
        for number in range(ENDS):
            new = scenarios.other(live)
            argv = ("update", "--tag", new) if number % 2 == 0 else ("rollback", "--to", new, "--with-data")
            must(machine.dockupd(*argv, program="shipped"), 0)
            machine.power_cut()
            machine.boot()
            check_it_is_known(machine, new)
            recovered(machine)
            live = new
    return run


def check_it_is_known(machine: Machine, tag: str) -> None:
    history = json.loads(must(machine.dockupd("history", "--json"), 0).out)["entries"]
    current = [entry.get("tag") for entry in history if entry.get("current")]
    open_attempts = [entry for entry in history if entry.get("state", "done") not in ("done", "rolled_back", "abandoned")]
    if current != [tag] or open_attempts:
        raise Violation(f"{tag} was acknowledged, and its records have {current} as current, open: {open_attempts}")
    status = json.loads(machine.dockupd("status", "--json").out)
    if status["release"]["tag"] != tag or status["outcome"] == "interrupted":
        raise Violation(f"{tag} was acknowledged, and status says {status}")


# --- completeness -------------------------------------------------------------------------------------------------


def every_step_has_points(info: Info):
    """The one test that reads dockupd's journal: what it says was done has passed its three points."""
    def run(machine: Machine, chance: random.Random) -> None:
        for argv, code in ((["update", "--tag", scenarios.other(scenarios.live_tag(machine))], 0),
                           (["update", "--tag", world.FAILING], 20), (["rollback", "--with-data"], 0)):
            trace = Path("/run/trace." + argv[0] + str(code))
            must(machine.dockupd(*argv, env={"DOCKUPD_FAILPOINT_TRACE": str(trace)}), code)
            compare(machine.read(trace).splitlines(), journal(machine), " ".join(argv))
    return run


def journal(machine: Machine) -> list[tuple[str, int, int]]:
    """Of the newest attempt: plan, steps intended, steps done. Of a copy, which reading may change."""
    copy = machine.work / "journal"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(machine.state / world.PROJECT, copy, ignore=shutil.ignore_patterns("snapshots", "lock*", "ballast*"))
    database = sqlite3.connect(copy / "state.db")
    try:
        return database.execute("SELECT plan, count(*), sum(done_at <> '') FROM journal WHERE attempt_id = (SELECT id "
                                "FROM attempt ORDER BY sequence DESC LIMIT 1) GROUP BY plan").fetchall()
    finally:
        database.close()


def compare(trace: list[str], steps: list[tuple[str, int, int]], what: str) -> None:
    if not steps:
        raise Violation(f"{what}: no step in the journal")
    for plan, intended, done in steps:
        for moment, count in (("intended", intended), ("made", done), ("recorded", done)):
            passed = sum(line.startswith(f"step:{plan}:") and f":{moment}#" in line for line in trace)
            if passed != count:
                raise Violation(f"{what}: {count} steps of the {plan} {moment} by the journal, {passed} by failpoints")


def every_state_has_points(info: Info):
    def run(machine: Machine, chance: random.Random) -> None:
        passed = {line.rpartition("#")[0] for name in ALL for line in info.points(name)}
        missing = [f"{state}:{moment}" for state in states() for moment in ("before", "after")
                   if f"state:{state}:{moment}" not in passed]
        if missing:
            raise Violation(f"entered by no scenario, or without a point: {' '.join(missing)}")
    return run


def states() -> list[str]:
    """As the update machine lists them."""
    header = Path(__file__).resolve().parents[3] / "orchestration/update/update_machine.hpp"
    body = header.read_text(encoding="utf-8").partition("enum class update_state {")[2].partition("};")[0]
    return [line.split()[0].rstrip(",") for line in body.splitlines() if line.strip()]
