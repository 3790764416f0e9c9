"""What runs on the machines: the images of app.c, a good one for each version and one for each way of being bad, and the
project that dockupd moves between them. The images are in the machine's registry only; the engine pulls them."""
from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from case import Violation

if TYPE_CHECKING:
    from machine import Machine

HERE = Path(__file__).resolve().parent
PROJECT = "rig"
IMAGE = "127.0.0.1:5000/app"
# migrate has run and ended. What needs no network has none of its own: to make one costs more than all else of a start.
SERVICES = ("app", "db", "migrate", "side")
GOOD = ("v1", "v2", "v3")
# tag → BEHAVIOUR of app.c; each has a version of its own, so that whose data there is can be told.
BEHAVIOURS = {
    **{one: one for one in (
        "unhealthy", "no-write", "crash", "crash-late", "exit0", "exit1", "flap", "sickens", "oom", "slow-start", "hc-hangs", "needs-env", "mig-fail", "mig-hang", "mig-oom", "mig-crash", "mig-skips",
        "side-exit1", "side-late")},
    "stubborn": "ignore-term+unhealthy", "lingering": "slow-stop+unhealthy",
    "v4-stubborn": "ignore-term", "v5-lingering": "slow-stop",  # good, with bad manners
}
FAILING = FAILING_TAG = "unhealthy"  # migrates, writes, and is never healthy

COMPOSE = """\
name: rig
services:
  migrate:
    image: 127.0.0.1:5000/app:${IMAGE_TAG}
    command: ["mig"]
    restart: "no"
    network_mode: host
    mem_limit: 32m
    memswap_limit: 32m
    stop_grace_period: 1s
    volumes: ["data:/data", "/run/evidence:/evidence"]
  db:
    image: 127.0.0.1:5000/db:stable
    command: ["db"]
    restart: unless-stopped
    network_mode: host
    stop_grace_period: 2s
    volumes: ["dbdata:/data", "/run/evidence:/evidence"]
  app:
    image: 127.0.0.1:5000/app:${IMAGE_TAG}
    restart: always
    mem_limit: 32m
    memswap_limit: 32m
    stop_grace_period: 2s
    depends_on:
      migrate: {condition: service_completed_successfully}
      db: {condition: service_started}
    healthcheck:
      test: ["CMD", "/hc", "hc"]
      interval: 300ms
      timeout: 2s
      retries: 3
      start_period: 500ms
    volumes: ["data:/data", "/run/evidence:/evidence"]
  side:
    image: 127.0.0.1:5000/app:${IMAGE_TAG}
    command: ["side"]
    restart: always
    network_mode: host
    stop_grace_period: 2s
    volumes: ["/run/evidence:/evidence"]
volumes:
  data:
  dbdata:
"""


# --- images -------------------------------------------------------------------------------------------------------


def compile_app(directory: Path) -> bytes:
    """The static program, made once in a directory."""
    program = directory / "app"
    if not program.exists():
        temporary = directory / "app.making"
        subprocess.run(["gcc", "-O1", "-static", "-s", "-Wall", "-Wextra", "-Werror", "-std=gnu11", "-o", str(temporary),
                        str(HERE / "app.c")], check=True)
        temporary.rename(program)
    return program.read_bytes()


