"""Group C: the program as it is shipped, killed at the n-th system call or told that it failed. One case goes through
many points on one machine: whole updates and rollbacks, and attempts that the engine refuses after all their records
were made, which no container waits for. After each: the database is whole, what was acknowledged is there, a snapshot
is verified or absent, the engine was not changed after a record had failed, and `recover` brings back one version."""
from __future__ import annotations

import random
import shutil
from typing import Callable

import checker
import glance
import records
import traced
from case import Case, Info, Violation
from machine import Machine, Result, RigError
from traced import Fault

# (cases, points in each) a kind of run. A point of `whole` takes about 2 s, of the others 0.3 s.
SIZES = {"pr": {"abandoned": (5, 42), "first": (1, 20), "recover": (1, 12), "read": (1, 50), "whole": (1, 10)},
         "full": {"abandoned": (10, 50), "first": (2, 50), "recover": (2, 60), "read": (1, 60), "whole": (12, 20)}}
FEWEST = {"pr": 300, "full": 1000}
KILLS = 0.5
MISSED, MISSED_OF_FEW = 0.1, 3  # of the points of a case, at most
TRACE = "trace"
# The engine refuses to create it: the attempt fails when all was prepared, and is undone.
REFUSED = "services:\n  {service}:\n    runtime: not-there\n"


def cases(tier: str, info: Info) -> list[Case]:
    kinds: dict[str, Callable] = {"abandoned": abandoned, "first": first, "recover": recover, "read": read_only,
                                  "whole": whole}
    out = []
    for kind, (batches, count) in SIZES[tier].items():
        for batch in range(batches):
            start = "v2" if kind == "read" else "v1"
            out.append(Case("syscall", f"{kind}/{batch + 1}", kinds[kind](count), start, points=count))
    return out


class Points:
    """The runs of one case on one machine, and the checks after each."""

    def __init__(self, machine: Machine, root=None):
        self.machine = machine
        self.root = root
        self.trace = machine.evidence / TRACE
        self.ledger = records.Ledger(machine)
        self.not_met: list[Fault] = []

    def run(self, args: list[str], fault: Fault | None, calls: tuple[str, ...] = ()) -> Result:
        command = self.machine.dockupd_command(*args, program="shipped")
        if self.root:
            command[-1] = str(self.root)
        self.trace.unlink(missing_ok=True)
        self.known = {container.id for container in glance.containers(self.machine)}
        return self.machine.run(traced.command(command, self.trace, fault, calls), cwd=self.machine.project)

    def undisturbed(self, args: list[str], expect: int) -> list[tuple[str, int]]:
        result = self.run(args, None)
        if result.code != expect:
            raise Violation(f"{' '.join(args)} without a fault: exit {expect} expected: {result}")
        return traced.points(traced.read(self.trace))

    def judge(self, result: Result, fault: Fault, never_zero: bool = False) -> None:
        """Right after the run, before anything else."""
        self.note_whether_met(result, fault)
        records.check_exit(result, fault.kills, str(fault))
        if never_zero and result.code == 0:
            raise Violation(f"it cannot have succeeded: {result}")
        traced.check_no_act_after_failed_record(self.trace, result.code == 40, self.known)
        records.check_database(self.machine, self.root)

    def note_whether_met(self, result: Result, fault: Fault) -> None:
        """How often a program looks depends on time, so it may end before the n-th call."""
        if result.code != -9 and not any(call.injected for call in traced.read(self.trace)):
            self.not_met.append(fault)

    def recover(self) -> None:
        if records.state_directory(self.machine, self.root) is None:
            return  # nothing was begun
        command = self.machine.dockupd_command("recover", "--json", program="shipped")
        if self.root:
            command[-1] = str(self.root)
        result = self.machine.run(command, cwd=self.machine.project)
        if result.code != 0:
            raise Violation(f"recover: {result}")

    def settle(self, tags: set[str]) -> str:
        """Recovers; the tag that runs then."""
        self.recover()
        tag = glance.live_tag(self.machine)
        if tag not in tags:
            raise Violation(f"{tag} runs, one of {sorted(tags)} was wanted")
        return tag

    def each(self, faults: list[Fault], one: Callable[[Fault], None]) -> None:
        for fault in faults:
            try:
                one(fault)
            except Violation as violation:
                met = [f"{call.name}({call.text}" for call in traced.read(self.trace) if call.injected]
                raise Violation(f"at {fault} {met}: {violation}") from None


def must_have_met(count: int, tried: int, not_met: list[Fault]) -> None:
    """A point at which nothing happened is none."""
    if tried < count or len(not_met) > max(MISSED_OF_FEW, count * MISSED):
        raise RigError(f"{count} points declared, {tried} tried, not met: {', '.join(map(str, not_met))}")


def refused_update(machine: Machine) -> list[str]:
    """An update whose last service the engine will not create."""
    service = max(c.service for c in glance.containers(machine))
    override = machine.project / "refused.yaml"
    override.write_text(REFUSED.format(service=service))
    files = ["-f", str(machine.project / "compose.yaml"), "-f", str(override)]
    return ["update", *files, "--json", "--progress", "quiet"]


