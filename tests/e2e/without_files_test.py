"""Projects that are there only as containers, on a real engine: their compose files are gone, or were never here."""
import concurrent.futures
import copy
import http.client
import json
import os
import shutil
import socket
import unittest

from scenario import BesideCompose, begins, docker, inspect, run

APP = "127.0.0.1:5000/interop/app"
RICH = "127.0.0.1:5000/interop/rich"


class WithoutFiles(BesideCompose):
    samples = "tests/e2e/projects"

    def lose_files(self):
        shutil.rmtree(self.project)
        os.mkdir(self.project)

    def images(self):
        """name → tag of every container."""
        return {name: self.image_of(name).rpartition(":")[2] for name in self.containers()}

    def tags(self):
        return set(self.images().values())


class Moves(WithoutFiles):
    sample = "order"

    def setUp(self):
        super().setUp()
        self.compose("up", "-d", "--wait")
        self.deployed = self.containers()

    def test_a_project_whose_files_are_gone_is_moved_and_brought_back(self):
        self.lose_files()
        plan = self.dockupd("plan", "-p", "order", "--tag", "v2", expect=10).stdout
        self.assertIn("tag v1 -> v2 for app, db, migrate", plan)
        self.assertIn("config hash", plan)
        self.dockupd("update", "-p", "order", "--tag", "v2")
        self.assertEqual(sorted(self.containers()), sorted(self.deployed))
        self.assertEqual(self.tags(), {"v2"})
        self.assertIn("app v2 starts", docker("logs", "order-app-1"))
        self.assertEqual(self.result("update", "-p", "order", "--tag", "v2")["outcome"], "nothing_to_do")
        status = self.result("status", "-p", "order")
        self.assertEqual(status["drift"], "")
        self.assertIn("migration", status["rollback"]["problem"])
        self.assertIn("v1", self.dockupd("history", "-p", "order").stdout)
        self.dockupd("rollback", "-p", "order", "--no-data")
        self.assertEqual(self.tags(), {"v1"})

    def test_without_a_name_the_folder_tells_the_project(self):
        self.lose_files()
        self.dockupd("update", "--tag", "v2")
        self.assertEqual(self.tags(), {"v2"})
        self.assertEqual(self.result("status")["drift"], "")

    def test_what_fails_is_taken_back(self):
        self.lose_files()
        result = self.result("update", "-p", "order", "--tag", "broken", expect=20)
        self.assertEqual(result["outcome"], "rolled_back")
        self.assertEqual(self.containers(), self.deployed)

    def test_a_killed_run_is_recovered(self):
        self.lose_files()
        self.stop_at("update", "-p", "order", "--tag", "v2", when=begins("start", "start app"))
        self.dockupd("recover", "-p", "order")
        self.assertEqual(len(self.tags()), 1)
        self.assertEqual(sorted(self.containers()), sorted(self.deployed))

    def test_compose_sees_the_containers_and_makes_them_what_the_files_say(self):
        kept = os.path.join(self.work, "kept")
        shutil.copytree(self.project, kept)
        self.lose_files()
        self.dockupd("update", "-p", "order", "--tag", "v2")
        shutil.copytree(kept, self.project, dirs_exist_ok=True)
        self.assertIn("order-app-1", self.compose("ps"))
        self.compose("up", "-d", "--wait")
        self.assertEqual(self.tags(), {"v1"})
        before = self.containers()
        self.compose("up", "-d", "--wait")
        self.assertEqual(self.containers(), before)

    def test_the_files_that_the_labels_name_are_preferred(self):
        """Run from elsewhere: they are read, and the tag is pinned as from their own folder."""
        elsewhere = os.path.join(self.work, "elsewhere")
        os.mkdir(elsewhere)
        done = run(self.command("update", "-p", "order", "--tag", "v2"), cwd=elsewhere)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(self.path("compose.yaml"), done.stderr)
        self.assertEqual(self.read(".env"), b"TAG=v2\n")
        before = self.containers()
        self.compose("up", "-d", "--wait")
        self.assertEqual(self.containers(), before, "compose finds nothing to do")

    def test_a_project_that_only_shares_the_folder_of_files_is_not_taken_for_theirs(self):
        """Files of the folder win over labels, as with docker compose -p."""
        self.write(".env", "TAG=v2\n")
        self.dockupd("update", "-p", "another", "--tag", "v2")
        self.assertIn("another-app-1", self.containers())
        self.assertEqual(self.image_of("order-app-1"), f"{APP}:v1")


