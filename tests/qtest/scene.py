# SPDX-License-Identifier: GPL-2.0-or-later
"""What the device tests in Python share: which QEMU, starting it, QMP, the place of firmware (qtest), TAP.

A test is a function that returns what is wrong, a list of lines, and [] when all is well.
"""
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.realpath(os.environ.get("SMMUV3_BUILD", os.path.join(TOP, "build")))
QEMU = os.path.realpath(os.environ.get("QTEST_QEMU_BINARY", os.path.join(BUILD, "native", "qemu-system-aarch64")))
SECONDS = 60                # after which a QEMU hangs; it takes a tenth of one, on a busy machine a few

QUIET = ["-display", "none", "-nodefaults"]


def architecture():
    """{name: number} of smmuv3-spec.h: registers, commands and events, where the macro is a plain number"""
    text = ""
    for name in ("smmuv3-offsets.h", "smmuv3-spec.h"):
        with open(os.path.join(HERE, name), encoding="utf-8") as f:
            text += f.read()
    return {name: int(value, 0) for name, value in re.findall(r"^#define (\w+) +(0x[0-9a-f]+|\d+)\b", text, re.M)}


def run(arguments, seconds=SECONDS):
    """Runs QEMU to its end: (exit status, None if it had to be killed; what it printed on stderr)"""
    command = [QEMU, *arguments]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=seconds, check=False, text=True, errors="replace")
        return done.returncode, done.stderr
    except subprocess.TimeoutExpired as timeout:
        return None, (timeout.stderr or b"").decode(errors="replace")


class Qmp:
    """A QEMU that is spoken to by QMP. A context manager: QEMU does not outlive it."""

    def __init__(self, arguments, command=(QEMU,), **popen):
        self.process = subprocess.Popen([*command, *arguments, "-qmp", "stdio"], text=True, errors="replace",
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def command(self, name, **arguments):
        """The reply, {"return": ...} or {"error": ...}; {} if QEMU is gone. Events are passed over."""
        try:
            self.process.stdin.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return {}
        for line in self.process.stdout:
            if not line.startswith("{"):        # "char device redirected to ..."
                continue
            reply = json.loads(line)
            if "return" in reply or "error" in reply:
                return reply
        return {}

    def negotiate(self):
        return "return" in self.command("qmp_capabilities")

    def quit(self):
        """(exit status, stderr)"""
        self.command("quit")
        try:
            _, stderr = self.process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, stderr = self.process.communicate()
            return None, stderr
        return self.process.returncode, stderr


class Firmware:
    """A QEMU whose CPUs do not run: this test does what firmware does to the virt machine, over the qtest protocol.

    A context manager: QEMU does not outlive it.
    """
    RAM, FW_CFG, ECAM = 0x40000000, 0x9020000, 0x4010000000
    FILE_DIR = 0x19
    SELECT, READ = 8, 2         # of the DMA interface's control word

    def __init__(self, arguments):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(folder, "qtest")
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(SECONDS)
            self.process = subprocess.Popen([QEMU, *QUIET, "-accel", "qtest", "-qtest", f"unix:{path}", *arguments],
                                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                self.wire = listener.accept()[0].makefile("rw")
            except OSError:
                self.process.kill()
                raise OSError(f"QEMU did not start: {self.process.communicate()[1]}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def command(self, *words):
        self.wire.write(" ".join(w if isinstance(w, str) else f"{w:#x}" for w in words) + "\n")
        self.wire.flush()
        for line in self.wire:
            if not line.startswith("IRQ "):
                answer = line.split()
                if answer[0] != "OK":
                    raise OSError(f"{words[0]}: {line.strip()}")
                return answer[1:]
        raise OSError("QEMU is gone: " + self.process.communicate()[1])

    def write(self, address, data):
        self.command("write", address, len(data), "0x" + data.hex())

    def read(self, address, size):
        return bytes.fromhex(self.command("read", address, size)[0][2:])

    def fw_cfg_item(self, key, size):
        """docs/specs/fw_cfg.rst, the DMA interface: everything is big-endian"""
        data = self.RAM + 0x10000
        self.write(self.RAM, struct.pack(">IIQ", key << 16 | self.SELECT | self.READ, size, data))
        self.write(self.FW_CFG + 16, struct.pack(">Q", self.RAM))
        if self.read(self.RAM, 4) != bytes(4):
            raise OSError(f"fw_cfg item {key:#x} cannot be read")
        return self.read(data, size)

    def fw_cfg_find(self, name):
        """(size, key)"""
        count = struct.unpack(">I", self.fw_cfg_item(self.FILE_DIR, 4))[0]
        directory = self.fw_cfg_item(self.FILE_DIR, 4 + 64 * count)
        for at in range(4, len(directory), 64):
            size, key, _, entry = struct.unpack_from(">IHH56s", directory, at)
            if entry.rstrip(b"\0").decode() == name:
                return size, key
        raise OSError(f"there is no fw_cfg file {name}")

    def fw_cfg_file(self, name):
        """ACPI tables are made when they are selected, and may change their size then."""
        self.fw_cfg_item(self.fw_cfg_find(name)[1], 1)
        size, key = self.fw_cfg_find(name)
        return self.fw_cfg_item(key, size)

    def config(self, bus, slot, offset, data, function=0):
        self.write(self.ECAM + (bus << 20 | slot << 15 | function << 12 | offset), data)

    def number_bus(self, bus, slot, secondary, subordinate=None):
        """What is below the bridge in this slot"""
        self.config(bus, slot, 0x18, bytes([bus, secondary, subordinate or secondary]))


def tap(tests):
    """Runs [(name, function), ...] and prints TAP; returns the program's exit status"""
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, test) in enumerate(tests, 1):
        started = time.monotonic()
        try:
            wrong = test()
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            wrong = [f"{type(error).__name__}: {error}"]
        failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name} ({time.monotonic() - started:.1f} s)")
        for line in wrong:
            print("\n".join("#   " + part for part in str(line).splitlines()))
        sys.stdout.flush()
    return 1 if failed else 0
