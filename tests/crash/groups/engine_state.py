"""Group H: somebody or something else changes the engine's state, before an update or in the middle of it. What can be
seen beforehand is refused with everything untouched; in the middle the update goes on, or the old version is brought
back; where a person is needed first (exit 30, 40), it says so, loses no data, and after the obstacle is gone one command
brings a version back."""
from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import checker
import glance
import halts
import scenarios
import socket_proxy
import world
from case import Case, Info, Violation
from groups.registry import picture
from machine import Machine, Result, wait_for

FEWEST = {"pr": 14, "full": 40}
PR_SHARE = 1/5  # of its cases, by the seed
OLD, NEW = "v1", "v2"
UPDATE = ["update", "--tag", NEW]
FAILING = ["update", "--tag", world.FAILING]
PORT = "127.0.0.1:8081"
OVERRIDE = "compose.override.yaml"
PUBLISHED = f'services:\n  app:\n    ports: ["{PORT}:80"]\n'
ANONYMOUS = 'services:\n  side:\n    volumes: ["/cache"]\n'
REFUSED, ROLLED_BACK, PERSON, LEFT_OPEN = 3, 20, 30, 40
ENDED = frozenset({0, ROLLED_BACK, 3, 4, 5})
PRUNED_AT = ("pulled", "created", "stopped", "archived", "starting", "started", "verifying", "committed")
# Between the stop of the last writer and the copy of its data nothing of the project runs, and Docker 20.10 counts the
# volumes as unused: there is no engine-side way to protect them. It has to say so, and to claim nothing.
LOST_AT = ("stopped", "archived")
SIGSTOPPED_AT = ("begun", "created", "stopped", "started", "verifying")
IN_PR = frozenset({
    "port-held-by-a-process", "port-taken-in-the-middle", "name-taken-in-the-middle", "paused-before", "stopped-before",
    "anonymous-volume", "new-removed-when-started", "old-removed-and-update-fails", "pruned-when-archived",
    "pruned-when-verifying", "engine-stands-still-when-stopped", "live-restore", "api-too-old", "api-refused-in-between",
    "socket-gone-in-the-middle", "removal-fails"})


def cases(tier: str, info: Info) -> list[Case]:
    rows = {name.replace("_", "-"): run for name, run in ROWS.items()}
    for phase in PRUNED_AT:
        rows[f"pruned-when-{phase}"] = pruned(info, phase)
    for phase in SIGSTOPPED_AT:
        rows[f"engine-stands-still-when-{phase}"] = stands_still(info, phase, 3 if tier == "pr" else 30)
    if tier == "full":
        # Longer than dockupd waits for an answer.
        rows["engine-stands-still-for-long"] = stands_still(info, "started", 75)
    chosen = {name: run for name, run in rows.items() if tier == "full" or name in IN_PR}
    return [Case("engine_state", name, bound(run, info)) for name, run in chosen.items()]


ROWS: dict = {}


def row(function):
    ROWS[function.__name__] = function
    return function


def bound(run, info: Info):
    return lambda machine, _random: run(machine, info)


# --- what all need


def dockupd(machine: Machine, *args: str, env: dict | None = None, timeout: float = 90) -> Result:
    return machine.dockupd(*args, program="shipped", env=env, timeout=timeout)


def in_the_middle(machine: Machine, info: Info, phase: str, change, argv=None) -> Result:
    """`change()` while an update stands still in a phase."""
    return standing_at(machine, halts.first_passage(info, "update", halts.UPDATE_PHASES[phase]), change, argv)


def standing_at(machine: Machine, point: str, change, argv=None) -> Result:
    process = halts.at_point(machine, argv or UPDATE, point)
    change()
    return halts.let_go(process)


def expect(result: Result, codes) -> None:
    if result.code not in codes:
        raise Violation(f"exit {sorted(codes)} expected: {result}")


