"""What the program asks an engine, when, and of whom: beside an engine that answers for a few containers and notes every
question. It takes a guard and no other change, so an update comes as far as that."""
import contextlib
import fcntl
import http.server
import json
import os
import re
import resource
import shutil
import signal
import socketserver
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

DOCKUPD = os.environ["DOCKUPD"]
WAIT = 60
COMPOSE = "services:\n  web:\n    image: r.test/web:${TAG:-0}\n    network_mode: none\n"


class Engine:
    """On a unix socket. `containers`: labels by name; `asked`: method and path, without the API version."""

    def __init__(self, path):
        engine = self
        self.containers, self.guards, self.asked = {}, {}, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path, _, query = urllib.parse.unquote(self.path).partition("?")
                path = re.sub(r"^/v1\.\d+", "", path)
                engine.asked.append(f"{self.command} {path}")
                code, document = engine.reply(self.command, path, urllib.parse.parse_qs(query), body)
                body = b"" if code == 204 else json.dumps(document).encode()
                self.send_response(code)
                self.send_header("Api-Version", "1.47")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if self.command != "HEAD" else b"")

            do_GET = do_POST = do_HEAD = do_DELETE = do_PUT = answer

            def address_string(self):
                return "unix"

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def reply(self, method, path, query, body):
        if path == "/version":
            return 200, {"Version": "27.0", "ApiVersion": "1.47", "MinAPIVersion": "1.24", "Os": "linux", "Arch": "amd64"}
        if method == "GET" and path in ("/_ping", "/info"):
            return 200, {"ID": "the-engine"}
        if method == "GET" and path == "/containers/json":
            wanted = [each.partition("=") for each in json.loads(query.get("filters", ["{}"])[0]).get("label", [])]
            fits = lambda labels: all(name in labels and value in ("", labels[name]) for name, _, value in wanted)
            return 200, [{"Id": name, "Names": ["/" + name], "Labels": labels, "State": "running"}
                         for name, labels in self.containers.items() if fits(labels)]
        name = path.removeprefix("/containers/").removesuffix("/json")
        if method == "GET" and name in self.containers:
            return 200, {"Id": name, "Name": "/" + name, "Image": "sha256:" + "1" * 64, "Created": "2026-01-01T00:00:00Z",
                         "Config": {"Image": "r.test/web:1", "Labels": self.containers[name]},
                         "HostConfig": {"NetworkMode": "none"}, "State": {"Status": "running", "Running": True}}
        return self.reply_to_guard(method, path, query, name, body)

    def reply_to_guard(self, method, path, query, name, body):
        if method == "GET" and path.startswith("/images/dockupd.local/guard:"):
            return 200, {"Id": "sha256:" + "2" * 64}
        if method == "POST" and path == "/containers/create" and query["name"][0].startswith("dockupd-guard."):
            self.guards[query["name"][0]] = json.loads(body)
            return 201, {"Id": query["name"][0]}
        if method == "GET" and name in self.guards:
            return 200, {"Id": name, "Name": "/" + name, "Config": self.guards[name], "State": {"Status": "created"}}
        if method == "DELETE" and self.guards.pop(name, None):
            return 204, None
        return (404 if method == "GET" else 403), {"message": "no"}


