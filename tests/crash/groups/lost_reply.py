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

FEWEST = {"pr": 30, "full": 900}
PR_SHARE = 1/4  # of its cases, by the seed
FAULTS = ("drop", "lose", "refuse", "cut", "garbage", "slow")
MORE_FAULTS = ("acted500", "wrong")  # of what changes something: done, and said to have failed; or said in another way
# Looks at one and the same container while it is waited for: the first of them stand for all.
LOOKS = 3
CHANGING = ("POST", "DELETE", "PUT")
LOOK = re.compile(r"^/containers/[0-9a-f]{64}/json$")
HANGS = {"info": "GET:/info", "stop": "POST:/stop#2", "rename": "POST:/rename#1", "resolve": "GET:/distribution",
         "look": "POST:/start#1~1"}
READ_FAULTS = 2  # in the full tier, of a call that only looks; they take turns, and each kind of look meets all six
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

    @property
    def kind(self) -> str:
        """The label without its number: the method and the words of the path, or that it looks at a container."""
        return self.label.partition("-")[2]


def cases(tier: str, info: Info) -> list[Case]:
    out = []
    swept: list[Call] = []
    for scenario in SCENARIOS:
        requests = [tuple(line.split(" ", 1)) for line in info.points("requests of " + scenario.name)]
        calls = calls_of(requests)
        if scenario.name == "failing_update":
            calls = [call for call in calls if call not in swept]  # until it fails it is the update
        swept = calls
        met: dict[str, set[str]] = {}
        for number, call in enumerate(calls):
            out += [case(scenario, call, fault) for fault in faults_of(call, number, tier)]
            met.setdefault(call.kind, set()).update(faults_of(call, number, tier))
        if tier == "full":
            first = {call.kind: call for call in reversed(calls)}
            out += [case(scenario, first[kind], fault) for kind in met for fault in FAULTS if fault not in met[kind]]
    return out + (hangs() if tier == "full" else [])


def faults_of(call: Call, number: int, tier: str) -> tuple:
    every = FAULTS + (MORE_FAULTS if call.changes else ())
    turned = every[number % len(every):] + every[:number % len(every)]
    if tier == "full":
        return every if call.changes else turned[:READ_FAULTS]
    return turned[:1] if number % SAMPLE == 0 else ()


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
    return [case(SCENARIOS[0], Call("hang-at-" + label, when, False), "hang", HANG_SECONDS)
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


def case(scenario: Scenario, call: Call, fault: str, seconds: int = SECONDS) -> Case:
    def run(machine: Machine, _random: random.Random) -> None:
        with socket_proxy.Between(machine, f"{fault}@{call.when}") as proxy:
            result = machine.dockupd(*scenario.command, program="shipped", env=proxy.env, timeout=seconds)
            if proxy.struck() == 0:
                raise Violation(f"the request never came: {result}")
        judge(machine, scenario, result)
    name = f"{scenario.name}/{call.label}/{fault}"
    return Case("lost_reply", name, run, world=scenario.world)


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
