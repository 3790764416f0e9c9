#!/usr/bin/env python3
"""Random projects, asked of a real docker-compose and of dockupd: prints what differs, and keeps those projects.

usage: differential.py DOCKUPD FIRST_SEED LAST_SEED KEPT_FOLDER
"""
import collections
import os
import shutil
import subprocess
import sys

import compose_reference as reference
import random_project

OLDER_ENGINE_EVERY = 4  # projects: there is little that only an older engine is asked for


def main():
    dockupd, first, last, kept = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), os.path.realpath(sys.argv[4])
    oracle = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "compose-oracle")
    compose = subprocess.run([oracle], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    tally = collections.Counter()
    old, new = reference.API_VERSIONS
    with reference.Engine(old) as old_engine, reference.Engine(new) as new_engine:
        for seed in range(first, last):
            folder = os.path.join(kept, "p%d" % seed)
            os.makedirs(folder)
            random_project.Project(seed).write(folder)
            found = reference.compare_config(compose, dockupd, folder)
            for engine in (new_engine, old_engine)[:1 if seed % OLDER_ENGINE_EVERY else 2]:
                lines, equal = reference.compare_requests(compose, dockupd, folder, engine)
                found += lines
                tally["equal bodies"] += equal
                tally["refused by both" if not equal and not lines else "runs"] += 1
            tally["projects"] += 1
            tally["differ"] += bool(found)
            if found:
                print("p%d" % seed, *found[:12], sep="\n  ", flush=True)
            else:
                shutil.rmtree(folder)
    print(dict(tally))


main()
