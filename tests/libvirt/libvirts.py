# SPDX-License-Identifier: GPL-2.0-or-later
"""A libvirt of unpacked Debian packages: the domains of docs/libvirt through it, and QEMU with what comes out.

Class Libvirt is one such folder, inside tests/libvirt/enter, with our QEMU as
/usr/bin/qemu-system-aarch64-smmuv3-accel. libvirt probes the emulator, so a conversion shows that it takes ours for able. Then the command line is started, paths and all.
Two kinds of changes are made, and no others:

  ADAPT         the XML, where an x86-64 machine without KVM cannot do what it says
  startable()   the command line, where a real device would be needed
"""
import json
import os
import re
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "qtest"))
from scene import Qmp    # noqa: E402  pylint: disable=wrong-import-position

DOCS = os.path.join(TOP, "docs", "libvirt")
QEMU = "/usr/bin/qemu-system-aarch64-smmuv3-accel"       # as the package has it
EMBEDDED = "qemu:///embed?root=/run/lv"     # the driver in the client's own process: no daemon
SECONDS = 30                    # for a virsh; it takes 0.2 s, the first one, which probes the emulator, a few
ENVIRONMENT = {"PATH": "/usr/bin:/usr/sbin", "LC_ALL": "C", "HOME": "/tmp"}

# text in the XML, what it becomes, why
ADAPT = [
    ("type='kvm'", "type='qemu'", "no KVM for arm64 here"),
    ("<cpu mode='host-passthrough'/>", "<cpu mode='custom'><model>neoverse-v1</model></cpu>", "no arm64 CPU here"),
    ("<memory unit='GiB'>\\d+<", "<memory unit='GiB'>1<", "a small machine runs this"),
]

SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


# ---- The XML ---------------------------------------------------------------------------------------------------------

def document(name, *changes):
    """The XML of docs/libvirt with changes (old, new), each of which has to apply"""
    with open(os.path.join(DOCS, name + ".xml"), encoding="utf-8") as f:
        text = f.read()
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{name}.xml has no {old}")
        text = text.replace(old, new, 1)
    return text


def adapted(text):
    for old, new, _ in ADAPT:
        text, n = re.subn(old, new, text)
        if n != 1:
            raise ValueError(f"the XML has {old} {n} times")
    return text


# ---- QEMU's command line ---------------------------------------------------------------------------------------------

def options(arguments, name):
    return [value for option, value in zip(arguments, arguments[1:]) if option == name]


def objects(arguments, name):
    """The JSON of all -NAME options, in order"""
    return [json.loads(value) for value in options(arguments, name) if value.startswith("{")]


def devices(arguments, driver):
    return [d for d in objects(arguments, "-device") if d["driver"] == driver]


def differences(what, have, want):
    return [] if have == want else [f"{what}:", f"  have {json.dumps(have)}", f"  want {json.dumps(want)}"]


def startable(arguments):
    """With a descriptor for the iommufd, as libvirt gives it one, here of /dev/null; without the devices that use it"""
    left = []
    for word in arguments:
        if word.startswith("{"):
            thing = json.loads(word)
            if thing.get("driver") == "vfio-pci" and "iommufd" in thing:
                left.pop()
                continue
            if thing.get("qom-type") == "iommufd":
                word = json.dumps({**thing, "fd": "%(fd)d"})
        elif word.startswith("iommufd,id="):    # of a <qemu:commandline>, where QEMU opens it
            word += ",fd=%(fd)d"
        left.append(word)
    return left


def seccomp_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return next(line.split()[1] for line in f if line.startswith("Seccomp:"))


# ---- QEMU that runs --------------------------------------------------------------------------------------------------

def kinds(qemu):
    """The types of what the user added: {id: type}"""
    reply = qemu.command("qom-list", path="/machine/peripheral")["return"]
    return {p["name"]: re.sub(r"child<(.*)>", r"\1", p["type"]) for p in reply if p["type"].startswith("child<")}


def property_of(qemu, smmu_id, name):
    return qemu.command("qom-get", path=f"/machine/peripheral/{smmu_id}", property=name).get("return")


def as_asked(qemu, want):
    """What the device has of what the JSON said"""
    wrong = []
    for key, value in want.items():
        if key in ("driver", "id", "primary-bus"):
            continue
        have = property_of(qemu, want["id"], key)
        if have != value:
            wrong.append(f"{want['id']}: {key} is {have!r}, not {value!r}")
    return wrong


