#!/usr/bin/env python3
"""Looks whether the promises hold, from outside: asks the engine over its socket and reads the volumes, the app's side
channel and the state directory's file names and archives. Never dockupd's database, journal or logs; what dockupd
printed is only compared with what is so. Own code on purpose: nothing here is shared with what it checks.

  I1  the old or the new version can be brought back: containers, images, data
  I2  one writer: by what the apps saw, and by what a reboot would start
  I3  one running healthy container a service, under its own name, with the restart policy that the file declares
  I4  no acknowledged line is lost: it is in the live volume, or, when the data was replaced, in an archive
  I5  nothing is left over; files 0600, directories 0700
  I8  the exit code and the line about what runs now agree with the engine

By hand, on a host where the rig's project (world.py) runs:
  checker.py --version v1 [--version v2 …] [--socket S] [--evidence DIR] [--state DIR] [--open]
Exit 0: all hold. 1: violations, one a line. 2: the engine does not answer."""
from __future__ import annotations

import argparse
import http.client
import io
import itertools
import json
import os
import re
import socket
import stat
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterable, Iterator

PROJECT = "rig"
REPOSITORY = "127.0.0.1:5000/app"


@dataclass(frozen=True)
class Declared:
    """Of a service, as compose.yaml has it."""

    policy: str
    volume: str = ""
    moves: bool = True  # its image has the project's tag
    ends: bool = False  # a one-shot
    healthy: bool = False  # has a health check
    role: str = ""  # in the side channel
    networked: bool = True  # in the project's network; the others are in the machine's


SERVICES = {
    "app": Declared("always", "rig_data", healthy=True, role="app"),
    "migrate": Declared("no", "rig_data", ends=True, role="mig", networked=False),
    "side": Declared("always", role="side", networked=False),
    "db": Declared("unless-stopped", "rig_dbdata", moves=False, role="db", networked=False),
}
VOLUMES = {"rig_data": "app", "rig_dbdata": "db"}  # name → whose lines
NETWORK = "rig_default"
# What there may be in the project's state directory, and in a volume.
STATE_FILES = re.compile(r"(lock|ballast|state\.db(-wal|-shm|-journal)?|project\.json|store\.id)$")
STATE_DIRECTORIES = ("attempts", "snapshots", "evidence")
# .tmp: of a migration that was killed; extra: what a case has put there.
VOLUME_FILES = re.compile(r"((lock|format|lines\.[\w-]+)(\.tmp)?|extra.*)$")
PARTIAL = re.compile(r"\.(tmp|partial|removing|new|part)$|^\.|~$")


class Violations(Exception):
    """All that was found, one finding a line."""


class Unreachable(Exception):
    pass


# --- the engine ---------------------------------------------------------------------------------------------------


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str):
        super().__init__("engine", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    def __init__(self, path: str):
        self.path = path

    def get(self, what: str):
        """The answer as JSON; None: there is no such thing."""
        connection = _Connection(self.path)
        try:
            connection.request("GET", "/v1.41" + what)
            reply = connection.getresponse()
            text = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.path}: {error}") from None
        finally:
            connection.close()
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise Unreachable(f"GET {what}: HTTP {reply.status} {text[:200]!r}")
        return json.loads(text)


@dataclass(frozen=True)
class Container:
    id: str
    name: str
    service: str
    image: str  # reference
    image_id: str
    state: str
    health: str
    exit_code: int
    started: bool  # ever
    policy: str
    retries_left: bool
    writes: tuple[str, ...]  # names of volumes
    networks: dict = field(hash=False)
    labels: dict = field(hash=False)

    @property
    def tag(self) -> str:
        return self.image.rpartition(":")[2]

    @property
    def short(self) -> str:
        return f"{self.name} ({self.tag}, {self.state}{' ' + self.health if self.health else ''}, {self.policy})"

    @property
    def runs(self) -> bool:
        return self.state in ("running", "paused", "restarting")

    def returns_after_reboot(self) -> bool:
        """Whether a daemon that starts would start it, by its policy and its last state."""
        if self.policy == "always":
            return self.started
        if self.policy == "unless-stopped":
            return self.runs
        if self.policy == "on-failure":
            return self.runs or (self.started and self.exit_code != 0)
        return False


