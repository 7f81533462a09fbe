# SPDX-License-Identifier: GPL-2.0-or-later
"""The box: its cases, and how one of them is booted and judged.

For a case of cases/: boot L1 (a real Linux host in build/native/qemu-system-aarch64), let it run L2 (the guest in
build/aarch64/qemu-system-aarch64), collect facts from both and compare them with the case's expectations (facts.py).
host/init and guest/init are the other two sides of this file; docs/testing.md explains the whole. Logs: build/e2e/CASE/.

`run` is the command for it; side-by-side and bench/run boot and read cases by this module, too.
"""
import configparser
import glob
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "docs"))
import documents    # noqa: E402
import domain       # noqa: E402
from facts import broken_expectations, collect      # noqa: E402

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.realpath(os.environ.get("SMMUV3_BUILD", os.path.join(TOP, "build")))
BOX = os.path.join(BUILD, "box")
OUT = os.path.join(BUILD, "e2e")

# Files of cases/ in the order in which they are read and run: a case comes behind those that it is like.
TOPICS = ("common", "io", "devices", "migration", "firmware", "vfio", "libvirt", "probe", "rule-6.15", "guests", "peer", "refusals",
          "documented", "check")

DISK_SIZE = 16 << 20
BOOT_DISK_SIZE = 64 << 20
HEAD_SIZE = 4 << 20                     # what guest/init reads after each rebind
WRITE_AT, WRITE_SIZE = 8 << 20, 4 << 20   # what its do_write writes, and with what:
WRITE_LINE = b"written by the guest through its own stage 1\n"
BOX_KIB = 3 << 20                       # L1's memory, and what L0 needs besides
HOST_SECONDS = 150                      # for L1's own boot and power-off: five times what was measured, and some more

# What `uname -r` of a guest's other kernel is like (scripts/box-guest)
GUEST_KERNELS = {"bookworm": r"^6\.1\..*-arm64$", "trixie": r"^6\.12\..*\d-arm64$", "trixie-16k": "-arm64-16k$",
                 "64k": "-64k$"}

# First words of "binary" that come with a root of their own, build/box/BINARY.img
ROOTS = ("peer", "libvirt", "deb")


def binary_of(case):
    return case.get("binary", "ours").split()[0]


def kernel_of(case):
    """L1's kernel, by its file's name in build/box"""
    return f"Image-{case['kernel']}" if "kernel" in case else "Image"


def root_of(case):
    """The image's name, without a suffix"""
    return case["binary"].replace(" ", "-")


def case_files():
    """Paths of all files of cases/, because one that TOPICS does not name would never be read"""
    paths = [os.path.join(HERE, "cases", topic + ".ini") for topic in TOPICS]
    strays = set(glob.glob(os.path.join(HERE, "cases", "*.ini"))) ^ set(paths)
    if strays:
        raise ValueError(f"TOPICS of box.py and the files of cases/ differ: {' '.join(sorted(strays))}")
    return paths


def read_table(*more):
    """The sections of cases/, and of more files like these: ({name: l0 arguments}, l2 section, {name: case})

    A case's own keys come over those of the case that it is like, but for "nightly"; what holds for every case is added to
    its expectations, and that a kernel of its own is the one that ran.
    """
    ini = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    ini.optionxform = str
    ini.read([*case_files(), *more])
    machines = {s[3:]: ini[s]["args"] for s in ini.sections() if s.startswith("l0 ")}
    cases = {}
    for section in ini.sections():
        if section.startswith("case "):
            name, own = section[5:], dict(ini[section])
            cases[name] = {**cases.get(own.get("like"), {}), "nightly": "no", **own, "name": name}
    for case in cases.values():
        always = ini["every"]["expect"].strip().splitlines()
        if case.get("faults") == "yes":
            always = [line for line in always if not line.startswith("log.guest !~ arm-smmu-v3")]
        if case.get("crashes") == "yes":
            always = [line for line in always if not line.startswith("log.guest !~ WARNING:")]
        if "guest_kernel" in case:
            always.append(f"guest.kernel ~ {GUEST_KERNELS[case['guest_kernel']]}")
        if "kernel" in case:
            always.append(f"kernel ~ -rules-{re.escape(case['kernel'])}$")
        case["expect"] = "\n".join([case["expect"], *always])
    return machines, ini["l2"], cases


# ---- A case's files and command line --------------------------------------------------------------------------------

