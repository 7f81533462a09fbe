# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of a case: facts by name, from the logs of L1 and of the guest, and whether the case's expectations hold.

The facts are explained at the head of cases/common.ini; host/init and guest/init print what they are made of.
"""
import fnmatch
import hashlib
import json
import os
import re

HERE = os.path.dirname(os.path.realpath(__file__))

# linux/iommufd.h and linux/vfio.h: type 0x3b, as tracefs shows cmd
IOCTLS = {
    0x3b76: "BIND", 0x3b77: "ATTACH", 0x3b78: "DETACH", 0x3b80: "DESTROY", 0x3b81: "IOAS_ALLOC", 0x3b85: "IOAS_MAP",
    0x3b86: "IOAS_UNMAP", 0x3b89: "HWPT_ALLOC", 0x3b8a: "GET_HW_INFO", 0x3b8d: "HWPT_INVALIDATE", 0x3b90: "VIOMMU_ALLOC",
    0x3b91: "VDEVICE_ALLOC", 0x3b93: "VEVENTQ_ALLOC", 0x3b94: "HW_QUEUE_ALLOC",
}
STE_CONFIG = {0: "abort", 4: "bypass", 5: "translate"}
ALLOCS = ("IOAS_ALLOC", "HWPT_ALLOC", "VIOMMU_ALLOC", "VDEVICE_ALLOC", "VEVENTQ_ALLOC")
COUNTS = (list(IOCTLS.values()) + ["nested." + k for k in STE_CONFIG.values()] +
          ["allocs", "objects", "commands", "cmdq_prod", "cmdq_cons_reads", "rss_kib", "files", "log_lines"])
KINDS = "ioctl|nested|commands|viommu|made|bound|aborted|freed|mmio|read|qemu|memory"     # of lines of host/init's counters


def register(name):
    """Its offset, from the numbers that the tests share"""
    with open(os.path.join(os.path.dirname(HERE), "qtest", "smmuv3-offsets.h"), encoding="utf-8") as f:
        return int(re.search(rf"^#define {name} +(0x[0-9a-f]+)$", f.read(), re.M)[1], 16)


CMDQ_PROD, CMDQ_CONS = register("CMDQ_PROD"), register("CMDQ_CONS")


def sha256(path, size=None):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read(size) if size else f.read()).hexdigest()


# ---- Facts ----------------------------------------------------------------------------------------------------------

def read_log(out, name):
    try:
        with open(os.path.join(out, name + ".log"), encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def guest_facts(text):
    """What the guest's console says as "E2E key=value;" (a kernel message may follow before the line ends)"""
    return {"guest." + k: v.strip() for k, v in re.findall(r"E2E ([\w.-]+)=([^;\n]*);", text)}


def flat(value):
    """A QMP object's members, and those of its members: {"a_b": text}; booleans are on and off; lists are of numbers"""
    facts = {}
    for key, v in value.items():
        key = key.replace("-", "_")
        if isinstance(v, dict):
            facts.update({f"{key}_{k}": w for k, w in flat(v).items()})
        elif isinstance(v, list):
            if v and all(isinstance(n, int) for n in v):
                facts[key] = " ".join(map(hex, v))
        else:
            facts[key] = ("on" if v else "off") if isinstance(v, bool) else str(v)
    return facts


def smmu_facts(prefix, reply):
    """The reply to query-smmuv3-accel: stats.ID.KEY of each instance, smmu.ID.KEY of the rest, device.HOST.KEY

    All registers in one are a fact, too, in the order of their names.
    """
    try:
        instances = json.loads(reply)["return"]
    except (ValueError, KeyError):
        return {prefix + "query": reply}
    facts = {}
    for smmu in instances:
        stats = smmu.pop("stats")
        facts.update({f"{prefix}stats.{smmu['id']}.{k}": v for k, v in flat(stats).items()})
        facts[f"{prefix}stats.{smmu['id']}.errors"] = str(sum(stats["command-errors"].values()))
        facts.update({f"{prefix}smmu.{smmu['id']}.{k}": v for k, v in flat(smmu).items()})
        facts[f"{prefix}smmu.{smmu['id']}.registers"] = " ".join(hex(v) for _, v in sorted(smmu["registers"].items()))
        users = {h["id"]: h["users"] for h in smmu["hwpts"]}
        for device in smmu["devices"]:
            device.update(smmu=smmu["id"], users=users.get(device.get("hwpt"), 0))
            facts.update({f"{prefix}device.{device['host']}.{k}": v for k, v in flat(device).items()})
    return facts