def container_of(facts: dict) -> Container:
    state, host = facts["State"], facts["HostConfig"]
    policy = host["RestartPolicy"] or {}
    return Container(
        facts["Id"], facts["Name"].lstrip("/"), (facts["Config"]["Labels"] or {}).get("com.docker.compose.service", ""),
        facts["Config"]["Image"], facts["Image"], state["Status"], (state.get("Health") or {}).get("Status", ""),
        state["ExitCode"], not state["StartedAt"].startswith("0001-"), policy.get("Name") or "no",
        policy.get("MaximumRetryCount", 0) == 0,
        tuple(m["Name"] for m in facts["Mounts"] if m["Type"] == "volume" and m["RW"]),
        facts["NetworkSettings"]["Networks"], facts["Config"]["Labels"] or {})


# --- the side channel ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    at: int
    role: str
    version: str
    container: str
    start: str
    what: str
    text: str


def read_evidence(directory: Path) -> list[Event]:
    try:
        lines = (directory / "log").read_text().splitlines()
    except FileNotFoundError:
        return []
    out = []
    for line in lines:
        parts = line.split(" ", 6)
        if len(parts) >= 6:
            out.append(Event(int(parts[0]), *parts[1:6], parts[6] if len(parts) > 6 else ""))
    return out


def lines_of(events: Iterable[Event], role: str = "app", version: str | None = None) -> list[str]:
    """Acknowledged, in order."""
    return [e.text for e in events if e.what == "ack" and e.role == role and version in (None, e.version)]


@dataclass
class Block:
    """Lines of one version, up to the next one's."""

    version: str
    lines: list[str]


def blocks_of(events: list[Event], role: str) -> list[Block]:
    out: list[Block] = []
    for event in events:
        if event.what != "ack" or event.role != role:
            continue
        if not out or out[-1].version != event.version:
            out.append(Block(event.version, []))
        out[-1].lines.append(event.text)
    return out


# --- data ---------------------------------------------------------------------------------------------------------


@dataclass
class Data:
    """What is in a volume or in an archive of one."""

    format: str = ""
    lines: dict = field(default_factory=dict)  # version → text
    names: list = field(default_factory=list)

    def all_lines(self) -> set[str]:
        return {line for text in self.lines.values() for line in text.split("\n")}


def read_volume(directory: Path) -> Data:
    out = Data()
    for path in sorted(directory.iterdir()):
        out.names.append(path.name)
        if path.name == "format":
            out.format = path.read_text().strip()
        elif path.name.startswith("lines.") and not path.name.endswith(".tmp"):
            out.lines[path.name[6:]] = path.read_text(errors="replace")
    return out


def read_archive(path: Path) -> Data:
    """With zstd and tar, as anybody can. ValueError when it cannot be read to its end."""
    done = subprocess.run(["zstd", "-q", "-d", "-c", str(path)], capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr.decode(errors="replace").strip())
    out = Data()
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            for entry in archive:
                name = entry.name.removeprefix("./")
                out.names.append(name)
                if name == "format":
                    out.format = archive.extractfile(entry).read().decode().strip()
                elif name.startswith("lines.") and not name.endswith(".tmp"):
                    out.lines[name[6:]] = archive.extractfile(entry).read().decode(errors="replace")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(str(error)) from None
    return out


# --- the checker --------------------------------------------------------------------------------------------------


