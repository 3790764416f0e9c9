#!/usr/bin/env python3
"""Stands between dockupd and the engine's socket and breaks what it is told to break.

  socket_proxy.py --listen SOCKET --engine SOCKET --log FILE [--fault KIND@WHEN]… [--api-version 1.30]

Every request is counted from 1, over all connections, and logged before anything is done with it:
  N METHOD PATH
and `fault N KIND` after each fault. WHEN is N, or N+ (this one and all after it), or METHOD:PATTERN#K, the K-th request
with that method and a path (without version) that the regular expression finds; without #K the first, with #K+ from
there on; ~M after it means the M-th request after that one. KIND:
  drop      the request never reaches the engine, the connection closes
  lose      the engine does it, and the connection closes without one byte of its answer
  refuse    the engine never sees it; the answer is 500
  acted500  the engine does it; the answer is 500
  hang      the engine never sees it, nothing is ever answered
  mute      the engine does it, nothing is ever answered
  stall     the engine sees it after five seconds
  cut       the answer ends in the middle: of its body, or of its head when it has none
  slow      the answer comes byte by byte, over two seconds
  garbage   the engine does it; the answer's body is no JSON; where there is none, the answer is no HTTP
  wrong     the engine does it; the answer is JSON of another shape
  too_new   the engine never sees it; the answer is the engine's own refusal of the API version

What a case uses is Between: the proxy inside a machine, for as long as a `with` lasts.
"""
import argparse
import os
import re
import select
import signal
import socket
import sys
import threading
import time

ONE_READ = 64 * 1024
LONGEST_HEAD = 256 * 1024
STALL_SECONDS = 5
TRICKLE_SECONDS = 2
NONSENSE = b'{"Id": [[[[\xff\x00nonsense"'
ANOTHER_SHAPE = b'{"Id":{"no":["id"]},"State":"running","Name":7,"Mounts":null,"HostConfig":[]}'


class Closed(Exception):
    """The other side has ended the connection."""


class Wire:
    """A socket with what was read and not used yet."""

    def __init__(self, sock):
        self.sock = sock
        self.unread = b""

    def more(self):
        try:
            data = self.sock.recv(ONE_READ)
        except OSError:
            data = b""
        if not data:
            raise Closed
        self.unread += data

    def until(self, mark):
        while mark not in self.unread:
            if len(self.unread) > LONGEST_HEAD:
                raise Closed
            self.more()
        end = self.unread.index(mark) + len(mark)
        out, self.unread = self.unread[:end], self.unread[end:]
        return out

    def some(self, most):
        if not self.unread:
            self.more()
        out, self.unread = self.unread[:most], self.unread[most:]
        return out

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as gone:
            raise Closed from gone

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Head:
    def __init__(self, data):
        self.bytes = data
        lines = data.decode("latin-1").split("\r\n")
        self.first = lines[0].split(" ", 2)
        self.fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                self.fields[name.strip().lower()] = value.strip()

    def is_chunked(self):
        return "chunked" in self.fields.get("transfer-encoding", "").lower()

    def length(self):
        return int(self.fields.get("content-length", 0))

    def status(self):
        return int(self.first[1])


def chunks(wire):
    """The raw bytes of a chunked body, framing and all, as they come."""
    while True:
        line = wire.until(b"\r\n")
        yield line
        left = int(line.split(b";")[0], 16)
        if left == 0:
            while (trailer := wire.until(b"\r\n")) != b"\r\n":
                yield trailer
            yield trailer
            return
        left += 2
        while left:
            part = wire.some(left)
            left -= len(part)
            yield part


def exactly(wire, left):
    while left:
        part = wire.some(left)
        left -= len(part)
        yield part


def until_closed(wire):
    try:
        while True:
            yield wire.some(ONE_READ)
    except Closed:
        return


def request_body(head, wire):
    return chunks(wire) if head.is_chunked() else exactly(wire, head.length())


def has_no_body(method, status):
    return method == "HEAD" or status in (204, 304) or status < 200


def answer_body(method, head, wire):
    if has_no_body(method, head.status()):
        return iter(())
    if head.is_chunked():
        return chunks(wire)
    if "content-length" in head.fields:
        return exactly(wire, head.length())
    return until_closed(wire)