def settled(machine: Machine, result: Result, codes=ENDED, mend=None, versions=(OLD, NEW)) -> None:
    """By itself, or once `mend()` has taken the obstacle away and one command was typed."""
    expect(result, codes)
    if mend is not None:
        mend()
    if result.code in ENDED:
        checker.check(machine, [NEW] if result.code == 0 else [OLD], result)
        return
    brought = dockupd(machine, "recover") if result.code == LEFT_OPEN else result
    if brought.code == PERSON:
        brought = scenarios.as_it_says(machine, brought)
    expect(brought, {0})
    scenarios.lift_holds(machine)
    checker.check(machine, versions)


def refused_untouched(machine: Machine, before: dict, result: Result, says: str, codes=(REFUSED,)) -> None:
    expect(result, codes)
    if says not in result.out + result.err:
        raise Violation(f"'{says}' expected in {result}")
    after = picture(machine)
    if after != before:
        raise Violation(f"touched: {after}\nbefore: {before}\n{result}")


def override(machine: Machine, text: str) -> None:
    (Path(machine.project) / OVERRIDE).write_text(text)


def name_of(service: str) -> str:
    return f"{world.PROJECT}-{service}-1"


def one_of(machine: Machine, service: str, tag: str) -> str:
    """The id of the service's container of a tag."""
    found = [c.id for c in glance.containers(machine) if c.service == service and c.tag == tag]
    if len(found) != 1:
        raise Violation(f"{len(found)} containers of {service} with {tag}")
    return found[0]


def hold_port(machine: Machine):
    address, _, port = PORT.rpartition(":")
    program = f"import socket,time; s=socket.create_server(('{address}',{port})); print('held',flush=True); time.sleep(600)"
    process = machine.start(["python3", "-c", program])
    wait_for(lambda: "held" in process.out(), 10, "a process on the port")
    return process


def let_go_of(process) -> None:
    process.signal(signal.SIGKILL)
    process.wait(10)


# --- ports and names


@row
def port_held_by_a_process(machine: Machine, _info: Info) -> None:
    override(machine, PUBLISHED)
    before, holder = picture(machine), hold_port(machine)
    refused_untouched(machine, before, dockupd(machine, *UPDATE), PORT)
    let_go_of(holder)
    expect(dockupd(machine, *UPDATE), {0})


@row
def port_held_by_a_container(machine: Machine, _info: Info) -> None:
    override(machine, PUBLISHED)
    machine.docker("run", "-d", "--name", "other", "-p", f"{PORT}:80", f"{world.IMAGE}:{OLD}", "side")
    before = picture(machine)
    refused_untouched(machine, before, dockupd(machine, *UPDATE), "container other")
    machine.docker("rm", "-f", "other")
    settled(machine, dockupd(machine, *UPDATE), {0})


@row
def port_taken_in_the_middle(machine: Machine, info: Info) -> None:
    """The engine leaves a container that cannot have its port as `created`."""
    override(machine, PUBLISHED)
    holders = []
    result = in_the_middle(machine, info, "stopped", lambda: holders.append(hold_port(machine)))
    settled(machine, result, {ROLLED_BACK}, lambda: let_go_of(holders[0]))


@row
def name_taken_in_the_middle(machine: Machine, _info: Info) -> None:
    """By a stranger, between setting the old one aside and giving its name to the new one."""
    name = name_of("app")
    result = standing_at(machine, f"step:plan:name {name} on app.1:intended#1",
                         lambda: machine.docker("create", "--name", name, f"{world.IMAGE}:{OLD}", "side"))
    stranger = [c for c in machine.api("GET", "/containers/json?all=1") if "/" + name in c["Names"]]
    if result.code != 0 and not stranger:
        raise Violation(f"a container that was not dockupd's is gone: {result}")
    # The old version cannot have its name back before a person has removed what is not dockupd's to remove.
    settled(machine, result, {ROLLED_BACK, PERSON}, lambda: machine.docker("rm", "-f", stranger[0]["Id"]))


@row
def renamed_before(machine: Machine, _info: Info) -> None:
    machine.docker("rename", name_of("side"), "my-side")
    settled(machine, dockupd(machine, *UPDATE), {0})


