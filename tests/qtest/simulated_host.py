# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU on the simulated kernel, from Python: what fuzz and stress share.

smmuv3-host-scene.[ch] is the same for tests in C. Here a QEMU is a suspect: whatever it is told, it has to answer within
HANG seconds and to go on. Dead and Hung say which of the two it failed in; its stderr is in a file.
"""
import ctypes
import json
import mmap
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from scene import BUILD, HERE

QEMU = os.path.realpath(os.environ.get("QTEST_QEMU_BINARY", os.path.join(BUILD, "asan", "qemu-system-aarch64")))
LIBRARY = os.path.realpath(os.environ.get(
    "SMMUV3_FAKE_KERNEL_LIBRARY",
    os.path.join(BUILD, "native", "subprojects/smmuv3-accel/tests/qtest/libsmmuv3-fake-kernel.so")))
HEADER = os.path.join(HERE, "smmuv3-fake-kernel.h")
HANG = float(os.environ.get("SMMUV3_HANG_SECONDS", "60"))

# Leaks: QEMU frees little of what it has when it quits. Link order: the preloaded kernel comes before the sanitizer on
# purpose, and calls it on. Halting: what is reported once would be counted, and what follows it is another fault.
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0:detect_stack_use_after_return=0",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}


class Dead(Exception):
    """QEMU ended by itself."""


class Hung(Exception):
    """QEMU did not answer."""


# ---- The structures of smmuv3-fake-kernel.h ----

class Semaphore(ctypes.Structure):
    _fields_ = [("opaque", ctypes.c_long * 4)]


TYPES = {"uint32_t": ctypes.c_uint32, "int32_t": ctypes.c_int32, "uint64_t": ctypes.c_uint64, "char": ctypes.c_char,
         "sem_t": Semaphore}


def read_header(path):
    """({name: number} of its macros and enumerations, {name: class} of its structures)"""
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    numbers = {name: int(value, 0) for name, value in re.findall(r"^#define (\w+) (\w+)$", text, re.M)
               if re.fullmatch(r"\d+|0x[0-9a-f]+", value)}
    for body in re.findall(r"^typedef enum \w+ \{(.*?)^\}", text, re.M | re.S):
        numbers.update({name: n for n, name in enumerate(re.findall(r"\w+", body))})
    classes = dict(TYPES)
    for name, body in re.findall(r"^typedef struct (\w+) \{(.*?)^\}", text, re.M | re.S):
        classes[name] = structure(name, body, classes, numbers)
    return numbers, classes


def structure(name, body, classes, numbers):
    fields = []
    for line in filter(None, (line.strip() for line in body.splitlines())):
        kind, field, size = re.fullmatch(r"(\w+) (\w+)(?:\[([\w +]+)\])?;", line).groups()
        of = classes[kind]
        if size:
            of = of * sum(numbers.get(word) or int(word) for word in size.split(" + "))
        fields.append((field, of))
    return type(name, (ctypes.Structure,), {"_fields_": fields})


NUMBERS, CLASSES = read_header(HEADER)
DEVICES = NUMBERS["FAKE_KERNEL_DEVICES"]
LIBC = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


def sem_post(semaphore):
    LIBC.sem_post(ctypes.byref(semaphore))


def sem_wait(semaphore, seconds):
    """False if nobody posted it in time"""
    until = Timespec(int(time.time() + seconds), 0)
    return LIBC.sem_timedwait(ctypes.byref(semaphore), ctypes.byref(until)) == 0


# ---- The host ----

# Both stages, 16-bit ASIDs, all granules, RIL, S2FWB, BBML 2, ATS: host_smmu of smmuv3-host-scene.c
IDR = [1 << 1 | 1 << 0 | 2 << 2 | 1 << 4 | 1 << 10 | 1 << 12 | 1 << 19 | 2 << 21 | 1 << 24 | 1 << 26 | 1 << 27,
       20 << 6 | 32, 0, 1 << 8 | 1 << 10 | 1 << 2 | 2 << 11, 0, 4 | 7 << 4]


# What a device without a vDEVICE is not attached to, by Linux from that version on: FakeRules of tests/support/fake-host.h
RULES = ("6.19", "6.15", "6.13")


class Host:
    """A folder with the shared structure and a sysfs: devices 0 to 5 behind SMMU 0, 6 behind SMMU 1, 7 behind none."""

    def __init__(self, rules=None):
        self.rules = rules or os.environ.get("SMMUV3_HOST_RULES", RULES[0])
        self.folder = tempfile.mkdtemp(prefix="smmuv3-")
        self.shared = os.path.join(self.folder, "kernel")
        with open(self.shared, "wb+") as f:
            f.truncate(ctypes.sizeof(CLASSES["FakeKernel"]))
            self.memory = mmap.mmap(f.fileno(), 0)
        self.k = CLASSES["FakeKernel"].from_buffer(self.memory)
        for smmu in self.k.smmu:
            smmu.idr[:], smmu.aidr = IDR, 1
        for i, device in enumerate(self.k.device):
            device.smmu = 0 if i < 6 else 1 if i == 6 else -1
            place = os.path.join(self.sysfs(i), "vfio-dev", f"vfio{i}")
            os.makedirs(place)
            with open(os.path.join(place, "dev"), "w", encoding="utf-8") as f:
                f.write(f"{NUMBERS['FAKE_KERNEL_MAJOR']}:{i}\n")

    def sysfs(self, i):
        return os.path.join(self.folder, f"0000:{i + 1:02x}:00.0")

    def device(self, i):
        return f"vfio-pci,id=dev{i},iommufd=iommufd0,sysfsdev={self.sysfs(i)}"

    def journal(self, last):
        """The last calls, in words"""
        names = {n: name for name, n in NUMBERS.items() if name.startswith("FK_")}
        n = min(self.k.records, NUMBERS["FAKE_KERNEL_JOURNAL"])
        return [f"{names[r.call]} device {r.device} id {r.id} n {r.n}: {r.ret}"
                for r in self.k.journal[max(0, n - last):n]]

    def drop(self):
        del self.k
        self.memory.close()
        shutil.rmtree(self.folder)


# ---- QEMU ----

class Wire:
    """Lines over a socket that QEMU connects to; each has to be answered."""

    def __init__(self, path):
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(1)
        self.socket = None
        self.rest = b""
        self.slowest = 0.0

    def connect(self, process):
        for _ in range(int(HANG)):
            try:
                self.socket = self.listener.accept()[0]
                self.socket.settimeout(HANG)
                return
            except socket.timeout:
                if process.poll() is not None:
                    raise Dead("at its start") from None
        raise Hung("at its start")

    def send(self, text):
        try:
            self.socket.sendall(text.encode())
        except socket.timeout:
            raise Hung("it reads nothing") from None
        except OSError:
            raise Dead("it is gone") from None

    def line(self):
        started = time.monotonic()
        while b"\n" not in self.rest:
            try:
                got = self.socket.recv(1 << 16)
            except socket.timeout:
                raise Hung("no answer") from None
            except OSError:
                got = b""
            if not got:
                raise Dead("it is gone")
            self.rest += got
        self.slowest = max(self.slowest, time.monotonic() - started)
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode(errors="replace").strip()

    def close(self):
        self.listener.close()
        if self.socket:
            self.socket.close()


class Qemu:
    """One that runs under qtest. A context manager: it does not outlive it."""

    def __init__(self, host, arguments, log, qemu=QEMU):
        self.host, self.log = host, log
        self.qtest, self.qmp = (Wire(os.path.join(host.folder, name)) for name in ("qtest", "qmp"))
        self.command = [qemu, "-display", "none", "-accel", "qtest", "-qtest", f"unix:{self.qtest.path}",
                        "-qtest-log", "/dev/null", "-qmp", f"unix:{self.qmp.path}", *arguments]
        self.environment = {**SANITIZERS, "LD_PRELOAD": LIBRARY, "SMMUV3_FAKE_KERNEL": host.shared,
                            "SMMUV3_HOST_RULES": host.rules}
        self.events = {}
        self.number = 0
        with open(log, "wb") as stderr:
            self.process = subprocess.Popen(self.command, env={**os.environ, **self.environment}, stderr=stderr,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            self.qtest.connect(self.process)
            self.qmp.connect(self.process)
            self.qmp.line()
            self.order("qmp_capabilities")
            if host.k.size != ctypes.sizeof(host.k):
                raise ValueError(f"{LIBRARY} and {HEADER} do not fit together")
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.qtest.close()
        self.qmp.close()

    # qtest's protocol

    def batch(self, lines, meanwhile=None):
        """Sends them at once; the answers, each without its OK. meanwhile() is called before they are read."""
        self.qtest.send("".join(line + "\n" for line in lines))
        if meanwhile:
            meanwhile()
        return [self.answer() for _ in lines]

    def answer(self):
        while True:
            line = self.qtest.line()
            if line.startswith("OK"):
                return line[2:].strip()
            if not line.startswith("IRQ"):
                return ""               # an ERR or a FAIL: for who asked something impossible

    def write(self, address, size, value):
        self.batch([write(address, size, value)])

    def read(self, address, size):
        return int(self.batch([f"read{'.bw.l...q'[size]} {address:#x}"])[0] or "0", 0)

    # QMP

    def order(self, name, **arguments):
        """{"return": ...} or {"error": ...}"""
        self.number += 1
        self.qmp.send(json.dumps({"execute": name, "arguments": arguments, "id": self.number}) + "\n")
        while True:
            reply = json.loads(self.qmp.line())
            if reply.get("id") == self.number:
                return reply
            self.note(reply)

    def note(self, reply):
        if "event" in reply:
            self.events[reply["event"]] = self.events.get(reply["event"], 0) + 1

    def wait_event(self, name, more_than):
        while self.events.get(name, 0) <= more_than:
            self.note(json.loads(self.qmp.line()))

    def quit(self):
        """Its exit status"""
        self.order("quit")
        try:
            return self.process.wait(timeout=HANG)
        except subprocess.TimeoutExpired:
            raise Hung("at its end") from None

    def stderr(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def stacks(self):
        """All threads', appended to the log, of one that hangs"""
        with open(self.log, "ab") as log:
            if not shutil.which("gdb"):
                log.write(b"no stacks: gdb is not installed\n")
                return
            subprocess.run(["gdb", "-q", "-batch", "-p", str(self.process.pid), "-ex", "thread apply all bt 25"],
                           stdout=log, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, timeout=300, check=False)

    def status(self):
        """How it ended, in words"""
        try:
            code = self.process.wait(timeout=HANG)
        except subprocess.TimeoutExpired:
            return "it still runs"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


