"""Group B: the talk with the engine breaks at every single request of an update, of one that fails and comes back, and
of a rollback: the request never arrives, its answer is lost, cut, refused, garbled, or slow. What the engine did then is
not known to dockupd, which has to look. It ends by itself, or honestly open (exit 40) and `recover` finishes it; no
container is made twice, no migration runs twice, nothing is lost.

How long a silent engine is waited for is no setting: 60 s for a look or a change, 600 s for a create or a pull. So hang
cases are few, and take a minute each."""
from __future__ import annotations

import random
import re
from dataclasses import dataclass

import checker
import socket_proxy
import world
from case import Case, Info, Violation
from machine import Machine, Result
from records import UNCHANGED

FEWEST = {"pr": 30, "full": 2300}
PR_SHARE = 1/6  # of its cases, by the seed
FAULTS = ("drop", "lose", "refuse", "cut", "garbage", "slow")
MORE_FAULTS = ("acted500", "wrong")  # of what changes something: done, and said to have failed; or said in another way
# Looks at one and the same container while it is waited for: the first of them stand for all.
LOOKS = 3
CHANGING = ("POST", "DELETE", "PUT")
LOOK = re.compile(r"^/containers/[0-9a-f]{64}/json$")
HANGS = {"info": "GET:/info", "stop": "POST:/stop#2", "rename": "POST:/rename#1", "resolve": "GET:/distribution",
         "look": "POST:/start#1~1"}
SAMPLE = 9  # in the small tier: every ninth, another fault each time
SECONDS = 120  # on a machine that others keep busy; alone it takes four
HANG_SECONDS = 200
BROKEN_OFF, LEFT_OPEN = frozenset({3, 4, 5}), 40


@dataclass(frozen=True)
class Scenario:
    name: str
    world: str
    command: tuple
    before: str
    after: str  # what runs when it has done what it was asked for
    ends: frozenset  # exit codes of a run that ended by itself


SCENARIOS = [
    Scenario("update", "v1", ("update", "--tag", "v2"), "v1", "v2", frozenset({0, 20}) | BROKEN_OFF),
    Scenario("failing_update", "v1", ("update", "--tag", world.FAILING_TAG), "v1", "", frozenset({20}) | BROKEN_OFF),
    Scenario("rollback", "v2", ("rollback", "--with-data"), "v2", "v1", frozenset({0}) | BROKEN_OFF),
]


@dataclass(frozen=True)
class Call:
    """One request of a scenario, found again in another run of it: by what it is, or by how long after that it comes."""

    label: str
    when: str  # as socket_proxy's --fault has it
    changes: bool


def cases(tier: str, info: Info) -> list[Case]:
    out = []
    swept: list[Call] = []
    for scenario in SCENARIOS:
        requests = [tuple(line.split(" ", 1)) for line in info.points("requests of " + scenario.name)]
        calls = calls_of(requests)
        if scenario.name == "failing_update":
            calls = [call for call in calls if call not in swept]  # until it fails it is the update
        swept = calls
        for number, call in enumerate(calls):
            out += [case(scenario, call, faults) for faults in faults_of(call, number, tier)]
    return out + (hangs() if tier == "full" else [])


def faults_of(call: Call, number: int, tier: str) -> list[tuple]:
    """Of each of its cases. Most looks that fail leave everything as it was: one machine goes through all six."""
    every = FAULTS + (MORE_FAULTS if call.changes else ())
    if tier == "pr":
        return [(every[number % len(every)],)] if number % SAMPLE == 0 else []
    return [(fault,) for fault in every] if call.changes else [every]


def record(scenario: Scenario):
    """What info.points("requests of NAME") has: the requests of an undisturbed run, "METHOD PATH" each."""
    def trace(machine: Machine) -> list[str]:
        with socket_proxy.Between(machine) as proxy:
            result = machine.dockupd(*scenario.command, program="shipped", env=proxy.env)
            if result.code not in scenario.ends - BROKEN_OFF:
                raise Violation(f"an undisturbed {scenario.name}: {result}")
            return [" ".join(request) for request in proxy.requests()]
    return trace


