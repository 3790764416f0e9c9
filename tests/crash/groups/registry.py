"""Group D: trouble with the registry, and registries that mean harm. The engine does the pulling, so the proxy stands
between it and its registry. Nothing stops before everything is fetched: whatever the registry does, the old version's
containers are not touched (same ids, started at the same time), the exit code is the registry's (4) or a refusal (3),
the message is readable and short, dockupd stays small and comes to an end. Trouble that passes ends in the new version."""
from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import checker
import glance
import registry_proxy
from case import Case, Info, Violation
from machine import Machine, Result

FEWEST = {"pr": 55, "full": 70}
PR_SHARE = 1/4  # of its cases, by the seed
DONE, NOT_PULLED, REFUSED = 0, 4, 3
FAILED = frozenset({NOT_PULLED, REFUSED})
MOST_MEMORY = 64 << 10  # KiB
LONGEST_OUTPUT = 8 << 10
SECONDS = 60  # for what fails at once, on a busy machine
NEW, OLD = "v2", "v1"
PASSWORD = "REALM-PASSWORD-CANARY"
# Starts a program and leaves what its largest resident set was, in KiB.
MEASURE = ("import resource,subprocess,sys\n"
           "code=subprocess.call(sys.argv[2:])\n"
           "open(sys.argv[1],'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))\n"
           "sys.exit(code)")


@dataclass(frozen=True)
class Trouble:
    """One row: what the registry does, and what has to come of it."""

    name: str
    trouble: str
    succeeds: bool = False
    skip: int = 0  # requests that go through first: 2 lets the tag be resolved, and the pull meets the trouble
    times: int = -1
    seconds: int = SECONDS
    says: str = ""  # among the words of the message
    in_pr: bool = True


ORDINARY = [
    Trouble("reset", "reset", says="connection reset"),
    Trouble("slow", "slow", succeeds=True, seconds=120, in_pr=False),
    Trouble("hang", "hang", seconds=80, says="did not answer within", in_pr=False),
    Trouble("401", "401", says="docker login"),
    Trouble("401-bare", "401_bare", says="docker login", in_pr=False),
    Trouble("403", "403", says="denied"),
    Trouble("404", "404", says="no such tag"),
    Trouble("429", "429", says="toomanyrequests"),
    Trouble("429-once", "429", succeeds=True, times=1),
    Trouble("500", "500", says="500"),
    Trouble("500-in-pull", "500", skip=2, says="500"),
    Trouble("503", "503", says="503", in_pr=False),
    Trouble("503-once", "503", succeeds=True, times=1),
    Trouble("503-twice", "503", succeeds=True, times=2),
    Trouble("429-in-the-pull", "429", succeeds=True, skip=2, times=1),
    Trouble("500-blob-once", "500_blob", succeeds=True, times=1),
    Trouble("500-blob", "500_blob", seconds=120, in_pr=False),
    Trouble("404-blob", "404_blob", says="unknown blob"),
    Trouble("truncated-blob", "truncated_blob", seconds=120, in_pr=False),
    Trouble("truncated-blob-once", "truncated_blob", succeeds=True, times=1),
    Trouble("corrupted-blob", "corrupted_blob", seconds=120),
    Trouble("corrupted-blob-once", "corrupted_blob", succeeds=True, times=1, in_pr=False),
    Trouble("truncated-manifest", "truncated_manifest"),
    Trouble("truncated-manifest-in-pull", "truncated_manifest", skip=1, in_pr=False),
    Trouble("corrupted-manifest", "corrupted_manifest"),
    Trouble("moved-tag", "moved_tag", succeeds=True, skip=1),
    Trouble("redirect-loop", "redirect_loop", says="redirects"),
]

