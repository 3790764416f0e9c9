"""What a real docker-compose makes of a project: an Engine API that only records, and the answers made comparable.

`docker-compose create` is run against it: all that `up` sends before a start, without an image or an engine.
"""
import hashlib
import http.server
import json
import os
import re
import socketserver
import subprocess
import sys
import tempfile
import threading
import urllib.parse

HOME = "/home/user"
API_VERSIONS = ("1.41", "1.51")
NO_PROXIES_AND_NO_CONTEXTS = {"HOME": HOME, "PATH": "/usr/bin:/bin"}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class Recorder:
    """An engine where every image is there, and every network and volume whose name begins with "outside"."""

    def __init__(self, api):
        self.api = api
        self.lock = threading.Lock()
        self.forget()

    def forget(self):
        self.sent = []
        self.networks, self.volumes, self.containers = {}, {}, {}

    def answer(self, method, path, query, body):
        with self.lock:
            if method == "POST":
                self.sent.append((path, query, body))
            for route, reply in self.ROUTES:
                found = re.fullmatch(route, method + " " + path)
                if found:
                    return reply(self, query, body, *found.groups())
        return 404, {"message": "not recorded: " + method + " " + path}

    def ping(self, query, body):
        return 200, "OK"

    def version(self, query, body):
        return 200, {"Version": "28.5.1", "ApiVersion": self.api, "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}

    def info(self, query, body):
        return 200, {"ID": "x", "OSType": "linux", "Architecture": "x86_64", "Swarm": {"LocalNodeState": "inactive"},
                     "Driver": "overlay2", "ServerVersion": "28.5.1"}

    def image(self, query, body, name):
        return 200, {"Id": "sha256:" + digest("image " + name), "RepoTags": [name], "Architecture": "amd64",
                     "Os": "linux", "Config": {}, "Created": "2024-01-01T00:00:00Z",
                     "Metadata": {"LastTagTime": "2024-01-01T00:00:00Z"}}

    def list_containers(self, query, body):
        wanted = json.loads(query.get("filters", "{}")).get("label", {})
        return 200, [c for c in self.containers.values() if all(self.has_label(c, each) for each in wanted)]

    @staticmethod
    def has_label(container, wanted):
        name, equals, value = wanted.partition("=")
        return name in container["Labels"] and (not equals or container["Labels"][name] == value)

    def create_container(self, query, body):
        name = query["name"]
        if body is None:
            return 400, {"message": "no body"}
        self.containers[name] = {
            "Id": digest("container " + name), "Names": ["/" + name], "Image": body["Image"], "Created": 1700000000,
            "ImageID": "sha256:" + digest("image " + body["Image"]), "Labels": body["Labels"], "State": "created",
            "Status": "created", "NetworkSettings": {"Networks": {}}, "Mounts": [], "HostConfig": {"NetworkMode": ""}}
        return 201, {"Id": digest("container " + name), "Warnings": []}

    def inspect_container(self, query, body, key):
        for name, c in self.containers.items():
            if key in (name, c["Id"]):
                return 200, {"Id": c["Id"], "Name": "/" + name, "Image": c["ImageID"], "HostConfig": {}, "Mounts": [],
                             "Config": {"Image": c["Image"], "Labels": c["Labels"]}, "State": {"Status": "created"},
                             "NetworkSettings": {"Networks": {}}}
        return 404, {"message": "No such container: " + key}

    def find(self, things, name):
        if name.startswith("outside"):
            return {"Name": name, "Id": digest("network " + name), "Labels": {}, "Driver": "bridge"}
        return things.get(name)

    def inspect_network(self, query, body, name):
        found = self.find(self.networks, name)
        return (200, found) if found else (404, {"message": "network %s not found" % name})

    def list_networks(self, query, body):
        names = list(json.loads(query.get("filters", "{}")).get("name", {}))
        outside = [self.find({}, name) for name in names if name.startswith("outside")]
        return 200, outside + [n for n in self.networks.values() if not names or n["Name"] in names]

    def create_network(self, query, body):
        self.networks[body["Name"]] = {"Name": body["Name"], "Id": digest("network " + body["Name"]),
                                       "Labels": body["Labels"], "Driver": body.get("Driver") or "bridge"}
        return 201, {"Id": digest("network " + body["Name"])}

    def inspect_volume(self, query, body, name):
        found = self.find(self.volumes, name)
        return (200, found) if found else (404, {"message": "no such volume"})

    def create_volume(self, query, body):
        self.volumes[body["Name"]] = {"Name": body["Name"], "Labels": body.get("Labels") or {}, "Driver": "local"}
        return 201, self.volumes[body["Name"]]

    def done(self, query, body, *_):
        return 200, {}

    ROUTES = (
        (r"(?:GET|HEAD) /_ping", ping), ("GET /version", version), ("GET /info", info),
        ("POST /images/create", done), ("GET /images/json", lambda self, query, body: (200, [])), ("GET /images/(.+)/json", image),
        ("GET /containers/json", list_containers), ("POST /containers/create", create_container),
        ("GET /containers/([^/]+)/json", inspect_container),
        ("GET /networks", list_networks), ("GET /networks/(.+)", inspect_network),
        ("POST /networks/create", create_network), ("POST /networks/(.+)/connect", done),
        ("GET /volumes", lambda self, query, body: (200, {"Volumes": []})), ("GET /volumes/(.+)", inspect_volume),
        ("POST /volumes/create", create_volume), ("PUT /containers/(.+)/archive", done),
    )


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while True:
            size = int(self.rfile.readline(), 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

    def handle_request(self):
        recorder = self.server.recorder
        body = self.read_body()
        url = urllib.parse.urlsplit(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        path = re.sub(r"^/v\d+\.\d+/", "/", urllib.parse.unquote(url.path))
        is_json = self.headers.get("Content-Type", "").startswith("application/json")
        status, reply = recorder.answer(self.command, path, query, json.loads(body) if body and is_json else None)
        text = (reply if isinstance(reply, str) else json.dumps(reply)).encode()
        self.send_response(status)
        for name, value in (("Api-Version", recorder.api), ("Ostype", "linux"), ("Builder-Version", "1"),
                            ("Content-Type", "application/json"), ("Content-Length", str(len(text)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_request


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # compose hangs up once one of its calls has failed
            super().handle_error(*_)

    def get_request(self):
        return super().get_request()[0], ("unix", 0)


class Engine:
    """A Recorder that listens; use it in `with`."""

    def __init__(self, api):
        self.recorder = Recorder(api)

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.server = Server(self.folder.name + "/engine", Handler)
        self.server.recorder = self.recorder
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()

    @property
    def address(self):
        return "unix://" + self.folder.name + "/engine"


# --- a project and how it is called: setup.json beside its files, each member optional ---

def read_setup(folder):
    try:
        with open(os.path.join(folder, "setup.json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def options(setup):
    """For docker-compose and dockupd alike."""
    out = []
    for option, name in (("-f", "files"), ("--env-file", "env_files"), ("--profile", "profiles")):
        for value in setup.get(name, []):
            out += [option, value]
    for option, name in (("--project-directory", "project_directory"), ("-p", "project_name")):
        if name in setup:
            out += [option, setup[name]]
    return out


def directory(folder, setup):
    return os.path.normpath(os.path.join(folder, setup.get("directory", ".")))


def environment(folder, setup):
    return {**NO_PROXIES_AND_NO_CONTEXTS, "PWD": directory(folder, setup), **setup.get("environment", {})}


def run(program, arguments, folder, setup, more=None):
    return subprocess.run([program, *arguments], cwd=directory(folder, setup), capture_output=True, text=True,
                          errors="surrogateescape", timeout=120, stdin=subprocess.DEVNULL,
                          env={**environment(folder, setup), **(more or {})})


def last_line(text):
    lines = [line for line in text.strip().splitlines() if "level=warning" not in line]
    return lines[-1] if lines else ""


def compose_requests(compose, folder, setup, engine):
    """All that compose sends to make the project, or {"refused": its last words}."""
    engine.recorder.forget()
    done = run(compose, [*options(setup), "create"], folder, setup, {"DOCKER_HOST": engine.address})
    if done.returncode != 0:
        return {"refused": last_line(done.stderr)}
    return ordered(engine.recorder.sent, {c["Id"]: name for name, c in engine.recorder.containers.items()})


def ordered(requests, names):
    """(path, query, body)… by kind and name, as compose makes at the same time what does not depend on each other.
    names: container id → name."""
    out = {"containers": [], "connects": [], "networks": [], "volumes": []}
    for path, query, body in requests:
        kind = path.split("/")[1]
        if path == "/containers/create":
            body["Labels"].pop("com.docker.compose.image", None)  # only an engine knows it
            out[kind].append({"name": query["name"], "platform": query.get("platform", ""), "body": comparable(body)})
        elif path.endswith("/connect"):
            container = names.get(body["Container"], body["Container"])
            out["connects"].append({"container": container, "network": path.split("/")[2],
                                    "endpoint": comparable(body["EndpointConfig"])})
        elif path in ("/networks/create", "/volumes/create"):
            out[kind].append(comparable(body))
    for kind, key in (("containers", "name"), ("networks", "Name"), ("volumes", "Name"), ("connects", "container")):
        out[kind].sort(key=lambda each: each[key])  # stable: connects stay in the order in which they were sent
    return out


def labels_of(requests):
    """Service → labels of its first container, from compose_requests()."""
    all_labels = [c["body"]["Labels"] for c in requests.get("containers", [])]
    return {each["com.docker.compose.service"]: each for each in all_labels
            if each["com.docker.compose.container-number"] == "1"}


def container_ids(requests):
    """Service → id of its first container in the recorder."""
    return {c["body"]["Labels"]["com.docker.compose.service"]: digest("container " + c["name"])
            for c in requests.get("containers", []) if c["body"]["Labels"]["com.docker.compose.container-number"] == "1"}


def compose_config(compose, folder, setup):
    """What `config --format json` prints, or null when it refuses."""
    done = run(compose, [*options(setup), "config", "--format", "json"], folder, setup)
    return json.loads(done.stdout) if done.returncode == 0 else None


# --- comparing bodies: what the engine takes for absent is left out ---

# Members whose children are the user's names: nothing in them is "absent".
MAPS = {"Labels", "ExposedPorts", "PortBindings", "Tmpfs", "Sysctls", "StorageOpt", "Config", "DriverOpts", "Options",
        "Volumes", "EndpointsConfig", "Annotations", "AuxiliaryAddresses"}
# Empty lists and zeros that the engine tells from absent ones.
MEANINGFUL = {"Cmd", "Entrypoint", "MaskedPaths", "ReadonlyPaths", "Init", "StopTimeout", "EnableIPv4", "EnableIPv6"}
# Lists that compose fills from maps, or in the order in which parallel creates ended: their order is random.
UNORDERED = {"Env", "Binds", "Mounts", "ExtraHosts", "Ulimits", "Links"}
# Result fields that compose fills needlessly beside IPAMConfig; and what only engines before 1.44 look at.
RESULTS = {"IPAddress", "IPv6Gateway", "CheckDuplicate"}


def absent(value):
    return value in (None, False, 0, "", [], {}, [0, 0])  # [0, 0]: ConsoleSize


def comparable(value, name="", in_map=False):
    if isinstance(value, list):
        out = [comparable(each) for each in value]
        return sorted(out, key=json.dumps) if name in UNORDERED else out
    if not isinstance(value, dict):
        return ",".join(sorted(value.split(","))) if name == "com.docker.compose.depends_on" else value
    out = {}
    for key, child in sorted(value.items()):
        kept = comparable(child, key, key in MAPS)
        if in_map or not (key in RESULTS or (absent(kept) and (key not in MEANINGFUL or kept is None))):
            out[key] = kept
    return out


def differences(ours, theirs, path=""):
    """Lines "path: ours != theirs"."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            yield from differences(ours.get(key, "(missing)"), theirs.get(key, "(missing)"), path + "." + key)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, (a, b) in enumerate(zip(ours, theirs)):
            yield from differences(a, b, path + "[%d]" % i)
    elif ours != theirs or isinstance(ours, bool) != isinstance(theirs, bool):
        yield "%s: ours %s, compose's %s" % (path, json.dumps(ours)[:300], json.dumps(theirs)[:300])


# --- dockupd against compose ---

def dockupd_requests(dockupd, folder, setup, api, ids):
    """As compose_requests(), of `dockupd config --create`."""
    resolved = [word for service, identity in sorted(ids.items()) for word in ("--resolve", service + "=" + identity)]
    done = run(dockupd, ["config", *options(setup), "--create", "--api", api, *resolved], folder, setup)
    if done.returncode != 0:
        return {"refused": last_line(done.stderr)}
    requests = [json.loads(line) for line in done.stdout.split("\n") if line]  # not at U+2028
    return ordered([(each["path"], each["query"], each["body"]) for each in requests], {})


def without_resource_hashes(requests):
    """dockupd writes no config hash on networks and volumes, which every release of compose accepts."""
    for body in requests.get("networks", []) + requests.get("volumes", []):
        body["Labels"].pop("com.docker.compose.config-hash", None)
    return requests


# compose fails; dockupd leaves these out with a warning.
LEFT_OUT_ON_OLD_ENGINES = ("start_interval", "interface_name")


def compare_requests(compose, dockupd, folder, engine):
    """Lines that say what differs, and how many containers, networks and volumes were equal."""
    setup = read_setup(folder)
    api = engine.recorder.api
    theirs = compose_requests(compose, folder, setup, engine)
    ours = dockupd_requests(dockupd, folder, setup, api, container_ids(theirs))
    if ("refused" in theirs and "refused" in ours) or ("differs" in setup and ("refused" in theirs or "refused" in ours)):
        return [], 0
    if api == API_VERSIONS[0] and any(each in theirs.get("refused", "") for each in LEFT_OUT_ON_OLD_ENGINES):
        return [], 0
    if "refused" in theirs or "refused" in ours:
        return ["API %s: ours %s, compose's %s" % (api, ours.get("refused", "accepts"), theirs.get("refused", "accepts"))], 0
    found = differences(without_resource_hashes(ours), without_resource_hashes(theirs))
    return ["API %s%s" % (api, each) for each in found], sum(len(theirs[kind]) for kind in theirs if kind != "connects")


def compare_config(compose, dockupd, folder):
    """The same for `config --format json`."""
    setup = read_setup(folder)
    theirs = compose_config(compose, folder, setup)
    done = run(dockupd, ["config", *options(setup), "--format", "json"], folder, setup)
    if theirs is None or done.returncode != 0:
        equal = (theirs is None) == (done.returncode != 0)
        return [] if equal else ["config: ours %s, compose's %s" % (last_line(done.stderr) or "accepts", "accepts" if theirs else "refuses")]
    return ["config" + each for each in differences(json.loads(done.stdout), theirs)]