class Asking(unittest.TestCase):
    def setUp(self):
        self.place = os.path.realpath(tempfile.mkdtemp(prefix="asking-"))
        self.socket = os.path.join(self.place, "socket")
        self.engine = Engine(self.socket)

    def tearDown(self):
        self.engine.close()
        shutil.rmtree(self.place)

    def path(self, *names):
        return os.path.join(self.place, *names)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    def start(self, *words, folder="app", **environment):
        os.makedirs(self.path(folder), exist_ok=True)
        return subprocess.Popen([DOCKUPD, *words], cwd=self.path(folder), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={"HOME": self.place, "DOCKER_HOST": "unix://" + self.socket, **environment})

    def ended(self, process):
        """(exit code, stdout, stderr)"""
        out, errors = process.communicate(timeout=WAIT)
        return process.returncode, out, errors

    def call(self, verb, *words, **options):
        state = [] if verb == "config" else ["--state-dir", self.path("state")]
        return self.ended(self.start(verb, *state, *words, **options))

    def deployed(self, name, project, folder, env_files=None, files="compose.yaml"):
        labels = {"com.docker.compose.project": project, "com.docker.compose.service": "web",
                  "com.docker.compose.container-number": "1", "com.docker.compose.oneoff": "False",
                  "com.docker.compose.project.working_dir": self.path(folder),
                  "com.docker.compose.project.config_files": self.path(folder, files)}
        if env_files is not None:
            labels["com.docker.compose.project.environment_file"] = env_files
        self.engine.containers[name] = labels

    def begin_records(self):
        """By an update that comes as far as this engine lets it."""
        self.call("update", "--tag", "1")
        self.assertTrue(os.path.exists(self.path("state", "app", "state.db")))

    # --- config ---

    def test_config_never_asks(self):
        self.write("elsewhere/compose.yaml", COMPOSE)
        self.deployed("app-web-1", "app", "app", files="../elsewhere/compose.yaml")
        code, out, said = self.call("config", "-p", "app")
        self.assertEqual((code, out), (2, ""), said)
        self.assertIn("there is no compose file", said)
        self.assertEqual(self.call("config")[0], 2)
        self.assertEqual(self.engine.asked, [])

    def test_what_config_says_beside_hides_secrets(self):
        self.write("app/compose.yaml", "services:\n  web:\n    image: r.test/web\n    environment:\n"
                                       "      API_TOKEN: Zx81-Zx82-Zx83\n    deploy: {labels: {a: Zx81-Zx82-Zx83}}\n"
                                       "    sysctls: {a.b: Zx81-Zx82-Zx83}\n    network_mode: container:Zx81-Zx82-Zx83\n")
        for words in ([], ["--hash"], ["--create"]):
            code, out, said = self.call("config", *words)
            self.assertNotIn("Zx81", said, words)
            self.assertTrue("Zx81" in out or words == ["--hash"] or code != 0, words)

    # --- status ---

    def test_status_answers_from_elsewhere_without_containers_and_without_an_engine(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        for name in ("without containers", "without an engine"):
            with self.subTest(name):
                code, out, said = self.call("status", "-p", "app", folder="elsewhere")
                self.assertEqual(code, 0, said)
                self.assertRegex(out, "(?m)^rollback ")
                code, out, said = self.call("status", "-p", "app", "--json", folder="elsewhere")
                self.assertEqual(code, 0, said)
                document = json.loads(out)
                self.assertEqual((document["tags"], "engine_problem" in document), ([], name == "without an engine"))
            if name == "without containers":
                self.engine.close()
                os.remove(self.socket)

    def test_what_is_advised_can_be_typed_from_elsewhere(self):
        self.write("app/compose.yaml", COMPOSE)
        self.deployed("app-web-1", "app", "app")
        self.begin_records()
        for words, advice in ((["rollback", "--to", "nope"], "dockupd history -p app"),
                              (["unhold", "nope"], "dockupd status -p app")):
            code, _, said = self.call(*words, "-p", "app", folder="elsewhere")
            self.assertEqual(code, 2, said)
            self.assertIn(advice, said)

    def test_status_does_not_speak_of_moving(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        self.deployed("app-web-1", "app", "app", files="gone.yaml")
        code, _, said = self.call("status", "-p", "app", folder="elsewhere")
        self.assertEqual((code, said), (0, ""))

    def test_status_takes_the_env_files_that_compose_was_given(self):
        self.write("app/compose.yaml", COMPOSE)
        self.write("app/prod.env", "TAG=1\n")
        self.begin_records()
        self.deployed("app-web-1", "app", "app", env_files=self.path("app", "prod.env"))
        code, out, said = self.call("status", "--json")
        self.assertEqual(code, 0, said)
        tag = json.loads(out)["tags"][0]
        self.assertEqual((tag["tag"], tag["tag_file"]), ("1", self.path("app", "prod.env")))

    # --- env files ---

    def planned_with(self, folder, *words):
        """The env files that `plan` takes from containers."""
        said = self.call("plan", *words, folder=folder)[2]
        return re.findall(r"with --env-file (\S+):", said)

    def test_env_files_are_those_of_this_project_and_folder(self):
        self.write("infra/compose.yaml", COMPOSE)
        self.write("infra/infra.env", "TAG=7\n")
        self.write("infra/app/compose.yaml", COMPOSE)
        env = self.path("infra", "infra.env")
        self.deployed("infra-web-1", "infra", "infra", env_files=env)
        self.assertEqual(self.planned_with("infra"), [env])
        self.assertEqual(self.planned_with("infra/app"), [], "a project in a folder above")
        self.assertEqual(self.planned_with("infra", "-p", "other"), [], "another project in the same folder")
        self.write("infra/app/other.yaml", "name: other\n" + COMPOSE)
        self.deployed("other-web-1", "other", "infra/app", env_files=env, files="other.yaml")
        self.assertEqual(self.planned_with("infra/app"), [], "another one's file in the same folder")
        self.assertEqual(self.planned_with("infra/app", "-f", "other.yaml"), [env])

    def test_env_files_are_found_from_a_folder_below(self):
        self.write("app/compose.yaml", COMPOSE)
        self.write("app/prod.env", "TAG=7\n")
        self.deployed("app-web-1", "app", "app", env_files=self.path("app", "prod.env"))
        self.assertEqual(self.planned_with("app/below"), [self.path("app", "prod.env")])

    def test_the_env_file_may_name_the_project(self):
        self.write("app/compose.yaml", COMPOSE)
        self.write("app/prod.env", "TAG=7\nCOMPOSE_PROJECT_NAME=prod\n")
        self.deployed("prod-web-1", "prod", "app", env_files=self.path("app", "prod.env"))
        self.assertEqual(self.planned_with("app"), [self.path("app", "prod.env")])
        self.deployed("app-web-1", "app", "app")
        self.assertEqual(self.planned_with("app"), [], "the folder's own project was deployed without")

    # --- the lock ---

    @contextlib.contextmanager
    def locked(self, project):
        with open(self.path("state", project, "lock"), "r+b") as lock:
            fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
            yield

    def test_who_is_refused_asks_nothing(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        self.engine.asked.clear()
        with self.locked("app"):
            for words in (["update", "--tag", "2"], ["update", "-p", "app"], ["rollback"]):
                code, out, said = self.call(*words)
                self.assertEqual((code, out), (75, ""), said)
                self.assertIn("project app is locked by", said)
        self.assertEqual(self.engine.asked, [])

    def test_the_lock_of_another_project_in_the_folder_refuses_nobody(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        self.write("app/.env", "COMPOSE_PROJECT_NAME=second\n")
        with self.locked("app"):
            code, _, said = self.call("update", "--tag", "2")
        self.assertNotEqual(code, 75, said)
        self.assertTrue(os.path.exists(self.path("state", "second", "state.db")), said)
        self.assertNotIn("app is locked", said)

    def test_who_is_refused_hears_what_is_wrong_with_the_files(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        with self.locked("app"):
            self.assertEqual(self.call("update", "-p", "../state/app")[0], 2)
            self.write("app/compose.yaml", COMPOSE + "    no_such_key: 1\n")
            for words in (["update"], ["update", "-p", "app"]):
                code, _, said = self.call(*words)
                self.assertEqual(code, 2, said)
                self.assertIn("compose.yaml:5", said)

    def test_the_lock_of_another_project_in_the_folder_is_not_kept(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        self.write("app/.env", "COMPOSE_PROJECT_NAME=second\n")
        self.call("update", "--tag", "1")
        with self.locked("second"):
            waiting = self.start("update", "--state-dir", self.path("state"), "--lock-wait", "3")
            time.sleep(1)
            self.assertEqual(self.call("update", "-p", "app")[0], 4)  # as far as this engine lets it
            self.assertEqual(self.ended(waiting)[0], 75)

    def test_an_update_that_was_not_kept_waiting_reads_the_files_once(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        self.engine.asked.clear()
        self.call("update", "--tag", "1")
        before_planning = self.engine.asked[:self.engine.asked.index("GET /info")]
        self.assertEqual(before_planning.count("GET /containers/json"), 1, self.engine.asked)

    def update_waiting_while(self, environment):
        """Of an update that waits for the lock while that is written to .env."""
        with self.locked("app"):
            waiting = self.start("update", "--state-dir", self.path("state"), "--lock-wait", str(WAIT))
            deadline = time.monotonic() + WAIT
            while "GET /containers/json" not in self.engine.asked:  # the files are read by then
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.01)
            time.sleep(0.3)
            self.assertIsNone(waiting.poll())
            self.write("app/.env", environment)
        return self.ended(waiting)

    def test_an_update_whose_project_is_another_when_it_has_waited_is_refused(self):
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        self.engine.asked.clear()
        code, _, said = self.update_waiting_while("COMPOSE_PROJECT_NAME=second\n")
        self.assertEqual(code, 3, said)
        self.assertIn("the files here are of project second now, and were of app", said)
        self.assertFalse(os.path.exists(self.path("state", "second")))

    def test_an_update_that_has_waited_reads_the_files_again(self):
        self.write("app/compose.yaml", COMPOSE)
        self.write("app/.env", "TAG=1\n")
        self.begin_records()
        self.engine.asked.clear()
        self.update_waiting_while("TAG=2\n")
        images = {each for each in self.engine.asked if "r.test" in each}
        self.assertTrue(any("web:2" in each for each in images), self.engine.asked)
        self.assertFalse(any("web:1" in each for each in images), self.engine.asked)

    # --- its memory ---

    @staticmethod
    def dumps_core(process):
        """Asked to by SIGQUIT, as far as it may."""
        hard = resource.prlimit(process.pid, resource.RLIMIT_CORE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (hard, hard))
        process.send_signal(signal.SIGQUIT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -os.WTERMSIG(status)
        return os.WCOREDUMP(status)

    def test_no_core_file_holds_what_it_knows(self):
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell has what it starts in the background ignore it
        self.write("app/compose.yaml", COMPOSE)
        self.begin_records()
        self.engine.asked.clear()
        with self.locked("app"):
            waiting = self.start("update", "--state-dir", self.path("state"), "--lock-wait", str(WAIT))
            with waiting.stdout, waiting.stderr:
                deadline = time.monotonic() + WAIT
                while not self.engine.asked:
                    self.assertLess(time.monotonic(), deadline)
                    time.sleep(0.01)
                self.assertEqual(resource.prlimit(waiting.pid, resource.RLIMIT_CORE), (0, 0))
                self.assertFalse(self.dumps_core(waiting))
        self.assertEqual(waiting.returncode, -signal.SIGQUIT)
        with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as pattern:
            is_here = pattern.read().startswith("core")
        if is_here and resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
            other = subprocess.Popen(["sleep", "60"], cwd=self.place)
            self.assertTrue(self.dumps_core(other), "the test itself: here nobody dumps")


if __name__ == "__main__":
    unittest.main()
