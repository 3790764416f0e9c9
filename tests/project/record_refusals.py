#!/usr/bin/env python3
"""Fills the lines "## compose MESSAGE" of data/refused/cases.txt: what a real docker-compose 2.40.3 refuses each project
with.

usage: record_refusals.py COMPOSE_BINARY

A case begins with "### NAME"; its compose.yaml follows, further files each under "## file NAME", then "## at FILE:LINE
PATH", where dockupd sees the mistake. Each project is written to /srv/shop meanwhile; /srv/shop must not exist. Cases
that compose accepts are named, and make this program fail.
"""
import os
import shutil
import subprocess
import sys

CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data', 'refused', 'cases.txt')
FOLDER = '/srv/shop'


def read_cases():
    for text in open(CASES, encoding='utf-8').read().split('### ')[1:]:
        name, _, rest = text.partition('\n')
        files, at = {}, ''
        for i, part in enumerate(rest.split('## ')):
            head, _, body = ('file compose.yaml', '', part) if i == 0 else part.partition('\n')
            kind, _, value = head.partition(' ')
            if kind == 'file':
                files[value] = body
            elif kind == 'at':
                at = value
        yield name, files, at


def refusal(compose, files):
    os.mkdir(FOLDER)
    try:
        for name, text in files.items():
            with open(os.path.join(FOLDER, name), 'w', encoding='utf-8') as out:
                out.write(text)
        run = subprocess.run([compose, 'config', '--format', 'json'], cwd=FOLDER, capture_output=True, text=True,
                             env={'HOME': '/home/user'})
        return None if run.returncode == 0 else run.stderr.strip().split('\n')[-1]
    finally:
        shutil.rmtree(FOLDER)


def main():
    accepted, out = [], ''
    for name, files, at in read_cases():
        message = refusal(sys.argv[1], files)
        if message is None:
            accepted.append(name)
        out += '### ' + name + '\n' + files.pop('compose.yaml')
        for file, text in files.items():
            out += '## file ' + file + '\n' + text
        out += '## compose ' + (message or '') + '\n## at ' + at + '\n'
    with open(CASES, 'w', encoding='utf-8') as cases:
        cases.write(out)
    if accepted:
        sys.exit('compose accepts: ' + ' '.join(accepted))


main()
