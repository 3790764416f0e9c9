#!/usr/bin/env python3
"""Records what a real docker-compose 2.40.3 prints with `config --format json` for each project of data/load and
data/create_body, into NAME/config.json.

usage: record_configs.py COMPOSE_BINARY [FOLDER/NAME...]

Each project is copied to /srv/NAME while it is recorded, so that no path of this machine gets into the data; /srv/NAME
must not exist. What compose refuses is recorded as {"refused": its last line}.
"""
import json
import os
import shutil
import subprocess
import sys

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data')
FOLDERS = {'load': '/home/user', 'create_body': '/root'}  # and HOME while it is recorded


def setup_of(project):
    setup_file = os.path.join(DATA, project, 'setup.json')
    if os.path.exists(setup_file):
        return json.load(open(setup_file))
    if not project.startswith('create_body/'):
        return {}
    there = os.listdir(os.path.join(DATA, project))
    return {'files': [f for f in ('compose.yaml', 'more.yaml') if f in there],
            'env_files': [f for f in ('settings.env',) if f in there]}


def arguments(setup):
    out = []
    for option, name in (('-f', 'files'), ('--env-file', 'env_files'), ('--profile', 'profiles')):
        for value in setup.get(name, []):
            out += [option, value]
    return out


def record(compose, project):
    setup = setup_of(project)
    folder = '/srv/' + os.path.basename(project)
    shutil.copytree(os.path.join(DATA, project), folder)
    try:
        run = subprocess.run([compose, *arguments(setup), 'config', '--format', 'json'], capture_output=True, text=True,
                             cwd=os.path.normpath(os.path.join(folder, setup.get('directory', '.'))),
                             env={'HOME': FOLDERS[project.split('/')[0]], **setup.get('environment', {})})
    finally:
        shutil.rmtree(folder)
    if run.returncode != 0:
        print(project, 'refused')
    with open(os.path.join(DATA, project, 'config.json'), 'w', encoding='utf-8') as out:
        out.write(run.stdout if run.returncode == 0 else json.dumps({'refused': run.stderr.strip().split('\n')[-1]}))
        out.write('\n')


for name in sys.argv[2:] or sorted(f + '/' + p for f in FOLDERS for p in os.listdir(os.path.join(DATA, f))):
    record(sys.argv[1], name)
