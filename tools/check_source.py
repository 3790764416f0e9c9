#!/usr/bin/env python3
"""Checks what the compiler cannot: which layer may use what, where heavy headers may stand, and the traps of g++ 12's
coroutines. Prints `file:line: [rule] what is wrong; what to do` and exits 1 when it finds anything.

    tools/check_source.py [FILE...]     all sources of the project, or only these
    tools/check_source.py --self-test   every rule catches a planted offender and lets its neighbours pass
"""
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("docker_client", "orchestration", "tools", "tests")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    what: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.what}"


# --- the layer table ---

@dataclass(frozen=True)
class Layer:
    name: str
    folder: str                  # paths that begin with this
    own: tuple                   # project includes it may use, by prefix
    foreign: tuple               # other includes with a folder in them, by prefix, plus single C headers
    never_headers: tuple = ()    # standard headers it may not use
    never_calls: tuple = ()      # names of CALLS below


CORE_FOLDERS = ("project", "plan", "update", "release", "snapshot", "channel", "files")
CORE = tuple(f"orchestration/{folder}/" for folder in CORE_FOLDERS)
SYSTEM = ("sys/", "linux/", "openssl/")
THREADS = ("thread", "mutex", "shared_mutex", "future", "condition_variable", "semaphore", "latch", "barrier", "pthread.h")
SOCKETS = ("sys/socket.h", "sys/un.h", "netdb.h", "netinet/in.h", "arpa/inet.h")

LAYERS = [
    Layer("docker_client", "docker_client/", ("docker_client/",), ("boost/asio/", "boost/system/", "boost/beast/",
          "boost/core/", "boost/optional", "rapidjson/") + SYSTEM + SOCKETS, (), ("getenv", "stdout")),
    Layer("run", "orchestration/run/", CORE + ("orchestration/run/", "docker_client/"),
          ("boost/asio/", "boost/system/") + SYSTEM + SOCKETS, (), ("stdout", "getenv")),
    Layer("core", "orchestration/", CORE + ("docker_client/json.hpp",), SYSTEM, THREADS + SOCKETS,
          ("stdout", "getenv", "clock", "thread")),
]

CALLS = {
    "getenv": (r"\b(?:secure_)?getenv\s*\(", "reads the environment", "read it in tools/dockupd and pass the value"),
    "stdout": (r"\bstd::(?:cout|cerr|clog|print(?:ln)?)\b|(?<![\w:>.])(?:std::)?(?:printf|fprintf|puts|fputs|putchar)\s*\(",
               "prints", "return the text, or call the log function that was passed in"),
    "clock": (r"\b\w+_clock::now\s*\(|\b(?:clock_gettime|gettimeofday)\s*\(|(?<![\w.>])(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)",
              "asks a clock", "take the time as an argument"),
    "thread": (r"\bstd::j?thread\b|\bstd::async\s*\(|\bpthread_\w+\s*\(", "starts a thread",
               "leave threads to orchestration/run"),
}

# Heavy headers and the files that may include them; everybody else goes through the owner.
OWNERS = [
    (r"boost/beast", r"docker_client/wire/http_codec\.cpp", "Beast", "docker_client/wire/http_codec.cpp"),
    (r"archive(_entry)?\.h$", r"((orchestration|tests)/snapshot|tests/explore)/\w+\.cpp", "libarchive",
     "a .cpp of orchestration/snapshot"),
    (r"zstd\w*\.h$", r"(orchestration|tests)/snapshot/\w+\.cpp", "zstd", "a .cpp of orchestration/snapshot"),
    (r"yaml\.h$", r"orchestration/project/yaml\.cpp", "libyaml", "orchestration/project/yaml.cpp"),
    (r"sqlite3\.h$", r"((orchestration|tests)/release|tests/explore)/\w+\.cpp", "SQLite",
     "a .cpp of orchestration/release"),
    (r"rapidjson/", r"docker_client/(\w+/)*\w+\.cpp", "RapidJSON", "a .cpp of docker_client"),
    (r"openssl/", r"(docker_client|docker_client/wire|orchestration/\w+|tests/\w+)/\w+\.cpp", "OpenSSL", "a .cpp"),
    (r"boost/asio/ssl", r"docker_client/(wire/)?\w+\.cpp", "Asio's TLS", "a .cpp of docker_client/wire"),
    (r"spdlog/", r"tools/dockupd/\w+\.cpp", "spdlog", "one .cpp of tools/dockupd"),
    (r"CLI/", r"tools/dockupd/\w+\.cpp", "CLI11", "one .cpp of tools/dockupd"),
]
ONE_FILE_ONLY = ("spdlog/", "CLI/")

