#!/usr/bin/env python3
"""Writes data/load/NAME/expected.json: what a loader that is known to agree with compose makes of each project.

usage: record_loads.py LOADER_ORACLE [NAME...]

LOADER_ORACLE is a program that prints, for the project in the current folder, lines "SERVICE HASH" and indented below
the text that is hashed, and with --resources lines "network KEY HASH" and "volume KEY HASH". setup.json says how the
project is loaded: files, env_files, profiles, environment, directory, resolve (service: container id). Each project is copied to /srv/NAME while it is
recorded, so that no path of this machine gets into the data; /srv/NAME must not exist.
"""
import json
import os
import shutil
import subprocess
import sys

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data', 'load')
DIALECTS = {'2.24': ['--h1'], '2.30': [], '5.0.0': ['--cgo', '2.10.0'], '5.0.2': ['--cgo', '2.13.0']}
HOME = '/home/user'


def arguments(setup):
    out = ['--json', '--resources']
    for option, name in (('-f', 'files'), ('--env-file', 'env_files'), ('--profile', 'profiles')):
        for value in setup.get(name, []):
            out += [option, value]
    for service, container in setup.get('resolve', {}).items():
        out += ['--resolve', service + '=' + container]
    return out


def run_oracle(oracle, name, setup):
    folder = '/srv/' + name
    shutil.copytree(os.path.join(DATA, name), folder)
    try:
        directory = os.path.normpath(os.path.join(folder, setup.get('directory', '.')))
        environment = {'HOME': HOME, 'PWD': directory, **setup.get('environment', {})}
        for dialect, options in DIALECTS.items():
            run = subprocess.run([sys.executable, oracle, *arguments(setup), *options], cwd=directory, env=environment,
                                 capture_output=True, text=True)
            if run.returncode != 0:
                sys.exit(name + ': ' + run.stderr)
            yield dialect, run.stdout.split('\n')
    finally:
        shutil.rmtree(folder)


def record(oracle, name):
    folder = os.path.join(DATA, name)
    setup_file = os.path.join(folder, 'setup.json')
    setup = json.load(open(setup_file)) if os.path.exists(setup_file) else {}
    expected = {'services': {}, 'networks': {}, 'volumes': {}}
    for dialect, lines in run_oracle(oracle, name, setup):
        service = None
        for line in lines:
            words = line.split()
            if line.startswith(' '):
                service[dialect]['text'] = line.strip()
            elif len(words) == 3:
                expected[words[0] + 's'][words[1]] = words[2]
            elif words:
                service = expected['services'].setdefault(words[0], {})
                service[dialect] = {'hash': words[1]}
    with open(os.path.join(folder, 'expected.json'), 'w') as out:
        json.dump(expected, out, indent=1, ensure_ascii=False)
        out.write('\n')


for project in sys.argv[2:] or sorted(os.listdir(DATA)):
    record(os.path.abspath(sys.argv[1]), project)
