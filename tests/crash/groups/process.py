"""Group I: what happens to the process itself. Signals at each phase, a terminal that closes, a reader that goes away,
no room for output, few file descriptors, too little memory, and being stopped while another host tries the same."""
from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

import glance
import records
import scenarios
import world
from case import Case, Info, Violation
from halts import UPDATE_PHASES, at_point, check_said, closed, first_passage, let_go
from machine import Machine, Process, Result, RigError, wait_for
from scenarios import must

FEWEST = {"pr": 23, "full": 110}
PR_SHARE = 1/3  # of its cases, by the seed
TERM, INT, HUP, QUIT, PIPE = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)
SIGNALS = {"term": [TERM], "int": [INT], "int_twice": [INT, INT], "hup": [HUP], "quit": [QUIT], "pipe": [PIPE]}
IGNORED = ("hup", "pipe")
PR_PHASES = {"term": ("begun", "stopped", "verifying"), "int": ("pulled", "starting", "committed"),
             "int_twice": ("cut_over", "started"), "hup": ("stopped", "verifying"), "quit": ("archived", "verifying"),
             "pipe": ("created",)}
# A way back goes on to its end whatever is sent.
BACK_PHASES = {"rolling_back": "state:rolling_back:after", "restoring": "state:restoring:after",
               "restarting": "state:restarting_old:after"}
ROLLBACK_PHASES = {"cut_over": "state:cut_over:after", "restoring": "state:restoring_target:after",
                   "starting": "state:starting:after", "committed": "state:committed:after"}


def cases(tier: str, info: Info) -> list[Case]:
    out = []
    for name in SIGNALS:
        for phase in UPDATE_PHASES if tier == "full" else PR_PHASES[name]:
            point = first_passage(info, "update", UPDATE_PHASES[phase])
            out.append(Case("process", f"update/{name}.{phase}", signalled_update(name, point, phase)))
    for name in SIGNALS if tier == "full" else ("term",):
        for phase, prefix in BACK_PHASES.items() if tier == "full" else [("restoring", BACK_PHASES["restoring"])]:
            out.append(Case("process", f"back/{name}.{phase}",
                            signalled_way_back(name, first_passage(info, "failing_update", prefix))))
        for phase, prefix in ROLLBACK_PHASES.items() if tier == "full" else [("starting", ROLLBACK_PHASES["starting"])]:
            out.append(Case("process", f"rollback/{name}.{phase}",
                            signalled_rollback(name, first_passage(info, "rollback", prefix)), world="v2"))
    at = [first_passage(info, "update", UPDATE_PHASES[phase]) for phase in ("stopped", "verifying")]
    for number, point in enumerate(at if tier == "full" else at[:1], 1):
        out.append(Case("process", f"terminal/closed.{number}", terminal_closes(point)))
        out.append(Case("process", f"stopped/other_host.{number}", stopped_while_another_host_tries(point)))
    out.append(Case("process", "stopped/past_deadline", stopped_past_the_deadline(at[1])))
    out += [Case("process", "output/reader_gone", reader_gone), Case("process", "output/full", output_full),
            Case("process", "output/closed", output_closed), Case("process", "memory/killed", out_of_memory)]
    for files in (32, 16, 8) if tier == "full" else (32,):
        out.append(Case("process", f"files/{files}", few_files(files)))
    return out


# --- signals ------------------------------------------------------------------------------------------------------


def send(process: Process, signals: list) -> Result:
    """To a stopped one; a second signal at its next stop. Then its end."""
    for number in signals[:-1]:
        process.signal(number)
        process.signal(signal.SIGCONT)
        wait_for(lambda: process.stopped() or process.poll() is not None, 30, "stop or end of dockupd")
    process.signal(signals[-1])
    return let_go(process)


def signalled_update(name: str, point: str, phase: str):
    def run(machine: Machine, chance: random.Random) -> None:
        before, after = glance.live_tag(machine), world.GOOD[1]
        process = at_point(machine, ["update", "--tag", after], point, "state:abandoning:after", "state:rolling_back:after")
        result = send(process, SIGNALS[name])
        if name == "quit":
            return quit_at_once(machine, result)
        live = check_said(machine, result, before, after)
        expected = after if name in IGNORED or phase == "committed" else before
        if live != expected:
            raise Violation(f"{name} at {point}: {expected} was to run, {live} does: {result}")
        closed(machine, (expected,))
    return run


