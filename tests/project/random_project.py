"""Random compose projects: every attribute in every form, files over files, extends and include. One seed, one project."""
import json
import os
import random


class Plain(str):
    """Written without quotes: what YAML makes of it is part of the question."""


def scalar(value):
    if isinstance(value, Plain):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def yaml(value, indent=0):
    """Block style for what holds something, flow style for the rest."""
    pad = " " * indent
    if isinstance(value, Tagged):
        inner = yaml(value.value, indent)
        return " " + value.tag + inner
    if isinstance(value, dict) and value:
        return "\n" + "\n".join(pad + key_text(k) + ":" + yaml(v, indent + 2) for k, v in value.items())
    if isinstance(value, list) and value:
        return "\n" + "\n".join(pad + "-" + item(v, indent + 2) for v in value)
    return " " + scalar(value)


def key_text(key):
    plain = key.replace("_", "").replace("-", "").replace(".", "").isalnum() and not key[0].isdigit()
    return key if plain and key.isascii() and key not in ("y", "n", "null", "true", "false") else json.dumps(key)


def item(value, indent):
    text = yaml(value, indent)
    return " " + text.lstrip("\n ") if text.startswith("\n") else text


class Tagged:
    def __init__(self, tag, value):
        self.tag, self.value = tag, value


ENVIRONMENT = {"TAG": "1.2", "PORT": "8081", "EMPTY": "", "DOMAIN": "example.org", "YES": "yes", "NUM": "3",
               "PASSWORD": "a$b c'd\"e#f"}
WORDS = ["alpha", "beta", "gamma", "delta", "db", "web", "cache", "x1", "Zed", "a_b", "a-b", "a.b"]
ODD_SCALARS = ["yes", "no", "on", "0777", "0o17", "0x1F", "0b11", "1_000", "1e6", "1.10", "1.0", "08", "09.5", "~",
               "null", "true", "False", "22:22", "1e3", "1E3", ".5", "5.", "-1", "+1", "-0", "0", "12345678901234567890",
               "1.5e-7", "123456789.123", "0.1", "1e21", "-0.0", "100000000000000000000", "0.30000000000000004", "1__0",
               "v1.2", "1.2.3", "'q'", '"d\\te"', "'it''s'", "\"\\u00e9\"", "ünï", "*x"[1:], "a#b", "a:b",
               "http://x/y?z=1&b=<c>", "=", "=x", "NaN", ".nan", ".inf", "-.inf", "Inf", "0.", "1e-7"]
ODD_TEXTS = ["", " ", "a b", "tab\there", "new\nline", "quote\"s", "it's", "back\\slash", "<html>&amp;", "ünïcødé ☃ 😀",
             "a=b=c", "#no", "$$dollar", "$$${TAG}", "${TAG}", "$TAG", "${NOPE:-dflt}", "${EMPTY:-e}", "${EMPTY-e}",
             "${TAG:+set}", "${NOPE:+set}", "${NOPE-${TAG:-x}}", "${TAG}${NUM}x$$", "a$", "$1", "yes", "007", "1.10",
             "{\"json\": [1, 2]}", "Host(`${DOMAIN:-a.b}`) && PathPrefix(`/x`)", "\u2028x", "%d", "$${TAG}", "a\\$$b"]
DURATIONS = ["10s", "1m30s", "500ms", "1h", "0s", "1.5h", "90s", "100us", "2m", "1h1m1s", "1d", "1w", "30m"]
SIZES = ["64m", "1g", "512k", "1gb", "100", "1.5g", "2GiB", "10M", "128MB", "0", "3b", "5 m"]