class Fault:
    def __init__(self, text):
        self.kind, _, when = text.partition("@")
        matched = re.fullmatch(r"(?:(\d+)|([A-Z]+):(.*?)(?:#(\d+))?(?:~(\d+))?)(\+?)", when)
        if self.kind not in KINDS or not matched:
            raise SystemExit(f"socket_proxy: no such fault: {text}")
        number, self.method, pattern, nth, after, lasts = matched.groups()
        self.at = int(number) if number else None
        self.pattern = re.compile(pattern or "")
        self.left = int(nth or 1)
        self.after = int(after or 0)
        self.lasts = bool(lasts)

    def strikes(self, number, method, path):
        if self.at is None and method == self.method and self.pattern.search(path):
            self.left -= 1
            if self.left == 0:
                self.at = number + self.after
        if self.at is None:
            return False
        return number == self.at or (self.lasts and number > self.at)


class Plan:
    """What happens to which request. Used by all connections."""

    def __init__(self, faults, log):
        self.faults = faults
        self.log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.number = 0
        self.lock = threading.Lock()

    def say(self, text):
        os.write(self.log, (text + "\n").encode("utf-8", "replace"))

    def next(self, method, target):
        path = re.sub(r"^/v\d+\.\d+(?=/)", "", target)
        with self.lock:
            self.number += 1
            self.say(f"{self.number} {method} {path}")
            # Each counts its own passages, so all of them are asked.
            striking = [fault.kind for fault in self.faults if fault.strikes(self.number, method, path)]
            if not striking:
                return None
            self.say(f"fault {self.number} {striking[0]}")
            return striking[0]