HOSTILE = [
    Trouble("huge-manifest", "huge_manifest"),
    Trouble("garbage-manifest", "garbage_manifest"),
    Trouble("nested-manifest", "nested_manifest"),
    Trouble("nested-object-manifest", "nested_object_manifest"),
    Trouble("wrong-digest", "wrong_digest"),
    Trouble("digest-is-no-digest", "digest_is_no_digest"),
    Trouble("content-type-html", "content_type_html"),
    Trouble("content-type-nonsense", "content_type_nonsense"),
    Trouble("unknown-schema", "unknown_schema"),
    Trouble("nulls", "nulls"),
    Trouble("all-null", "all_null"),
    Trouble("wrong-types", "wrong_types"),
    Trouble("huge-numbers", "huge_numbers"),
    Trouble("foreign-layer", "foreign_layer"),
    Trouble("escapes-in-message", "escapes_in_message"),
    Trouble("escapes-in-message-of-the-pull", "escapes_in_message", skip=2),
    Trouble("escapes-in-code", "escapes_in_code"),
    Trouble("forged-lines", "forged_lines"),
    Trouble("forged-lines-in-the-pull", "forged_lines", skip=2),
    Trouble("bidi-in-message", "bidi_in_message"),
    Trouble("not-utf8", "not_utf8"),
    Trouble("nuls", "nuls"),
    Trouble("huge-error", "huge_error"),
    Trouble("huge-error-in-the-pull", "huge_error", skip=2),
    Trouble("many-errors", "many_errors", seconds=60),
    Trouble("endless-body", "endless_body", seconds=80, in_pr=False),
    Trouble("header-bomb", "header_bomb"),
    Trouble("many-headers", "many_headers"),
    Trouble("crlf-in-header", "crlf_in_header"),
    Trouble("no-http", "no_http"),
    Trouble("lying-length", "lying_length"),
    Trouble("bad-chunks", "bad_chunks"),
    Trouble("length-and-chunks", "length_and_chunks"),
    Trouble("gzip-bomb", "gzip_bomb", seconds=60),
    Trouble("realm-metadata", "realm_metadata"),
    Trouble("realm-loopback", "realm_loopback"),
    Trouble("realm-file", "realm_file"),
    Trouble("realm-with-password", "realm_with_password"),
    Trouble("realm-with-crlf", "realm_with_crlf"),
    Trouble("realm-nonsense", "realm_nonsense"),
    Trouble("redirect-to-metadata", "redirect_to_metadata"),
    Trouble("redirect-to-file", "redirect_to_file"),
    Trouble("redirect-elsewhere", "redirect_elsewhere"),
    Trouble("blob-redirect-elsewhere", "blob_redirect_elsewhere", seconds=120, in_pr=False),
]


def cases(tier: str, info: Info) -> list[Case]:
    kinds = {"trouble": ORDINARY, "hostile": HOSTILE}
    out = [Case("registry", f"{kind}/{row.name}", between(row))
           for kind, rows in kinds.items() for row in rows if tier == "full" or row.in_pr]
    others = [down, plain_where_tls_is_expected, certificate_of_nobody]
    if tier == "full":
        others.append(no_such_host)  # the resolver's own deadlines: 40 s
    return out + [Case("registry", "trouble/" + one.__name__.replace("_", "-"), one) for one in others]


def between(row: Trouble):
    def run(machine: Machine, _random: random.Random) -> None:
        before = picture(machine)
        with registry_proxy.Between(machine, row.trouble, row.skip, row.times) as proxy:
            result = measured(machine, "update", "--tag", NEW, seconds=row.seconds)
            struck = proxy.struck()
        # The tag is asked for once: that a moved one is never met is what is proven.
        if struck == 0 and row.trouble != "moved_tag":
            raise Violation(f"the registry was never asked for what {row.trouble} strikes: {result}")
        if row.succeeds:
            succeeded(machine, result)
        else:
            untouched(machine, before, result, row.says)
    return run


def down(machine: Machine, _random: random.Random) -> None:
    before = picture(machine)
    registry_proxy.redirect_registry(machine, "-I", registry_proxy.Between.port)  # nobody listens there
    untouched(machine, before, measured(machine, "update", "--tag", NEW), "does not answer")
    registry_proxy.redirect_registry(machine, "-D", registry_proxy.Between.port)
    succeeded(machine, measured(machine, "update", "--tag", NEW))


def no_such_host(machine: Machine, _random: random.Random) -> None:
    elsewhere(machine, "registry.invalid:5000")


def plain_where_tls_is_expected(machine: Machine, _random: random.Random) -> None:
    """Only a registry on loopback may be spoken to in plain."""
    address = own_address(machine) + ":5998"
    with registry_proxy.Between(machine, address=address):
        elsewhere(machine, address, "HTTPS")