class Data(WithoutFiles):
    sample = "volumes"

    def test_the_data_of_a_project_without_files_comes_back_as_well(self):
        self.compose("up", "-d", "--wait")
        docker("exec", "-u", "0", "volumes-app-1", "sh", "-c", "echo before > /data/note; echo before > /scratch/note")
        self.lose_files()
        self.dockupd("update", "-p", "volumes", "--tag", "v2")
        self.assertEqual(docker("exec", "volumes-app-1", "cat", "/scratch/note"), "before")
        docker("exec", "-u", "0", "volumes-app-1", "sh", "-c", "echo after > /data/note; echo after > /scratch/note")
        self.assertTrue(self.result("status", "-p", "volumes")["rollback"]["ready"])
        self.dockupd("rollback", "-p", "volumes", "--with-data")
        self.assertEqual(self.tags(), {"v1"})
        self.assertEqual(docker("exec", "volumes-app-1", "cat", "/data/note", "/scratch/note"), "before\nbefore")


class Choices(WithoutFiles):
    sample = "order"

    def container(self, service, image, *options, project="found"):
        labels = {"project": project, "service": service, "container-number": "1", "oneoff": "False"}
        flags = [part for name, value in labels.items() for part in ("--label", f"com.docker.compose.{name}={value}")]
        docker("run", "-d", "--name", f"{project}-{service}", "--stop-timeout", "1", *flags, *options, image)

    def refusal(self, *arguments, expect):
        return self.dockupd("update", *arguments, expect=expect).stderr

    def test_what_a_tag_means_has_to_be_clear(self):
        self.lose_files()
        self.container("web", f"{APP}:v1")
        self.container("worker", f"{APP}:v1")
        self.container("db", f"{APP}:same")
        before = self.containers()
        said = self.refusal("-p", "found", "--tag", "v2", expect=3)
        self.assertIn("dockupd update -p found --tag v2 web worker   for those that are now v1", said)
        self.assertIn("dockupd update -p found --tag v2 db   for those that are now same", said)
        self.assertEqual(self.containers(), before)
        self.dockupd("update", "-p", "found", "--tag", "v2", "web", "worker")
        self.assertEqual(self.images(), {"found-web": "v2", "found-worker": "v2", "found-db": "same"})
        self.dockupd("update", "-p", "found", "--image", f"db={APP}:v1")
        self.assertEqual(self.images(), {"found-web": "v2", "found-worker": "v2", "found-db": "v1"})

    def test_what_is_not_there_is_said(self):
        self.lose_files()
        self.assertIn("no container of a project nothing", self.refusal("-p", "nothing", "--tag", "v2", expect=2))
        docker("run", "-d", "--name", "plain", f"{APP}:v1")
        self.assertIn("plain is a container of no compose project", self.refusal("-p", "plain", "--tag", "v2", expect=2))
        self.container("web", f"{APP}:v1")
        self.assertIn("no container of a service wob", self.refusal("-p", "found", "--tag", "v2", "wob", expect=3))
        self.assertIn("tag-variable", self.refusal("-p", "found", "--tag", "v2", "--tag-variable", "X", expect=2))
        self.assertIn("image", self.refusal("-p", "found", "--tag", "no tag", expect=2))

    def test_an_image_without_a_name_has_no_tag_to_replace(self):
        self.lose_files()
        self.container("web", docker("pull", "-q", f"{APP}:v1") and inspect(f"{APP}:v1")["Id"])
        self.assertIn("--image web=REFERENCE", self.refusal("-p", "found", "--tag", "v2", "web", expect=3))
        self.dockupd("update", "-p", "found", "--image", f"web={APP}:v2")
        self.assertEqual(self.image_of("found-web"), f"{APP}:v2")

    def test_without_a_tag_every_image_is_fetched_again(self):
        """And what was made from the same reference keeps its config hash: it is still true."""
        def publish(version):
            docker("pull", "-q", f"{APP}:{version}")
            docker("tag", f"{APP}:{version}", f"{APP}:moving")
            docker("push", "-q", f"{APP}:moving")
        self.lose_files()
        publish("v1")
        self.container("web", f"{APP}:moving", "--label", "com.docker.compose.config-hash=" + "0" * 64)
        docker("rmi", f"{APP}:moving", f"{APP}:v1")
        publish("v2")
        self.dockupd("update", environment={"COMPOSE_PROJECT_NAME": "found"})
        config = inspect("found-web")["Config"]
        self.assertEqual((config["Image"], config["Env"]), (f"{APP}:moving", ["APP_VERSION=v2"]))
        self.assertEqual(config["Labels"]["com.docker.compose.config-hash"], "0" * 64)
        self.assertEqual(self.result("update", "-p", "found")["outcome"], "nothing_to_do")

    def test_what_shares_the_network_of_another_is_made_again_with_it(self):
        self.lose_files()
        self.container("web", f"{APP}:v1")
        self.container("proxy", f"{APP}:v1", "--network", "container:found-web")
        self.dockupd("update", "-p", "found", "--tag", "v2")
        self.assertEqual(self.images(), {"found-web": "v2", "found-proxy": "v2"})
        self.assertEqual(inspect("found-proxy")["HostConfig"]["NetworkMode"],
                         "container:" + inspect("found-web")["Id"])

    def test_the_new_image_brings_its_own_defaults_and_what_was_asked_for_stays(self):
        self.lose_files()
        self.container("plain", f"{RICH}:v1")
        self.container("own", f"{RICH}:v1", "--env", "MODE=mine", "--env", "ADDED=1", "--label", "kind=mine",
                       "--workdir", "/tmp", "--user", "0", "--expose", "9000", "--health-interval", "2s")
        self.dockupd("update", "-p", "found", "--tag", "v2")
        plain, own = inspect("found-plain")["Config"], inspect("found-own")["Config"]
        self.assertEqual(plain["Cmd"], ["exec /serve v2-default"])
        self.assertEqual(sorted(plain["Env"]), ["APP_VERSION=v2", "MODE=v2", "PATH=/bin", "SHARED=1"])
        self.assertEqual((plain["Labels"]["version"], plain["User"]), ("v2", "1000"))
        self.assertEqual(list(plain["ExposedPorts"]), ["8081/tcp"])
        self.assertEqual(sorted(own["Env"]), ["ADDED=1", "APP_VERSION=v2", "MODE=mine", "PATH=/bin", "SHARED=1"])
        self.assertEqual((own["Labels"]["kind"], own["Labels"]["version"]), ("mine", "v2"))
        self.assertEqual((own["WorkingDir"], own["User"]), ("/tmp", "0"))
        self.assertEqual(sorted(own["ExposedPorts"]), ["8081/tcp", "9000/tcp"])
        self.assertEqual(own["Healthcheck"]["Interval"], 2_000_000_000)
        self.assertEqual(own["Healthcheck"]["Test"], plain["Healthcheck"]["Test"])