def raw_count(counts, where, kind, key, hits, prods):
    """Adds one line of a kernel histogram to the counts of a moment; prods are the addresses of CMDQ_PROD"""
    at = counts.setdefault(where, dict.fromkeys(COUNTS, 0))
    if kind in ("qemu", "memory"):
        at[key] = hits
        return
    if kind == "viommu":
        at["viommu." + key] = hits
        return
    number = int(key, 16 if kind in ("ioctl", "mmio", "read") else 10)
    if kind == "ioctl":
        at[IOCTLS.get(number, "ioctl." + key)] = hits
        at["allocs"] += hits if IOCTLS.get(number) in ALLOCS else 0
    elif kind in ("made", "bound", "aborted", "freed"):
        at["objects"] += {"made": number == 0, "bound": 1, "aborted": 1, "freed": -1}[kind] * hits
    elif kind == "nested":
        at["nested." + STE_CONFIG.get(number, key)] = hits
    elif kind == "commands":
        at["commands"] += number * hits
    elif kind == "mmio" and number in prods:
        at["cmdq_prod"] += hits
    elif kind == "read" and number - CMDQ_CONS + CMDQ_PROD in prods:
        at["cmdq_cons_reads"] += hits


def check_facts(runs):
    """{N: lines that a run of smmuv3-accel-check printed}"""
    facts = {}
    for n, lines in runs.items():
        facts[f"check.{n}"] = "\n".join(lines)
        try:
            facts[f"check.{n}.json"] = json.loads(facts[f"check.{n}"])["verdict"]
        except (ValueError, TypeError, KeyError):
            pass        # text, or a report
    return facts


def host_facts(text, prods):
    """Lines of host/init: key=value; counts; what QEMU printed and traced"""
    facts, counts, message, previous, checks = {}, {}, [], None, {}
    for line in text.splitlines():
        if line.startswith("qemu: "):
            message.append(line[6:])
        elif m := re.match(r"check (\d+): (.*)$", line):
            checks.setdefault(m[1], []).append(m[2])
        elif m := re.match(r"trace: (?:\S+ )?(smmuv3_\w+)", line):
            key = "trace." + m[1]
            facts[key] = str(int(facts.get(key, 0)) + 1)
        elif m := re.match(r"(at\.[\w-]+)\.(" + KINDS + r")\.(\w+)=(\d+)$", line):
            raw_count(counts, m[1], m[2], m[3], int(m[4]), prods)
        elif m := re.match(r"((?:at\.[\w-]+\.)?)query=(.*)$", line):
            facts.update(smmu_facts(m[1], m[2]))
        elif m := re.match(r"([\w.:-]+)=(.*)$", line):
            if m[1] == "mark":
                counts.setdefault("at." + m[2], dict.fromkeys(COUNTS, 0))
            facts[m[1]] = m[2]
            if m[1].startswith("exit."):
                times = f"exits.{m[1][5:]}.{m[2]}"
                facts[times] = str(int(facts.get(times, 0)) + 1)
    for where, at in counts.items():
        facts.update({f"{where}.{k}": str(v) for k, v in at.items()})
        if previous:
            delta = "delta." + where.removeprefix("at.")
            grown = {k: v - previous.get(k, 0) for k, v in at.items()}
            facts.update({f"{delta}.{k}": str(v) for k, v in grown.items()})
            facts[delta + ".viommus"] = str(sum(k.startswith("viommu.") and v > 0 for k, v in grown.items()))
        previous = at
    facts["message"] = "\n".join(message)
    facts.update(check_facts(checks))
    return facts


