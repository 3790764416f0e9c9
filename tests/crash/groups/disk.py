"""Group E: full disks, no inodes left, disks that turn read-only, on ext4, xfs and btrfs. Going forward is refused or
given up with the numbers; going back works with no byte free on the engine's disk and on dockupd's."""
from __future__ import annotations

import os
import random
import re

import checker
import glance
import records
import scenarios
import world
from case import Case, Info, Violation
from halts import UPDATE_PHASES, at_point, check_said, closed, first_passage, let_go
from machine import DISKS, RIG, Machine, RigError
from scenarios import must

FEWEST = {"pr": 18, "full": 80}
PR_SHARE = 1/5  # of its cases, by the seed
FILESYSTEMS = ("ext4", "xfs", "btrfs")
BOTH = ("data", "state")
NUMBERS = re.compile(r"\d+ (MiB|bytes|MB)")
PR_FULL_AT = (("state", "cut_over"), ("state", "started"), ("data", "stopped"), ("data", "verifying"))


def cases(tier: str, info: Info) -> list[Case]:
    out = []
    for fs in FILESYSTEMS if tier == "full" else ("ext4",):
        out += [Case("disk", f"before/{fs}.{disk}", full_before((disk,)), filesystem=fs) for disk in DISKS]
    verifying = first_passage(info, "failing_update", "state:verifying:after")
    for fs in FILESYSTEMS:  # what is promised of each, in every tier
        out.append(Case("disk", f"way_back/{fs}.automatic", automatic_way_back(verifying), filesystem=fs))
        out.append(Case("disk", f"way_back/{fs}.operator", operators_way_back, "v2", fs))
    if tier == "full":
        full_at = [((disk,), phase, "ext4") for disk in DISKS for phase in UPDATE_PHASES]
        full_at += [(BOTH, phase, fs) for fs in FILESYSTEMS for phase in UPDATE_PHASES]
    else:
        full_at = [((disk,), phase, "ext4") for disk, phase in PR_FULL_AT]
    for disks, phase, fs in full_at:
        point = first_passage(info, "update", UPDATE_PHASES[phase])
        out.append(Case("disk", f"full_at/{fs}.{'+'.join(disks)}.{phase}", full_at_point(disks, point), filesystem=fs))
    out.append(Case("disk", "pull/data", full_during_pull(first_passage(info, "update", "engine:pull_image:before"))))
    for disk in DISKS if tier == "full" else ("state",):
        out.append(Case("disk", f"inodes/before.{disk}", no_inodes_before(disk)))
        for phase in ("cut_over", "starting", "verifying") if tier == "full" else ("starting",):
            point = first_passage(info, "update", UPDATE_PHASES[phase])
            out.append(Case("disk", f"inodes/{disk}.{phase}", no_inodes_at(disk, point)))
    for disk in DISKS:
        for phase in ("created", "stopped", "starting", "verifying") if tier == "full" else ("stopped",):
            point = first_passage(info, "update", UPDATE_PHASES[phase])
            out.append(Case("disk", f"read_only/{disk}.{phase}", read_only_at(disk, point)))
    for fs in FILESYSTEMS if tier == "full" else ("ext4",):
        out.append(Case("disk", f"ballast/{fs}.missing", ballast_missing(verifying), filesystem=fs))
    out.append(Case("disk", "ballast/made_again", ballast_made_again))
    return out


LEFT_FREE = 64 << 10  # what no write can be had of: btrfs counts a little that it keeps for itself


def fill(machine: Machine, disks) -> None:
    for disk in disks:
        machine.fill(disk)
        if machine.free_space(disk) > LEFT_FREE:
            raise RigError(f"{disk} was filled, and has {machine.free_space(disk)} bytes")


def unfill(machine: Machine) -> None:
    for disk in DISKS:
        machine.unfill(disk)