def write(address, size, value):
    return f"write{'.bw.l...q'[size]} {address:#x} {value & ((1 << 8 * size) - 1):#x}"


# ---- Threads without the BQL ----

class Threads:
    """Those of fake-threads.c in a QEMU that was started with host.k.threads of them"""
    KINDS = {"prod": "FAKE_THREAD_PROD", "read": "FAKE_THREAD_READ", "dma": "FAKE_THREAD_DMA"}

    def __init__(self, host):
        self.k = host.k
        self.running = set()

    def start(self, number, kind, address, **members):
        if number in self.running:
            return
        t = self.k.thread[number]
        t.kind, t.address, t.stop = NUMBERS[self.KINDS[kind]], address, 0
        t.accesses = t.failed = 0
        for name, value in members.items():
            setattr(t, name, value)
        self.running.add(number)
        sem_post(t.go)

    def refused(self, number, seconds=HANG):
        """Whether QEMU lacks what they need; waits until it has been seen"""
        t = self.k.thread[number]
        until = time.monotonic() + seconds
        while not t.accesses and not t.refused and time.monotonic() < until:
            time.sleep(0.01)
        return bool(t.refused)

    def stop(self):
        for number in self.running:
            self.k.thread[number].stop = 1
        for number in sorted(self.running):
            if not sem_wait(self.k.thread[number].quiescent, HANG):
                raise Hung(f"thread {number} without the BQL does not come back")
        self.running.clear()
