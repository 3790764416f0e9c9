#!/usr/bin/env python3
"""Wall time and peak memory of `dockupd update` beside `docker compose up -d` of the same change, in one run.

  tests/bench/run            (starts a private engine, makes the images, runs this)

Alternates both for the sample `tiny`, images local, medians of several rounds. Also the small answers: version and
status. dockupd does more: it asks the registry, archives the volume and reads the archive back, proves the result
and waits --stable-for seconds (shown, and subtracted in the last column). Without a compose binary (tools/compose-oracle)
only dockupd's own figures are printed. Ratios travel; seconds do not."""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
ROUNDS = 5
PROVE_SECONDS = 1


def timed(command, cwd):
    """Seconds and peak MiB of the process itself."""
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed:\n{said.decode()}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024


def set_tag(project, tag):
    path = os.path.join(project, ".env")
    with open(path, encoding="utf-8") as file:
        lines = [f"IMAGE_TAG={tag}\n" if line.startswith("IMAGE_TAG=") else line for line in file]
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines)


def compose_binary():
    found = subprocess.run([os.path.join(ROOT, "tools", "compose-oracle")], capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


class Bench:
    def __init__(self, work):
        self.project = os.path.join(work, "tiny")
        shutil.copytree(os.path.join(ROOT, "compose-samples", "tiny"), self.project)
        self.own = [os.environ["DOCKUPD"]]
        self.tail = ["--state-dir", os.path.join(work, "state"), "--progress", "quiet"]

    def dockupd(self, *arguments):
        return timed([*self.own, *arguments, *self.tail], self.project)

    def update(self, tag):
        return self.dockupd("update", "--tag", tag, "--stable-for", str(PROVE_SECONDS), "--timeout", "2")

    def compose(self, binary, tag):
        set_tag(self.project, tag)
        return timed([binary, "--progress", "quiet", "up", "-d"], self.project)


def row(name, samples, waited=0.0):
    seconds = statistics.median(s for s, _ in samples)
    memory = max(m for _, m in samples)
    print(f"{name:<42}{seconds:8.3f} s{memory:8.1f} MiB{seconds - waited:10.3f} s")
    return seconds - waited


def main():
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        bench = Bench(work)
        print(f"{'median of ' + str(ROUNDS):<42}{'wall':>10}{'peak memory':>12}{'less waiting':>12}")
        bench.update("v1")
        bench.update("v2")
        binary = compose_binary()
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(bench.update("v1"))
            if binary:
                theirs.append(bench.compose(binary, "v2"))
            else:
                bench.update("v2")
        own = row("dockupd update (snapshot, proof)", ours, PROVE_SECONDS)
        if theirs:
            peer = row("docker compose up -d (neither)", theirs)
            print(f"ratio of wall time less waiting: {own / peer:.2f}")
        row("dockupd version", [timed([*bench.own, "version"], work) for _ in range(ROUNDS)])
        row("dockupd status", [timed([*bench.own, "status", *bench.tail], bench.project) for _ in range(ROUNDS)])


if __name__ == "__main__":
    main()