def works_again(machine: Machine, tags) -> None:
    """With room: nothing is left over, and another update goes through."""
    unfill(machine)
    must(machine.dockupd("recover"), 0)
    scenarios.lift_holds(machine)
    checker.check(machine, tags)
    live = glance.live_tag(machine)
    after = scenarios.other(live)
    must(machine.dockupd("update", "--tag", after), 0)
    checker.check(machine, (after,))


# --- beforehand ---------------------------------------------------------------------------------------------------


def full_before(disks):
    """Refused, with what is needed and what is there; nothing is touched."""
    def run(machine: Machine, chance: random.Random) -> None:
        seen = glance.identities(machine)
        fill(machine, disks)
        result = must(machine.dockupd("update", "--tag", world.GOOD[1], program="shipped"), 3, 5)
        if len(NUMBERS.findall(result.out + result.err)) < 2:
            raise Violation(f"refused without the numbers: {result}")
        for looking in (["history"], ["snapshot", "list"], ["status"]):
            must(machine.dockupd(*looking, program="shipped"), 0)
        if glance.identities(machine) != seen:
            raise Violation(f"refused, and changed {seen} into {glance.identities(machine)}")
        works_again(machine, (world.GOOD[0],))
    return run


# A version with a layer that the engine does not have yet.
BIG = f"""cd "$(mktemp -d)"
head -c 16777216 /dev/urandom > big
printf 'FROM {world.IMAGE}:{world.GOOD[1]}\\nCOPY big /big\\n' > Dockerfile
docker build --quiet --tag {world.IMAGE}:big . > /dev/null
docker push --quiet {world.IMAGE}:big > /dev/null
docker rmi {world.IMAGE}:big > /dev/null
"""


def full_during_pull(point: str):
    def run(machine: Machine, chance: random.Random) -> None:
        made = machine.run(["sh", "-ec", BIG])
        if made.code != 0:
            raise RigError(f"a big version: {made}")
        seen = glance.identities(machine)
        process = at_point(machine, ["update", "--tag", "big"], point)
        fill(machine, ("data",))
        must(let_go(process), 4)
        if glance.identities(machine) != seen:
            raise Violation(f"the pull failed, and {seen} became {glance.identities(machine)}")
        works_again(machine, (world.GOOD[0],))
    return run


# --- in the middle ------------------------------------------------------------------------------------------------


def full_at_point(disks, point: str):
    """It ends well or goes back, by itself, and recovery finds nothing to do: all that while nothing is free."""
    def run(machine: Machine, chance: random.Random) -> None:
        process = at_point(machine, ["update", "--tag", world.GOOD[1]], point)
        fill(machine, disks)
        result = let_go(process)
        must(result, 0, 3, 4, 5, 20)
        live = check_said(machine, result, world.GOOD[0], world.GOOD[1])
        closed(machine, (live,))
        records.check_database(machine)
        unfill(machine)
        records.Ledger(machine).check_snapshots()
        works_again(machine, (live,))
    return run


def automatic_way_back(point: str):
    """The new version is never healthy, and by then no byte is free anywhere."""
    def run(machine: Machine, chance: random.Random) -> None:
        process = at_point(machine, ["update", "--tag", world.FAILING], point)
        fill(machine, BOTH)
        must(let_go(process), 20)
        closed(machine, (world.GOOD[0],))
        works_again(machine, (world.GOOD[0],))
    return run


def operators_way_back(machine: Machine, chance: random.Random) -> None:
    """With the data, and a safety copy of what is there now."""
    fill(machine, BOTH)
    must(machine.dockupd("rollback", "--to", world.GOOD[0], "--with-data", program="shipped"), 0)
    closed(machine, (world.GOOD[0],))
    works_again(machine, (world.GOOD[0],))


# --- inodes, read-only --------------------------------------------------------------------------------------------


