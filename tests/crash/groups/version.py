"""Group G: the new version is bad. It is found out, the old one runs again on its own data, byte for byte, and what is
printed names the cause."""
from __future__ import annotations

import random
import re
import signal
from dataclasses import dataclass

import checker
import pictures
from case import Case, Info, Violation
from machine import Machine, Result, wait_for

FEWEST = {"pr": 12, "full": 26}
PR_SHARE = 2/3  # of its cases, by the seed
OLD = "v1"


@dataclass(frozen=True)
class Kind:
    tag: str
    because: str  # a regular expression that the printed reason matches
    more: tuple[str, ...] = ()  # words of the command line
    code: int = 20
    pr: bool = False


KINDS = [
    Kind("unhealthy", r"app\.1 unhealthy: .*no database", pr=True),
    Kind("no-write", r"app\.1 unhealthy: .*no database"),
    Kind("flap", r"app\.1 unhealthy: .*flapping", ("--stable-for", "3")),
    Kind("sickens", r"app\.1 unhealthy: .*lost its database", ("--stable-for", "3"), pr=True),
    Kind("exit0", r"app\.1 (restart|.*exited with code 0).*no licence"),
    Kind("exit1", r"app\.1 (restarted \w+( times)? \||.*exited with code 1).*no licence", pr=True),
    Kind("crash", r"app\.1 (restarted \w+( times)? \||.*exited with code 139)", pr=True),
    Kind("crash-late", r"app\.1 (restarted \w+( times)? \||.*exited with code 139)", ("--stable-for", "3")),
    Kind("oom", r"app\.1 .*(out of memory|code 137)", pr=True),
    Kind("slow-start", r"app\.1 unhealthy: .*starting up"),
    Kind("hc-hangs", r"app\.1 not healthy after [34](\.\d)? s", ("--health-timeout", "3"), pr=True),
    Kind("needs-env", r"app\.1 .*exited with code 1.*PAYMENT_KEY is not set"),
    Kind("mig-fail", r"migrate\.1 .*exited with code 1.*column price is missing", pr=True),
    Kind("mig-hang", r"migrate\.1 .*2 s", ("--migration-timeout", "2")),
    Kind("mig-oom", r"migrate\.1 .*out of memory", pr=True),
    Kind("mig-crash", r"migrate\.1 .*exited with code 139"),
    Kind("mig-skips", r"app\.1 .*exited with code 98.*the data is of v1"),
    Kind("side-exit1", r"side\.1 (restarted \w+( times)? \||.*exited with code 1).*cannot bind", ("--stable-for", "2"), pr=True),
    Kind("side-late", r"side\.1 (restarted \w+( times)? \||.*exited with code 1).*cannot bind", ("--stable-for", "3")),
    Kind("no-entrypoint", r"/missing.*no such file", pr=True),
    Kind("not-executable", r"/app.*permission denied"),
    Kind("no-hc", r"app\.1 unhealthy: .*/hc", pr=True),
    Kind("stubborn", r"app\.1 unhealthy: .*no database"),
    Kind("lingering", r"app\.1 unhealthy: .*no database"),
    Kind("arm64", r"app:arm64 is for linux/arm64", code=4, pr=True),
]


def cases(tier: str, info: Info) -> list[Case]:
    out = [Case("version", f"bad/{kind.tag}", bad(kind)) for kind in KINDS if tier == "full" or kind.pr]
    good = ("v4-stubborn", "v5-lingering") if tier == "full" else ("v5-lingering",)
    out.append(Case("version", "impatience/migration", migration_hangs))
    return out + [Case("version", f"odd/{tag}", odd_but_good(tag)) for tag in good]


def bad(kind: Kind):
    def run(machine: Machine, chance: random.Random) -> None:
        pictures.plant(machine, chance)
        before = pictures.take(machine, "rig_data")
        ids = pictures.containers(machine)
        kept = checker.acknowledged(machine)
        result = machine.dockupd("update", "--tag", kind.tag, *kind.more, program="shipped", timeout=90)
        if result.code != kind.code:
            raise Violation(f"exit {kind.code} expected: {result}")
        reason = reason_of(result)
        if not re.search(kind.because, reason):
            raise Violation(f"the reason does not name the cause ({kind.because}): {reason!r}\n{result}")
        if kind.code == 20:
            pictures.same_but_for_lines(before, pictures.take(machine, "rig_data"))
        else:
            pictures.untouched(ids, machine)
        checker.check(machine, (OLD,), result, kept)
        if pictures.containers(machine).keys() != ids.keys() or pictures.ids(machine) != {n: i for n, (i, _) in ids.items()}:
            raise Violation(f"other containers than before: {ids} {pictures.containers(machine)}")
    return run


def migration_hangs(machine: Machine, chance: random.Random) -> None:
    """Somebody loses patience before its time is over, and the old version runs again."""
    pictures.plant(machine, chance)
    before = pictures.take(machine, "rig_data")
    kept = checker.acknowledged(machine)
    process = machine.start_dockupd("update", "--tag", "mig-hang", program="shipped")
    wait_for(lambda: begun_migrating(machine, "mig-hang"), 30, "the migration")
    process.signal(signal.SIGTERM)
    result = process.wait(60)
    if result.code != 20:
        raise Violation(f"exit 20 expected: {result}")
    pictures.same_but_for_lines(before, pictures.take(machine, "rig_data"))
    checker.check(machine, (OLD,), result, kept)


def begun_migrating(machine: Machine, version: str) -> bool:
    return any(e.what == "mig-begin" and e.version == version for e in checker.read_evidence(machine.evidence))


def reason_of(result: Result) -> str:
    """The line that says why; of a refusal, stderr's."""
    found = re.search(r"^  because: +(.*)$", result.out, re.M)
    return found[1] if found else result.err.strip()


def odd_but_good(tag: str):
    """A good version with bad manners is left again without loss."""
    def run(machine: Machine, chance: random.Random) -> None:
        kept = checker.acknowledged(machine)
        result = machine.dockupd("update", "--tag", tag, program="shipped")
        if result.code != 0:
            raise Violation(f"exit 0 expected: {result}")
        checker.check(machine, (tag,), result, kept)
        kept = checker.acknowledged(machine)
        result = machine.dockupd("update", "--tag", "v2", program="shipped")
        if result.code != 0:
            raise Violation(f"exit 0 expected: {result}")
        checker.check(machine, ("v2",), result, kept)
    return run
