#!/usr/bin/env python3
"""Records what a real docker-compose makes of each data/corpus/NAME into NAME/recorded.json.

usage: record_corpus.py LOADER_ORACLE [NAME...]

For each project: the requests of `docker-compose create` at two API versions (of the older one only those that differ),
`config --format json`, and the config hashes of four dialects. The binary is the one of tools/compose-oracle, and the
hashes of its own dialect are the labels that it writes. Those of the other dialects come from LOADER_ORACLE, a Python
module with load_project(), resolve_refs(), service_json(), hash_() and CGO, and only for services where it gives the
label as well. Each project is copied to /srv/NAME while it is recorded, so that no path of this machine gets into the
data; /srv/NAME must not exist.
"""
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import compose_reference as reference

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "data", "corpus")
DIALECTS = {"2.24": ((2, 9, 1), True), "2.30": ((2, 9, 1), False), "5.0.0": ((2, 10, 0), False), "5.0.2": ((2, 13, 0), False)}


def load_module(path):
    spec = importlib.util.spec_from_file_location("oracle", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def oracle_hashes(oracle, folder, setup, ids):
    """Dialect → service → hash."""
    directory = reference.directory(folder, setup)
    os.chdir(directory)
    os.environ["HOME"] = reference.HOME
    absolute = lambda names: [os.path.join(directory, name) for name in names]
    project_directory = setup.get("project_directory")
    loaded = oracle.load_project(absolute(setup.get("files", [])) or None, setup.get("project_name"),
                                 setup.get("profiles", ()), absolute(setup.get("env_files", [])),
                                 osenv=reference.environment(folder, setup),
                                 project_dir=project_directory and os.path.join(directory, project_directory))
    out = {}
    for dialect, (loader, with_dependencies) in DIALECTS.items():
        oracle.CGO = loader
        out[dialect] = {name: oracle.hash_(oracle.service_json(oracle.resolve_refs(service, ids), with_dependencies))
                        for name, service in loaded["services"].items()}
    return out


def hashes(oracle, folder, setup, requests):
    labels = {name: each["com.docker.compose.config-hash"] for name, each in reference.labels_of(requests).items()}
    try:
        told = oracle_hashes(oracle, folder, setup, reference.container_ids(requests))
    except Exception as error:  # whatever it is, the binary has loaded the project
        print("  the oracle fails:", repr(error))
        told = {}
    out = {"2.30": labels}
    for dialect, services in told.items():
        for name, label in labels.items():
            if told["2.30"].get(name) != label:
                if dialect == "2.30":
                    print("  the oracle is wrong about", name)
            elif dialect != "2.30":
                out.setdefault(dialect, {})[name] = services[name]
    return out


def only_what_differs(older, newer):
    """Requests that are the same in both stand in `newer`."""
    if "refused" in older or "refused" in newer:
        return older
    return {kind: [each for each in requests if kind == "connects" or each not in newer[kind]] for kind, requests in older.items()}


def record(compose, oracle, engines, name):
    folder = "/srv/" + name
    shutil.copytree(os.path.join(DATA, name), folder, ignore=shutil.ignore_patterns("recorded.json"))
    try:
        setup = reference.read_setup(folder)
        requests = {api: reference.compose_requests(compose, folder, setup, engines[api]) for api in reference.API_VERSIONS}
        old, new = reference.API_VERSIONS
        best = requests[old] if "refused" in requests[new] else requests[new]
        recorded = {"hashes": hashes(oracle, folder, setup, best), "config": reference.compose_config(compose, folder, setup),
                    new: requests[new], old: only_what_differs(requests[old], requests[new])}
        if any("service:" in text or "volumes_from" in text for text in [json.dumps(recorded["config"])]):
            recorded["ids"] = reference.container_ids(best)
    finally:
        os.chdir("/")
        shutil.rmtree(folder)
    with open(os.path.join(DATA, name, "recorded.json"), "w", encoding="utf-8") as out:
        json.dump(recorded, out, ensure_ascii=False, separators=(",", ":"))
        out.write("\n")
    print(name, *(requests[api].get("refused", "%d containers" % len(requests[api].get("containers", []))) for api in requests),
          flush=True)


def main():
    compose = subprocess.run([os.path.join(HERE, "..", "..", "tools", "compose-oracle")], check=True, stdout=subprocess.PIPE,
                             text=True).stdout.strip()
    oracle = load_module(os.path.abspath(sys.argv[1]))
    old, new = reference.API_VERSIONS
    with reference.Engine(old) as old_engine, reference.Engine(new) as new_engine:
        for name in sys.argv[2:] or sorted(os.listdir(DATA)):
            record(compose, oracle, {old: old_engine, new: new_engine}, name)


main()