TRACES = {"requests of " + scenario.name: (scenario.world, record(scenario)) for scenario in SCENARIOS}


def hangs() -> list[Case]:
    return [case(SCENARIOS[0], Call("hang-at-" + label, when, False), ("hang",), HANG_SECONDS)
            for label, when in HANGS.items()]


def calls_of(requests: list[tuple[str, str]]) -> list[Call]:
    """Looks at containers come in numbers that time decides, so they are counted from the request before them."""
    out: list[Call] = []
    seen: dict[tuple[str, str], int] = {}
    anchor, since = "", 0
    for number, (method, path) in enumerate(requests, 1):
        if method == "GET" and LOOK.match(path):
            since += 1
            if since <= LOOKS:
                when = f"{anchor}~{since}" if anchor else str(number)
                out.append(Call(f"{number:03}-look", when, False))
            continue
        shape = shape_of(path)
        seen[method, shape] = seen.get((method, shape), 0) + 1
        anchor, since = f"{method}:{shape}#{seen[method, shape]}", 0
        out.append(Call(f"{number:03}-{method}-{words_of(path)}", anchor, method in CHANGING))
    return out


def words_of(path: str) -> str:
    """For people: the words of a path, without ids and names."""
    words = re.findall(r"(?<=/)[a-z_]+(?=[/?]|$)", path)
    return ".".join(words)


def shape_of(path: str) -> str:
    """The part of a path that is the same in every run, as a regular expression without spaces."""
    path, _, query = path.partition("?")
    shape = re.sub(r"[0-9a-f]{64}", "[0-9a-f]+", path.replace(".", "[.]"))
    kept = "".join(f".*{word}" for word in re.findall(r"io[.]dockupd[.]\w+|compose[.]project", query))
    return f"^{shape}([?]{kept}|$)" if kept or not query else f"^{shape}[?]"


def case(scenario: Scenario, call: Call, faults: tuple, seconds: int = SECONDS) -> Case:
    def run(machine: Machine, _random: random.Random) -> None:
        is_as_it_was = True
        for number, fault in enumerate(faults):
            if not is_as_it_was:
                machine.begin_again()
            try:
                result = struck(machine, scenario, f"{fault}@{call.when}", seconds)
                if result is None and number > 0 and is_as_it_was:  # what is there already is not asked for again
                    machine.begin_again()
                    result = struck(machine, scenario, f"{fault}@{call.when}", seconds)
                if result is None:
                    raise Violation("the request never came")
                judge(machine, scenario, result)
            except Violation as violation:
                raise Violation(f"{fault}: {violation}") from violation
            is_as_it_was = result.code in UNCHANGED
    name = f"{scenario.name}/{call.label}/{faults[0] if len(faults) == 1 else 'each'}"
    return Case("lost_reply", name, run, world=scenario.world, points=len(faults))


def struck(machine: Machine, scenario: Scenario, fault: str, seconds: int) -> Result | None:
    """None: the fault was not met, and the run was undisturbed."""
    with socket_proxy.Between(machine, fault) as proxy:
        result = machine.dockupd(*scenario.command, program="shipped", env=proxy.env, timeout=seconds)
        return result if proxy.struck() > 0 else None


def judge(machine: Machine, scenario: Scenario, result: Result) -> None:
    if result.code == LEFT_OPEN:
        recovered = machine.dockupd("recover", program="shipped")
        if recovered.code != 0:
            raise Violation(f"recover: {recovered}\nafter {result}")
        checker.check(machine, [version for version in (scenario.before, scenario.after) if version])
        return
    if result.code not in scenario.ends:
        raise Violation(f"exit {sorted(scenario.ends)} or {LEFT_OPEN} expected: {result}")
    checker.check(machine, [scenario.after if result.code == 0 else scenario.before], result)
