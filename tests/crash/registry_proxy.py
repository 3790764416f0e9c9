#!/usr/bin/env python3
"""Stands between the engine and its registry and makes the trouble it is told to make.

  registry_proxy.py --listen [ADDRESS:]PORT --log FILE [--trouble NAME] [--skip M] [--times N] [--tls CERTIFICATE KEY]
  registry_proxy.py --list

The trouble strikes the requests that its table row names, but for the first M of them, N times. Everything else goes on
to the registry. Each request is logged as `METHOD PATH`, a struck one also as `trouble METHOD PATH`.
How to get between: a rule in the engine's own network that redirects the registry's port here. The proxy speaks to the
registry from another loopback address, so that the rule passes it:
  iptables -t nat -I OUTPUT -p tcp -s 127.0.0.1 -d 127.0.0.1 --dport 5000 -j REDIRECT --to-ports PORT
What a case uses is Between, which does all that inside a machine for as long as a `with` lasts.
"""
import argparse
import gzip
import hashlib
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import sys
import threading
import time

from socket_proxy import await_word

REGISTRY = ("127.0.0.1", 5000)
OWN_ADDRESS = "127.0.0.7"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
SLOW_BYTES_A_SECOND = 32 * 1024
MIB = 1024 * 1024
ENGINE_ONLY_FIELDS = {"connection", "transfer-encoding", "content-length", "keep-alive", "te", "upgrade", "host"}


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Closed(Exception):
    """The other side has ended the connection."""


class Request:
    def __init__(self, head):
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.path, _ = lines[0].split(" ", 2)
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:] if ": " in line]

    def part(self):
        """What of the registry it asks for: ping, tag, digest, blob or other."""
        if self.path.rstrip("/") == "/v2":
            return "ping"
        if "/blobs/" in self.path:
            return "blob"
        if "/manifests/" in self.path:
            return "digest" if "/manifests/sha256:" in self.path else "tag"
        return "other"


class Answer:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields  # pairs, without Content-Length
        self.body = body

    def bytes(self, with_body=True, length=None):
        head = f"HTTP/1.1 {self.status} {http.client.responses.get(self.status, 'Unknown')}\r\n"
        for name, value in self.fields:
            head += f"{name}: {value}\r\n"
        head += f"Content-Length: {len(self.body) if length is None else length}\r\n\r\n"
        return head.encode("latin-1") + (self.body if with_body else b"")


def json_answer(status, value, *fields):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Answer(status, [("Content-Type", "application/json"), *fields], body)


def error(status, code, message, *fields):
    return json_answer(status, {"errors": [{"code": code, "message": message}]}, *fields)