def disk_source():
    """Random bytes, made once: every case gets a copy"""
    path = os.path.join(BOX, "disk.img")
    if not os.path.exists(path) or os.path.getsize(path) != DISK_SIZE:
        with open(path + ".new", "wb") as f:
            f.write(os.urandom(DISK_SIZE))
        os.rename(path + ".new", path)
    return path


def make_random_disk(path, head):
    shutil.copyfile(disk_source(), path)
    with open(path, "r+b") as f:
        f.write(head)


def make_boot_disk(path, words):
    """A file system with a kernel that EDK2's shell, or U-Boot, starts by itself with that command line"""
    folder = os.path.dirname(path)
    with open(os.path.join(folder, "startup.nsh"), "w", encoding="ascii", newline="\r\n") as f:
        f.write(f"fs0:\nlinux.efi initrd=\\l2.cpio {words}\n")
    with open(os.path.join(folder, "extlinux.conf"), "w", encoding="ascii") as f:
        f.write(f"default box\nlabel box\n  kernel /linux.efi\n  initrd /l2.cpio\n  append {words}\n")
    with open(path, "wb") as f:
        f.truncate(BOOT_DISK_SIZE)
    subprocess.run(["mformat", "-F", "-i", path, "::"], check=True)
    subprocess.run(["mmd", "-i", path, "::extlinux"], check=True)
    for source, name in ((BOX + "/payload/Image", "linux.efi"), (BOX + "/payload/l2.cpio", "l2.cpio"),
                         (folder + "/startup.nsh", "startup.nsh"), (folder + "/extlinux.conf", "extlinux/extlinux.conf")):
        subprocess.run(["mcopy", "-i", path, source, "::" + name], check=True)