class Libvirt:
    """root: the folder"""

    def __init__(self, root):
        self.root = os.path.realpath(root)

    def run(self, *command):
        return subprocess.run(["chroot", self.root, *command], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=SECONDS, check=False, text=True, errors="replace", env=ENVIRONMENT)

    def write(self, name, text):
        with open(os.path.join(self.root, "tmp", name), "w", encoding="utf-8") as f:
            f.write(text)
        return "/tmp/" + name

    def valid(self, text):
        """What the schema has against it"""
        done = self.run("virt-xml-validate", self.write("docs.xml", text), "domain")
        return [] if done.returncode == 0 else [done.stdout, done.stderr]

    def convert(self, text):
        """(QEMU's arguments, libvirt's message); one of them is None"""
        path = self.write("domain.xml", text)
        done = self.run("virsh", "-q", "-c", EMBEDDED, "domxml-to-native", "qemu-argv", path)
        if done.returncode:
            return None, done.stderr.strip()
        words = shlex.split(done.stdout)
        while "=" in words[0] and not words[0].startswith("/"):
            words.pop(0)
        return (words[1:], None) if words[0] == QEMU else (None, f"the emulator is {words[0]}, not {QEMU}")

    def prepare_files(self, arguments):
        """What libvirt itself writes before it starts QEMU: the key of secrets, the UEFI's variables"""
        for thing in objects(arguments, "-object") + objects(arguments, "-blockdev"):
            path = thing.get("file", thing.get("filename"))
            if thing.get("qom-type") == "secret":
                source, size = "/dev/urandom", 32
            elif thing.get("node-name") == "libvirt-pflash1-storage":
                source, size = self.root + "/usr/share/AAVMF/AAVMF_VARS.fd", -1
            else:
                continue
            os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
            with open(source, "rb") as f, open(self.root + path, "wb") as g:
                g.write(f.read(size))

    def start(self, arguments):
        """A Qmp for the command line, and the descriptor to close afterwards"""
        self.prepare_files(arguments)
        fd = os.open("/dev/null", os.O_RDWR)
        words = [word.replace("%(fd)d", str(fd)) for word in arguments]
        return Qmp(words, ["chroot", self.root, QEMU], env=ENVIRONMENT, pass_fds=[fd]), fd

    def started(self, text, smmus):
        """What is wrong with a start of this XML, whose SMMUs have to be these (a list of -device's JSON)"""
        arguments, message = self.convert(adapted(text))
        if message:
            return [message]
        wrong = []
        qemu, fd = self.start(startable(arguments))
        with qemu:
            if qemu.negotiate():
                have = kinds(qemu)
                for want in smmus:
                    if have.get(want["id"]) != "arm-smmuv3":
                        wrong.append(f"no arm-smmuv3 {want['id']}: {have}")
                    wrong += as_asked(qemu, want)
                if seccomp_of(qemu.process.pid) != "2":
                    wrong.append("no seccomp filter is in force")
            else:
                wrong.append("it does not answer QMP")
            status, stderr = qemu.quit()
        os.close(fd)
        if status != 0 or stderr:
            wrong.append(f"exit status {status}, stderr:\n{stderr}")
        return wrong

    def refused_by_qemu(self, arguments, pattern):
        qemu, fd = self.start(arguments)
        with qemu:
            answers = qemu.negotiate()
            status, stderr = qemu.quit()
        os.close(fd)
        wrong = ["it was not refused"] if answers else []
        if status != 1:
            wrong.append(f"exit status {status}")
        if not re.search(pattern, stderr):
            wrong.append(f"no message like {pattern}; stderr:\n{stderr}")
        return wrong

    def refuses(self, text, pattern):
        """libvirt itself"""
        _, message = self.convert(adapted(text))
        return [] if message and re.search(pattern, message) else [f"no message like {pattern}: {message}"]

    def device_refuses(self, text, pattern):
        """libvirt takes it, and the device does not"""
        arguments, message = self.convert(adapted(text))
        if message:
            return [f"libvirt refuses it by now: {message}"]
        return self.refused_by_qemu(startable(arguments), pattern)