def abandoned(count: int):
    def run(machine: Machine, source: random.Random) -> None:
        points = Points(machine)
        before = glance.identities(machine)
        args = refused_update(machine)
        where = points.undisturbed(args, expect=3)

        def one(fault: Fault) -> None:
            result = points.run(args, fault)
            points.judge(result, fault, never_zero=True)
            points.recover()
            if glance.identities(machine) != before:
                raise Violation(f"containers before {before}, after {glance.identities(machine)}")
            points.ledger.take()
        faults = traced.spread(where, count, KILLS, source)
        points.each(faults, one)
        must_have_met(count, len(faults), points.not_met)
        points.ledger.check_snapshots()
        checker.check(machine, {"v1"})
    return run


def first(count: int):
    """The first command with a new state directory: it makes the database and records what it found running."""
    def run(machine: Machine, source: random.Random) -> None:
        before = glance.identities(machine)
        args = refused_update(machine)

        def directory(number: int):
            return machine.state.parent / f"first-{number}"
        where = Points(machine, directory(0)).undisturbed(args, expect=3)
        faults = traced.spread(where, count, KILLS, source)
        not_met: list[Fault] = []
        for number, fault in enumerate(faults, 1):
            points = Points(machine, directory(number))

            def one(fault: Fault) -> None:
                points.judge(points.run(args, fault), fault, never_zero=True)
                points.recover()
                if glance.identities(machine) != before:
                    raise Violation(f"containers before {before}, after {glance.identities(machine)}")
                again = points.run(args, None)
                if again.code != 3:
                    raise Violation(f"the same again: exit 3 expected: {again}")
            points.each([fault], one)
            not_met += points.not_met
            shutil.rmtree(directory(number), ignore_errors=True)  # each has a ballast of its own
        must_have_met(count, len(faults), not_met)
        checker.check(machine, {"v1"})
    return run


def recover(count: int):
    """A recovery that is killed or fails on its way, of an attempt killed in the middle."""
    def run(machine: Machine, source: random.Random) -> None:
        points = Points(machine)
        before = glance.identities(machine)
        args = refused_update(machine)
        records_made = [nth for name, nth in points.undisturbed(args, expect=3) if name == "fdatasync"]

        def interrupt() -> None:
            points.run(args, Fault("fdatasync", "KILL", records_made[len(records_made) * 2 // 3]))
        interrupt()
        where = points.undisturbed(["recover", "--json"], expect=0)

        def one(fault: Fault) -> None:
            interrupt()
            points.judge(points.run(["recover", "--json"], fault), fault)
            points.recover()
            if glance.identities(machine) != before:
                raise Violation(f"containers before {before}, after {glance.identities(machine)}")
            points.ledger.take()
        faults = traced.spread(where, count, KILLS, source)
        points.each(faults, one)
        must_have_met(count, len(faults), points.not_met)
        checker.check(machine, {"v1"})
    return run


def read_only(count: int):
    """What only looks says what is true or that it failed, and changes nothing."""
    calls = ("openat", "pread64", "read")
    verbs = (["history", "--json"], ["snapshot", "list", "--json"], ["snapshot", "verify", "--json"])

    def run(machine: Machine, source: random.Random) -> None:
        points = Points(machine)
        faults: list[Fault] = []
        for args in verbs:
            plain = points.run(args, None, calls)
            where = traced.points(traced.read(points.trace), calls)

            def one(fault: Fault) -> None:
                result = points.run(args, fault, calls)
                points.note_whether_met(result, fault)
                records.check_exit(result, fault.kills, str(fault))
                told = '"problem":' in result.out  # that one could not be read
                if result.code == 0 and result.out != plain.out and not told:
                    raise Violation(f"another answer than without the fault: {result}\n--- not\n{plain.out}")
            mine = traced.spread(where, -(-count // len(verbs)), 0, source)
            points.each(mine, one)
            faults += mine
        must_have_met(count, len(faults), points.not_met)
        records.check_database(machine)
        checker.check(machine, {"v2"})
    return run


def whole(count: int):
    """Updates and the operator's rollbacks by turns, from wherever the last point ended."""
    def run(machine: Machine, source: random.Random) -> None:
        points = Points(machine)
        quiet = ["--json", "--progress", "quiet"]
        ways = {"v1": ["update", "--tag", "v2", *quiet], "v2": ["rollback", "--to", "v1", "--with-data", *quiet]}
        where = {tag: points.undisturbed(ways[tag], expect=0) for tag in ("v1", "v2")}
        # Different faults for both ways; which way is next depends on what the last fault led to.
        faults = {tag: traced.spread(where[tag], count, KILLS, source) for tag in ways}
        for one_way in faults.values():
            source.shuffle(one_way)
        records.lift_holds(machine)
        tag = points.settle({"v1"})

        def one(fault: Fault) -> None:
            nonlocal tag
            result = points.run(ways[tag], fault)
            points.judge(result, fault)
            other = next(t for t in ways if t != tag)
            if result.code == 0 and glance.live_tag(machine) != other:
                raise Violation(f"exit 0, and {tag} runs: {result}")
            if result.code in records.UNCHANGED and glance.live_tag(machine) != tag:
                raise Violation(f"exit {result.code}, and {other} runs: {result}")
            tag = points.settle({tag, other})
            points.ledger.check(result)
            points.ledger.check_snapshots()
            records.lift_holds(machine)  # of the version that was left: the next point updates to it
            try:
                checker.check(machine, {tag})
            except Violation as violation:
                raise Violation(f"{violation}\nafter {' '.join(ways[other])} and a recover: {result}") from None
        for _ in range(count):
            points.each([faults[tag].pop()], one)
        must_have_met(count, count, points.not_met)
        checker.check(machine, {tag})
    return run