def shapes(bind):
    """service → image and options of `docker run`; the command stands after --."""
    return {
        "plain": (APP,),
        "rich": (RICH,),
        "arguments": (RICH, "--", "exec /serve own words"),
        "own-entrypoint": (RICH, "--entrypoint", "/serve", "--", "own"),
        "same-entrypoint": (RICH, "--entrypoint", "/bin/sh", "--", "-c", "exec /serve again"),
        "no-entrypoint": (RICH, "--entrypoint", "", "--", "/serve", "cleared"),
        "variables": (RICH, "-e", "MODE=v1", "-e", "ZONE=a=b", "-e", "EMPTY=", "-e", "SHARED=2"),
        "unset-variable": (RICH, "-e", "MODE"),
        "labels": (RICH, "-l", "kind=rich", "-l", "version=own", "-l", "empty="),
        "user": (RICH, "-u", "1000:1000", "-w", "/tmp/", "--group-add", "7"),
        "health": (RICH, "--health-cmd", "true", "--health-retries", "2", "--health-start-period", "1s"),
        "no-health": (RICH, "--no-healthcheck"),
        "signals": (APP, "--stop-signal", "SIGUSR1", "--stop-timeout", "0"),
        "host-name": (APP, "-h", "front", "--domainname", "example.org"),
        "terminal": (APP, "-t", "-i"),
        "ports": (RICH, "-p", "127.0.0.1:28080:8080", "-p", "28081:81/udp", "-p", "28090-28091:90-91"),
        "any-port": (APP, "-p", "127.0.0.1::80", "--expose", "9000-9002"),
        "all-ports": (RICH, "-P"),
        "volumes": (APP, "-v", "shapes_data:/data", "-v", f"{bind}:/bound:ro", "-v", "/anonymous"),
        "image-volume": (RICH, "-v", "shapes_image:/image-data"),
        "mounts": (APP, "--mount", "type=volume,source=shapes_data,target=/data,readonly,volume-nocopy",
                   "--mount", f"type=bind,source={bind},target=/bound,bind-propagation=private",
                   "--mount", "type=tmpfs,target=/memory,tmpfs-size=1048576,tmpfs-mode=1770",
                   "--mount", "type=volume,target=/anonymous"),
        "tmpfs": (APP, "--tmpfs", "/run", "--tmpfs", "/tmp:size=1m,noexec", "--read-only", "--shm-size", "8m"),
        "names": (APP, "--dns", "192.0.2.53", "--dns-search", "example.org", "--dns-option", "ndots:2",
                  "--add-host", "peer:192.0.2.7", "--add-host", "host:host-gateway"),
        "memory": (APP, "-m", "64m", "--memory-reservation", "32m", "--memory-swap", "128m", "--oom-score-adj", "100"),
        "processors": (APP, "--cpu-shares", "512", "--cpu-period", "50000", "--cpu-quota", "25000",
                       "--cpuset-cpus", "0"),
        "nano-cpus": (APP, "--cpus", "0.5", "--pids-limit", "50", "--blkio-weight", "300"),
        "ulimits": (APP, "--ulimit", "nofile=512:1024", "--ulimit", "core=0", "--init"),
        "capabilities": (APP, "--cap-drop", "ALL", "--cap-add", "KILL", "--security-opt", "no-new-privileges"),
        "privileged": (APP, "--privileged"),
        "unconfined": (APP, "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
                       "--security-opt", "systempaths=unconfined"),
        "devices": (APP, "--device", "/dev/null:/dev/other:r", "--device-cgroup-rule", "c 1:3 rw"),
        "sysctls": (APP, "--sysctl", "net.core.somaxconn=512", "--ipc", "shareable"),
        "of-the-host": (APP, "--network", "host", "--pid", "host", "--uts", "host", "--ipc", "host"),
        "no-network": (APP, "--network", "none", "--ipc", "private", "--cgroupns", "private"),
        "aliases": (APP, "--network", "shapes_one", "--network-alias", "www", "--network-alias", "api"),
        "fixed-address": (APP, "--network", "shapes_one", "--ip", "10.78.1.9", "--link-local-ip", "169.254.7.7"),
        "linked": (APP, "--link", "stranger:other"),
        "another's-network": (APP, "--network", "container:stranger"),
        "another's-everything": (APP, "--ipc", "container:stranger", "--pid", "container:stranger",
                                 "--volumes-from", "stranger:ro"),
        "restarts": (APP, "--restart", "on-failure:3"),
        "always": (APP, "--restart", "always", "--log-driver", "json-file", "--log-opt", "max-size=1m",
                   "--log-opt", "max-file=2"),
        "local-log": (APP, "--log-driver", "local", "--runtime", "runc", "--platform", "linux/amd64"),
    }