FORBIDDEN_CALLS = {
    "system": "start the program with posix_spawn and arguments",
    "popen": "start the program with posix_spawn and arguments",
    "strcpy": "use std::string", "strcat": "use std::string", "gets": "use std::getline",
    "sprintf": "use std::to_string or std::to_chars", "vsprintf": "use snprintf",
    "tmpnam": "use mkostemp", "tempnam": "use mkostemp", "mktemp": "use mkostemp",
}


# --- reading C++ ---

STRING_OR_COMMENT = re.compile(
    r'(?P<raw>R"(?P<tag>[^(\s]*)\(.*?\)(?P=tag)")|(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)'
    r'|(?P<string>"(?:\\.|[^"\\\n])*")|(?P<char>(?<![0-9a-zA-Z_])\'(?:\\.|[^\'\\\n])+\')', re.S)


def blank(text):
    """The code with comments gone and literals empty; every line keeps its number."""
    def replace(match):
        newlines = "\n" * match.group().count("\n")
        if match.group("line") or match.group("block"):
            return " " + newlines
        return ("''" if match.group("char") else '""') + newlines
    return STRING_OR_COMMENT.sub(replace, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def includes(text):
    # Comments only: the names of quoted includes are literals.
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")', line)
        if match:
            yield number, match.group(1) or match.group(2), match.group(2) is not None


def matching(code, start):
    """The position of the bracket that closes the one at start, or the end."""
    depth = 0
    for position in range(start, len(code)):
        if code[position] in "([{":
            depth += 1
        elif code[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position
    return len(code)


# --- rules over includes ---

def layer_of(path):
    return next((layer for layer in LAYERS if path.startswith(layer.folder)), None)


def is_project(name):
    return name.split("/")[0] in FOLDERS


def layer_include(layer, name, quoted):
    """What is wrong with this include in this layer, or None."""
    if is_project(name) or quoted:
        if not name.startswith(layer.own):
            return f"{layer.name} includes {name}; it may use {', '.join(layer.own)}: turn the dependency round"
    elif name in layer.never_headers:
        return f"{layer.name} includes <{name}>; threads and sockets live in orchestration/run and docker_client"
    elif "/" in name and not name.startswith(layer.foreign) and not is_owned(name):
        return f"{layer.name} includes <{name}>; it may use the standard library and {', '.join(layer.foreign)}"
    return None


def is_owned(name):  # a rule of its own speaks about it
    return name == "boost/asio.hpp" or any(re.match(pattern, name) for pattern, *_ in OWNERS)


def check_includes(path, text):
    layer = layer_of(path)
    for line, name, quoted in includes(text):
        if name == "boost/asio.hpp":
            yield Finding(path, line, "umbrella", "boost/asio.hpp costs seconds a file; include the boost/asio/… parts used")
        if name == "regex":
            yield Finding(path, line, "regex", "std::regex is slow and overflows the stack; write the few lines that match")
        for pattern, owner, library, where in OWNERS:
            if re.match(pattern, name) and not re.fullmatch(owner, path):
                yield Finding(path, line, "owner", f"{library} belongs in {where}; wrap what is needed there")
        if layer and (wrong := layer_include(layer, name, quoted)):
            yield Finding(path, line, "layer", wrong)


def check_one_file_only(sources):
    for prefix in ONE_FILE_ONLY:
        users = [(path, line) for path, text in sources for line, name, _ in includes(text)
                 if name.startswith(prefix) and path.endswith(".cpp")]
        for path, line in users:
            if path != users[0][0]:
                yield Finding(path, line, "owner", f"<{prefix}…> is included by {users[0][0]} already; keep it in one file")


# --- rules over calls ---

def is_declaration(code, start):
    """A name right after another name is being declared; after `return` and its like it is called."""
    word = re.search(r"(\w+)[\s*&]*$", code[max(0, start - 40):start])
    return bool(word) and word.group(1) not in ("return", "co_return", "co_await", "else", "do", "throw", "case")


def check_calls(path, code):
    layer = layer_of(path)
    for name in layer.never_calls if layer else ():
        pattern, does, instead = CALLS[name]
        for match in re.finditer(pattern, code):
            yield Finding(path, line_of(code, match.start()), "layer", f"{layer.name} {does}; {instead}")
    for match in re.finditer(r"(?<![\w.>])(?:std::|::)?(" + "|".join(FORBIDDEN_CALLS) + r")\s*\(\s*[^)\s]", code):
        # Tests may run a foreign program, such as tar, by one line of shell.
        in_test = path.startswith("tests/") and match.group(1) in ("system", "popen")
        if not in_test and not is_declaration(code, match.start()):
            yield Finding(path, line_of(code, match.start()), "forbidden",
                          f"{match.group(1)}() is not safe; {FORBIDDEN_CALLS[match.group(1)]}")
    for match in re.finditer(r"\bstd::w?regex\b", code):
        yield Finding(path, line_of(code, match.start()), "regex", "std::regex is slow and overflows the stack")


# --- g++ 12: what an awaited call may not hold ---

# Types with constructors that are not aggregates: their braces are harmless.
HARMLESS_BRACES = re.compile(
    r"\b(?:nanoseconds|microseconds|milliseconds|seconds|minutes|hours|string|string_view|u?int\d+_t|size_t|int|bool)\s*$")
LAMBDA_BEFORE = re.compile(r"(?:[(,={;&|?:!]|\b(?:return|co_return|co_await))\s*$")
HARMLESS_CAPTURE = re.compile(r"\s*(?:(?:&\s*\w*|this)\s*(?:,\s*(?:&\s*\w*|this)\s*)*)?$")
BINDS_LOOSER = re.compile(r"&&|\|\||[=!]=")

RESCUE = "name it on the line before and std::move it in"
BRACES = f"braces inside an awaited call are destroyed twice or crash g++ 12; {RESCUE}"
CAPTURE = f"a lambda that owns its captures inside an awaited call is used after its end with g++ 12; {RESCUE}"
CHOICE = f"?: of values inside an awaited call is freed twice with g++ 12; {RESCUE}"


def skip_lambda(code, position):
    """Past the lambda whose captures begin here: its body has statements of its own."""
    body = position
    while body < len(code) and code[body] not in "{;":
        body = matching(code, body) + 1 if code[body] in "([" else body + 1
    return matching(code, body) + 1 if body < len(code) and code[body] == "{" else body


def choice_traps(code, position, end):
    """Is the ?: at this position one of class values made on the spot?"""
    depth, colon, stop = 0, None, end
    for at in range(position + 1, end):
        if code[at] in "([{":
            depth += 1
        elif code[at] in ")]}":
            depth -= 1
        is_colon = code[at] == ":" and ":" not in (code[at - 1], code[at + 1])
        if depth == 0 and is_colon and colon is None:
            colon = at
        if depth < 0 or (depth == 0 and colon and code[at] in ",;"):
            stop = at
            break
    if colon is None:
        return False
    arms = (code[position + 1:colon].strip(), code[colon + 1:stop].strip())
    if any(re.search(r"[({]|\+", arm) for arm in arms if not arm.startswith("co_await")):
        return True
    return ('""' in arms[0]) != ('""' in arms[1])  # a literal beside a string: a temporary string either way


def awaited_traps(code, position, end):
    """(position, message) for each trap in code[position:end], which is inside an awaited call."""
    while position < end:
        char = code[position]
        before = code[max(0, position - 60):position]
        if char == "[" and LAMBDA_BEFORE.search(before) and not code.startswith("[[", position):
            close = matching(code, position)
            if not HARMLESS_CAPTURE.match(code[position + 1:close]):
                yield position, CAPTURE
            position = skip_lambda(code, position)
            continue
        if char == "{":
            if not HARMLESS_BRACES.search(before):
                yield position, BRACES
            position = matching(code, position)
        elif char == "?" and choice_traps(code, position, end):
            yield position, CHOICE
        position += 1


def operand_end(code, position):
    """Where the expression that is awaited ends."""
    while position < len(code):
        if code[position] in "([":
            is_lambda = code[position] == "[" and LAMBDA_BEFORE.search(code[max(0, position - 60):position])
            position = skip_lambda(code, position) if is_lambda else matching(code, position) + 1
        elif code[position] in ";,)]}?" or BINDS_LOOSER.match(code, position):
            return position
        elif code[position] == "{":
            # Type{…} is part of the expression; the body after `if (…)` never comes here, its `)` does.
            position = matching(code, position) + 1
        else:
            position += 1
    return position


def call_around(code, position):
    """Where the call begins whose arguments hold this co_await, or None: its other arguments live as long."""
    depth, opening = 0, None
    for at in range(position - 1, -1, -1):
        if code[at] in ")]}":
            depth += 1
        elif code[at] in "([{":
            if depth == 0:
                if code[at] == "(" and re.search(r"[\w>]\s*$", code[:at][-20:]) and not re.search(
                        r"\b(?:if|for|while|switch|return|co_return|constexpr)\s*$", code[:at][-20:]):
                    opening = at
                break
            depth -= 1
        elif code[at] == ";" and depth == 0:
            break
    return opening


def check_awaits(path, code):
    for match in re.finditer(r"\bco_await\b", code):
        found = list(awaited_traps(code, match.end(), operand_end(code, match.end())))
        opening = call_around(code, match.start())
        if opening is not None:
            found += awaited_traps(code, opening + 1, match.start())
        for position, message in found:
            yield Finding(path, line_of(code, position), "await", message)


# --- all together ---

def check(sources):
    findings = set(check_one_file_only(sources))
    for path, text in sources:
        code = blank(text)
        findings.update(check_includes(path, text))
        findings.update(check_calls(path, code))
        findings.update(check_awaits(path, code))
    return sorted(findings, key=lambda finding: (finding.path, finding.line, finding.rule))


def project_sources():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[ch]pp")):
            yield path


def read_sources(paths):
    return [(path.resolve().relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


# --- self test ---

CORE_FILE, CLIENT_FILE, RUN_FILE = "orchestration/plan/a.cpp", "docker_client/a.cpp", "orchestration/run/a.cpp"

OFFENDERS = [  # rule, file, text: exactly one finding
    ("umbrella", RUN_FILE, "#include <boost/asio.hpp>"),
    ("regex", "tests/plan/a.cpp", "#include <regex>"),
    ("regex", "tests/plan/a.cpp", "std::regex r;"),
    ("owner", "tests/run/a.cpp", "#include <boost/beast/http/parser.hpp>"),
    ("owner", "orchestration/snapshot/a.hpp", "#include <archive.h>"),
    ("owner", "orchestration/snapshot/a.hpp", "#include <zstd.h>"),
    ("owner", "orchestration/project/load.cpp", "#include <yaml.h>"),
    ("owner", "orchestration/plan/a.cpp", "#include <sqlite3.h>"),
    ("owner", "docker_client/json.hpp", "#include <rapidjson/document.h>"),
    ("owner", "orchestration/files/a.hpp", "#include <openssl/evp.h>"),
    ("owner", "docker_client/wire/tls.hpp", "#include <boost/asio/ssl/stream.hpp>"),
    ("owner", "orchestration/run/a.cpp", "#include <spdlog/spdlog.h>"),
    ("owner", "tools/dockupd/a.hpp", "#include <CLI/CLI.hpp>"),
    ("layer", CLIENT_FILE, '#include "orchestration/plan/plan.hpp"'),
    ("layer", CLIENT_FILE, "auto home = std::getenv(\"HOME\");"),
    ("layer", CLIENT_FILE, "std::cout << 1;"),
    ("layer", CORE_FILE, "#include <boost/asio/awaitable.hpp>"),
    ("layer", CORE_FILE, '#include "orchestration/run/engine.hpp"'),
    ("layer", CORE_FILE, '#include "docker_client/containers.hpp"'),
    ("layer", CORE_FILE, "#include <thread>"),
    ("layer", CORE_FILE, "#include <sys/socket.h>"),
    ("layer", CORE_FILE, "auto now = std::chrono::system_clock::now();"),
    ("layer", CORE_FILE, "auto now = time(nullptr);"),
    ("layer", CORE_FILE, "std::jthread t;"),
    ("layer", CORE_FILE, "std::printf(\"%d\", 1);"),
    ("layer", RUN_FILE, '#include "tools/dockupd/render.hpp"'),
    ("layer", RUN_FILE, "std::cerr << 1;"),
    ("forbidden", "tools/dockupd/a.cpp", 'return system("rm");'),
    ("forbidden", CORE_FILE, "std::strcpy(a, b);"),
    ("forbidden", CORE_FILE, "sprintf(a, b);"),
    ("forbidden", CORE_FILE, "auto* p = popen(a, b);"),
    ("forbidden", CORE_FILE, "tmpnam(a);"),
    ("forbidden", "tests/plan/a.cpp", "tmpnam(a);"),
    ("await", RUN_FILE, "co_await f(options{1, name});"),
    ("await", RUN_FILE, "co_await f({});"),
    ("await", RUN_FILE, "auto x = co_await c.f(id, {.force = true});"),
    ("await", RUN_FILE, "co_await f(std::vector<std::string>{x, y});"),
    ("await", RUN_FILE, "co_await f([p] { use(p); });"),
    ("await", RUN_FILE, "co_await [p = std::move(q)]() -> task<> { co_return; }();"),
    ("await", RUN_FILE, "co_await co_spawn(ex,\n  [=]() -> task<> { co_await g(); }, use_awaitable);"),
    ("await", RUN_FILE, "co_await f(c ? std::string(a) : std::string(b));"),
    ("await", RUN_FILE, 'co_await f(c ? name : "none");'),
    ("await", RUN_FILE, "g(options{name}, co_await f());"),
    ("await", RUN_FILE, "if (co_await f(point{1, 2})) { return; }"),
]

INNOCENT = [  # file, text: no finding
    (RUN_FILE, "// co_await f({});\nauto s = \"co_await f({1})\";"),
    (RUN_FILE, "options o;\nco_await f(std::move(o));"),
    (RUN_FILE, "if (co_await f(a)) { g({1}); }"),
    (RUN_FILE, "for (auto& x : co_await f(a)) { g(point{1}); }"),
    (RUN_FILE, "co_await f([&] { return point{1}; });"),
    (RUN_FILE, "co_await f([](int a) { return g(a ? x() : y()); });"),
    (RUN_FILE, "co_await f([this, &name] { g(); });"),
    (RUN_FILE, "co_await f(std::chrono::seconds{3}, std::string{name});"),
    (RUN_FILE, "co_await f(c ? force::yes : force::no);"),
    (RUN_FILE, "auto r = co_await f(a) ? b() : c();"),
    (RUN_FILE, "co_await f(a[i], b[j]);"),
    (RUN_FILE, "co_return point{1};"),
    (RUN_FILE, "if (x) { g(point{1}); }\nco_await f();"),
    (RUN_FILE, "auto x = [p] { return 1; };\nco_await f(std::move(x));"),
    (RUN_FILE, "#include <boost/asio/awaitable.hpp>\n#include \"docker_client/client.hpp\""),
    (CLIENT_FILE, "system_api system() const;\nauto i = co_await client.system().info();\nx.system(a);"),
    (CLIENT_FILE, "bool system(int x);\nint big = 1'000'000;  // system(\"x\")"),
    (CORE_FILE, "#include <vector>\n#include <sys/stat.h>\n#include \"docker_client/json.hpp\""),
    (CORE_FILE, "std::chrono::system_clock::time_point now; std::snprintf(a, 1, b);"),
    ("orchestration/snapshot/archive.cpp", "#include <archive.h>\n#include <archive_entry.h>\n#include <zstd.h>"),
    ("orchestration/project/yaml.cpp", "#include <yaml.h>"),
    ("tests/snapshot/a.cpp", 'ASSERT_EQ(std::system(command), 0);'),
    ("docker_client/wire/http_codec.cpp", "#include <boost/beast/http/parser.hpp>"),
    ("tools/dockupd/logging.cpp", "#include <spdlog/spdlog.h>\n#include \"orchestration/run/engine.hpp\"\nstd::cout << 1;"),
]


def self_test():
    failures = []
    for rule, path, text in OFFENDERS:
        found = check([(path, text)])
        if [finding.rule for finding in found] != [rule]:
            failures.append(f"wanted one [{rule}] in {path}: {text!r}, found {[str(finding) for finding in found]}")
    for path, text in INNOCENT:
        failures += [f"innocent: {text!r}: {finding}" for finding in check([(path, text)])]
    twice = [("tools/dockupd/a.cpp", "#include <CLI/CLI.hpp>"), ("tools/dockupd/b.cpp", "#include <CLI/CLI.hpp>")]
    if [finding.path for finding in check(twice)] != ["tools/dockupd/b.cpp"]:
        failures.append("CLI11 in two files went unseen")
    for failure in failures:
        print(failure)
    print(f"{len(OFFENDERS) + len(INNOCENT) + 1} cases, {len(failures)} failures")
    return 1 if failures else 0


def main(arguments):
    if arguments in (["--help"], ["-h"]):
        print(__doc__)
        return 0
    if arguments == ["--self-test"]:
        return self_test()
    sources = read_sources([Path(argument) for argument in arguments] or project_sources())
    findings = check(sources)
    for finding in findings:
        print(finding)
    print(f"check_source: {len(sources)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