class Checker:
    def __init__(self, engine: Engine, evidence: Path, state: Path, project: Path | None = None):
        self.engine, self.evidence, self.state, self.project = engine, evidence, state, project
        self.found: list[str] = []
        self.containers: list[Container] = []
        self.events: list[Event] = []
        self.volumes: dict[str, Path] = {}
        self._archives: dict[Path, Data | None] = {}

    def say(self, which: str, what: str) -> None:
        self.found.append(f"{which}: {what}")

    def look(self) -> None:
        """At everything, the acknowledgements first: what was acknowledged by then has to be there."""
        self.events = read_evidence(self.evidence)
        listed = self.engine.get("/containers/json?all=1")
        inspected = [self.engine.get(f"/containers/{entry['Id']}/json") for entry in listed]
        self.containers = sorted((container_of(one) for one in inspected if one), key=lambda c: c.name)
        volumes = self.engine.get("/volumes")["Volumes"] or []
        self.volumes = {v["Name"]: Path(v["Mountpoint"]) for v in volumes}

    def closed(self, versions: Iterable[str], kept: Iterable[str] = ()) -> None:
        """After a run that ended, or after recover: exactly one of the versions runs, and nothing is open."""
        self.look()
        live = self.check_up(set(versions))
        self.check_one_writer()
        if live:
            self.check_data(live, list(kept))
            self.check_it_writes(live)
            self.check_tag_line(live)
        self.check_nothing_left()
        self.check_files()

    def open(self, versions: Iterable[str]) -> None:
        """In the middle, after a kill: what must hold at every instant."""
        self.look()
        self.check_one_writer()
        self.check_bring_back(set(versions))
        self.check_modes()

    def rescued(self, version: str, kept: Iterable[str] = ()) -> None:
        """After rescue.sh and before recover: the old version runs as declared, on its data. What the new one left lies
        about still, stopped and disarmed."""
        self.look()
        proper = {f"{PROJECT}-{service}-1" for service in SERVICES}
        others = [c for c in self.containers if c.name not in proper]
        for c in others:
            if c.runs:
                self.say("I2", f"runs beside the version that was brought back: {c.short}")
        self.check_one_writer()
        self.containers = [c for c in self.containers if c.name in proper]
        if live := self.check_up({version}):
            self.check_data(live, list(kept))
            self.check_it_writes(live)
        self.check_modes()

    # I3

    def check_up(self, versions: set[str]) -> str:
        """The live version; empty when it cannot be told."""
        live = [c for c in self.containers if c.service == "app" and c.runs]
        tag = live[0].tag if len(live) == 1 else ""
        for service, declared in SERVICES.items():
            self.check_service(service, declared, tag)
        for c in self.containers:
            if c.service not in SERVICES:
                self.say("I5", f"a container that is of no service: {c.short}")
        if tag and tag not in versions:
            self.say("I3", f"{tag} runs, not {' or '.join(sorted(versions))}")
        return tag

    def check_service(self, service: str, declared: Declared, tag: str) -> None:
        name = f"{PROJECT}-{service}-1"
        mine = [c for c in self.containers if c.service == service]
        proper = [c for c in mine if c.name == name]
        for c in mine:
            if c.name != name:
                self.say("I5", f"left over: {c.short}")
        if not proper:
            self.say("I3", f"no container {name}")
            return
        c = proper[0]
        if declared.ends:
            if c.runs or c.state == "exited" and c.exit_code != 0 or c.state not in ("exited", "created"):
                self.say("I3", f"{c.short} should have ended well; exit code {c.exit_code}")
        elif c.state != "running":
            self.say("I3", f"{c.short} does not run")
        elif declared.healthy and c.health != "healthy":
            self.say("I3", f"{c.short} is not healthy")
        if c.policy != declared.policy or not c.retries_left:
            self.say("I3", f"{c.name} has restart policy {c.policy}, declared is {declared.policy}")
        self.check_image(c, declared, tag)
        if set(c.networks) != {NETWORK if declared.networked else "host"}:
            self.say("I3", f"{c.name} is in the networks {sorted(c.networks)}")
        elif declared.networked and service not in (c.networks[NETWORK].get("Aliases") or []):
            self.say("I3", f"{c.name} is not reachable as {service} in {NETWORK}")
        if declared.volume and c.writes != (declared.volume,):
            self.say("I3", f"{c.name} writes to {c.writes or 'no volume'}, declared is {declared.volume}")

    def check_image(self, c: Container, declared: Declared, tag: str) -> None:
        if declared.moves and tag and c.image != f"{REPOSITORY}:{tag}":
            self.say("I3", f"{c.name} has image {c.image}, app runs {tag}: versions are mixed")
        image = self.engine.get(f"/images/{c.image}/json")
        if image is None:
            self.say("I1", f"{c.name}: its image {c.image} is not there")
        elif image["Id"] != c.image_id:
            self.say("I3", f"{c.name} runs {c.image_id[:19]}, and {c.image} is {image['Id'][:19]}")

    def check_it_writes(self, live: str) -> None:
        """The version that runs goes on acknowledging, and so does the database."""
        wanted = {("app", live), ("db", "db")}
        seen = len(self.events)
        deadline = time.monotonic() + 5
        while wanted and time.monotonic() < deadline:
            wanted -= {(e.role, e.version) for e in read_evidence(self.evidence)[seen:] if e.what == "ack"}
            if wanted:
                time.sleep(0.02)
        for role, version in sorted(wanted):
            self.say("I3", f"{role} of {version} runs, and writes nothing")

    def check_tag_line(self, live: str) -> None:
        if self.project is None:
            return
        text = (self.project / ".env").read_text(errors="replace")
        if text != f"# which version\nIMAGE_TAG={live}\n":
            self.say("I8", f"{live} runs, and .env has {text!r}")

    # I2

    def check_one_writer(self) -> None:
        for e in self.events:
            if e.what == "two-writers":
                self.say("I2", f"{e.role} {e.version} in {e.container} found another writer on its volume")
        for role in ("app", "db"):
            self.check_no_overlap(role)
        self.check_migrations()
        for volume in VOLUMES:
            users = [c for c in self.containers if volume in c.writes]
            for what, several in (("run now", [c for c in users if c.runs]),
                                  ("would run after a reboot", [c for c in users if c.returns_after_reboot()])):
                if len(several) > 1:
                    self.say("I2", f"two {what} on {volume}: {', '.join(c.short for c in several)}")

    def check_no_overlap(self, role: str) -> None:
        """Once another process has acknowledged a line, the one before never does again."""
        ended: set[str] = set()
        last = ""
        of_role = [e for e in self.events if e.role == role]
        for number, e in enumerate(of_role):
            if e.what not in ("ack", "start"):
                continue
            if e.start in ended:
                told = [f"{each.at // 1000000} {each.version} {each.container[:6]} {each.start[:6]} {each.what}"
                        for each in of_role[max(number - 12, 0):number + 12]]
                self.say("I2", f"{role} {e.version} ({e.container}) wrote after its successor had begun: {told}")
                return
            if last and last != e.start:
                ended.add(last)
            last = e.start

    def check_migrations(self) -> None:
        """None while an app writes: between a start and its stop, or the next one's first word, there is no other. And
        none twice, unless another version ran in between."""
        running = running_since = None
        migrated = ""
        for e in self.events:
            if e.what == "mig-begin" and e.version == migrated:
                self.say("I4", f"the migration of {e.version} had ended well, and ran again ({e.container})")
            if e.what == "mig-end":
                migrated = e.version
            elif e.role == "app" and e.what == "ack" and e.version != migrated:
                migrated = ""
            if e.role == "app":
                running = None if e.what == "stop" else e
            elif e.what == "mig-begin":
                running_since = running
            elif e.what in ("mig-end", "mig-fail") and running is not None and running is not running_since:
                self.say("I2", f"app {running.version} wrote while migration {e.version} ({e.container}) was at work")

    # I4

    def check_data(self, live: str, kept: list[str]) -> None:
        for volume, role in VOLUMES.items():
            if volume not in self.volumes:
                self.say("I4", f"volume {volume} is gone")
                continue
            data = read_volume(self.volumes[volume])
            version = live if role == "app" else "db"
            self.check_volume(volume, data, version)
            present = data.all_lines()
            if role == "app":
                self.check_moving_lines(present, version, kept)
            else:
                self.check_replaced(present, [Block("db", lines_of(self.since_two_versions_ago(), "db"))])

    def since_two_versions_ago(self) -> list[Event]:
        """As far back as lines of the app are looked for: what was left before that, retention may have removed."""
        blocks = blocks_of(self.events, "app")
        first = blocks[-3].lines[0] if len(blocks) >= 3 else ""
        return list(itertools.dropwhile(lambda e: first and (e.role, e.what, e.text) != ("app", "ack", first), self.events))

    def check_volume(self, volume: str, data: Data, version: str) -> None:
        if data.format != version:
            self.say("I4", f"{volume} has the data of {data.format or 'nobody'}, {version} runs on it")
        if list(data.lines) != [version]:
            self.say("I4", f"{volume} has the files {data.names}, {version} runs on it")
        for name in data.names:
            if not VOLUME_FILES.match(name):
                self.say("I5", f"left over in {volume}: {name}")
        for text in data.lines.values():
            numbers = [int(line.split(" ")[0]) for line in text.split("\n")[:-1] if line[:1].isdigit()]
            if len(numbers) != text.count("\n") or numbers != list(range(1, len(numbers) + 1)):
                self.say("I4", f"{volume}: its lines are not 1, 2, 3, …: two states are mixed")

    def check_moving_lines(self, present: set[str], live: str, kept: list[str]) -> None:
        missing = [line for line in kept if line not in present]
        if missing:
            self.say("I4", f"{len(missing)} of {len(kept)} lines acknowledged before are lost: {missing[-1]}")
        blocks = blocks_of(self.events, "app")
        if not blocks or blocks[-1].version != live:
            return  # nothing was acknowledged since it began
        self.check_all_there(blocks[-1], present)
        # What it goes on from: what was there before it, or, when it was gone back to, its own from before that.
        sources = blocks[-2:-1] + self.own_before(blocks)
        if sources and not any(set(b.lines) <= present for b in sources):
            self.say("I4", f"{live} goes on from nothing that was acknowledged before it: of "
                     + ", of ".join(f"{b.version} {len(set(b.lines) - present)} lines are missing" for b in sources))
        for b in blocks[:-1]:
            if not re.match(r"v\d", b.version) and set(b.lines) & present:
                self.say("I4", f"lines of {b.version}, which never proved well, are in the data of {live}")
        self.check_replaced(present, blocks[-3:-1])

    def own_before(self, blocks: list[Block]) -> list[Block]:
        """Of the version that runs: its last block before, and, where that was of an update that was given up, the one
        before that too. Then what followed it went on without its lines, as an archive of that shows."""
        out = []
        for number in reversed(range(len(blocks) - 1)):
            block, after = blocks[number], set(blocks[number + 1].lines)
            if block.version != blocks[-1].version:
                continue
            out.append(block)
            there = [data.all_lines() for data in self.archives().values() if data]
            if not any(after <= lines and not set(block.lines) & lines for lines in there):
                break
        return out

    def check_all_there(self, block: Block, present: set[str]) -> None:
        missing = [line for line in block.lines if line not in present]
        if missing:
            self.say("I4", f"{block.version} runs and has acknowledged {len(missing)} lines that are lost: {missing[-1]}")

    def check_replaced(self, present: set[str], blocks: list[Block]) -> None:
        """In the volume, or in a snapshot; what is older than the snapshots that are kept may be gone."""
        for block in blocks:
            missing = set(block.lines) - present
            if not missing:
                continue
            recent = {line for line in missing if line in block.lines[-200:]}
            for data in self.archives().values():
                recent -= data.all_lines() if data else set()
            if recent:
                self.say("I4", f"{len(recent)} lines that {block.version} acknowledged are neither in the volume nor in a"
                         f" snapshot: {sorted(recent)[-1]}")

    def archives(self) -> dict[Path, Data | None]:
        """Of snapshots that are complete, and what rescue.sh has put aside. Read once; None: not readable."""
        paths = [*self.state.glob("*/snapshots/*/*.tar.zst"), *self.state.glob("*/attempts/*/before-rescue.*")]
        for path in sorted(paths):
            if path in self._archives or PARTIAL.search(path.parent.name) or path.name.endswith(".partial"):
                continue
            try:
                self._archives[path] = read_archive(path)
            except ValueError:
                self._archives[path] = None
        return self._archives

    # I1

    def check_bring_back(self, versions: set[str]) -> None:
        why = {version: self.cannot_bring_back(version) for version in sorted(versions)}
        if all(why.values()):
            self.say("I1", "neither version can be brought back: " + "; ".join(f"{v}: {w}" for v, w in why.items()))

    def cannot_bring_back(self, version: str) -> str:
        """Why not; empty: it can."""
        for service, declared in SERVICES.items():
            if not declared.moves:
                continue
            mine = [c for c in self.containers if c.service == service and c.tag == version]
            if not mine:
                return f"no container of {service}"
            if all(self.engine.get(f"/images/{c.image_id}/json") is None for c in mine):
                return f"no image of {service}"
        for volume in VOLUMES:
            if volume not in self.volumes:
                return f"its volume {volume} is gone"
        return self.lacks_data(version)

    def lacks_data(self, version: str) -> str:
        """What it acknowledged last has to be in one place and in its own format; what the database acknowledged
        meanwhile in the volume or in snapshots."""
        lines = next((set(b.lines) for b in reversed(blocks_of(self.events, "app")) if b.version == version), set())
        there = [read_volume(self.volumes["rig_data"]), *(data for data in self.archives().values() if data)]
        own = [lines - data.all_lines() for data in there if data.format == version]
        if not own:
            return "its data is neither in the volume nor in a snapshot"
        if missing := min(own, key=len):
            return f"of {len(lines)} lines it acknowledged last, {len(missing)} are in no data of its own: {sorted(missing)[-1]}"
        missing = set(self.lines_of_the_database_beside(lines)) - read_volume(self.volumes["rig_dbdata"]).all_lines()
        for data in there[1:]:
            missing -= data.all_lines()
        return f"{len(missing)} lines of the database are nowhere: {sorted(missing)[-1]}" if missing else ""

    def lines_of_the_database_beside(self, lines: set[str]) -> list[str]:
        """Acknowledged between the first and the last of these lines of the app."""
        marks = [number for number, e in enumerate(self.events) if e.role == "app" and e.what == "ack" and e.text in lines]
        return lines_of(self.events[marks[0]:marks[-1]], "db") if marks else []

    # I5

    def check_nothing_left(self) -> None:
        for name in self.volumes.keys() - VOLUMES.keys():
            self.say("I5", f"a volume that no service has: {name}")
        networks = [n["Name"] for n in self.engine.get("/networks") if n["Name"] not in ("bridge", "host", "none")]
        if networks != [NETWORK]:
            self.say("I5", f"networks: {networks}")
        if self.project is not None:
            for name in os.listdir(self.project):
                if PARTIAL.search(name) and name != ".env":
                    self.say("I5", f"left over beside compose.yaml: {name}")

    def directories(self) -> Iterator[Path]:
        """One for each project."""
        if self.state.is_dir():
            yield from sorted(entry for entry in self.state.iterdir() if entry.is_dir())

    def check_files(self) -> None:
        self.check_modes()
        for directory in self.directories():
            for path in sorted(directory.iterdir()):
                known = path.name in STATE_DIRECTORIES if path.is_dir() else STATE_FILES.match(path.name)
                if not known:
                    self.say("I5", f"left over in the state directory: {path.name}")
            for attempt in sorted((directory / "attempts").glob("*")):
                names = sorted(os.listdir(attempt)) if attempt.is_dir() else [attempt.name]
                if not names or any(not re.match(r"before-rescue\.", name) or PARTIAL.search(name) for name in names):
                    self.say("I5", f"left over of an attempt: {attempt.name} has {names}")
            for snapshot in sorted((directory / "snapshots").glob("*")):
                self.check_snapshot(snapshot)
            for path in sorted((directory / "evidence").glob("*")):
                if PARTIAL.search(path.name):
                    self.say("I5", f"left over in evidence/: {path.name}")

    def check_snapshot(self, directory: Path) -> None:
        if PARTIAL.search(directory.name) or not directory.is_dir():
            self.say("I5", f"left over in snapshots/: {directory.name}")
            return
        try:
            volumes = json.loads((directory / "manifest.json").read_text())["volumes"]
            named = {"manifest.json"} | {v["archive"] for v in volumes} | {v["file_list"] for v in volumes}
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.say("I5", f"snapshot {directory.name} has no readable manifest: {error!r}")
            return
        present = set(os.listdir(directory))
        if present != named:
            self.say("I5", f"snapshot {directory.name}: missing {sorted(named - present)}, left over {sorted(present - named)}")
        self.archives()
        for path in sorted(directory.glob("*.tar.zst")):
            if self._archives.get(path) is None:
                self.say("I5", f"snapshot {directory.name}: {path.name} cannot be read")

    def check_modes(self) -> None:
        if not self.state.exists():
            return
        for path in [self.state, *sorted(self.state.rglob("*"))]:
            try:
                facts = path.lstat()
            except FileNotFoundError:
                continue
            wanted = 0o700 if stat.S_ISDIR(facts.st_mode) else 0o600
            if stat.S_ISLNK(facts.st_mode) or stat.S_IMODE(facts.st_mode) != wanted or facts.st_uid != os.geteuid():
                self.say("I5", f"{path} is {stat.filemode(facts.st_mode)} of {facts.st_uid}, not {wanted:o} of {os.geteuid()}")

    # I8

    def check_words(self, code: int, out: str) -> None:
        """What a run said at its end, and what is so. Nothing is asked of a run that was killed."""
        running = {c.tag for c in self.containers if c.service == "app" and c.state == "running"}
        said = (re.search(r"^  now: +r\d+ \(([^)]+)\) runs", out, re.M) or
                re.search(rf"^{PROJECT}: r\d+ \(([^)]+)\) runs again, verified", out, re.M))
        tags = {said[1]} if said else set()
        document = _json_of(out)
        if document is not None:
            if document.get("exit_code") != code:
                self.say("I8", f"exit code {code}, and the document says {document.get('exit_code')}")
            if code in (0, 3, 4, 5, 20) and document.get("release_now"):
                tags = {document["release_now"]["tag"]}
        if tags and tags != running:
            self.say("I8", f"it said that {tags.pop()} runs, and {' and '.join(sorted(running)) or 'nothing'} does")
        if code == 20 and not (said or document):
            self.say("I8", "exit code 20, and not a word about what runs now")
        for code_, words in ((20, "was rolled back"), (30, "A PERSON IS NEEDED"), (22, "NOT proven")):
            first = out.split("\n")[0]
            recovered = code == 0 and "interrupted run" in first  # rolled back is well, for a recover
            if code != code_ and document is None and words in first and not recovered:
                self.say("I8", f"exit code {code}, and it said {out.splitlines()[0]!r}")

    def done(self) -> None:
        if self.found:
            raise Violations("\n".join(dict.fromkeys(self.found)))