# These are only created: this machine may not let them start.
CREATED = {"privileged"}


def inspect_all(names):
    return dict(zip(names, json.loads(docker("inspect", *names))))


def own_labels(labels):
    return {name: value for name, value in labels.items() if not name.startswith("io.dockupd.")
            and name not in ("com.docker.compose.image", "com.docker.compose.config-hash")}


def comparable(shown):
    """What an inspect shows, without what the engine makes up for each container, and what dockupd writes on it."""
    out = copy.deepcopy(shown)
    short_id = out["Id"][:12]
    for name in ("Id", "Created", "State", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "GraphDriver",
                 "ExecIDs"):
        del out[name]
    config, host = out["Config"], out["HostConfig"]
    config["Image"] = config["Image"].rpartition(":")[0]
    config["Labels"] = own_labels(config["Labels"])
    if config["Hostname"] == short_id:
        config["Hostname"] = "made from the id"
    # An anonymous volume is carried over by its name, so from then on it is a mount that is asked for.
    anonymous = {m["Destination"] for m in out["Mounts"] if m["Type"] == "volume" and len(m["Name"]) == 64}
    host["Mounts"] = [m for m in host.get("Mounts") or [] if m["Target"] not in anonymous] or None
    out["Mounts"].sort(key=lambda m: m["Destination"])
    for mount in out["Mounts"]:
        if mount["Destination"] in anonymous:
            mount["Mode"] = ""
    network = out["NetworkSettings"]
    for name in ("SandboxID", "SandboxKey", "EndpointID", "Gateway", "IPAddress", "MacAddress"):
        del network[name]
    # Ports that the engine chooses are others each time.
    fixed = {b["HostPort"] for bindings in (host["PortBindings"] or {}).values() for b in bindings}
    network["Ports"] = {port: [b for b in bindings or [] if b["HostPort"] in fixed]
                        for port, bindings in (network["Ports"] or {}).items()}
    for endpoint in network["Networks"].values():
        fixed_address = bool(endpoint["IPAMConfig"])
        endpoint["Aliases"] = [a for a in endpoint["Aliases"] or [] if a != short_id]
        for name in ("IPAMConfig", "DriverOpts"):
            endpoint[name] = endpoint[name] or None  # {} and null are the same wish
        del endpoint["EndpointID"]
        if not fixed_address:
            del endpoint["IPAddress"]
        if not config.get("MacAddress"):
            del endpoint["MacAddress"]
    return out