# --- networks, images, volumes


def remove_network(machine: Machine) -> None:
    for name in machine.api("GET", f"/networks/{checker.NETWORK}")["Containers"]:
        machine.docker("network", "disconnect", "-f", checker.NETWORK, name)
    machine.docker("network", "rm", checker.NETWORK)


def network_again(machine: Machine) -> None:
    """By hand, as compose makes it."""
    names = {n["Name"] for n in machine.api("GET", "/networks")}
    if checker.NETWORK not in names:
        machine.docker("network", "create", "--label", f"com.docker.compose.project={world.PROJECT}", "--label",
                       "com.docker.compose.network=default", checker.NETWORK)


@row
def network_removed_before(machine: Machine, _info: Info) -> None:
    remove_network(machine)
    settled(machine, dockupd(machine, *UPDATE), {0}, lambda: network_again(machine))


@row
def network_removed_in_the_middle(machine: Machine, info: Info) -> None:
    result = in_the_middle(machine, info, "archived", lambda: remove_network(machine))
    settled(machine, result, {0, ROLLED_BACK}, lambda: network_again(machine))


@row
def another_network_by_hand(machine: Machine, _info: Info) -> None:
    """Compose drops what its file does not declare; the network itself is not ours to remove."""
    machine.docker("network", "create", "by-hand")
    machine.docker("network", "connect", "by-hand", name_of("app"))
    result = dockupd(machine, *UPDATE)
    settled(machine, result, {0}, lambda: machine.docker("network", "rm", "by-hand"))


@row
def tag_of_the_old_removed(machine: Machine, _info: Info) -> None:
    machine.docker("rmi", "-f", f"{world.IMAGE}:{OLD}")
    expect(dockupd(machine, *UPDATE), {0})
    result = dockupd(machine, "rollback", "--with-data")
    expect(result, {0})
    scenarios.lift_holds(machine)
    checker.check(machine, [OLD], result)


@row
def volume_removed_before(machine: Machine, _info: Info) -> None:
    """Nothing of the data is left but snapshots: it may begin anew or refuse, but not go down half way."""
    for service in ("app", "migrate"):
        machine.docker("rm", "-f", name_of(service))
    machine.docker("volume", "rm", "rig_data")
    result = dockupd(machine, *UPDATE)
    expect(result, ENDED)
    if "rig_data" not in glance.volumes(machine) and result.code == 0:
        raise Violation(f"no volume: {result}")


@row
def all_removed_before(machine: Machine, _info: Info) -> None:
    for service in world.SERVICES:
        machine.docker("rm", "-f", name_of(service))
    settled(machine, dockupd(machine, *UPDATE), {0})


@row
def anonymous_volume(machine: Machine, _info: Info) -> None:
    """What compose carries from container to container, dockupd carries too, forward and back."""
    def cache() -> Path:
        mounts = machine.api("GET", f"/containers/{name_of('side')}/json")["Mounts"]
        return Path(next(m["Source"] for m in mounts if m["Destination"] == "/cache"))
    override(machine, ANONYMOUS)
    expect(dockupd(machine, "update"), {0})
    (cache() / "kept").write_text("by hand")
    for words in (UPDATE, ["rollback", "--with-data"]):
        expect(dockupd(machine, *words), {0})
        if not (cache() / "kept").exists():
            raise Violation(f"an anonymous volume was lost by {words[0]}")


def pruned(info: Info, phase: str):
    """A cron job that tidies up, at the wrong moment."""
    def run(machine: Machine, _info: Info) -> None:
        kept = checker.acknowledged(machine, OLD) if phase in ("pulled", "created") else ()
        result = in_the_middle(machine, info, phase, lambda: machine.docker("system", "prune", "-af", "--volumes"))
        expect(result, ENDED | {PERSON, LEFT_OPEN})
        if phase in LOST_AT and "rig_data" not in glance.volumes(machine):
            expect(result, {PERSON})
            if "rig_data was removed" not in result.out:
                raise Violation(f"the data is gone, and it does not say so: {result}")
        elif result.code not in ENDED:
            settled(machine, result)
        elif phase == "committed":  # the prune takes the one-shot that has ended, and the checker would miss it
            expect(result, {0})
            for service in ("app", "side"):
                one_of(machine, service, NEW)
        else:
            checker.check(machine, [NEW] if result.code == 0 else [OLD], result, kept=kept if result.code else ())
    return run