def _json_of(out: str) -> dict | None:
    try:
        value = json.loads(out)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


# --- for cases ----------------------------------------------------------------------------------------------------


def of(machine) -> Checker:
    """A checker of a machine (machine.py) that is on."""
    return Checker(Engine(str(machine.socket)), Path(machine.evidence), Path(machine.state), Path(machine.project))


def acknowledged(machine, version: str | None = None) -> list[str]:
    """The app's lines so far, for `kept`."""
    return lines_of(read_evidence(Path(machine.evidence)), "app", version)


def check(machine, versions: Iterable[str], result=None, kept: Iterable[str] = ()) -> None:
    """case.Violation with all findings, unless one of the versions runs and every promise holds. `result`: of the run
    that ended just before, whose words are compared with what is so; `kept`: lines that must be in the live volume."""
    _run(machine, lambda c: c.closed(versions, kept), result)


def check_open(machine, versions: Iterable[str]) -> None:
    """In the middle of things, before recover: one writer, and one of the versions can still be brought back."""
    _run(machine, lambda c: c.open(versions), None)


def check_rescued(machine, version: str, kept: Iterable[str] = ()) -> None:
    """After rescue.sh, before recover: the old version runs, on its data."""
    _run(machine, lambda c: c.rescued(version, kept), None)