def exhaust_inodes(machine: Machine, disk: str) -> None:
    directory = RIG / disk / "filler-inodes"
    directory.mkdir()
    try:
        for number in range(1 << 22):
            os.close(os.open(directory / str(number), os.O_CREAT | os.O_WRONLY))
    except OSError:
        pass
    if os.statvfs(directory).f_ffree:
        raise Violation(f"{os.statvfs(directory).f_ffree} inodes of {disk} are still free")


def free_inodes(machine: Machine, disk: str) -> None:
    directory = RIG / disk / "filler-inodes"
    for entry in os.scandir(directory):
        os.unlink(entry.path)
    directory.rmdir()


def no_inodes_before(disk: str):
    def run(machine: Machine, chance: random.Random) -> None:
        seen = glance.identities(machine)
        exhaust_inodes(machine, disk)
        result = must(machine.dockupd("update", "--tag", world.GOOD[1], program="shipped"), 3, 5)
        if "inode" not in result.err + result.out:
            raise Violation(f"refused for another reason: {result}")
        if glance.identities(machine) != seen:
            raise Violation(f"refused, and changed {seen} into {glance.identities(machine)}")
        free_inodes(machine, disk)
        works_again(machine, (world.GOOD[0],))
    return run


def no_inodes_at(disk: str, point: str):
    """Deleting a file of 16 MiB gives one inode. It may take a person, but is said, and mended when there are some."""
    def run(machine: Machine, chance: random.Random) -> None:
        process = at_point(machine, ["update", "--tag", world.GOOD[1]], point)
        exhaust_inodes(machine, disk)
        result = let_go(process)
        check_said(machine, result, world.GOOD[0], world.GOOD[1])
        free_inodes(machine, disk)
        works_again(machine, world.GOOD[:2])
    return run


def read_only_at(disk: str, point: str):
    """As ext4 does when it meets an error. The machine is started again, as one would."""
    def run(machine: Machine, chance: random.Random) -> None:
        process = at_point(machine, ["update", "--tag", world.GOOD[1]], point)
        must(machine.run(["mount", "-o", "remount,abort", str(RIG / disk)]), 0)
        result = let_go(process)
        if result.code not in records.EXIT_CODES:
            raise Violation(f"no documented way to end: {result}")
        machine.kill_machine()
        machine.boot()
        records.check_database(machine)
        works_again(machine, world.GOOD[:2])
    return run


# --- ballast ------------------------------------------------------------------------------------------------------


def ballast_files(machine: Machine) -> list:
    return [path for root in (RIG / "state", RIG / "data") for path in root.rglob("*ballast*") if path.is_file()]


def ballast_missing(point: str):
    """Somebody deleted it. What is left is honesty, and that room mends it."""
    def run(machine: Machine, chance: random.Random) -> None:
        process = at_point(machine, ["update", "--tag", world.FAILING], point)
        found = ballast_files(machine)
        if not found:
            raise Violation("there is no ballast in the middle of an update")
        for path in found:
            path.unlink()
        fill(machine, BOTH)
        result = let_go(process)
        if result.code == 0:
            raise Violation(f"a version that is never healthy: {result}")
        check_said(machine, result, world.GOOD[0], world.GOOD[0])
        works_again(machine, (world.GOOD[0],))
    return run


def ballast_made_again(machine: Machine, chance: random.Random) -> None:
    """The next update makes what is missing, as large as it was."""
    before = {path: path.stat().st_blocks for path in ballast_files(machine)}
    for path in before:
        path.unlink()
    must(machine.dockupd("update", "--tag", world.GOOD[1]), 0)
    after = {path: path.stat().st_blocks for path in ballast_files(machine)}
    if not before or {disk(path) for path in after} != set(DISKS) or min(after.values()) * 512 < 16 << 20:
        raise Violation(f"ballast of 16 MiB on both disks: before {before}, now {after}")
    checker.check(machine, (world.GOOD[1],))


def disk(path) -> str:
    return path.relative_to(RIG).parts[0]