def points(text):
    """TAP in the guest's console: {phase: [[result, name, detail...]]}; the plan, "1..N # PHASE", comes first

    A point that was planned and never came has failed: the guest or its QEMU did not live to tell.
    """
    phases, now, planned = {}, None, {}
    for line in text.splitlines():
        if m := re.match(r"1\.\.(\d+) # (\S+)$", line):
            now = phases.setdefault(m[2], [])
            planned[m[2]] = int(m[1])
        elif now is not None and (m := re.match(r"(ok|not ok) \d+ - (.*?)(?: # SKIP (.*))?$", line)):
            now.append(["skipped" if m[3] else m[1], m[2]] + ([m[3]] if m[3] else []))
        elif now and now[-1][0] == "not ok" and line.startswith("# "):
            now[-1].append(line[2:])
    for phase, rows in phases.items():
        rows += [["not ok", f"point {n + 1}", "never ran"] for n in range(len(rows), planned[phase])]
    return phases


def points_facts(phases):
    facts = {"log.points": phases}
    for phase, rows in phases.items():
        for fact, result in (("passed", "ok"), ("failed", "not ok"), ("skipped", "skipped")):
            facts[f"points.{phase}.{fact}"] = str(sum(row[0] == result for row in rows))
    return facts


def l0_facts(out, text):
    """What L0's SMMU was given between marks, if L0 traced it: l0.MARK.OPCODE

    L1 selects a fw_cfg item at each mark, which stands in the same trace; what it selected before the first mark was its
    own.
    """
    marks = re.findall(r"^mark=(.*)$", text, re.M)
    spans = re.split(r"^fw_cfg_select .*$", read_log(out, "l0-trace"), flags=re.M)[:-1]
    facts = {}
    for name, span in zip(marks[1:], spans[len(spans) - len(marks) + 1:]):
        opcodes = re.findall(r"^smmuv3_cmdq_opcode <--- (?:SMMU_CMD_)?(\w+)", span, re.M)
        for opcode in {"SYNC", *opcodes}:
            facts[f"l0.{name}.{opcode}"] = str(opcodes.count(opcode))
    return facts


def collect(case, out, facts):
    guest = read_log(out, "guest")
    facts.update(guest_facts(guest))
    prods = {int(v, 0) + CMDQ_PROD for k, v in facts.items() if fnmatch.fnmatch(k, "guest.smmu.*.base")}
    report = read_log(out, "report")
    facts.update(host_facts(report, prods))
    facts.update(points_facts(points(guest)))
    if case.get("l0_trace"):
        facts.update(l0_facts(out, report))
    facts["log.guest"] = guest
    facts["log.host"] = read_log(out, "host") + read_log(out, "dmesg")
    for i in range(int(case["disks"])):
        facts[f"disk{i}.after"] = sha256(os.path.join(out, f"disk{i}.img"))
    return facts


# ---- Expectations ---------------------------------------------------------------------------------------------------

def number_or_text(s):
    try:
        return int(s, 0)
    except ValueError:
        return s


def holds(left, op, right):
    if op in ("~", "!~"):
        return bool(re.search(right, left, re.M)) == (op == "~")
    if op == "in":
        return left in right.split()
    left, right = number_or_text(left), number_or_text(right)
    if op in ("==", "!="):
        return (left == right) == (op == "==")
    if isinstance(left, str) or isinstance(right, str):
        return False
    return {"<=": left <= right, ">=": left >= right, "<": left < right, ">": left > right}[op]


def meaning(value, facts):
    """What VALUE stands for: a fact, a fact and some more (FACT+1024), or itself"""
    if m := re.match(r"(\S+)\+(\d+)$", value):
        base = facts.get(m[1], "")
        return str(int(base) + int(m[2])) if base.isdigit() else value
    return facts.get(value, value)


def broken_expectations(case, facts):
    """Why the case fails: a list of lines, empty when it passes"""
    broken = []
    for line in case["expect"].strip().splitlines():
        name, op, value = line.split(None, 2)
        right = meaning(value, facts)
        names = fnmatch.filter(facts, name)
        if not names:
            broken.append(f"{line}: there is no such fact")
        for n in names:
            if not holds(facts[n], op, right):
                got = facts[n] if len(facts[n]) < 200 else "(see the log)"
                broken.append(f"{line}: {n} is {got!r}" + (f", {value} is {right!r}" if value != right else ""))
    return broken
