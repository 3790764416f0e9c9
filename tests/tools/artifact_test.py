#!/usr/bin/env python3
"""What the linker made of the hardening flags, read from the program itself by readelf.

Usage: artifact_test.py PROGRAM [--optimised] [--alone] | --self-test

--optimised   the program was compiled with an optimiser, so fortified calls have to be there
--alone       it was linked with DOCKUPD_STATIC
--self-test   compiles a small program without each protection, and sees that its lack is named

What is linked in has protections of its own, so those that the compiler adds are looked for in our functions alone.

A note that says "IBT, SHSTK" cannot be had on Debian 12: its crt1.o has none, so the linker drops it. That our own
code has the landing pads is looked for instead.
"""
import os
import re
import stat
import subprocess
import sys
import tempfile


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


C_LIBRARY = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def lacks(program, optimised, alone):
    """What is wrong with the program, a list of sentences."""
    segments = output("readelf", "-lW", program)
    dynamic = output("readelf", "-dW", program)
    code = output("objdump", "-d", "--no-show-raw-insn", program)
    own = own_functions(code)
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", dynamic))
    with open(program, "rb") as file:
        content = file.read()
    wrong = []

    def want(holds, sentence):
        if not holds:
            wrong.append(sentence)

    want(re.search(r"Elf file type is DYN", segments) and "PIE" in dynamic, "is no position-independent executable")
    stack = re.search(r"GNU_STACK .* ([RWE]+) +0x", segments)
    want(stack and "E" not in stack[1], "has an executable stack")
    want("GNU_RELRO" in segments, "has no read-only relocations")
    want("BIND_NOW" in dynamic or re.search(r"FLAGS_1.*NOW", dynamic), "binds lazily")
    want(not re.search(r"R(UN)?PATH", dynamic), "has a library path of its own")
    want(not re.search(r"LOAD\s.*\sRWE\s", segments), "has a segment that is both written and executed")
    want("<__stack_chk_fail@" in own, "has no stack protector")
    want("endbr64" in own, "has no landing pads for indirect branches")
    want(not optimised or re.search(r"<__(?!stack)\w+_chk@", own), "has no fortified calls")
    want(not alone or needed <= C_LIBRARY, "needs more than the C library")
    want(b"DOCKUPD_FAILPOINT" not in content, "acts on failpoints")
    want(not os.stat(program).st_mode & stat.S_IWOTH, "can be written by everybody")
    return wrong


def own_functions(code):
    """The disassembly of what is in our namespaces, and of main."""
    return "\n".join(re.findall(r"^[0-9a-f]+ <(?:main|\w*(?:13orchestration|7dockupd|6docker)\w*)>:\n(.*?)\n\n",
                                code, re.S | re.M))


PROGRAM = """
#include <cstdio>
#include <cstring>
int main(int count, char** names) { char copy[64]; std::strcpy(copy, names[count - 1]); return std::puts(copy) < 0; }
"""
HARDENED = ["-O2", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong", "-fcf-protection=full", "-fPIE",
            "-pie", "-Wl,-z,relro,-z,now,-z,noexecstack", "-static-libstdc++", "-static-libgcc"]
PLANTED = {
    "is no position-independent executable": ["-no-pie"],
    "has an executable stack": ["-Wl,-z,execstack"],
    "has no read-only relocations": ["-Wl,-z,norelro"],
    "binds lazily": ["-Wl,-z,lazy"],
    "has a library path of its own": ["-Wl,-rpath,/tmp"],
    "has a segment that is both written and executed": ["-include", "writable_code.hpp"],
    "has no stack protector": ["-fno-stack-protector"],
    "has no landing pads for indirect branches": ["-fcf-protection=none"],
    "has no fortified calls": ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=0"],
    "acts on failpoints": ["-include", "failpoint.hpp"],
    "needs more than the C library": ["-Wl,--no-as-needed", "-lcrypto"],
}


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with open("failpoint.hpp", "w") as file:
            file.write('extern "C" { extern const char planted[]; const char planted[] = "DOCKUPD_FAILPOINTS"; }\n')
        with open("writable_code.hpp", "w") as file:
            file.write('asm(".section .planted, \\"awx\\"; .byte 0; .text");\n')
        with open("program.cpp", "w") as file:
            file.write(PROGRAM)

        def build(*more):
            subprocess.run(["g++", "program.cpp", "-o", "program", *HARDENED, *more], check=True, stderr=subprocess.DEVNULL)
            return lacks("program", optimised=True, alone=True)

        missed = []
        if found := build():
            missed.append(f"the hardened program: {found}")
        for sentence, flags in PLANTED.items():
            if sentence not in (found := build(*flags)):
                missed.append(f"{flags}: not seen that it {sentence}, but {found}")
        build()
        os.chmod("program", 0o777)
        if "can be written by everybody" not in lacks("program", optimised=True, alone=True):
            missed.append("mode 0777 was not seen")
    for line in missed:
        print(line)
    return 1 if missed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    wrong = lacks(sys.argv[1], "--optimised" in sys.argv[2:], "--alone" in sys.argv[2:])
    for sentence in wrong:
        print(f"{sys.argv[1]} {sentence}")
    return 1 if wrong else 0


sys.exit(main())