def quit_at_once(machine: Machine, result: Result) -> None:
    """The journal stays, for recover."""
    if result.code not in (-signal.SIGQUIT, 128 + signal.SIGQUIT, 40):
        raise Violation(f"SIGQUIT ends it at once: {result}")
    must(machine.dockupd("recover"), 0)
    closed(machine, world.GOOD)


def signalled_way_back(name: str, point: str):
    def run(machine: Machine, chance: random.Random) -> None:
        before = glance.live_tag(machine)
        result = send(at_point(machine, ["update", "--tag", world.FAILING], point), SIGNALS[name])
        if name == "quit":
            return quit_at_once(machine, result)
        must(result, 20)
        closed(machine, (before,))
    return run


def signalled_rollback(name: str, point: str):
    def run(machine: Machine, chance: random.Random) -> None:
        before = glance.live_tag(machine)
        target = scenarios.other(before)
        result = send(at_point(machine, ["rollback", "--to", target, "--with-data"], point), SIGNALS[name])
        if name == "quit":
            return quit_at_once(machine, result)
        live = check_said(machine, result, before, target)
        early = point.startswith("state:cut_over") and name not in IGNORED
        if live != (before if early else target):
            raise Violation(f"{name} at {point}: {live} runs: {result}")
        closed(machine, (live,))
    return run


# --- output -------------------------------------------------------------------------------------------------------

# argv of this program: where its end is noted, then the command. Its terminal closes when this program is killed.
TERMINAL = """
import os, pty, sys, time
master, slave = os.openpty()
if os.fork() == 0:
    os.setsid()
    import fcntl, termios
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.close(master); os.close(slave)
    child = os.fork()
    if child == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    import signal
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    open(sys.argv[1] + '.pid', 'w').write(str(child))
    _, status = os.waitpid(child, os.WUNTRACED)
    open(sys.argv[1] + '.stopped', 'w').close()
    _, status = os.waitpid(child, 0)
    open(sys.argv[1], 'w').write(str(os.waitstatus_to_exitcode(status)))
else:
    os.close(slave)
    while os.read(master, 4096):
        pass
"""


def terminal_closes(point: str):
    """As when ssh drops: SIGHUP, and every write to the terminal fails from then on."""
    def run(machine: Machine, chance: random.Random) -> None:
        note = Path("/run/evidence/terminal")
        command = machine.dockupd_command("update", "--tag", world.GOOD[1])
        outer = machine.start([sys.executable, "-c", TERMINAL, str(note), *command],
                              env={"DOCKUPD_FAILPOINTS": f"{point}=stop", "TERM": "xterm"}, cwd=machine.project)
        wait_for(Path(f"{note}.stopped").exists, 30, f"passage of {point}")
        outer.signal(signal.SIGKILL)
        outer.wait(5)
        must(machine.run(["kill", "-CONT", Path(f"{note}.pid").read_text()]), 0)
        code = wait_for(lambda: note.exists() and note.read_text(), 30, "end of the update")
        if code != "0":
            raise Violation(f"the terminal closed at {point}: exit {code}")
        closed(machine, (world.GOOD[1],))
    return run


def in_shell(machine: Machine, script: str, *args: str, program: str = "shipped") -> Result:
    """`"$@"` is dockupd with its arguments."""
    return machine.run(["sh", "-c", script, "sh", *machine.dockupd_command(*args, program=program)], cwd=machine.project)


def reader_gone(machine: Machine, chance: random.Random) -> None:
    """`dockupd … | head -0`: SIGPIPE, EPIPE."""
    note = Path("/run/evidence/code")
    in_shell(machine, f"{{ \"$@\" 2>&1; echo $? > {note}; }} | true", "update", "--tag", world.GOOD[1],
             "--progress", "plain")
    if note.read_text().strip() != "0":
        raise Violation(f"nobody reads what it says: exit {note.read_text()}")
    closed(machine, (world.GOOD[1],))


