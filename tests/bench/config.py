#!/usr/bin/env python3
"""Loading alone: `dockupd config --hash` beside `docker-compose config`, and beside its `config --hash "*"`, on one generated
project, in one run.

  tests/bench/config.py [ROUNDS]     (build the preset release first, or set DOCKUPD)

No engine is needed. The project is the same each time: 60 services with env files, anchors and merge keys, health checks,
ports, volumes, networks and dependencies. They take turns; medians and ratios are printed. Exit 1 when dockupd is not ten
times as fast as `docker-compose config`. Ratios travel; milliseconds do not."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
SERVICES = 60
GOAL = 10
PEER = "docker-compose config"

HEAD = """\
name: bench
x-logging: &logging
  driver: json-file
  options: {max-size: 10m, max-file: "3"}
x-service: &service
  restart: unless-stopped
  logging: *logging
  security_opt: ["no-new-privileges:true"]
  stop_grace_period: 30s
  deploy: {resources: {limits: {cpus: "0.50", memory: 256m}}}
services:
"""
ONE = """\
  service-{n:02}:
    <<: *service
    image: registry.example.com/bench/service-{n:02}:${{IMAGE_TAG:?set it in .env}}
    command: ["serve", "--port", "80{n:02}", "--name", "service {n:02}"]
    user: "1000:1000"
    env_file:
      - common.env
      - {{path: service-{group}.env, required: false}}
    environment:
      - DATABASE_URL=postgres://app:${{DB_PASSWORD:-secret}}@db:5432/service_{n:02}
      - LOG_LEVEL=${{LOG_LEVEL:-info}}
      - WORKERS={group}
      - INHERITED
    ports:
      - "127.0.0.1:80{n:02}:80{n:02}"
      - {{target: 9090, published: "90{n:02}", protocol: tcp}}
    volumes:
      - data-{n:02}:/var/lib/service
      - ./conf/service-{n:02}.yaml:/etc/service/service.yaml:ro
      - {{type: tmpfs, target: /tmp, tmpfs: {{size: 64m}}}}
    networks:
      front: {{aliases: ["svc-{n:02}"]}}
      back: {{priority: 10}}
    labels:
      traefik.enable: "true"
      traefik.http.routers.service-{n:02}.rule: Host(`service-{n:02}.example.com`)
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:80{n:02}/health"]
      interval: 30s
      timeout: 5s
      retries: 3
      start_period: 20s
"""


def service(n):
    text = ONE.format(n=n, group=n % 8)
    if n > 0:
        text += f"    depends_on:\n      service-{n // 2:02}: {{condition: service_healthy}}\n"
    return text


def write_project(folder):
    files = {"compose.yaml": HEAD + "".join(service(n) for n in range(SERVICES)) + "volumes:\n" +
             "".join(f"  data-{n:02}:\n" for n in range(SERVICES)) + "networks:\n  front:\n  back: {internal: true}\n",
             ".env": "IMAGE_TAG=2.4.0\nDB_PASSWORD='s3cr$t'\n",
             "common.env": "".join(f"COMMON_{i}=value number {i}\n" for i in range(20))}
    for group in range(0, 8, 2):
        files[f"service-{group}.env"] = f"# group {group}\nGROUP={group}\nURL=\"http://${{COMMON_1}}/\"\n"
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write(text)


def timed(command, folder):
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said = process.stdout.read()
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begun
    if status != 0:
        sys.exit(f"{' '.join(command)} failed:\n{errors.decode()}")
    if "--hash" in command and len(said.splitlines()) != SERVICES:
        sys.exit(f"{' '.join(command)} printed {len(said.splitlines())} lines for {SERVICES} services")
    return seconds * 1000, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 41
    compose = subprocess.run([os.path.join(ROOT, "tools", "compose-oracle")], capture_output=True, text=True, check=True)
    peer = compose.stdout.strip()
    programs = {"dockupd config --hash": [os.environ.get("DOCKUPD", ROOT + "/build/release/tools/dockupd"), "config", "--hash"],
                PEER: [peer, "config"], PEER + " --hash '*'": [peer, "config", "--hash", "*"]}
    runs = {name: [] for name in programs}
    with tempfile.TemporaryDirectory() as folder:
        write_project(folder)
        for _ in range(rounds + 1):
            for name, command in programs.items():
                runs[name].append(timed(command, folder))
    print(f"{SERVICES} services, {rounds} rounds, taking turns     wall: median (fastest)    CPU    peak")
    medians = {}
    for name, all_runs in runs.items():
        wall, memory, busy = zip(*all_runs[1:])  # the first warms the caches
        medians[name] = statistics.median(wall)
        print(f"  {name:<32}{medians[name]:16.1f} ms ({min(wall):.1f})   {statistics.median(busy) * 1000:5.1f} ms"
              f"   {statistics.median(memory):.0f} MiB")
    ratios = {name: median / medians["dockupd config --hash"] for name, median in medians.items() if name.startswith(PEER)}
    print("  " + ", ".join(f"{name}: {ratio:.1f} times as long" for name, ratio in ratios.items()) +
          f"; wanted of {PEER}: at least {GOAL}")
    sys.exit(0 if ratios[PEER] >= GOAL else 1)


main()
