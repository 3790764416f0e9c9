"""A quick look at the engine between the points of one case: what of the project there is, and what runs. Whether all
promises hold is the checker's to say, at the end."""
from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

import world
from case import Violation
from machine import Machine

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"


@dataclass(frozen=True)
class Container:
    id: str
    name: str
    service: str  # "": a guard or the like
    tag: str
    state: str

    def __str__(self) -> str:
        return f"{self.name} ({self.tag}, {self.state})"


def containers(machine: Machine) -> list[Container]:
    """Of the project, and whatever else dockupd may have made, by name."""
    out = []
    for entry in machine.api("GET", "/containers/json?all=1"):
        labels = entry["Labels"] or {}
        tag = entry["Image"].rpartition(":")[2]
        out.append(Container(entry["Id"], entry["Names"][0].lstrip("/"), labels.get(SERVICE, ""), tag, entry["State"]))
    return sorted(out, key=lambda c: c.name)


def changing_events(machine: Machine, since: float, until: float) -> list[str]:
    """What was done to containers, images, networks and volumes in a time; health checks run all the time."""
    done = machine.run(["docker", "events", "--since", f"{since:.9f}", "--until", f"{until:.9f}", "--format",
                        "{{.Type}} {{.Action}} {{.Actor.ID}}"])
    return [line for line in done.out.splitlines() if not line.split()[1].startswith(("exec_", "health_status"))]


def live_tag(machine: Machine) -> str:
    """The tag that runs: each service once under its own name, the ones that stay up running, and nothing else."""
    found = containers(machine)
    if [c.name for c in found] != [f"{world.PROJECT}-{service}-1" for service in sorted(world.SERVICES)]:
        raise Violation(f"not one container a service and no more: {[str(c) for c in found]}")
    by_service = {c.service: c for c in found}
    tags = {by_service[service].tag for service in ("app", "side")}
    down = [str(c) for c in found if c.state != "running" and c.service != "migrate"]
    if down or len(tags) != 1:
        raise Violation(f"not one version runs whole: {[str(c) for c in found]}")
    return tags.pop()


def identities(machine: Machine) -> dict[str, tuple[str, str]]:
    """name → (id, state): what a refused command must leave as it was."""
    return {c.name: (c.id, c.state) for c in containers(machine)}


def volumes(machine: Machine) -> list[str]:
    wanted = quote(json.dumps({"label": [PROJECT]}))
    return sorted(v["Name"] for v in machine.api("GET", f"/volumes?filters={wanted}")["Volumes"] or [])