class Conversation(threading.Thread):
    """One connection of the engine's."""

    def __init__(self, sock, stage):
        super().__init__(daemon=True)
        self.sock = sock
        self.stage = stage
        self.unread = b""

    def run(self):
        try:
            # As any server that speaks no TLS: the engine tries that first, and then without.
            if self.sock.recv(1, socket.MSG_PEEK)[:1] == b"\x16":
                self.send(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                return
            while self.one_request():
                pass
        except (Closed, OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            self.sock.close()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as gone:
            raise Closed from gone

    def head(self):
        while b"\r\n\r\n" not in self.unread:
            data = self.sock.recv(65536)
            if not data:
                raise Closed
            self.unread += data
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        return head

    def one_request(self):
        request = Request(self.head())
        if self.stage.strikes(request):
            # True: and the connection may be used again.
            return bool(self.stage.act(self, request))
        self.reply(request, self.ask(request))
        return True

    def reply(self, request, answer):
        self.send(answer.bytes(with_body=request.method != "HEAD", length=answer_length(request, answer)))

    def ask(self, request, path=None):
        """The registry's own answer."""
        link = http.client.HTTPConnection(*REGISTRY, timeout=30, source_address=(OWN_ADDRESS, 0))
        try:
            link.putrequest(request.method, path or request.path, skip_accept_encoding=True)
            for name, value in request.fields:
                if name.lower() not in ENGINE_ONLY_FIELDS:
                    link.putheader(name, value)
            link.endheaders()
            got = link.getresponse()
            answer = Answer(got.status, [(name, value) for name, value in got.getheaders()
                                         if name.lower() not in ENGINE_ONLY_FIELDS], got.read())
            answer.announced = got.getheader("Content-Length")
            return answer
        finally:
            link.close()


def answer_length(request, answer):
    """Of an answer to HEAD the registry announces more than it sends."""
    if request.method == "HEAD" and getattr(answer, "announced", None):
        return int(answer.announced)
    return None


# --- troubles: what becomes of a request that is struck


def always(answer):
    def act(conversation, request):
        conversation.reply(request, answer)
        return True
    return act


def made_late(make):
    """Of an answer that is too large to be made when nobody asks for it."""
    made = []

    def act(conversation, request):
        if not made:
            made.append(make())
        return made[0](conversation, request)
    return act


def raw(data):
    def act(conversation, _request):
        conversation.send(data)
        return False
    return act


def hang(conversation, _request):
    while conversation.sock.recv(4096):
        pass
    return False


def reset(conversation, _request):
    conversation.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def slow(conversation, request):
    answer = conversation.ask(request)
    data = answer.bytes(with_body=request.method != "HEAD", length=answer_length(request, answer))
    step = SLOW_BYTES_A_SECOND // 20
    for start in range(0, len(data), step):
        conversation.send(data[start:start + step])
        time.sleep(0.05)
    return True


def truncate(conversation, request):
    answer = conversation.ask(request)
    conversation.send(answer.bytes(with_body=False) + answer.body[:len(answer.body) // 2])
    return False


def flip_bit(conversation, request):
    answer = conversation.ask(request)
    middle = len(answer.body) // 2
    answer.body = answer.body[:middle] + bytes([answer.body[middle] ^ 1]) + answer.body[middle + 1:]
    conversation.reply(request, answer)
    return True


def move_tag(conversation, request):
    conversation.reply(request, conversation.ask(request, request.path.rsplit("/", 1)[0] + "/" + MOVED_TO))
    return True


def redirect_to_itself(conversation, request):
    conversation.reply(request, Answer(307, [("Location", request.path)], b""))
    return True


def redirect(location):
    return always(Answer(307, [("Location", location)], b""))


def challenge(text):
    return always(error(401, "UNAUTHORIZED", "authentication required", ("WWW-Authenticate", text)))


def bearer(realm):
    return challenge(f'Bearer realm="{realm}",service="registry",scope="repository:app:pull"')


def manifest(body, kind=MANIFEST, claimed=None):
    """A manifest that is what its digest says, under the tag and under the digest."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return always(Answer(200, [("Content-Type", kind), ("Docker-Content-Digest", claimed or digest_of(data))], data))


def endless(conversation, _request):
    # Slowly: the engine keeps all of it in memory.
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: " + MANIFEST.encode() + b"\r\nConnection: close\r\n\r\n{")
    while True:
        conversation.send(b" " * 64 * 1024)
        time.sleep(0.1)


def image_of(**changed):
    layer = {"mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip", "size": 100,
             "digest": "sha256:" + "1" * 64}
    config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 100, "digest": "sha256:" + "2" * 64}
    return {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer], **changed}


def foreign_layer():
    layer = {"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "size": 100,
             "digest": "sha256:" + "1" * 64, "urls": ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd"]}
    return image_of(layers=[layer])


ESCAPES = "\x1b[31mred\x1b[0m \x1b[2J\x1b[1;1H \x1b]0;title\x07 \x1b]52;c;cm0gLXJm\x07 \x1bP+q544e\x1b\\ \x9b31m \x07\x08\x7f"
FORGED = "denied\r\n\r\napp: update done: v1 -> v2.\n  now:  v2 runs, verified.\r\x1b[1A\x1b[2K"
BIDI = "denied \u202edeifirev ,snur 2v\u202c \u2066x\u2069 \u2028 \ufeff"
NOT_UTF8 = b'{"errors":[{"code":"DENIED","message":"' + b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf5\x80 \x9b31m \xc2\x9b2J" + b'"}]}'
ONE_ERROR = {"code": "DENIED", "message": "no"}
WITH_NULS = b'{"errors":[{"code":"DENIED\\u0000","message":"a\\u0000b\x00c","detail":"\\u0000"}]}'

ANY = {"ping", "tag", "digest", "blob", "other"}
MANIFESTS = {"tag", "digest"}

# name: (which requests, what becomes of them)
TROUBLES = {
    # --- group D: what happens to registries
    "hang": (MANIFESTS, hang),
    "hang_blob": ({"blob"}, hang),
    "reset": (ANY, reset),
    "slow": (ANY, slow),
    "401": (ANY, challenge('Basic realm="registry"')),
    "401_bare": (ANY, always(error(401, "UNAUTHORIZED", "authentication required"))),
    "403": (MANIFESTS, always(error(403, "DENIED", "requested access to the resource is denied"))),
    "404": (MANIFESTS, always(error(404, "MANIFEST_UNKNOWN", "manifest unknown"))),
    "429": (MANIFESTS, always(error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.",
                                    ("Retry-After", "1")))),
    "500": (MANIFESTS, always(Answer(500, [], b"internal error"))),
    "503": (MANIFESTS, always(error(503, "UNAVAILABLE", "service unavailable"))),
    "500_blob": ({"blob"}, always(Answer(500, [], b"internal error"))),
    "404_blob": ({"blob"}, always(error(404, "BLOB_UNKNOWN", "blob unknown to registry"))),
    "truncated_blob": ({"blob"}, truncate),
    "corrupted_blob": ({"blob"}, flip_bit),
    "truncated_manifest": ({"digest"}, truncate),
    "corrupted_manifest": ({"digest"}, flip_bit),
    "moved_tag": ({"tag"}, move_tag),
    "redirect_loop": (MANIFESTS, redirect_to_itself),
    # --- hostile answers
    "huge_manifest": (MANIFESTS, made_late(lambda: manifest(b" " * 48 * MIB + b"{}"))),
    "garbage_manifest": (MANIFESTS, manifest(bytes(range(256)) * 16)),
    "nested_manifest": (MANIFESTS, manifest(b"[" * 200_000)),
    "nested_object_manifest": (MANIFESTS, manifest(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)),
    "wrong_digest": (MANIFESTS, manifest(image_of(), claimed="sha256:" + "0" * 64)),
    "digest_is_no_digest": (MANIFESTS, manifest(image_of(), claimed="sha256:../../../etc/passwd")),
    "content_type_html": (MANIFESTS, manifest(b"<html>Please log in</html>", kind="text/html")),
    "content_type_nonsense": (MANIFESTS, manifest(image_of(), kind="\x1b[31m/;;;,")),
    "unknown_schema": (MANIFESTS, manifest(image_of(schemaVersion=99))),
    "nulls": (MANIFESTS, manifest(image_of(config=None, layers=None))),
    "all_null": (MANIFESTS, manifest(b"null")),
    "wrong_types": (MANIFESTS, manifest({"schemaVersion": "2", "mediaType": MANIFEST, "config": [], "layers": "all"})),
    "huge_numbers": (MANIFESTS, manifest(image_of(layers=[{"size": -1, "digest": "sha256:" + "1" * 64},
                                                          {"size": 2 ** 62, "digest": "sha256:" + "1" * 64}]))),
    "foreign_layer": (MANIFESTS, manifest(foreign_layer())),
    "escapes_in_message": (MANIFESTS, always(error(403, "DENIED", ESCAPES))),
    "escapes_in_code": (MANIFESTS, always(error(403, ESCAPES, "no"))),
    "forged_lines": (MANIFESTS, always(error(403, "DENIED", FORGED))),
    "bidi_in_message": (MANIFESTS, always(error(403, "DENIED", BIDI))),
    "not_utf8": (MANIFESTS, always(json_answer(403, NOT_UTF8))),
    "nuls": (MANIFESTS, always(json_answer(403, WITH_NULS))),
    "huge_error": (MANIFESTS, made_late(lambda: always(json_answer(500, b"x\x1b" * 16 * MIB)))),
    "many_errors": (MANIFESTS, made_late(lambda: always(json_answer(403, {"errors": [ONE_ERROR] * 20_000})))),
    "endless_body": (MANIFESTS, endless),
    "header_bomb": (MANIFESTS, made_late(lambda: raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 12 * MIB + b"\r\n\r\n"))),
    "many_headers": (MANIFESTS, raw(b"HTTP/1.1 500 No\r\n" + b"X-Bomb: a\r\n" * 100_000 + b"Content-Length: 0\r\n\r\n")),
    "crlf_in_header": (MANIFESTS, raw(b"HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:x\r\n\tfolded\r\n : y\r\n\r\n")),
    "no_http": (MANIFESTS, raw(b"\x00\x01\x02 HTTP/9.9 99999 \x1b[31m\r\n\r\n")),
    "lying_length": (MANIFESTS, raw(b"HTTP/1.1 200 OK\r\nContent-Type: " + MANIFEST.encode() +
                                    b"\r\nContent-Length: 9223372036854775807\r\n\r\n{}")),
    "bad_chunks": (MANIFESTS, raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}")),
    "length_and_chunks": (MANIFESTS, raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"
                                         b"2\r\n{}\r\n0\r\n\r\n")),
    "gzip_bomb": (MANIFESTS, made_late(lambda: always(Answer(
        200, [("Content-Type", MANIFEST), ("Content-Encoding", "gzip")], gzip.compress(b"[" * 256 * MIB))))),
    "realm_metadata": (ANY, bearer("http://169.254.169.254/latest/meta-data")),
    "realm_loopback": (ANY, bearer("http://[::1]:1/token")),
    "realm_file": (ANY, bearer("file:///etc/passwd")),
    "realm_with_password": (ANY, bearer("http://someone:REALM-PASSWORD-CANARY@127.0.0.1:1/token")),
    "realm_with_crlf": (ANY, raw(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="http://127.0.0.1:1/\r\nX: y"\r\n'
                                 b"Content-Length: 0\r\n\r\n")),
    "realm_nonsense": (ANY, challenge('Bearer realm="\x1b]0;x\x07",,,=""=')),
    "redirect_to_metadata": (MANIFESTS, redirect("http://169.254.169.254/latest/meta-data")),
    "redirect_to_file": (MANIFESTS, redirect("file:///etc/passwd")),
    "redirect_elsewhere": (MANIFESTS, redirect("http://127.0.0.1:1/v2/other/manifests/latest")),
    "blob_redirect_elsewhere": ({"blob"}, redirect("http://169.254.169.254/latest/meta-data")),
}
MOVED_TO = "v1"


class Stage:
    """Which requests are struck. Used by all connections."""

    def __init__(self, options):
        self.parts, self.trouble = TROUBLES[options.trouble] if options.trouble else (set(), None)
        self.skip = options.skip
        self.times = options.times
        self.log = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.lock = threading.Lock()

    def say(self, line):
        os.write(self.log, (line + "\n").encode("latin-1", "replace"))

    def strikes(self, request):
        line = f"{request.method} {request.path}"
        with self.lock:
            self.say(line)
            if request.part() not in self.parts:
                return False
            if self.skip > 0:
                self.skip -= 1
                return False
            if self.times == 0:
                return False
            self.times -= 1
            self.say("trouble " + line)
            return True

    def act(self, conversation, request):
        return self.trouble(conversation, request)


class Between:
    """with Between(machine, "404") as proxy: …. Without a trouble: only counts. `address`: the proxy stands there, for
    who asks for that registry, and redirects nothing. `tls`: certificate and key."""

    port = "5999"

    def __init__(self, machine, trouble="", skip=0, times=-1, address="", tls=()):
        self.machine = machine
        self.log = machine.work / "registry_proxy.log"
        self._redirects = not address
        self._command = [sys.executable, "-B", os.path.realpath(__file__), "--listen", address or self.port,
                         "--log", str(self.log), "--trouble", trouble, "--skip", str(skip), "--times", str(times)]
        if tls:
            self._command += ["--tls", *map(str, tls)]

    def __enter__(self):
        self.log.unlink(missing_ok=True)
        self._process = self.machine.start(self._command)
        await_word(self.log, "listening", self._process)
        if self._redirects:
            redirect_registry(self.machine, "-I", self.port)
        return self

    def __exit__(self, *_):
        if self._redirects:
            redirect_registry(self.machine, "-D", self.port)
        self._process.signal(signal.SIGKILL)
        self._process.wait(10)

    def struck(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return sum(line.startswith("trouble ") for line in lines)


def redirect_registry(machine, verb, port):
    """-I: what the engine sends to the registry goes to the port instead; -D: no longer."""
    done = machine.run(["iptables", "-w", "-t", "nat", verb, "OUTPUT", "-p", "tcp", "-s", REGISTRY[0], "-d", REGISTRY[0],
                        "--dport", str(REGISTRY[1]), "-j", "REDIRECT", "--to-ports", port])
    if done.code != 0:
        raise RuntimeError(f"iptables: {done}")


def listening(text):
    address, _, port = text.rpartition(":")
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address or "127.0.0.1", int(port)))
    sock.listen(64)
    return sock


def serve(options):
    stage = Stage(options)
    tls = None
    if options.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*options.tls)
    door = listening(options.listen)
    stage.say("listening")
    while True:
        sock, _ = door.accept()
        try:
            Conversation(tls.wrap_socket(sock, server_side=True) if tls else sock, stage).start()
        except OSError:  # a handshake that the other side broke off
            sock.close()


def main():
    parser = argparse.ArgumentParser(description="Makes trouble between the engine and its registry.")
    parser.add_argument("--list", action="store_true", help="the names of all troubles")
    parser.add_argument("--listen")
    parser.add_argument("--log", default="/dev/null")
    parser.add_argument("--trouble", default="", choices=["", *TROUBLES])
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--times", type=int, default=-1)
    parser.add_argument("--tls", nargs=2)
    options = parser.parse_args()
    if options.list:
        print("\n".join(TROUBLES))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serve(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
