"""Thirty secrets where projects have them, and a container that writes escape sequences; then every command, between runs
and in the middle of each kind of run that was killed. None of them comes out, in no output, no argument list and no file but those
that have to hold it, which their owner alone can read; and nothing that moves a cursor comes out at all."""
import base64
import json
import os
import pathlib
import re
import secrets
import stat
import subprocess
import threading

from scenario import DOCKUPD, Scenario, docker

# What has to hold the environment in order to bring an old container back.
MAY_HOLD_SECRETS = ("state.db", "state.db-wal", "plan.json")


# An escape sequence, C1 in UTF-8, DEL and a right-to-left override, as printf writes them.
CURSOR = r"\033[2J\302\233\177\342\200\256"
MOVES = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

# (verb, the codes that it may end with): nothing here is a usage error, or is refused for what it does not look at.
BETWEEN_RUNS = [("status", {0, 10}), ("history", {0}), ("snapshot list", {0}), ("snapshot show", {0}), ("snapshot verify", {0}),
                ("recover", {0}), ("recover --all", {0}), ("plan", {0, 10, 75}), ("rollback --check", {0, 10}),
                ("unhold 127.0.0.1:5000/tiny:v3", {0, 2}), ("unlock nobody", {2, 3})]
IN_THE_MIDDLE = [("status", {40}), ("history", {0}), ("snapshot list", {0}), ("snapshot show", {0}),
                 ("snapshot verify", {0}), ("plan", {40}), ("rollback --check", {40}), ("unlock nobody", {2, 3})]


def canary(name):
    return f"{name}-{secrets.token_hex(8)}"