class Source:
    """A stream of choices from one seed."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.turn = 0

    def pick(self, *choices):
        return self.r.choice(choices)

    def chance(self, p):
        return self.r.random() < p

    def fresh(self, *choices):
        """Of a list in which nothing may stand twice: other files get other entries, mostly."""
        return [each for i, each in enumerate(choices) if i % 3 == self.turn or self.chance(0.02)] or [choices[0]]

    def word(self):
        return self.r.choice(WORDS)

    def words(self, low=1, high=3):
        return self.r.sample(WORDS, self.r.randint(low, high))

    def text(self):
        if self.chance(0.4):
            return self.r.choice(ODD_TEXTS)
        return self.word() + self.pick("", "", "-${TAG}", "/${NOPE:-d}", " more", "=v")

    def any_scalar(self):
        kind = self.r.random()
        if kind < 0.4:
            return Plain(self.r.choice(ODD_SCALARS))
        return self.pick(self.text(), self.r.randint(-5, 9000), True, False, self.r.random() * 10, self.text())

    def as_text(self, value):
        """A typed value, or text that becomes it, or a variable."""
        return self.pick(value, value, value, str(value).lower() if isinstance(value, bool) else str(value),
                         "${NOPE:-%s}" % (str(value).lower() if isinstance(value, bool) else value))

    def whole(self, low=0, high=2000):
        return self.as_text(self.r.randint(low, high))

    def truth(self):
        return self.as_text(self.chance(0.5))

    def duration(self):
        return self.r.choice(DURATIONS)

    def size(self):
        return self.pick(self.r.choice(SIZES), self.r.choice(SIZES), self.r.randint(1, 10) << 20)

    def path(self):
        if self.chance(0.8):
            return "/%s%d" % (self.word(), self.r.randint(1, 400))
        return self.pick("/data", "/var/lib/x", "/a/b/", "/a//b", "/a/../c", "/etc/conf.d/x.conf", "/srv/${TAG}", "/d.e")

    def host_path(self):
        return self.pick("./data", "../up", ".", "/abs/dir", "~/home", "~", "./a b", "${NOPE:-./dflt}", "./a/../b", "/",
                         "$PWD/x", "${HOME}/y", "./${TAG}", "/var/run/docker.sock")

    def some(self, makers, low=1):
        names = self.r.sample(sorted(makers), self.r.randint(low, len(makers)))
        return {name: makers[name](self) for name in names}

    def list_of(self, maker, low=1, high=3):
        out = []
        for _ in range(self.r.randint(low, high)):
            each = maker(self)
            if each not in out:
                out.append(each)
        return out

    # "K=V" list or mapping
    def assignments(self, value=None, bare=True):
        value = value or (lambda: self.any_scalar())
        names = self.pick(self.words(), ["com.x.y"], ["A_B", "C"], ["TAG", "NOPE", "k.l-m"], ["traefik.http.x"])
        if self.chance(0.5):
            return {n: (None if bare and self.chance(0.1) else value()) for n in names}
        return [n if bare and self.chance(0.15) else n + "=" + self.text() for n in names]


def health_check(s):
    tests = ("curl -f http://localhost", ["CMD", "pg_isready", "-U", "${NOPE:-pg}"], ["CMD-SHELL", "test -f /x || exit 1"],
             ["NONE"], ["CMD"], "exit 0", "${NOPE:-true}", [])
    out = s.some({"interval": Source.duration, "timeout": Source.duration, "retries": lambda s: s.whole(0, 9),
                  "start_period": Source.duration})
    if s.chance(0.9):
        out["test"] = s.pick(*tests)
    if s.chance(0.15):
        out["disable"] = s.truth()
    if s.chance(0.2):
        out.update(start_interval=s.duration(), start_period=s.duration())
    return out


def port(s):
    target, host = s.r.randint(1, 9999), s.r.randint(1024, 60000)
    short = s.pick("%d" % target, "%d:%d" % (host, target), "127.0.0.1:%d:%d" % (host, target), "%d/udp" % target,
                   "%d:%d/udp" % (host, target), "%d-%d:%d-%d" % (host, host + 2, target, target + 2), "0.0.0.0::%d" % target,
                   "%d-%d" % (target, target + 1), "%d-%d:%d" % (host, host + 3, target), "[::1]:%d:%d" % (host, target),
                   "${PORT}:%d" % target, "${NOPE:-%d}:%d" % (host, target), "127.0.0.1:%d-%d:%d-%d/TCP" % (
                       host, host + 1, target, target + 1), "%d:%d/sctp" % (host, target),
                   ":%d" % target, "127.0.0.1::%d-%d" % (target, target + 1), "%d:%d/tcp" % (host, target))
    if s.chance(0.1):
        return target
    if s.chance(0.7):
        return short
    out = s.some({"published": lambda s: s.pick(host, str(host), "${PORT}", "%d-%d" % (host, host + 2)),
                  "protocol": lambda s: s.pick("tcp", "udp"), "mode": lambda s: s.pick("host", "ingress"),
                  "host_ip": lambda s: s.pick("127.0.0.1", "0.0.0.0", "::1"), "name": Source.word,
                  "app_protocol": lambda s: s.pick("http", "h2")}, low=0)
    return {"target": s.as_text(target), **out}


def volume(s, named):
    if s.chance(0.65):
        source = s.pick(s.host_path(), s.host_path(), s.r.choice(named))
        option = s.pick("", "", ":ro", ":rw", ":z", ":Z", ":ro,z", ":Z,ro", ":cached", ":rshared", ":nocopy", ":ro,rslave",
                        ":${NOPE:-ro}", ":delegated", ":rw,nocopy", ":z,rprivate", ":private,ro", ":consistent")
        return s.pick(source + ":" + s.path() + option, source + ":" + s.path() + option, s.path())
    kind = s.pick("bind", "volume", "tmpfs", "volume", "bind", "image")
    out = {"type": kind, "target": s.path()}
    if kind == "bind":
        out["source"] = s.host_path()
    if kind == "volume" and s.chance(0.8):
        out["source"] = s.r.choice(named)
    if kind == "image":
        out["source"] = "img:${TAG}"
    if s.chance(0.3):
        out["read_only"] = s.truth()
    if s.chance(0.1):
        out["consistency"] = s.pick("cached", "delegated")
    if s.chance(0.6):
        members = {
            "bind": {"propagation": lambda s: s.pick("rslave", "rshared", "private"), "create_host_path": lambda s: s.pick(
                True, False, "true", "false", "${NOPE:-false}"), "selinux": lambda s: s.pick("z", "Z"),
                "recursive": lambda s: s.pick("enabled", "disabled")},
            "volume": {"nocopy": Source.truth, "labels": lambda s: s.assignments()},
            "tmpfs": {"size": lambda s: s.pick(s.size(), 1000000), "mode": lambda s: s.pick(0o755, 1777, Plain("0700"), Plain("0o1777"))},
            "image": {"subpath": lambda s: "a/b"}}[kind]
        out[kind] = s.some(members, low=0)
    return out


def device_request(s):
    out = {"capabilities": s.pick(["gpu"], ["gpu", "utility"], ["nvidia-compute"])}
    out.update(s.some({"driver": lambda s: s.pick("nvidia", "cdi"), "options": lambda s: s.assignments()}, low=0))
    if s.chance(0.6):
        out.update(s.pick({"count": s.pick(1, 2, "all", "${NUM}", -1)}, {"device_ids": ["0", "GPU-1"]}))
    return out


def rollout(s):
    return s.some({"parallelism": lambda s: s.whole(0, 4), "delay": Source.duration, "order": lambda s: s.pick("start-first", "stop-first"),
                   "failure_action": lambda s: s.pick("continue", "pause"), "monitor": Source.duration,
                   "max_failure_ratio": lambda s: s.pick(0.3, 0, "0.25", Plain("1e-1"), 0.1)})


def limits(s):
    return s.some({"cpus": lambda s: s.pick("0.5", 1.5, 2, "1", Plain("0.10"), "${NOPE:-0.25}", Plain(".5"), 0.7, 1e-3),
                   "memory": lambda s: str(s.size())}, low=0)


def deploy(s):
    makers = {
        "mode": lambda s: s.pick("replicated", "global"), "labels": lambda s: s.assignments(), "endpoint_mode": lambda s: "vip",
        "replicas": lambda s: s.as_text(s.r.randint(1, 2)), "update_config": rollout, "rollback_config": rollout,
        "resources": lambda s: s.some({
            "limits": lambda s: {**limits(s), **s.pick({}, {"pids": s.whole(1, 50)})},
            "reservations": lambda s: {**limits(s), **s.pick({}, {"devices": s.list_of(device_request, 1, 2)}, {
                "generic_resources": [{"discrete_resource_spec": {"kind": "ssd", "value": s.r.randint(1, 3)}}]})}}),
        "restart_policy": lambda s: s.some({"condition": lambda s: s.pick("any", "none", "on-failure", "always", "unless-stopped"),
                                            "delay": Source.duration, "max_attempts": lambda s: s.whole(0, 5), "window": Source.duration}),
        "placement": lambda s: s.some({"constraints": lambda s: ["node.role == manager", "node.labels.a!=b"],
                                       "preferences": lambda s: [{"spread": "node.labels.zone"}],
                                       "max_replicas_per_node": lambda s: s.whole(1, 4)})}
    return s.some(makers)


def file_reference(s, names):
    if s.chance(0.5):
        return s.r.choice(names)
    return {"source": s.r.choice(names), **s.some({
        "target": lambda s: s.pick("t1", "/etc/t2", "sub/t3"), "uid": lambda s: s.pick("103", "${NUM}"), "gid": lambda s: "104",
        "mode": lambda s: s.pick(Plain("0440"), "0440", Plain("0o400"), 292, "0777", Plain("0444"))}, low=0)}


def ulimits(s):
    return s.some({name: lambda s: s.pick(s.whole(0, 65536), {"soft": s.whole(1, 20000), "hard": s.whole(20000, 40000)}, -1)
                   for name in ("nofile", "nproc", "memlock", "core")})


def command(s):
    return s.pick("echo hi", "sh -c 'a && b'", ["a", "b c", "--x=${TAG}"], "", [], None, "  spaced   out ", "a \"b c\" d\\ e",
                  "sh -c \"echo $$HOME\"", "--flag=${NOPE:-v} -x", ["sh", "-c", "exec $$0"], "a 'b \"c\" d' \"e 'f' g\"", "a\tb\nc",
                  "bash -c \"a \\\"b\\\" c\"", "a#b #c", "a\\nb", "''", "a '' b", "-c 'x=$${y}'", "a `b c` d", "a $(b c) d", "a && b || c", "a=b c", "a\\ b",
                  "a | b > c", "a; b", "{a,b}", "*", "~", "é ü", "a=\"b c\"d", "x'y'z")


def watch(s):
    return {"path": s.host_path(), "action": s.pick("sync", "rebuild", "sync+restart"), "target": "/x",
            **s.some({"ignore": lambda s: s.pick("a/", ["a", "b"]), "include": lambda s: s.pick("c", ["d"]),
                      "initial_sync": lambda s: s.chance(0.5)}, low=0)}


def blkio(s):
    devices = lambda key, value: lambda s: [{"path": "/dev/sda", key: value(s)}, {"path": "/dev/sdb", key: value(s)}]
    return s.some({"weight": lambda s: s.whole(10, 900), "weight_device": devices("weight", lambda s: s.r.randint(10, 900)),
                   "device_read_bps": devices("rate", lambda s: s.pick("12mb", 1024, "1k")),
                   "device_write_bps": devices("rate", lambda s: s.pick("1g", 5)),
                   "device_read_iops": devices("rate", lambda s: s.pick(120, "30")),
                   "device_write_iops": devices("rate", lambda s: s.pick(120, "30"))})


def endpoint(s):
    return s.some({"aliases": lambda s: s.words(), "ipv4_address": lambda s: s.pick("172.28.0.5", "${NOPE:-10.0.0.9}"),
                   "ipv6_address": lambda s: "2001:db8::5", "link_local_ips": lambda s: ["169.254.1.1"],
                   "driver_opts": lambda s: {"a.b": s.pick("1", 2, "x")}, "priority": lambda s: s.pick(10, 100, 1000, 0)}, low=0) or None


def endpoints(s, networks):
    names = s.r.sample(networks, s.r.randint(1, len(networks)))
    return s.pick(names, {name: endpoint(s) for name in names})


SERVICE = {
    "annotations": lambda s: s.assignments(bare=False), "attach": Source.truth, "blkio_config": blkio,
    "cap_add": lambda s: s.fresh("NET_ADMIN", "SYS_PTRACE", "ALL", "sys_nice", "CAP_CHOWN", "NET_RAW"),
    "cap_drop": lambda s: s.fresh("ALL", "MKNOD", "CAP_AUDIT_WRITE", "setuid"),
    "cgroup": lambda s: s.pick("host", "private"), "cgroup_parent": Source.word, "command": command, "entrypoint": command,
    "cpu_count": lambda s: s.whole(1, 4), "cpu_percent": lambda s: s.pick(50, 12, "50"), "cpu_period": lambda s: s.whole(1000, 9999),
    "cpu_quota": lambda s: s.whole(1000, 9999), "cpu_rt_period": lambda s: s.whole(1000, 9999), "cpu_rt_runtime": lambda s: s.whole(1000, 9999),
    "cpu_shares": lambda s: s.whole(2, 1024), "cpus": lambda s: s.pick(0.5, "1.5", 2, Plain("0.10"), "${NOPE:-0.3}", 0.7, 1.1),
    "cpuset": lambda s: s.pick("0-3", "0,1", "0"), "deploy": deploy, "develop": lambda s: {"watch": s.list_of(watch, 1, 2)},
    "device_cgroup_rules": lambda s: s.fresh("c 1:3 mr", "a 7:* rmw", "b 8:0 r", "c 189:* rwm"),
    "devices": lambda s: s.list_of(lambda s: s.pick("/dev/ttyUSB0:/dev/ttyUSB0", "/dev/dri", "/dev/a:/dev/b:r", "/dev/snd:/dev/snd:rwm",
                                                    {"source": "/dev/c", "target": "/dev/d", "permissions": "rw"},
                                                    "vendor.com/class=name", {"source": "/dev/f", "target": "/dev/g"}, "/dev/${NOPE:-x}:/dev/y")),
    "dns": lambda s: s.pick("8.8.8.8", ["1.1.1.1", "9.9.9.9"], "${NOPE:-1.0.0.1}", ["${NOPE}", "1.1.1.1"]), "dns_opt": lambda s: ["use-vc", "ndots:2"],
    "dns_search": lambda s: s.pick("example.org", ["a.b", "c.d"]), "domainname": Source.word,
    "environment": lambda s: s.assignments(), "expose": lambda s: s.pick(["3000"], [80, "443/tcp"], ["8000-8002"], [9000, "9001/udp"], ["${PORT}"]),
    "external_links": lambda s: s.fresh("outer:o", "plain", "third:t", "o2:x"), "group_add": lambda s: s.fresh("mail", 44, "${NUM}", "video", 7, "render"),
    "extra_hosts": lambda s: s.pick(["a:1.2.3.4", "b=5.6.7.8"], {"h": "host-gateway", "k": "::1"}, ["ip6:[::1]", "h.x:2001:db8::1"], {"m": ["1.1.1.1", "2.2.2.2"]},
                                    ["host.docker.internal:host-gateway"], ["a:1.1.1.1", "a:2.2.2.2"], ["x=${NOPE:-10.0.0.1}"]),
    "gpus": lambda s: s.pick("all", s.list_of(device_request, 1, 2), [{"count": 2}], [{"driver": "amd", "device_ids": ["0"]}]),
    "healthcheck": health_check, "hostname": lambda s: s.pick("h", "h.example.org", "${NOPE:-h}"), "init": Source.truth,
    "ipc": lambda s: s.pick("host", "shareable", "private"), "isolation": lambda s: "default", "labels": lambda s: s.assignments(),
    "logging": lambda s: {**s.pick({"driver": "json-file"}, {"driver": "${NOPE:-local}"}, {"driver": "syslog"}, {}), **s.pick({}, {"options": {
        "max-size": s.pick("10m", "${NOPE:-5m}"), "max-file": s.pick("3", 3, Plain("1.0"), Plain("0x3")), "tag": s.pick(None, "t", "{{.Name}}")}})},
    "mem_limit": Source.size, "mem_reservation": Source.size, "mem_swappiness": lambda s: s.whole(0, 100), "memswap_limit": lambda s: s.pick(s.size(), -1),
    "oom_kill_disable": Source.truth, "oom_score_adj": lambda s: s.whole(-500, 500), "pid": lambda s: "host", "pids_limit": lambda s: s.whole(-1, 100),
    "platform": lambda s: s.pick("linux/amd64", "linux/arm64/v8", "linux"), "ports": lambda s: s.list_of(port, 1, 4), "privileged": Source.truth,
    "pull_policy": lambda s: s.pick("missing", "if_not_present", "${NOPE:-missing}"), "read_only": Source.truth,
    "restart": lambda s: s.pick("no", "always", "unless-stopped", "on-failure", "on-failure:3", "${NOPE:-always}", "\"no\""[1:-1]), "runtime": lambda s: "runc",
    "scale": lambda s: s.as_text(s.r.randint(1, 2)), "security_opt": lambda s: s.fresh("no-new-privileges:true", "label=disable", "apparmor:unconfined", "seccomp:unconfined",
        "systempaths=unconfined", "label:type:x", "no-new-privileges", "seccomp=unconfined", "apparmor=p", "label=level:s0:c1,c2"),
    "shm_size": Source.size, "stdin_open": Source.truth, "stop_grace_period": Source.duration, "stop_signal": lambda s: s.pick("SIGINT", "SIGQUIT", "9"),
    "storage_opt": lambda s: {"size": s.pick("10G", "1g")}, "sysctls": lambda s: s.pick({"net.core.somaxconn": s.pick(1024, "512", Plain("0")), "a.b": "1"},
                                                                                 ["net.ipv4.ip_forward=1", "c.d=0"]),
    "tmpfs": lambda s: s.pick("/run", ["/run:size=64m", "/tmp"], "/run:rw,noexec,size=${NUM}m"), "tty": Source.truth, "ulimits": ulimits,
    "user": lambda s: s.pick("1000:1000", "root", "${NOPE:-1000}:${NOPE:-1000}", "0"), "userns_mode": lambda s: "host", "uts": lambda s: "host",
    "working_dir": lambda s: s.pick("/app", "app", "/a/../b/"), "mac_address": lambda s: "02:42:ac:11:00:0%d" % s.r.randint(1, 9),
    "x-own": lambda s: {"a": s.any_scalar()}, "container_name": None, "use_api_socket": None,
    "credential_spec": lambda s: s.pick({"file": "spec.json"}, {"registry": "k"}),
    "build": lambda s: s.pick(".", "./b", {"context": ".", "args": s.assignments(), "target": "x"}, {"context": "https://example.org/x.git#main"}),
    "post_start": lambda s: [{"command": s.pick("echo x", ["a", "b"]), **s.some({"user": lambda s: "root", "privileged": Source.truth,
                             "working_dir": lambda s: "/x", "environment": lambda s: s.assignments()}, low=0)}],
    "pre_stop": lambda s: [{"command": ["sh", "-c", "sleep 1"]}],
}
OFTEN = ("environment", "ports", "labels", "command", "healthcheck", "deploy", "volumes", "networks", "depends_on")


class Project:
    """One random project, written below a folder."""

    def __init__(self, seed, attributes=None):
        self.s = Source(seed)
        self.attributes = attributes or [name for name, maker in SERVICE.items() if maker]
        self.networks = ["front", "back", "default", "outside-net"]
        self.isolated = set()  # have no networks
        self.volumes = ["data", "cache_x", "outside-vol", "named"]
        self.files = {}
        self.services = ["s%d" % i for i in range(self.s.r.randint(2, 5))]

    def service(self, name, wants_image, extends=None):
        s = self.s
        out = {}
        if wants_image:
            out["image"] = s.pick("nginx", "repo.example.org/x/y:${TAG}", "img:${NOPE:-v1}", "a@sha256:" + "0" * 64, "b:1.0")
        count = s.r.randint(1, 9)
        for attribute in s.r.sample(self.attributes, count):
            out[attribute] = SERVICE[attribute](s)
        for attribute in OFTEN:
            if attribute in SERVICE and s.chance(0.12):
                out[attribute] = SERVICE[attribute](s)
        if s.chance(0.4):
            out["volumes"] = s.list_of(lambda s: volume(s, self.volumes), 1, 4)
        if s.chance(0.3):
            out["networks"] = endpoints(s, self.networks)
        elif s.chance(0.1) and wants_image:
            out["network_mode"] = s.pick("host", "none", "bridge")
        if s.chance(0.15):
            out["secrets"] = s.list_of(lambda s: file_reference(s, ["sec", "sec2"]), 1, 2)
        if s.chance(0.15):
            out["configs"] = s.list_of(lambda s: file_reference(s, ["conf", "conf2"]), 1, 2)
        if s.chance(0.15):
            out["env_file"] = s.pick("a.env", ["a.env", "b.env"], [{"path": "b.env", "required": False}, "a.env"],
                                     [{"path": "nope.env", "required": False}], [{"path": "raw.env", "format": "raw"}])
        if s.chance(0.05):
            out["label_file"] = s.pick("l.env", ["l.env"])
        others = self.services[:self.services.index(name)] if name in self.services else []
        if others and s.chance(0.3):
            picked = s.r.sample(others, s.r.randint(1, len(others)))
            out["depends_on"] = s.pick(picked, {o: {
                "condition": s.pick("service_started", "service_healthy", "service_completed_successfully"),
                **s.some({"restart": Source.truth, "required": lambda s: s.chance(0.7)}, low=0)} for o in picked})
        if others and s.chance(0.08):
            out["links"] = [s.pick(others[0], others[0] + ":al")]
        if others and s.chance(0.06):
            out.pop("networks", None)
            out.pop("mac_address", None)
            out["network_mode"] = "service:" + others[0]
        if others and s.chance(0.05):
            out["volumes_from"] = [s.pick(others[0], others[0] + ":ro")]
        if "network_mode" in out or name in self.isolated:
            self.isolated.add(name)
            out.pop("networks", None)
        if extends:
            out["extends"] = extends
        self.mend(out)
        return out

    @staticmethod
    def mend(service):
        """The same limit twice would only be refused."""
        limits_of = service.get("deploy", {}).get("resources", {})
        for kind, ours in (("limits", ("cpus", "mem_limit", "pids_limit")), ("reservations", ("mem_reservation",))):
            if limits_of.get(kind):
                for name in ours:
                    service.pop(name, None)
        if service.get("scale") or "replicas" in service.get("deploy", {}):
            service.pop("mac_address", None)  # of the second replica compose hashes something else than of the first
        if limits_of:
            service.pop("pids_limit", None)
        if "replicas" in service.get("deploy", {}):
            service.pop("scale", None)

    def document(self, wants_image, names):
        s = self.s
        services = {}
        for i, name in enumerate(names):
            extends = None
            if wants_image and s.chance(0.15):
                extends = s.pick({"file": "base/base.yaml", "service": "b1"}, {"file": "base/base.yaml", "service": "b2"})
            elif wants_image and i and s.chance(0.1):
                extends = s.pick(names[0], {"service": names[0]})
            services[name] = self.service(name, wants_image, extends)
        return {"services": services}

    def top_level(self, document):
        s = self.s
        document["networks"] = {"front": None, "back": s.some({
            "driver": lambda s: s.pick("bridge", "overlay"), "driver_opts": lambda s: {"a.b": s.pick("x", 1, Plain("0x10"))}, "internal": Source.truth,
            "attachable": Source.truth, "enable_ipv6": Source.truth, "labels": lambda s: s.assignments(), "name": lambda s: "real-${TAG}",
            "ipam": lambda s: {"driver": "default", "config": [{"subnet": "172.28.0.0/16", **s.some({
                "gateway": lambda s: "172.28.0.1", "ip_range": lambda s: "172.28.5.0/24", "aux_addresses": lambda s: {"r": "172.28.1.5"}}, low=0)}]}}, low=0),
            "outside-net": {"external": s.pick(True, "true", "${NOPE:-true}")}}
        document["volumes"] = {"data": None, "cache_x": {}, "outside-vol": {"external": True}, "named": s.some({
            "name": lambda s: "vol-${TAG}", "driver": lambda s: "local", "driver_opts": lambda s: s.pick({"type": "nfs", "o": "addr=1.2.3.4,rw", "device": ":/x"}, {
                "type": "none", "o": "bind", "device": "./d"}), "labels": lambda s: s.assignments()}, low=0)}
        document["secrets"] = {"sec": {"file": s.pick("./sec.txt", "/etc/sec", "~/sec")}, "sec2": {"file": "${NOPE:-sec2}"}}
        document["configs"] = {"conf": {"file": "./conf.txt"}, "conf2": {"file": "sub/c.conf"}}
        return document

    def write(self, folder):
        s = self.s
        os.makedirs(os.path.join(folder, "base"), exist_ok=True)
        setup = {"environment": ENVIRONMENT}
        s.turn = 0
        main = self.top_level(self.document(True, self.services))
        if s.chance(0.5):
            main = {"name": s.pick("proj", "${NOPE:-named}", "x_y-1"), **main}
        self.put(folder, "compose.yaml", main)
        s.turn = 1
        base = {"services": {"b1": self.service("b1", True), "b2": self.service("b2", True, s.pick(None, "b1", {"service": "b1"}))}}
        for each in base["services"].values():
            each.pop("network_mode", None)
            each.pop("networks", None)
        self.put(folder, "base/base.yaml", base)
        s.turn = 2
        kind = s.r.random()
        if kind < 0.35:
            over = self.document(False, s.r.sample(self.services, s.r.randint(1, len(self.services))))
            self.tag_some(over)
            if s.chance(0.5):
                self.put(folder, "compose.override.yaml", over)
            else:
                self.put(folder, "more.yaml", over)
                setup["files"] = ["compose.yaml", "more.yaml"]
        elif kind < 0.5:
            self.services = ["i1", "i2"]
            inner = self.top_level(self.document(False, self.services))
            for each in inner["services"].values():
                each.setdefault("image", "inner:${INNER:-none}")
            with open(os.path.join(folder, "base", "in.env"), "w") as file:
                file.write("INNER=fromfile\n")
            for section in ("networks", "volumes", "secrets", "configs"):
                inner[section] = {k: v for k, v in main[section].items() if k in ("front", "data", "outside-net", "outside-vol", "cache_x")} if section in (
                    "networks", "volumes") else {k + "i": v for k, v in inner[section].items()}
            for each in inner["services"].values():
                each.pop("secrets", None)
                each.pop("configs", None)
                if isinstance(each.get("networks"), list):
                    each["networks"] = ["front"]
                elif each.get("networks"):
                    each["networks"] = {"front": endpoint(s)}
                each["volumes"] = [s.pick("./in:/in", "data:/x", "../in2:/in2", "~/q:/q")]
                for name in ("label_file", "env_file"):
                    each.pop(name, None)
            self.put(folder, "base/inc.yaml", inner)
            main["include"] = [s.pick("base/inc.yaml", {"path": "base/inc.yaml"}, {"path": ["base/inc.yaml"], "env_file": "base/in.env"},
                                      {"path": "base/inc.yaml", "project_directory": "."}, {"path": "./base/inc.yaml", "env_file": ["base/in.env"]})]
            self.put(folder, "compose.yaml", main)
        for name, text in (("a.env", "A=1\nB=two words\nC='s $TAG'\nD=\"d ${TAG}\\n\"\nE=${A}x\nTAG=fromfile\nexport F=6 # c\nalpha=env\n"), ("b.env", "A=b\nG=${NOPE:-g}\nBARE\n"),
                           ("raw.env", "R=${TAG} # kept\nS='q'\n"), ("l.env", "l.a=1\nl.b=\"x y\"\n")):
            for where in ("", "base"):
                with open(os.path.join(folder, where, name), "w") as file:
                    file.write(text)
        if s.chance(0.3):
            with open(os.path.join(folder, ".env"), "w") as file:
                file.write("TAG=dotenv\nFROMDOT=x\nNOPE2=\n" + s.pick("", "NOPE=nope-is-set\n"[:0]))
        with open(os.path.join(folder, "setup.json"), "w") as file:
            json.dump(setup, file)

    def tag_some(self, over):
        s = self.s
        for service in over["services"].values():
            for name in list(service):
                if name not in ("image", "extends") and s.chance(0.08):
                    service[name] = Tagged("!override", service[name]) if service[name] not in (None, [], {}, "") and s.chance(0.6) else Tagged("!reset", None)

    @staticmethod
    def put(folder, name, document):
        with open(os.path.join(folder, name), "w") as file:
            file.write(yaml(document).lstrip("\n") + "\n")