def make_disks(case, l2, out):
    """Copies of the source that differ in their first bytes, or the one to boot from; returns the facts about them"""
    facts = {}
    for i in range(int(case["disks"])):
        path = os.path.join(out, f"disk{i}.img")
        if case.get("boot") == "disk" and i == 0:
            make_boot_disk(path, guest_words(case, l2, case["guest"]))
        else:
            make_random_disk(path, b"disk %d of case %s\n" % (i, case["name"].encode()))
        with open(path, "rb") as f:
            image = bytearray(f.read())
        facts[f"disk{i}.before"] = hashlib.sha256(image).hexdigest()
        facts[f"disk{i}.head"] = hashlib.sha256(image[:HEAD_SIZE]).hexdigest()
        pattern = WRITE_LINE * (WRITE_SIZE // len(WRITE_LINE) + 1)
        image[WRITE_AT:WRITE_AT + WRITE_SIZE] = pattern[:WRITE_SIZE]
        facts[f"disk{i}.written"] = hashlib.sha256(image).hexdigest()
        facts[f"disk{i}.size"] = str(len(image))
    return facts


def in_the_box(words):
    """A documented QEMU command line as the box can run it: its own kernel and console, less memory, nothing else"""
    taken, at = [], 0
    while at < len(words):
        if words[at] in ("-kernel", "-initrd", "-append", "-serial"):
            at += 2
            continue
        if words[at] == "-m":
            words[at + 1] = "768" if "-bios" in words else "512"    # firmware takes the top of memory
        taken.append(words[at])
        at += 1
    return taken


def documented(case):
    """What the pages say: lines for L1's shell before QEMU, QEMU's arguments, lines after it"""
    before, words, after = [], [], []
    for page in case["documented"].split():
        b, w, a = documents.of_case(page, case["name"])
        before, words, after = before + b, words + w, after + a
    texts = ["\n".join(before), shlex.join(in_the_box(words)), "\n".join(after)]
    for pair in case.get("elsewhere", "").split():
        texts = [t.replace(*pair.split("=>")) for t in texts]
    return texts


def guest_words(case, l2, actions):
    """The guest kernel's command line"""
    return " ".join(f"{l2['append']} {case['append']} e2e={actions}".split())


def write_case_for_host(case, l2, out, factor):
    """The shell variables that host/init sources"""
    def append(actions):
        return guest_words(case, l2, actions)
    before, after = "", ""
    firmware = l2[case["firmware"]] if case.get("firmware") else ""

    def options(own):
        return shlex.join(a for part in (l2["args"], firmware, own) for a in shlex.split(part))
    qemu = options(case["qemu"])
    if "documented" in case:
        before, documented_qemu, after = documented(case)
        qemu = documented_qemu or qemu
    variables = {"devices": case["devices"], "smmus": case["smmus"], "qemu_args": qemu,
                 "target_args": options(case.get("target", "")),
                 "checks": case.get("check", "").strip(),
                 "typed_before": before, "typed_after": after,
                 "plug": case.get("plug", ""), "vfs": case.get("vfs", ""), "tap": case.get("tap", ""),
                 "binary": binary_of(case), "guest_kernel": "-" + case["guest_kernel"] if "guest_kernel" in case else "",
                 "boot": case.get("boot", "kernel"), "counters": case.get("counters", "on"), "bare": case.get("bare", "no"),
                 "trace_args": "--trace " + shlex.quote(case["trace"]) if case.get("trace") else "",
                 "limit": str(int(int(case["seconds"]) * factor)),
                 "launches": "" if case.get("bare") == "yes" else
                             "first " * int(case.get("times", 1)) + ("again" if "guest_again" in case else ""),
                 "append_first": append(case["guest"]), "append_again": append(case.get("guest_again", ""))}
    path = os.path.join(out, "case.sh")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(f"{k}={shlex.quote(v)}\n" for k, v in variables.items())
    return path


def write_domain(case, l2, out):
    """For libvirt: the documented XML, fitted to the box, and what is attached later"""
    texts = domain.adapt(os.path.join(TOP, case["domain"]), case["devices"].split(), guest_words(case, l2, case["guest"]))
    for name, text in zip(("domain", "hostdev"), texts):
        with open(os.path.join(out, name + ".xml"), "w", encoding="utf-8") as f:
            f.write(text + "\n")


def make_vf_mac(out):
    """host/vf-mac.c for L1, whose C library is this machine's"""
    program = os.path.join(out, "vf-mac")
    subprocess.run(["aarch64-linux-gnu-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-s", "-o", program,
                    os.path.join(HERE, "host", "vf-mac.c")], check=True)
    return program


def port_options(out, *names):
    """virtio ports for L1: what it writes there becomes out/NAME.log"""
    options = ["-device", "virtio-serial-pci,bus=pcie.0,addr=7"]
    for name in names:
        options += ["-chardev", f"file,id={name},path={out}/{name}.log",
                    "-device", f"virtserialport,chardev={name},name={name}"]
    return options


def l0_command(case, machines, out):
    def virtio_disk(name, slot):
        return ["-drive", f"if=none,id={name},file={BOX}/{name}.img,format=raw,snapshot=on",
                "-device", f"virtio-blk-pci,drive={name},bus=pcie.0,addr={slot}"]
    command = [os.path.join(BUILD, "native", "qemu-system-aarch64"), *shlex.split(machines[case["l0"]]),
               "-cpu", "neoverse-n1", "-smp", "2", "-m", "2G", "-accel", "tcg,thread=multi",
               "-display", "none", "-nodefaults", "-no-reboot", "-serial", f"file:{out}/host.log",
               "-kernel", os.path.join(BOX, kernel_of(case)),
               "-append", "console=ttyAMA0 quiet panic=-1 root=/dev/vda rw init=/init",
               "-fw_cfg", f"name=opt/e2e/case,file={out}/case.sh", "-fw_cfg", "name=opt/e2e/mark,string=m"]
    command += virtio_disk("root", 5) + virtio_disk("payload", 6) + port_options(out, "report", "guest", "dmesg")
    if binary_of(case) in ROOTS:
        command += virtio_disk(root_of(case), "1e")   # the third disk that L1 finds
    if "lend" in case:
        command += virtio_disk(case["lend"], "1d")    # likewise: such a case is of our own QEMU
    if "domain" in case:
        for name in ("domain", "hostdev"):
            command += ["-fw_cfg", f"name=opt/e2e/{name},file={out}/{name}.xml"]
    if len(case.get("vfs", "").split()) > 2:
        command += ["-fw_cfg", f"name=opt/e2e/vf-mac,file={make_vf_mac(out)}"]
    if case.get("l0_trace"):
        command += ["-D", f"{out}/l0-trace.log", "-trace", "fw_cfg_select", "-trace", case["l0_trace"]]
    for i in range(int(case["disks"])):
        command += ["-drive", f"if=none,id=disk{i},file={out}/disk{i}.img,format=raw,cache=unsafe",
                    "-device", f"pcie-root-port,id=rp{i},bus=pcie.0,chassis={i + 1},addr={8 + i}",
                    "-device", f"nvme,serial=disk{i},drive=disk{i},bus=rp{i}"]
    return command + shlex.split(case.get("l0_extra", ""))


def boot(command, out, seconds):
    """Runs L0 to its end. False: it had to be killed."""
    with open(os.path.join(out, "command.sh"), "w", encoding="utf-8") as f:
        f.write(shlex.join(command) + "\n")
    with open(os.path.join(out, "l0.log"), "w", encoding="utf-8") as log:
        l0 = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            l0.wait(timeout=seconds)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            if l0.poll() is None:
                l0.kill()
                l0.wait()


# ---- Which cases there are to run, and running one ------------------------------------------------------------------

def is_due(case, nightly):
    """Is it run when no case is named?"""
    return case.get("binary") != "peer" and (nightly or case["nightly"] != "yes")


def why_skipped(case):
    """Why the case cannot run here, or nothing"""
    needed = {root_of(case): case["binary"]} if binary_of(case) in ROOTS else {}
    if "lend" in case:
        needed[case["lend"]] = case["lend"]
    for image, script in needed.items():
        if not os.path.exists(os.path.join(BOX, image + ".img")):
            return f"box/{image}.img is missing: scripts/box-{script} makes it from Debian's packages"
    return None


def failures(script, names):
    """Of a script that makes a kernel of each name: those that it could not"""
    path = os.path.join(TOP, "scripts", script)
    return {n for n in names if subprocess.run([path, n], check=False, stdout=sys.stderr).returncode}


def prepare(cases):
    """Makes what these cases boot from; returns the kernels of theirs that could not be made"""
    guests = sorted({case["guest_kernel"] for case in cases if "guest_kernel" in case})
    unbuilt = failures("box-guest", guests)
    subprocess.run([os.path.join(TOP, "scripts", "box-payload"), *(g for g in guests if g not in unbuilt)], check=True,
                   stdout=sys.stderr)
    for suite in sorted(case["binary"].split()[1] for case in cases if binary_of(case) == "deb"):
        subprocess.run([os.path.join(TOP, "scripts", "box-deb"), suite], check=True, stdout=sys.stderr)
    for disk in sorted({case["lend"] for case in cases if "lend" in case}):
        subprocess.run([os.path.join(TOP, "scripts", "box-" + disk)], check=False, stdout=sys.stderr)
    unbuilt |= failures("box-kernel", sorted({case["kernel"] for case in cases if "kernel" in case}))
    disk_source()       # once, before cases that run beside each other ask for it
    return unbuilt


def missing_kernel(case, unbuilt):
    """The kernel that the case wants and there is not, or nothing"""
    return next((case[k] for k in ("kernel", "guest_kernel") if case.get(k) in unbuilt), None)


def run_case(case, machines, l2, args):
    """Returns (facts, broken expectations)"""
    out = os.path.join(OUT, case["name"])
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    started = time.monotonic()
    facts = make_disks(case, l2, out)
    write_case_for_host(case, l2, out, args.timeout_factor)
    if "domain" in case:
        write_domain(case, l2, out)
    launches = int(case.get("times", 1)) + ("guest_again" in case)
    seconds = (HOST_SECONDS + launches * int(case["seconds"])) * args.timeout_factor
    ended = boot(l0_command(case, machines, out), out, seconds)
    collect(case, out, facts)
    if "sample" in case and "info" in facts:
        facts["sample"] = documents.unlike_sample(case["sample"], json.loads(facts["info"]).get("return", facts["info"]))
    facts["seconds"] = f"{time.monotonic() - started:.1f}"
    broken = broken_expectations(case, facts)
    if not ended or facts.get("finished") != "1":
        broken.insert(0, "the host in the box did not reach its end" + ("" if ended else f" in {seconds:.0f} s"))
    if "hung" in facts:
        broken.insert(0, f"a start of QEMU had not come to its end after {facts['hung']} s (--timeout-factor gives it more)")
    with open(os.path.join(out, "facts.json"), "w", encoding="utf-8") as f:
        json.dump(facts, f, indent=1)
    if not args.keep and not broken:
        for i in range(int(case["disks"])):
            os.unlink(os.path.join(out, f"disk{i}.img"))
    return facts, broken


def jobs_here():
    """As many boxes as there are processors, because one keeps about one of them busy, and as memory has room for"""
    with open("/proc/meminfo", encoding="utf-8") as f:
        kib = int(re.search(r"^MemAvailable: *(\d+)", f.read(), re.M)[1])
    return max(1, min(len(os.sched_getaffinity(0)), kib // BOX_KIB))