def certificate_of_nobody(machine: Machine, _random: random.Random) -> None:
    """Signed by itself."""
    address = own_address(machine) + ":5998"
    certificate, key = machine.work / "registry.pem", machine.work / "registry.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "1", "-subj", "/CN=registry", "-addext", "subjectAltName=IP:" + address.split(":")[0],
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    with registry_proxy.Between(machine, address=address, tls=(certificate, key)):
        elsewhere(machine, address, "x509")


def own_address(machine: Machine) -> str:
    """One that is the machine's own and not loopback."""
    address = "198.51.100.1"
    done = machine.run(["ip", "address", "add", f"{address}/32", "dev", "lo"])
    if done.code != 0:
        raise RuntimeError(f"ip address add: {done}")
    return address


def elsewhere(machine: Machine, registry: str, says: str = "") -> None:
    """An update to images of that registry."""
    before = picture(machine)
    images = {(c["Config"]["Labels"] or {})[glance.SERVICE]: c["Config"]["Image"] for c in inspected(machine)}
    wanted = [f"--image={service}={image.replace(machine.registry, registry).rsplit(':', 1)[0]}:{NEW}"
              for service, image in images.items()]
    untouched(machine, before, measured(machine, "update", *wanted, "--pin", "none", seconds=60), says)


# --- what must hold


def inspected(machine: Machine) -> list[dict]:
    return [machine.api("GET", f"/containers/{c.id}/json") for c in glance.containers(machine)]


def picture(machine: Machine) -> dict:
    """What nobody may touch: each container as it is, and the files of the project."""
    containers = {c["Name"]: (c["Id"], c["State"]["StartedAt"], c["RestartCount"], c["HostConfig"]["RestartPolicy"])
                  for c in inspected(machine)}
    files = {path.name: path.read_bytes() for path in Path(machine.project).iterdir() if path.is_file()}
    return {"containers": containers, "files": files}


def measured(machine: Machine, *args: str, seconds: int = SECONDS) -> Result:
    """dockupd, as it is shipped; Violation when it took too long or too much memory, or said what nobody should read."""
    report = machine.work / "memory"
    command = [sys.executable, "-S", "-c", MEASURE, str(report), *machine.dockupd_command(*args, program="shipped")]
    result = machine.run(command, cwd=machine.project, timeout=seconds)
    peak = int(report.read_text())
    if peak > MOST_MEMORY:
        raise Violation(f"dockupd needed {peak} KiB: {result}")
    check_readable(result)
    return result


def check_readable(result: Result) -> None:
    text = result.out + result.err
    wrong = {repr(c) for c in text if (c < " " and c != "\n") or "\x7f" <= c < "\xa0" or "\u202a" <= c <= "\u202e"}
    if wrong:
        raise Violation(f"not fit for a terminal: {sorted(wrong)} in {result}")
    if len(text) > LONGEST_OUTPUT:
        raise Violation(f"{len(text)} bytes of output, it begins: {text[:400]!r}")
    if PASSWORD in text:
        raise Violation(f"a password in the output: {result}")
    # A line of its own that claims what only dockupd may say.
    for line in result.out.splitlines() + result.err.splitlines():
        if result.code != DONE and line.startswith(("app: update done", "  now:  v2")):
            raise Violation(f"the registry speaks in dockupd's name: {result}")


def succeeded(machine: Machine, result: Result) -> None:
    if result.code != DONE:
        raise Violation(f"exit {DONE} expected: {result}")
    checker.check(machine, [NEW], result)


def untouched(machine: Machine, before: dict, result: Result, says: str) -> None:
    if result.code not in FAILED:
        raise Violation(f"exit {sorted(FAILED)} expected: {result}")
    if says not in result.out + result.err:
        raise Violation(f"the message does not say '{says}': {result}")
    after = picture(machine)
    if after != before:
        changed = [key for key in before if before[key] != after[key]]
        raise Violation(f"touched: {changed}: {[after[key] for key in changed]}\n{result}")
    again = machine.dockupd("recover", program="shipped")
    if again.code != 0 or "nothing to recover" not in again.out:
        raise Violation(f"left open: {again}")
    checker.check(machine, [OLD], result)