# --- containers in another state


@row
def paused_before(machine: Machine, _info: Info) -> None:
    machine.docker("pause", name_of("side"))
    result = dockupd(machine, *UPDATE)
    settled(machine, result, {0, REFUSED}, lambda: machine.docker("unpause", name_of("side")))


@row
def paused_before_and_update_fails(machine: Machine, _info: Info) -> None:
    machine.docker("pause", name_of("side"))
    result = dockupd(machine, *FAILING)
    settled(machine, result, {ROLLED_BACK, REFUSED}, lambda: machine.docker("unpause", name_of("side")))


@row
def stopped_before(machine: Machine, _info: Info) -> None:
    machine.docker("stop", "-t", "1", name_of("side"))
    result = dockupd(machine, *UPDATE)
    if machine.api("GET", f"/containers/{name_of('side')}/json")["State"]["Running"]:
        raise Violation(f"started what was stopped: {result}")
    settled(machine, result, {0}, lambda: machine.docker("start", name_of("side")))


@row
def restarting_before(machine: Machine, _info: Info) -> None:
    """It dies again and again, and waits for its next start when the update comes."""
    inspected = f"/containers/{name_of('side')}/json"
    for _ in range(40):
        state = machine.api("GET", inspected)["State"]
        if state["Status"] == "restarting":
            break
        if state["Pid"]:
            machine.run(["kill", "-9", str(state["Pid"])])
        time.sleep(0.05)
    result = dockupd(machine, *UPDATE)
    settled(machine, result, {0, ROLLED_BACK, REFUSED},
            lambda: wait_for(lambda: machine.api("GET", inspected)["State"]["Status"] == "running", 60, "side"))


def hold_files_of(machine: Machine, container: str) -> Path:
    """Its directory cannot be removed: a removal fails half way and leaves a dead container."""
    held = Path(machine.data_root) / "containers" / container / "held"
    held.mkdir()
    (held / "file").write_text("")
    subprocess.run(["chattr", "+i", str(held)], check=True)
    return held


def release_files(held: Path) -> None:
    if held.exists():
        subprocess.run(["chattr", "-i", str(held)], check=True)


def remove_dead(machine: Machine) -> None:
    for c in glance.containers(machine):
        if c.state in ("dead", "removing") or ".dockupd-" in c.name:
            machine.docker("rm", "-f", c.id, check=False)


@row
def removal_fails(machine: Machine, info: Info) -> None:
    """Of the old one, when the new one is proven: no reason to go back."""
    held = []
    old = one_of(machine, "side", OLD)
    result = in_the_middle(machine, info, "verifying", lambda: held.append(hold_files_of(machine, old)))

    def mend():
        release_files(held[0])
        remove_dead(machine)
    settled(machine, result, {0}, mend)


@row
def dead_before(machine: Machine, _info: Info) -> None:
    """A container of the project whose removal failed once: dead, and its name is not free."""
    labels = [word for key, value in {"com.docker.compose.project": world.PROJECT, glance.SERVICE: "side",
                                      "com.docker.compose.container-number": "2",
                                      "com.docker.compose.oneoff": "False"}.items()
              for word in ("--label", f"{key}={value}")]
    dead = machine.docker("create", "--name", f"{world.PROJECT}-side-2", *labels, f"{world.IMAGE}:{OLD}", "side")
    held = hold_files_of(machine, dead)
    machine.docker("rm", "-f", dead, check=False)
    result = dockupd(machine, *UPDATE)

    def mend():
        release_files(held)
        remove_dead(machine)
    settled(machine, result, {0, REFUSED, ROLLED_BACK}, mend)