def root_file_system(program: bytes, without_health_command: bool = False, mode: int = 0o755) -> bytes:
    """A tar, the same bytes each time: images that share it share the layer."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("data", "evidence"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        entry = tarfile.TarInfo("app")
        entry.size, entry.mode = len(program), mode
        archive.addfile(entry, io.BytesIO(program))
        if not without_health_command:
            entry = tarfile.TarInfo("hc")
            entry.type, entry.linkname = tarfile.SYMTYPE, "app"
            archive.addfile(entry)
    return out.getvalue()


def image_list() -> list[tuple[str, str, list[str]]]:
    """reference, tar, changes."""
    def changes(version: str, behaviour: str = "ok", entry: str = "/app") -> list[str]:
        return [f"ENV VERSION={version}", f"ENV BEHAVIOUR={behaviour}", f'ENTRYPOINT ["{entry}"]', 'CMD ["run"]']
    app = IMAGE + ":"
    out = [(app + tag, "root.tar", changes(tag)) for tag in GOOD]
    out += [(app + tag, "root.tar", changes(tag, behaviour)) for tag, behaviour in BEHAVIOURS.items()]
    out += [(app + "no-entrypoint", "root.tar", changes("no-entrypoint", entry="/missing")),
            (app + "not-executable", "plain.tar", changes("not-executable")),
            (app + "no-hc", "bare.tar", changes("no-hc")),
            ("127.0.0.1:5000/db:stable", "root.tar", changes("db"))]
    return out


def image_of_another_architecture(reference: str, layer: bytes) -> bytes:
    """For `docker load`: `docker import` takes a platform and forgets it."""
    settings = {"architecture": "arm64", "os": "linux", "created": "2026-01-01T00:00:00Z",
                "config": {"Entrypoint": ["/app"], "Cmd": ["run"], "Env": ["VERSION=arm64", "BEHAVIOUR=ok"]},
                "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}}
    files = {"config.json": json.dumps(settings).encode(), "layer.tar": layer, "manifest.json": json.dumps(
        [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]).encode()}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def import_script(directory: str) -> str:
    """Makes every image, gives it to the registry and removes it from the engine."""
    lines = ["set -eu", f"cd {directory}", "docker load -q -i arm64.tar > /dev/null"]
    for reference, tar, changes in image_list():
        words = " ".join("--change '" + change + "'" for change in changes)
        lines.append(f"docker import {words} {tar} {reference} > /dev/null")
    for reference in [*(one[0] for one in image_list()), f"{IMAGE}:arm64"]:
        lines += [f"docker push -q {reference} > /dev/null", f"docker rmi {reference} > /dev/null"]
    return "\n".join(lines)


def write_tars(directory: Path) -> None:
    program = compile_app(directory)
    root = root_file_system(program)
    (directory / "root.tar").write_bytes(root)
    (directory / "arm64.tar").write_bytes(image_of_another_architecture(f"{IMAGE}:arm64", root))
    (directory / "bare.tar").write_bytes(root_file_system(program, without_health_command=True))
    (directory / "plain.tar").write_bytes(root_file_system(program, mode=0o644))


def write_project(project: Path, tag: str) -> None:
    project.mkdir(parents=True, exist_ok=True)
    (project / "compose.yaml").write_text(COMPOSE, encoding="utf-8")
    (project / ".env").write_text(f"# which version\nIMAGE_TAG={tag}\n", encoding="utf-8")


# --- worlds -------------------------------------------------------------------------------------------------------


def make_empty(machine: Machine) -> None:
    write_tars(machine.work)
    done = machine.run(["sh", "-c", import_script(str(machine.work))], timeout=120)
    if done.code != 0:
        raise RuntimeError(f"making the images: {done}")
    write_project(machine.project, GOOD[0])


def make_v1(machine: Machine) -> None:
    move_to(machine, "v1")


def make_v2(machine: Machine) -> None:
    move_to(machine, "v2")


def move_to(machine: Machine, tag: str) -> None:
    result = machine.dockupd("update", "--tag", tag, program="shipped")
    if result.code != 0:
        raise Violation(f"update --tag {tag} on a healthy machine: {result}")
    wait_for_lines(machine, tag)


WORLDS = {"empty": (None, make_empty), "v1": ("empty", make_v1), "v2": ("v1", make_v2)}


def acknowledged(evidence: Path, role: str, version: str) -> int:
    """How many lines."""
    try:
        text = (evidence / "log").read_text()
    except FileNotFoundError:
        return 0
    fields = (line.split(" ") for line in text.splitlines())
    return sum(len(one) > 5 and one[1] == role and one[2] == version and one[5] == "ack" for one in fields)


def wait_for_lines(machine: Machine, tag: str, more: int = 5) -> None:
    """The app of this tag and the database have each written so many more."""
    wanted = [(role, version, acknowledged(machine.evidence, role, version) + more)
              for role, version in (("app", tag), ("db", "db"))]
    deadline = time.monotonic() + 20
    while any(acknowledged(machine.evidence, role, version) < count for role, version, count in wanted):
        if time.monotonic() > deadline:
            raise RuntimeError(f"no lines: {wanted}\n{(machine.evidence / 'log').read_text()[-2000:]}")
        time.sleep(0.02)


def ready(machine: Machine, world: str) -> None:
    """After a boot of a copy: everything runs again, the health checks have said so, and there are new lines."""
    if world == "empty":
        return
    start_all(machine)
    wait_for_lines(machine, world, 2)


def start_all(machine: Machine) -> None:
    """By hand, as an operator does after a power cut, so that each case begins with all that should run."""
    for name in ("db", "app", "side"):
        machine.api("POST", f"/containers/{PROJECT}-{name}-1/start")
    deadline = time.monotonic() + 20
    while machine.api("GET", f"/containers/{PROJECT}-app-1/json")["State"]["Health"]["Status"] != "healthy":
        if time.monotonic() > deadline:
            raise RuntimeError("the app does not become healthy after a boot")
        time.sleep(0.02)