class Shapes(WithoutFiles):
    sample = "order"

    def setUp(self):
        super().setUp()
        self.lose_files()
        self.bind = os.path.join(self.work, "bound")
        os.mkdir(self.bind)
        docker("network", "create", "--subnet", "10.78.1.0/24", "shapes_one")
        docker("network", "create", "--subnet", "10.78.2.0/24", "shapes_two")
        docker("run", "-d", "--name", "stranger", "--ipc", "shareable", "-v", "/strange", f"{APP}:v1")

    def run_shape(self, service, image, *arguments):
        split = arguments.index("--") if "--" in arguments else len(arguments)
        options, command = arguments[:split], arguments[split + 1:]
        name = f"shapes-{service}".replace("'", "")
        labels = {"project": "shapes", "service": service.replace("'", ""), "container-number": "1",
                  "oneoff": "False", "config-hash": "0" * 64}
        flags = [part for key, value in labels.items() for part in ("-l", f"com.docker.compose.{key}={value}")]
        if "--stop-timeout" not in options:
            flags += ["--stop-timeout", "1"]
        how = ["create"] if service in CREATED else ["run", "-d"]
        docker(*how, "--name", name, *flags, *options, f"{image}:v1", *command)
        return name

    def run_with_mac(self):
        """Not by the docker command, which refuses it for an engine older than itself."""
        labels = {f"com.docker.compose.{key}": value for key, value in
                  {"project": "shapes", "service": "fixed-mac", "container-number": "1"}.items()}
        body = {"Image": f"{APP}:v1", "MacAddress": "02:42:0a:4e:01:99", "Labels": labels, "StopTimeout": 1,
                "HostConfig": {"NetworkMode": "shapes_one"},
                "NetworkingConfig": {"EndpointsConfig": {"shapes_one": {"Aliases": ["mac"]}}}}
        connection = http.client.HTTPConnection("docker")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(os.environ["DOCKER_HOST"].removeprefix("unix://"))
        connection.request("POST", "/v1.41/containers/create?name=shapes-fixed-mac", json.dumps(body),
                           {"Content-Type": "application/json"})
        answer = connection.getresponse()
        self.assertEqual(answer.status, 201, answer.read())
        connection.close()
        docker("start", "shapes-fixed-mac")
        return "shapes-fixed-mac"

    def test_a_container_that_is_made_again_from_the_same_image_is_the_same(self):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            names = list(pool.map(lambda shape: self.run_shape(shape[0], *shape[1]), shapes(self.bind).items()))
        names.append(self.run_with_mac())
        docker("network", "connect", "--alias", "second", "--ip", "10.78.2.9", "shapes_two", "shapes-aliases")
        docker("network", "connect", "shapes_two", "shapes-plain")
        self.assertGreaterEqual(len(names), 25)
        for name, shown in inspect_all(names).items():
            if "Health" in shown["State"]:
                self.wait_until_healthy(name)
        before = inspect_all(names)
        self.dockupd("update", "-p", "shapes", "--tag", "same", "--no-snapshot")
        after = inspect_all(names)
        differences = []
        for name in names:
            self.assertNotEqual(before[name]["Id"], after[name]["Id"], f"{name} was not made again")
            one, other = comparable(before[name]), comparable(after[name])
            for section in one.keys() | other.keys():
                differences += self.differences(f"{name}: {section}", one.get(section), other.get(section))
        self.assertEqual("\n".join(differences), "")

    def differences(self, where, one, other):
        if isinstance(one, dict) and isinstance(other, dict):
            return [d for key in sorted(one.keys() | other.keys())
                    for d in self.differences(f"{where}.{key}", one.get(key), other.get(key))]
        if one == other:
            return []
        return [f"{where}: {json.dumps(one)} became {json.dumps(other)}"]


if __name__ == "__main__":
    unittest.main(verbosity=2)
