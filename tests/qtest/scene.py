# SPDX-License-Identifier: GPL-2.0-or-later
"""What the device tests in Python share: which QEMU, starting it, QMP, TAP.

A test is a function that returns what is wrong, a list of lines, and [] when all is well.
"""
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.realpath(os.environ.get("SMMUV3_BUILD", os.path.join(TOP, "build")))
QEMU = os.path.realpath(os.environ.get("QTEST_QEMU_BINARY", os.path.join(BUILD, "native", "qemu-system-aarch64")))
SECONDS = 60                # after which a QEMU hangs; it takes a tenth of one, on a busy machine a few

QUIET = ["-display", "none", "-nodefaults"]


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
