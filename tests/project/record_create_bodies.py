#!/usr/bin/env python3
"""Records what a real docker-compose sends for each data/create_body/NAME into NAME/recorded.json.

usage: record_create_bodies.py COMPOSE_BINARY MOCK_ENGINE LOADER_ORACLE [NAME...]

MOCK_ENGINE SOCKET API serves the Engine API and answers GET /_log with the requests it got; LOADER_ORACLE is a Python
module whose load_project() and SERVICE() give the canonical service. Each project is copied to /srv/NAME while it is
recorded, so that no path of this machine gets into the data; /srv/NAME must not exist. Needs root, for HOME=/root.
"""
import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data', 'create_body')
API_VERSIONS = ('1.41', '1.51')
ENVIRONMENT = {'HOME': '/root', 'PATH': '/usr/bin:/bin'}


def ask(path, method, target, body=None):
    connection = http.client.HTTPConnection('docker')
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(path)
    connection.request(method, target, None if body is None else json.dumps(body))
    return json.loads(connection.getresponse().read() or 'null')


def compose_arguments(folder):
    out = ['-f', 'compose.yaml']
    if os.path.exists(folder + '/more.yaml'):
        out += ['-f', 'more.yaml']
    if os.path.exists(folder + '/settings.env'):
        out += ['--env-file', 'settings.env']
    return out


def record_requests(compose, mock, folder, api):
    with tempfile.TemporaryDirectory() as scratch:
        path = scratch + '/engine'
        engine = subprocess.Popen([sys.executable, mock, path, api])
        try:
            while not os.path.exists(path):
                time.sleep(0.02)
            ask(path, 'POST', '/_ext', {'networks': ['outside'], 'volumes': ['outside']})
            run = subprocess.run([compose, *compose_arguments(folder), 'create'], cwd=folder, capture_output=True,
                                 text=True, env={**ENVIRONMENT, 'DOCKER_HOST': 'unix://' + path})
            log = ask(path, 'GET', '/_log')
            containers = ask(path, 'GET', '/containers/json?all=1')
        finally:
            engine.terminate()
            engine.wait()
    if run.returncode != 0:
        return {'refused': run.stderr.strip().splitlines()[-1]}
    ids = {c['Names'][0][1:]: c['Id'] for c in containers}
    names = {i: n for n, i in ids.items()}
    creates = [r for r in log if r['path'] == '/containers/create']
    connects = [r for r in log if r['path'].endswith('/connect')]
    return {
        'ids': dict(sorted(ids.items())),
        'networks': sorted((r['body'] for r in log if r['path'] == '/networks/create'), key=lambda b: b['Name']),
        'volumes': sorted((r['body'] for r in log if r['path'] == '/volumes/create'), key=lambda b: b['Name']),
        'containers': sorted(({'name': r['query']['name'], 'platform': r['query'].get('platform', ''),
                               'body': r['body']} for r in creates), key=lambda c: c['name']),
        'connects': sorted(({'container': names[r['body']['Container']], 'network': r['path'].split('/')[2],
                             'endpoint': r['body']['EndpointConfig']} for r in connects),
                           key=lambda c: c['container']),  # stable: in the order they were sent
    }


def canonical(oracle, folder):
    files = [folder + '/' + f for f in ('compose.yaml', 'more.yaml') if os.path.exists(folder + '/' + f)]
    env_files = [folder + '/settings.env'] if os.path.exists(folder + '/settings.env') else []
    loaded = oracle.load_project(files, env_files=env_files, osenv=ENVIRONMENT)
    model = loaded['model']

    def plain(value):
        return json.loads(oracle.go_json(value))

    return {
        'services': {name: plain(oracle.SERVICE(s)) for name, s in sorted(loaded['services'].items())},
        'networks': {k: plain(oracle.NETCFG(n)) for k, n in sorted((model.get('networks') or {}).items())},
        'volumes': {k: plain(oracle.VOLCFG(v)) for k, v in sorted((model.get('volumes') or {}).items())},
        'secrets': {k: v for k, v in sorted((model.get('secrets') or {}).items())},
        'configs': {k: v for k, v in sorted((model.get('configs') or {}).items())},
    }


def main():
    compose, mock, oracle_path = sys.argv[1:4]
    os.environ.update(ENVIRONMENT)
    spec = importlib.util.spec_from_file_location('oracle', oracle_path)
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    for name in sys.argv[4:] or sorted(os.listdir(DATA)):
        folder = '/srv/' + name
        shutil.copytree(os.path.join(DATA, name), folder, ignore=shutil.ignore_patterns('recorded.json'))
        try:
            recorded = {api: record_requests(compose, mock, folder, api) for api in API_VERSIONS}
            recorded['canonical'] = canonical(oracle, folder)
        finally:
            shutil.rmtree(folder)
        with open(os.path.join(DATA, name, 'recorded.json'), 'w', encoding='utf-8') as out:
            json.dump(recorded, out, indent=1, ensure_ascii=False)
            out.write('\n')
        for api in API_VERSIONS:
            print(name, api, recorded[api].get('refused', '%d containers' % len(recorded[api].get('containers', []))))


main()