def removed_by_hand(service: str, tag: str, phase: str, argv: list, codes: set):
    def run(machine: Machine, info: Info) -> None:
        def change():
            machine.docker("rm", "-f", one_of(machine, service, tag))
        settled(machine, in_the_middle(machine, info, phase, change, argv), codes)
    return run


ROWS["new_removed_when_created"] = removed_by_hand("app", NEW, "cut_over", UPDATE, {0, ROLLED_BACK, REFUSED})
ROWS["new_removed_when_started"] = removed_by_hand("app", NEW, "verifying", UPDATE, {0, ROLLED_BACK})
ROWS["old_removed_when_stopped"] = removed_by_hand("side", OLD, "stopped", UPDATE, {0, ROLLED_BACK, REFUSED})
ROWS["old_removed_when_verifying"] = removed_by_hand("app", OLD, "verifying", UPDATE, {0})
ROWS["old_removed_when_committed"] = removed_by_hand("app", OLD, "committed", UPDATE, {0})
ROWS["old_removed_and_update_fails"] = removed_by_hand("app", OLD, "starting", FAILING, {ROLLED_BACK})


def acted_on(words: list, codes: set):
    """An operator does something to the new container while it is being proven."""
    def run(machine: Machine, info: Info) -> None:
        result = in_the_middle(machine, info, "verifying",
                               lambda: machine.docker(*words, one_of(machine, "app", NEW)))
        settled(machine, result, codes)
    return run


ROWS["new_killed_by_hand"] = acted_on(["kill"], {ROLLED_BACK})
ROWS["new_stopped_by_hand"] = acted_on(["stop", "-t", "1"], {ROLLED_BACK})
ROWS["new_paused_by_hand"] = acted_on(["pause"], {ROLLED_BACK})
ROWS["new_restarted_by_hand"] = acted_on(["restart", "-t", "1"], {0, ROLLED_BACK})


@row
def policy_changed_by_hand(machine: Machine, _info: Info) -> None:
    machine.docker("update", "--restart=no", name_of("side"))
    result = dockupd(machine, *FAILING)
    expect(result, {ROLLED_BACK})
    policy = machine.api("GET", f"/containers/{name_of('side')}/json")["HostConfig"]["RestartPolicy"]["Name"]
    if policy not in ("no", ""):
        raise Violation(f"the way back did not keep the policy that was set by hand, it is {policy}: {result}")
    machine.docker("update", "--restart=always", name_of("side"))
    checker.check(machine, [OLD], result)


# --- the engine itself


def engine_pid(machine: Machine) -> int:
    return machine._engine_pid()


def stands_still(info: Info, phase: str, seconds: int):
    """SIGSTOP: it is there, and does not answer."""
    def run(machine: Machine, _info: Info) -> None:
        point = halts.first_passage(info, "update", halts.UPDATE_PHASES[phase])
        process = halts.at_point(machine, UPDATE, point)
        subprocess.run(["kill", "-STOP", str(engine_pid(machine))], check=True)
        again = threading.Timer(seconds, lambda: subprocess.run(["kill", "-CONT", str(engine_pid(machine))]))
        again.start()
        try:
            process.signal(signal.SIGCONT)
            result = process.wait(seconds + 90)
        finally:
            again.join()
        settled(machine, result, {0} if seconds < 60 else ENDED)
    return run


def with_live_restore(machine: Machine) -> None:
    settings = machine._inside(Path("/run/daemon.json"))
    settings.write_text(settings.read_text().rstrip("}\n ") + ', "live-restore": true}')
    machine.restart_engine()
    world.start_all(machine)


@row
def live_restore(machine: Machine, _info: Info) -> None:
    with_live_restore(machine)
    settled(machine, dockupd(machine, *UPDATE), {0})