def json_answer(status, reason, body):
    return (f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def trickle(wire, data):
    pause = TRICKLE_SECONDS / max(len(data), 1)
    step = max(1, int(0.001 / pause))
    for start in range(0, len(data), step):
        wire.send(data[start:start + step])
        time.sleep(pause * step)


class Conversation(threading.Thread):
    """One connection of dockupd's, and one to the engine for it."""

    def __init__(self, client, engine_path, plan, api_version):
        super().__init__(daemon=True)
        self.client = Wire(client)
        self.engine = None
        self.engine_path = engine_path
        self.plan = plan
        self.api_version = api_version

    def run(self):
        try:
            while self.one_request():
                pass
        except (Closed, OSError, ValueError):
            pass
        finally:
            self.client.close()
            if self.engine:
                self.engine.close()

    def one_request(self):
        """True when another may follow on this connection."""
        head = Head(self.client.until(b"\r\n\r\n"))
        method, target = head.first[0], head.first[1]
        body = b"".join(request_body(head, self.client))
        fault = self.plan.next(method, target)
        if fault in BEFORE:
            return BEFORE[fault](self)
        if fault == "stall":
            time.sleep(STALL_SECONDS)
        answer = self.ask(head.bytes + body)
        stream = answer_body(method, answer, self.engine)
        if fault in AFTER:
            return AFTER[fault](self, answer, b"".join(stream), method)
        self.client.send(self.with_version(answer))
        if answer.status() == 101:
            return self.tunnel()
        for part in stream:
            self.client.send(part)
        return answer.fields.get("connection", "").lower() != "close"

    def ask(self, request):
        if self.engine is None:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(self.engine_path)
            self.engine = Wire(sock)
        self.engine.send(request)
        while True:
            answer = Head(self.engine.until(b"\r\n\r\n"))
            if answer.status() >= 200 or answer.status() == 101:
                return answer
            self.client.send(answer.bytes)

    def with_version(self, answer):
        if not self.api_version:
            return answer.bytes
        return re.sub(rb"(?im)^(Api-Version:) *[0-9.]+", rb"\1 " + self.api_version.encode(), answer.bytes)

    def tunnel(self):
        ends = {self.client.sock: self.engine, self.engine.sock: self.client}
        for wire in (self.client, self.engine):
            if wire.unread:
                ends[wire.sock].send(wire.unread)
                wire.unread = b""
        while True:
            for sock in select.select(list(ends), [], [])[0]:
                data = sock.recv(ONE_READ)
                if not data:
                    return False
                ends[sock].send(data)

    # --- faults before the engine sees the request

    def drop(self):
        return False

    def refuse(self):
        self.client.send(json_answer(500, "Internal Server Error", b'{"message":"a fault that a test asked for"}\n'))
        return True

    def too_new(self):
        self.client.send(json_answer(400, "Bad Request", b'{"message":"client version 1.41 is too new. Maximum '
                                                         b'supported API version is 1.40"}\n'))
        return True

    def hang(self):
        # Until the client gives up: its side becomes readable then.
        self.client.more()
        return False

    # --- faults after the engine has done it

    def lose(self, _answer, _body, _method):
        return False

    def acted500(self, _answer, _body, _method):
        return self.refuse()

    def mute(self, _answer, _body, _method):
        return self.hang()

    def cut(self, answer, body, _method):
        whole = answer.bytes + body
        self.client.send(whole[:len(answer.bytes) + len(body) // 2 if body else len(answer.bytes) // 2])
        return False

    def slow(self, answer, body, _method):
        trickle(self.client, answer.bytes + body)
        return True

    def with_body(self, answer, body, method):
        if has_no_body(method, answer.status()):
            self.client.send(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
            return False
        self.client.send(json_answer(answer.status(), "OK", body))
        return True

    def garbage(self, answer, _body, method):
        return self.with_body(answer, NONSENSE, method)

    def wrong(self, answer, _body, method):
        return self.with_body(answer, ANOTHER_SHAPE, method)


BEFORE = {"drop": Conversation.drop, "refuse": Conversation.refuse, "too_new": Conversation.too_new,
          "hang": Conversation.hang}
AFTER = {"lose": Conversation.lose, "acted500": Conversation.acted500, "mute": Conversation.mute,
         "cut": Conversation.cut, "slow": Conversation.slow, "garbage": Conversation.garbage,
         "wrong": Conversation.wrong}
KINDS = {*BEFORE, *AFTER, "stall"}


def listen(path):
    if os.path.exists(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen(64)
    return sock


class Between:
    """with Between(machine, "lose@POST:/start") as proxy: machine.dockupd(…, env=proxy.env)"""

    socket = "/run/between.sock"

    def __init__(self, machine, *faults, api_version=""):
        self.machine = machine
        self.log = machine.work / "socket_proxy.log"
        self.env = {"DOCKER_HOST": f"unix://{self.socket}"}
        self._command = [sys.executable, "-S", "-B", os.path.realpath(__file__), "--listen", self.socket,
                         "--engine", str(machine.socket), "--log", str(self.log)]
        self._command += [word for fault in faults for word in ("--fault", fault)]
        if api_version:
            self._command += ["--api-version", api_version]

    def __enter__(self):
        self.log.unlink(missing_ok=True)
        self._process = self.machine.start(self._command)
        await_word(self.log, "listening", self._process)
        return self

    def __exit__(self, *_):
        self._process.signal(signal.SIGKILL)
        self._process.wait(10)

    def requests(self):
        """(METHOD, PATH) of each, in order."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [tuple(line.split(" ", 2)[1:]) for line in lines if line[:1].isdigit()]

    def struck(self):
        """How many faults were made."""
        lines = self.log.read_text(errors="replace").splitlines()
        return sum(line.startswith("fault ") for line in lines)


def await_word(log, word, process, seconds=10):
    deadline = time.monotonic() + seconds
    while not (log.exists() and word in log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the proxy does not listen: {process.err()}")
        time.sleep(0.01)


def serve(options):
    plan = Plan([Fault(text) for text in options.fault], options.log)
    listening = listen(options.listen)
    plan.say("listening")
    while True:
        client, _ = listening.accept()
        Conversation(client, options.engine, plan, options.api_version).start()


def main():
    parser = argparse.ArgumentParser(description="Breaks the talk between dockupd and the engine.")
    parser.add_argument("--listen", required=True)
    parser.add_argument("--engine", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--api-version", default="")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serve(options)


if __name__ == "__main__":
    sys.exit(main())