def output_full(machine: Machine, chance: random.Random) -> None:
    must(in_shell(machine, '"$@" > /dev/full 2> /dev/full', "update", "--tag", world.GOOD[1]), 0)
    closed(machine, (world.GOOD[1],))


def output_closed(machine: Machine, chance: random.Random) -> None:
    """Files that it opens must not become its standard output."""
    must(in_shell(machine, 'exec "$@" <&- >&- 2>&-', "update", "--tag", world.GOOD[1]), 0)
    records.check_database(machine)
    closed(machine, (world.GOOD[1],))


# --- means --------------------------------------------------------------------------------------------------------


def few_files(most: int):
    """It does it, or says that it cannot and has changed nothing."""
    def run(machine: Machine, chance: random.Random) -> None:
        before = glance.live_tag(machine)
        result = in_shell(machine, f'ulimit -n {most}; exec "$@"', "update", "--tag", world.GOOD[1])
        if result.code == 127 and most < 16:  # the loader has not found its libraries
            result.code = 1
        if result.code == 40:
            must(machine.dockupd("recover"), 0)
        else:
            check_said(machine, result, before, world.GOOD[1])
        if most >= 32:
            must(result, 0)
        closed(machine, world.GOOD)
    return run


def out_of_memory(machine: Machine, chance: random.Random) -> None:
    """A control group's limit, lowered until the kernel kills it: before, during and after its changes."""
    killed = 0
    group = Path(f"/sys/fs/cgroup/memory/{machine.name}-small")
    for limit in (24, 16, 12, 10, 8, 7, 6, 5, 4, 3, 2):
        group.mkdir(exist_ok=True)
        try:
            (group / "memory.limit_in_bytes").write_text(str(limit << 20))
            result = in_shell(machine, f'echo $$ > {group}/cgroup.procs; exec "$@"', "update", "--tag",
                              scenarios.other(glance.live_tag(machine)))
        finally:
            wait_for(lambda: not (group / "cgroup.procs").read_text(), 5, "end of the group's processes")
            group.rmdir()
        if result.code in (-9, 137):
            killed += 1
        elif result.code not in records.EXIT_CODES:
            raise Violation(f"{limit} MiB: {result}")
        must(machine.dockupd("recover", program="shipped"), 0)
        scenarios.lift_holds(machine)
        glance.live_tag(machine)
    if killed == 0:
        raise RigError("no limit was small enough")
    closed(machine, world.GOOD)


# --- stopped ------------------------------------------------------------------------------------------------------


def stopped_while_another_host_tries(point: str):
    """Another host is another state directory: it may do nothing while this one is at it, awake or not."""
    def run(machine: Machine, chance: random.Random) -> None:
        process = at_point(machine, ["update", "--tag", world.GOOD[1]], point)
        seen = glance.identities(machine)
        elsewhere = machine.state.parent / "another-host"
        for argv in (["update", "--tag", world.GOOD[1]], ["update", "--tag", world.GOOD[0]], ["recover"]):
            command = machine.dockupd_command(*argv, program="shipped")
            command[-1] = str(elsewhere)
            result = machine.run(command, cwd=machine.project)
            allowed = (75,) if argv[0] == "update" else (0, 2, 75)
            must(result, *allowed)
            if glance.identities(machine) != seen:
                raise Violation(f"{argv} of another host changed {seen} into {glance.identities(machine)}: {result}")
        must(let_go(process), 0)
        closed(machine, (world.GOOD[1],))
    return run


def stopped_past_the_deadline(point: str):
    """Deadlines go on while it is stopped; what it then says is true."""
    def run(machine: Machine, chance: random.Random) -> None:
        before = glance.live_tag(machine)
        process = at_point(machine, ["update", "--tag", world.GOOD[1], "--health-timeout", "3"], point)
        time.sleep(5)
        result = must(let_go(process), 0, 20)
        closed(machine, (check_said(machine, result, before, world.GOOD[1]),))
    return run