def engine_killed_under_live_restore(phase: str):
    """Containers go on while the engine is away."""
    def run(machine: Machine, info: Info) -> None:
        with_live_restore(machine)

        def change():
            machine.kill_engine()
            machine.wait_engine()
        settled(machine, in_the_middle(machine, info, phase, change))
    return run


for _phase in ("created", "stopped", "started", "verifying"):
    ROWS[f"live_restore_and_engine_killed_when_{_phase}"] = engine_killed_under_live_restore(_phase)


@row
def engine_restarted_in_the_middle(machine: Machine, info: Info) -> None:
    """In good order: it stops what runs, and starts what its policies say."""
    settled(machine, in_the_middle(machine, info, "verifying", machine.restart_engine))


@row
def api_too_old(machine: Machine, _info: Info) -> None:
    before = picture(machine)
    with socket_proxy.Between(machine, api_version="1.24") as proxy:
        result = dockupd(machine, *UPDATE, env=proxy.env)
    refused_untouched(machine, before, result, "1.24")


@row
def api_refused_in_between(machine: Machine, _info: Info) -> None:
    """An engine that was downgraded under a running update says so; the version is agreed on anew."""
    with socket_proxy.Between(machine, "too_new@POST:/containers/create") as proxy:
        result = dockupd(machine, *UPDATE, env=proxy.env)
        if proxy.struck() != 1:
            raise Violation(f"never refused: {result}")
    settled(machine, result, {0})


@row
def api_refused_for_ever(machine: Machine, _info: Info) -> None:
    before = picture(machine)
    with socket_proxy.Between(machine, "too_new@GET:/info+") as proxy:
        result = dockupd(machine, *UPDATE, env=proxy.env)
    # The guard was made before, and the engine would not take it back.
    expect(dockupd(machine, "recover"), {0})
    refused_untouched(machine, before, result, "too new")


@row
def api_pinned_to_what_is_not_there(machine: Machine, _info: Info) -> None:
    before = picture(machine)
    refused_untouched(machine, before, dockupd(machine, *UPDATE, env={"DOCKER_API_VERSION": "1.99"}), "1.99",
                      {2, REFUSED})


@row
def api_pinned_to_an_old_one(machine: Machine, _info: Info) -> None:
    settled(machine, dockupd(machine, *UPDATE, env={"DOCKER_API_VERSION": "1.40"}), {0})


@row
def socket_gone_in_the_middle(machine: Machine, info: Info) -> None:
    """The engine runs on, and nobody can ask it: left open, and finished when it is back."""
    point = halts.first_passage(info, "update", halts.UPDATE_PHASES["started"])
    with socket_proxy.Between(machine) as proxy:
        process = halts.at_point(machine, UPDATE, point, env=proxy.env)
    process.signal(signal.SIGCONT)
    result = process.wait(200)
    expect(result, {LEFT_OPEN})
    expect(dockupd(machine, "recover", env=proxy.env, timeout=200), {LEFT_OPEN})
    settled(machine, result, {LEFT_OPEN})


@row
def firewall_flushed_in_the_middle(machine: Machine, info: Info) -> None:
    """The engine's own chains are gone: nothing with a published port can start until it is restarted."""
    machine.use_firewall()
    world.start_all(machine)
    override(machine, PUBLISHED)

    def change():
        for table in ("filter", "nat"):
            machine.run(["iptables", "-t", table, "-F"])
            machine.run(["iptables", "-t", table, "-X"])

    def mend():
        if result.code in (0, ROLLED_BACK):
            return
        machine.restart_engine()
    result = in_the_middle(machine, info, "stopped", change)
    settled(machine, result, {ROLLED_BACK}, mend)


@row
def another_engine(machine: Machine, _info: Info) -> None:
    """It has another identity: what is found there is not what the records are about."""
    machine.run(["rm", "-f", "/run/rig/data/key.json", "/run/rig/data/docker/engine-id"])
    machine.restart_engine()
    world.start_all(machine)
    before = picture(machine)
    refused_untouched(machine, before, dockupd(machine, *UPDATE), "engine")