def _run(machine, look, result) -> None:
    from case import Violation
    checker = of(machine)
    look(checker)
    if result is not None and result.code >= 0:
        checker.check_words(result.code, result.out)
    try:
        checker.done()
    except Violations as found:
        after = f"\nafter {result}" if result is not None else ""
        raise Violation(f"{found}{after}") from None


# --- by hand ------------------------------------------------------------------------------------------------------


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--version", action="append", required=True, help="one that may be the live one; repeatable")
    parser.add_argument("--socket", default="/run/docker.sock")
    parser.add_argument("--evidence", default="/run/evidence", type=Path, help="the side channel")
    parser.add_argument("--state", default="/run/rig/state/dockupd", type=Path, help="dockupd's --state-dir")
    parser.add_argument("--project", type=Path, help="where compose.yaml and .env are")
    parser.add_argument("--open", action="store_true", help="a run was interrupted: only what holds at every instant")
    options = parser.parse_args(argv)
    checker = Checker(Engine(options.socket), options.evidence, options.state, options.project)
    try:
        (checker.open if options.open else checker.closed)(options.version)
        checker.done()
    except Unreachable as error:
        print(f"checker.py: {error}", file=sys.stderr)
        return 2
    except Violations as found:
        print(found)
        return 1
    print("all hold")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