class Canaries(Scenario):
    def setUp(self):
        super().setUp()
        self.canaries = {}
        self.outputs = []
        self.config = os.path.join(self.work, "docker-config")
        os.makedirs(self.config, mode=0o700)
        self.write_project()
        self.write_credentials()
        self.environment = {"DOCKER_CONFIG": self.config, "FROM_SHELL_TOKEN": self.secret("shell")}
        self.seen_arguments = set()
        self.watching = threading.Event()
        self.watcher = threading.Thread(target=self.watch_arguments, daemon=True)
        self.watcher.start()

    def tearDown(self):
        self.watching.set()
        self.watcher.join()
        super().tearDown()

    def secret(self, place, shape="{}"):
        """A new one for that place, remembered; in the shape that its place asks for."""
        self.canaries[place] = canary("canary")
        return shape.format(self.canaries[place])

    def write_project(self):
        # What the container writes when it starts comes back as the last lines of a failed update.
        jwt = ".".join(base64.urlsafe_b64encode(text).decode().rstrip("=") for text in
                       (b'{"alg":"HS256"}', secrets.token_bytes(12), secrets.token_bytes(12)))
        self.canaries["a web token in the log"] = jwt
        aws = "AKIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        self.canaries["an AWS key id in the log"] = aws
        log = "; ".join([
            "echo $$DB_PASSWORD $$API_KEY $$FROM_FILE_PASSWORD $$FROM_SHELL $$FROM_ENV $$HTTP_PROXY $$SMTP_PASS",
            f"echo 'GET /x Authorization: Bearer {self.secret('a bearer token in the log')}'",
            f"echo 'connect postgres://shop:{self.secret('a URL in the log')}@db/shop'",
            f"echo 'login with password={self.secret('an assignment in the log')}'",
            "echo '{\"level\":\"error\",\"client_secret\":\"%s\"}'" % self.secret("JSON in the log"),
            f"echo 'claims {jwt}'",
            f"echo 'upload as {aws}'",
            f"echo '-----BEGIN PRIVATE KEY-----'; echo '{self.secret('a private key in the log')}'",
            "echo '-----END PRIVATE KEY-----'",
        ])
        health = (f"printf 'Authorization: Bearer {self.secret('a bearer token in the health output')} {CURSOR}'; "
                  f"/app/healthy --token={self.secret('the health check')}")
        self.write("file.env", f"FROM_FILE_PASSWORD={self.secret('an env_file')}\n")
        self.write("secret.txt", self.secret("a secret's file"))
        self.write(".env", self.read(".env").decode() +
                   f"DB_ROOT_PASSWORD={self.secret('.env')}\nUNUSED_TOKEN={self.secret('.env, unused')}\n"
                   f"URL=https://me:{self.secret('a URL in .env')}@host/x\n")
        self.write("compose.override.yaml", json.dumps({"services": {"app": {
            "env_file": ["file.env"],
            "environment": {
                "DB_PASSWORD": self.secret("environment"),
                "API_KEY": self.secret("environment, a key"),
                "SMTP_PASS": self.secret("environment, a pass"),
                "AUTH": self.secret("environment, auth"),
                "SESSION_COOKIE": self.secret("environment, a cookie"),
                "SENTRY_DSN": self.secret("environment, a DSN"),
                "PASSWORD_SALT": self.secret("environment, a salt"),
                "SIGNING_PRIVATE": self.secret("environment, private"),
                "PASSPHRASE": self.secret("environment, a passphrase"),
                "FROM_ENV": "${DB_ROOT_PASSWORD}",
                "FROM_SHELL": "${FROM_SHELL_TOKEN:-}",
                "CALLBACK": "${URL}",
                "HTTP_PROXY": self.secret("a proxy URL", "http://me:{}@192.0.2.9:3128"),
            },
            "labels": {"shop.api-token": self.secret("a label"),
                       "shop.hook": self.secret("a label's URL", "https://me:{}@hooks")},
            "command": ["/bin/sh", "-c", f"{log}; exec /app/run app", "--admin-password=" + self.secret("the command")],
            "healthcheck": {"test": ["CMD-SHELL", health]},
            "secrets": ["shop_secret"],
            "x-vault-token": self.secret("an extension"),
        }}, "secrets": {"shop_secret": {"file": "./secret.txt"}}}))

    def write_credentials(self):
        password = self.secret("registry password")
        encoded = base64.b64encode(f"robot:{password}".encode()).decode()
        self.canaries["registry password, encoded"] = encoded
        with open(os.path.join(self.config, "config.json"), "w", encoding="utf-8") as file:
            json.dump({"auths": {"registry.example": {"auth": encoded},
                                 "other.example": {"identitytoken": self.secret("identity token")},
                                 "127.0.0.1:5000": {"registrytoken": self.secret("registry token")}},
                       "HttpHeaders": {"X-Api-Key": self.secret("a header of the client")}}, file)
        os.chmod(file.name, 0o600)

    def watch_arguments(self):
        """Every argument list of dockupd and what it starts, as anybody on the host can see them."""
        while not self.watching.wait(0.02):
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        line = file.read()
                except OSError:
                    continue
                if DOCKUPD.encode() in line:
                    self.seen_arguments.add(line.decode(errors="replace"))

    def call(self, verb, *arguments):
        done = subprocess.run(self.command(verb, *arguments), cwd=self.project, capture_output=True, text=True,
                              env={**os.environ, **self.environment}, timeout=120)
        self.outputs.append((" ".join([verb, *arguments]), done.stdout + done.stderr))
        return done

    def call_each(self, verbs):
        for verb, codes in verbs:
            for more in ([], ["--json"]):
                done = self.call(verb, *more)
                self.assertIn(done.returncode, codes, f"{verb}: {done.stdout}{done.stderr}")

    def leaks(self, where, text):
        return [f"{place} in {where}" for place, value in self.canaries.items() if value in text]

    def leaks_in_files(self):
        found = []
        for folder, _, names in os.walk(self.state):
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700, folder)
            for name in names:
                path = os.path.join(folder, name)
                self.assertEqual(stat.S_IMODE(os.lstat(path).st_mode), 0o600, path)
                if name in MAY_HOLD_SECRETS:
                    continue
                with open(path, "rb") as file:
                    found += self.leaks(os.path.relpath(path, self.state), file.read().decode(errors="replace"))
        return found

    def test_no_secret_comes_out(self):
        self.assertGreaterEqual(len(self.canaries), 30)
        self.assertEqual(self.call("update", "--tag", "v1", "--progress", "plain").returncode, 0)
        self.assertEqual(self.call("update", "--tag", "v2", "--progress", "json").returncode, 0)
        # v3 never becomes healthy: its last lines and its health output are what an operator gets to read.
        failed = self.call("update", "--tag", "v3", "--progress", "json", "--json")
        self.assertEqual(failed.returncode, 20, failed.stderr)
        self.assertIn("[hidden]", failed.stdout, "the log came back at all")
        self.assertEqual(self.call("update", "--tag", "v3").returncode, 75)
        self.assertIn("Authorization", json.loads(failed.stdout)["reason"], "the health output came back at all")
        self.call_each(BETWEEN_RUNS)
        self.call("plan", "--tag", "v4", "--json")
        hashes = subprocess.run([DOCKUPD, "config", "--hash"], cwd=self.project, capture_output=True, text=True,
                                env={**os.environ, **self.environment}, timeout=120)
        self.assertEqual(hashes.returncode, 0, hashes.stderr)
        self.outputs.append(("config --hash", hashes.stdout + hashes.stderr))

        # A crash where the new version has just been started, and what is said then.
        def started(event):
            return event["event"] == "begin" and event["text"].startswith("start app")
        self.stop_at("update", "--tag", "v4", when=started)
        self.assertEqual(self.leaks_in_files(), [])
        self.call_each(IN_THE_MIDDLE)
        self.assertEqual(self.call("recover", "--progress", "json").returncode, 0)
        self.stop_at("update", "--tag", "v2", when=started)
        script, = pathlib.Path(self.state).glob("*/attempts/*/rescue.sh")
        rescued = subprocess.run(["sh", script], capture_output=True, text=True, timeout=120)
        self.assertEqual(rescued.returncode, 0, rescued.stderr)
        self.outputs.append(("rescue.sh", rescued.stdout + rescued.stderr))
        self.assertEqual(self.call("recover").returncode, 0)
        # The ways back die too: a rollback, and a recover of it.
        self.stop_at("rollback", "--no-data", when=started)
        self.assertEqual(self.leaks_in_files(), [])
        self.call_each(IN_THE_MIDDLE)
        self.stop_at("recover", when=lambda event: event["event"] == "begin")
        self.assertEqual(self.leaks_in_files(), [])
        self.call_each(IN_THE_MIDDLE)
        self.assertEqual(self.call("recover", "--json").returncode, 0)
        for words in (["unhold", "127.0.0.1:5000/tiny:v4"], ["update", "--tag", "v4", "--progress", "plain"],
                      ["rollback", "--no-data", "--progress", "plain", "--json"]):
            done = self.call(*words)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(self.call("recover", "--rebuild", "--json").returncode, 0)

        # Errors quote what they complain about.
        self.write("compose.yaml", self.read("compose.yaml").decode() + "\nx-bad: ${DB_ROOT_PASSWORD:?}\n")
        with open(self.path("compose.override.yaml"), encoding="utf-8") as file:
            override = json.load(file)
        for attribute, value in (("mem_limit", "${DB_ROOT_PASSWORD}"), ("image", "${URL} ${DB_ROOT_PASSWORD}"),
                                 ("ports", ["${DB_ROOT_PASSWORD}"]), ("depends_on", ["${DB_ROOT_PASSWORD}"])):
            override["services"]["app"][attribute] = value
            self.write("compose.override.yaml", json.dumps(override))
            done = self.call("plan", "--json")
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            del override["services"]["app"][attribute]

        found = [leak for where, text in self.outputs for leak in self.leaks(where, text)]
        found += [leak for line in self.seen_arguments for leak in self.leaks("an argument list", line)]
        found += self.leaks_in_files()
        found += [f"{MOVES.findall(text)} in {where}" for where, text in self.outputs if MOVES.search(text)]
        self.assertEqual(found, [])
        self.assertTrue(self.seen_arguments, "the argument lists were watched")
        self.assertIn(self.canaries["environment"], docker("exec", "tiny-app-1", "env"), "the containers have theirs")


if __name__ == "__main__":
    import unittest
    unittest.main()
