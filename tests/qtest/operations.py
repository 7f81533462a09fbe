# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest and its manager can do to a QEMU on the simulated kernel: machines, and operations by name.

An operation is a line of text: its name and arguments, numbers in hexadecimal. Class Actor does one on a running QEMU; each
stands for itself, so that a list of them can be cut anywhere. fuzz makes such lists at random, stress by hand.
"""
import os
import time

from scene import architecture
from simulated_host import HANG, NUMBERS, Hung, Threads, write

# ---- Places ----

RAM, RAM_END = 0x40000000, 0x48000000
RING, STRTAB, CONTEXTS, TABLES, PAGES = 0x42000000, 0x43000000, 0x44000000, 0x45000000, 0x46000000
EVENTQ = 0x44800000
APART = 0x100000            # of one SMMU's from the next one's
STRTAB_LOG2SIZE = 12
ECAM = 0x3f000000
SMMU_BASES = [0x0c000000, 0x0c020000]
WINDOW, WINDOW_SIZE = 0x10000000, 0x400000
EDU_OF_PORT = 0x100000      # in its port's window; behind a bridge one more
EDU0_BAR, EDU0_DEVFN = 0x18000000, 0xa << 3

def numbers(names):
    """Of registers and commands, by their names in smmuv3-spec.h"""
    known = architecture()
    return [known[name] for name in names.split()]


IDR0, CR0, CR0ACK, GBPA, GERROR, GERRORN, STRTAB_BASE, STRTAB_BASE_CFG, CMDQ_BASE, CMDQ_PROD, CMDQ_CONS, EVENTQ_BASE, \
    EVENTQ_PROD = numbers("IDR0 CR0 CR0ACK GBPA GERROR GERRORN STRTAB_BASE STRTAB_BASE_CFG CMDQ_BASE CMDQ_PROD CMDQ_CONS"
                          " EVENTQ_BASE EVENTQ_PROD")
SMMUEN, EVENTQEN, CMDQEN = 1, 4, 8

CFGI_STE, CFGI_STE_RANGE, CFGI_CD, CFGI_CD_ALL, TLBI_NH_ALL, TLBI_NH_ASID, TLBI_NH_VA, TLBI_NH_VAA, TLBI_NSNH_ALL, \
    ATC_INV, CMD_SYNC = numbers("CFGI_STE CFGI_STE_RANGE CFGI_CD CFGI_CD_ALL TLBI_NH_ALL TLBI_NH_ASID TLBI_NH_VA"
                                " TLBI_NH_VAA TLBI_NSNH_ALL ATC_INV CMD_SYNC")

S1_DW1 = 1 << 2 | 1 << 4 | 3 << 6


def s1_dw0(context):
    return 1 | 5 << 1 | (CONTEXTS + 64 * context)


# ---- Machines ----

VIRT = "-M virt,gic-version=2,highmem-ecam=off{more} -m 128 -nodefaults -object iommufd,id=iommufd0"
VIRT_ITS = "-M virt,gic-version=3,its=on,highmem-ecam=off{more} -m 128 -nodefaults -object iommufd,id=iommufd0"
EDU = "-device edu,id=edu{n},dma_mask=0xffffffffffffffff,bus={bus}"
NEAR = "-device arm-smmuv3,primary-bus=pcie.0,id=near,accel=on"
FAR = "-device arm-smmuv3,primary-bus=pcie.1,id=far,accel={accel}"
PXB = "-device pxb-pcie,id=pcie.1,bus_nr=8,bus=pcie.0,addr=9"
DISK = "-blockdev null-co,node-name=null,read-zeroes=on -device virtio-blk-pci,drive=null,bus=pcie.0,addr=0xb"
# Below ports rp2 and rp3: a conventional bridge, and a switch, each with an edu
BRIDGES = ("-device pcie-pci-bridge,id=br0,bus=rp2 -device edu,id=edu1,dma_mask=0xffffffffffffffff,bus=br0,addr=1"
           " -device x3130-upstream,id=up0,bus=rp3 -device xio3130-downstream,id=down0,bus=up0,chassis=40"
           " -device edu,id=edu2,dma_mask=0xffffffffffffffff,bus=down0")


class Port:
    """A root port: its device, and the buses that the guest gives it"""

    def __init__(self, number, root, bus, devfn, secondary, last):
        self.number, self.root, self.bus, self.devfn = number, root, bus, devfn
        self.secondary, self.last = secondary, last
        self.window = WINDOW + number * WINDOW_SIZE

    def argument(self):
        return f"-device pcie-root-port,id=rp{self.number},chassis={self.number + 1},bus={self.root}," \
               f"addr={self.devfn >> 3:#x}"


NEAR_PORTS = [Port(0, "pcie.0", 0, 2 << 3, 1, 1), Port(1, "pcie.0", 0, 3 << 3, 2, 2),
              Port(2, "pcie.0", 0, 4 << 3, 3, 4), Port(3, "pcie.0", 0, 5 << 3, 5, 7)]
KEEPER = Port(6, "pcie.1", 8, 2 << 3, 11, 11)       # of an endpoint that stays
FAR_PORTS = [Port(4, "pcie.1", 8, 0 << 3, 9, 9), Port(5, "pcie.1", 8, 1 << 3, 10, 10)]


class Machine:
    """A command line, and where in it a guest finds what

    edu0 is an endpoint that stays, near: on pcie.0, far: behind a port of its own, which is no other's. An SMMU that never
    had an emulated endpoint takes commands without the BQL, so in some machines (quiet) there is none behind the first one.
    """

    def __init__(self, smmus, *arguments, ports=None, cold=(), virt=VIRT, more="", edu0="near"):
        self.smmus, self.ports, self.cold = smmus, ports or NEAR_PORTS, cold
        self.keeper = KEEPER if edu0 == "far" else None
        self.edu0 = {"near": (0, EDU0_DEVFN, EDU0_BAR), "far": (KEEPER.secondary, 0, KEEPER.window), None: None}[edu0]
        self.quiet = edu0 != "near"
        self.bridges = False
        words = [virt.format(more=more), *arguments, *(p.argument() for p in self.all_ports())]
        if edu0:
            words.append(EDU.format(n=0, bus={"near": "pcie.0,addr=0xa", "far": "rp6"}[edu0]))
        self.text = " ".join(words)

    def all_ports(self):
        return self.ports + [self.keeper] * bool(self.keeper)

    def with_bridges(self):
        self.text += " " + BRIDGES
        self.bridges = True
        return self

    def arguments(self, host):
        words = self.text.split()
        for i in self.cold:
            words += ["-device", f"{host.device(i)},bus=pcie.0,addr={0xc + i:#x}"]
        return words


MACHINES = {
    "quiet": Machine(SMMU_BASES[:1], NEAR, edu0=None),
    "quiet-cold": Machine(SMMU_BASES[:1], NEAR, edu0=None, cold=(0, 1)),
    "quiet-two": Machine(SMMU_BASES, NEAR, PXB, FAR.format(accel="on"), ports=NEAR_PORTS + FAR_PORTS, edu0="far"),
    "one": Machine(SMMU_BASES[:1], NEAR),
    "one-bridges": Machine(SMMU_BASES[:1], NEAR).with_bridges(),
    "one-cold": Machine(SMMU_BASES[:1], NEAR, DISK, cold=(0, 1)),
    "one-its": Machine(SMMU_BASES[:1], NEAR, virt=VIRT_ITS),
    "two": Machine(SMMU_BASES, NEAR, PXB, FAR.format(accel="on"), ports=NEAR_PORTS + FAR_PORTS),
    "two-bridges": Machine(SMMU_BASES, NEAR, PXB, FAR.format(accel="on"), ports=NEAR_PORTS + FAR_PORTS).with_bridges(),
    "far-only": Machine(SMMU_BASES[:1], PXB, FAR.format(accel="on"), ports=NEAR_PORTS + FAR_PORTS),
    "mixed": Machine(SMMU_BASES, NEAR, PXB, FAR.format(accel="off"), ports=NEAR_PORTS + FAR_PORTS).with_bridges(),
    "off": Machine(SMMU_BASES[:1], NEAR.replace("accel=on", "accel=off"), DISK).with_bridges(),
    "wide": Machine([0x09050000], DISK, more=",iommu=smmuv3").with_bridges(),
    "none": Machine([]),
}


def config(bus, devfn, offset):
    return ECAM + (bus << 20) + (devfn << 12) + offset


# ---- Operations ----

class Ring:
    """What the driver of an SMMU knows of its command queue"""

    def __init__(self, number):
        self.base, self.log2size, self.prod = RING + number * APART, 8, 0
        self.strtab = STRTAB + number * APART


class Actor:
    """Does operations; do("name arguments") calls do_name. It keeps what a driver would: indices, and where queues are."""

    def __init__(self, qemu, machine):
        self.q, self.machine, self.host = qemu, machine, qemu.host
        self.rings = [Ring(n) for n in range(max(1, len(machine.smmus)))]
        self.threads = Threads(qemu.host)
        self.orders = 0             # of the manager: what may be worth a line on stderr
        self.ports = {p.number: p for p in machine.ports}
        self.number_buses()
        self.slots = {p.number: self.slot_control(p) for p in machine.ports}

    def do(self, line):
        name, *words = line.split()
        getattr(self, "do_" + name)(*(int(w, 16) if w[0] in "0123456789" else w for w in words))

    def base(self, smmu):
        return self.machine.smmus[smmu] if smmu < len(self.machine.smmus) else SMMU_BASES[0]

    # PCI

    def number_buses(self):
        for port in self.machine.all_ports():
            self.place(port, port.secondary, port.last)
            window = port.window >> 16 | (port.window + WINDOW_SIZE - 1 >> 16) << 16
            self.q.batch([write(config(port.bus, port.devfn, 0x20), 4, window),
                          write(config(port.bus, port.devfn, 4), 2, 6)])
        if self.machine.edu0:
            bus, devfn, bar = self.machine.edu0
            self.do_bar(bus, devfn, 0, bar)
        if self.machine.bridges:
            self.number_below()

    def number_below(self):
        """edu1 is on bus 4 below the bridge of rp2, edu2 on bus 7 below the switch of rp3"""
        two, three = self.ports[2], self.ports[3]
        self.below(two.secondary, 0, two.secondary + 1, two.secondary + 1, two.window)
        self.below(three.secondary, 0, three.secondary + 1, three.secondary + 2, three.window)
        self.below(three.secondary + 1, 0, three.secondary + 2, three.secondary + 2, three.window)
        self.do_bar(two.secondary + 1, 1 << 3, 0, two.window + EDU_OF_PORT)
        self.do_bar(three.secondary + 2, 0, 0, three.window + EDU_OF_PORT)

    def below(self, bus, devfn, secondary, subordinate, window):
        self.q.batch([write(config(bus, devfn, 0x18), 4, bus | secondary << 8 | subordinate << 16),
                      write(config(bus, devfn, 0x20), 4, window >> 16 | (window + WINDOW_SIZE - 1 >> 16) << 16),
                      write(config(bus, devfn, 4), 2, 6)])

    def do_bus(self, port, secondary, subordinate):
        if port in self.ports:
            self.place(self.ports[port], secondary, subordinate)

    def place(self, port, secondary, subordinate):
        self.q.batch([write(config(port.bus, port.devfn, 0x18 + n), 1, number)
                      for n, number in enumerate((port.bus, secondary, subordinate))])

    def do_bridge(self, bus, devfn, secondary, subordinate, window):
        self.below(bus, devfn, secondary, subordinate, window)

    def do_bar(self, bus, devfn, bar, address):
        self.q.batch([write(config(bus, devfn, 0x10 + 4 * bar), 4, address), write(config(bus, devfn, 4), 2, 6)])

    def do_command(self, bus, devfn, value):
        self.q.write(config(bus, devfn, 4), 2, value)

    def do_config(self, bus, devfn, offset, size, value):
        self.q.write(config(bus, devfn, offset), size, value)

    def slot_control(self, port):
        """Where it is: in PCI Express' capability"""
        cap = self.q.read(config(port.bus, port.devfn, 0x34), 1)
        while self.q.read(config(port.bus, port.devfn, cap), 1) != 0x10:
            cap = self.q.read(config(port.bus, port.devfn, cap + 1), 1)
            if cap in (0, 0xff):
                raise ValueError(f"rp{port.number} has no PCI Express capability")
        return config(port.bus, port.devfn, cap + 0x18)

    def do_power(self, port, state):
        if port in self.slots:
            control = self.slots[port]
            self.q.batch([write(control, 2, 0x100)] + ([write(control, 2, 0x700)] if state == "off" else []))

    def do_swap(self, port, device, bus):
        """Slot off and another device plugged, both sent before either is done: nothing comes between them in QEMU."""
        lines = [write(self.slots[port], 2, value) for value in (0x100, 0x700)] if port in self.slots else []
        replies = []
        self.q.batch(lines, lambda: replies.append(self.manage("device_add", **self.vfio(device, bus))))
        return replies[0]

    # Memory and registers

    def do_write(self, address, size, value):
        self.q.write(address, size, value)

    def do_read(self, address, size):
        self.q.read(address, size)

    def do_fill(self, address, size, byte):
        self.q.batch([f"memset {address:#x} {size:#x} {byte:#x}"])

    def do_reg(self, smmu, offset, size, value):
        self.q.write(self.base(smmu) + offset, size, value)

    def do_get(self, smmu, offset, size):
        self.q.read(self.base(smmu) + offset, size)

    def do_unaligned(self, smmu, offset, *data):
        """A write of so many bytes at any offset, as it comes"""
        text = "".join(f"{byte & 0xff:02x}" for byte in data)
        self.q.batch([f"write {self.base(smmu) + offset:#x} {len(data):#x} 0x{text}"])

    # The SMMU's driver

    def regs(self, smmu, *pairs):
        self.q.batch([write(self.base(smmu) + offset, 8 if offset in (STRTAB_BASE, CMDQ_BASE, EVENTQ_BASE) else 4, value)
                      for offset, value in pairs])

    def do_setup(self, smmu):
        if smmu >= len(self.rings):
            return
        ring = self.rings[smmu] = Ring(smmu)
        self.q.batch([f"memset {ring.strtab:#x} {64 << STRTAB_LOG2SIZE:#x} 0x0"])
        self.regs(smmu, (CR0, 0), (STRTAB_BASE, ring.strtab), (STRTAB_BASE_CFG, STRTAB_LOG2SIZE),
                  (EVENTQ_BASE, EVENTQ + smmu * APART | 5), (CMDQ_BASE, ring.base | ring.log2size),
                  (CMDQ_PROD, 0), (CMDQ_CONS, 0), (CR0, CMDQEN | SMMUEN | EVENTQEN))

    def do_enable(self, smmu, value):
        self.regs(smmu, (CR0, value))

    def do_queue(self, smmu, base, log2size):
        if smmu < len(self.rings):
            ring = self.rings[smmu]
            ring.base, ring.log2size, ring.prod = base, log2size, 0
            self.regs(smmu, (CR0, SMMUEN), (CMDQ_BASE, base | log2size), (CMDQ_PROD, 0), (CMDQ_CONS, 0),
                      (CR0, SMMUEN | CMDQEN | EVENTQEN))

    def do_eventq(self, smmu, base, log2size):
        self.regs(smmu, (CR0, SMMUEN | CMDQEN), (EVENTQ_BASE, base | log2size), (0x100a8, 0), (0x100ac, 0),
                  (CR0, SMMUEN | CMDQEN | EVENTQEN))

    def do_strtab(self, smmu, base, cfg):
        self.regs(smmu, (CR0, CMDQEN), (STRTAB_BASE, base), (STRTAB_BASE_CFG, cfg), (CR0, SMMUEN | CMDQEN | EVENTQEN))
        if smmu < len(self.rings) and base & (1 << 52) - 64:
            self.rings[smmu].strtab = base & (1 << 52) - 64

    def do_ste(self, smmu, sid, dw0, dw1):
        if smmu < len(self.rings):
            ste = self.rings[smmu].strtab + 64 * sid
            self.q.batch([write(ste + 8, 8, dw1), write(ste, 8, dw0)])

    def do_context(self, context, table, asid):
        """A CD for three levels of 4 KiB pages, and tables that map 16 pages of PAGES at IOVA 0, and where they are"""
        cd, l1 = CONTEXTS + 64 * context, TABLES + 0x10000 * table
        lines = [f"memset {cd:#x} 0x40 0x0",
                 write(cd, 8, 25 | 1 << 30 | 1 << 31 | 2 << 32 | 1 << 41 | 1 << 45 | 1 << 46 | asid << 48),
                 write(cd + 8, 8, l1), write(l1, 8, l1 + 0x1000 | 3), write(l1 + 8, 8, l1 + 0x1000 | 3),
                 write(l1 + 0x1000, 8, l1 + 0x2000 | 3),
                 write(l1 + 0x1000 + 8 * (PAGES >> 21 & 511), 8, l1 + 0x2000 | 3)]
        lines += [write(l1 + 0x2000 + 8 * n, 8, PAGES + 0x1000 * n | 3 | 1 << 6 | 1 << 10) for n in range(16)]
        self.q.batch(lines)

    def put(self, smmu, dw0, dw1):
        ring = self.rings[smmu]
        at = ring.base + 16 * (ring.prod & (1 << ring.log2size) - 1)
        ring.prod = ring.prod + 1 & (2 << ring.log2size) - 1
        return [write(at, 8, dw0), write(at + 8, 8, dw1)]

    def do_cmd(self, smmu, dw0, dw1):
        if smmu < len(self.rings):
            self.q.batch(self.put(smmu, dw0, dw1) + self.put(smmu, CMD_SYNC, 0) +
                         [write(self.base(smmu) + CMDQ_PROD, 4, self.rings[smmu].prod)])

    def do_one(self, smmu, dw0, dw1):
        """Without a CMD_SYNC behind it"""
        if smmu < len(self.rings):
            self.q.batch(self.put(smmu, dw0, dw1) +
                         [write(self.base(smmu) + CMDQ_PROD, 4, self.rings[smmu].prod)])

    def do_ack(self, smmu):
        """GERROR, after the command that stopped the queue was replaced"""
        base = self.base(smmu)
        ring = self.rings[min(smmu, len(self.rings) - 1)]
        at = ring.base + 16 * (self.q.read(base + CMDQ_CONS, 4) & (1 << ring.log2size) - 1)
        self.q.batch([write(at, 8, CMD_SYNC), write(at + 8, 8, 0),
                      write(base + GERRORN, 4, self.q.read(base + GERROR, 4))])

    # Endpoints

    def do_dma(self, bar, source, destination, count, command):
        self.q.batch([write(bar + 0x80, 8, source), write(bar + 0x88, 8, destination), write(bar + 0x90, 8, count),
                      write(bar + 0x98, 8, command | 1), "clock_step 200000000"])

    def do_irq(self, bar, value):
        self.q.write(bar + 0x60, 4, value)

    # The manager

    def manage(self, name, **arguments):
        self.orders += 1
        return self.q.order(name, **arguments)

    def do_plug(self, device, bus):
        return self.manage("device_add", **self.vfio(device, bus))

    def vfio(self, device, bus):
        return {"driver": "vfio-pci", "id": f"dev{device}", "bus": bus, "iommufd": "iommufd0",
                "sysfsdev": self.host.sysfs(device)}

    def do_edu(self, name, bus, slot):
        self.manage("device_add", driver="edu", id=name, bus=bus, addr=f"{slot:#x}", dma_mask=(1 << 64) - 1)

    def do_pcibridge(self, name, bus):
        self.manage("device_add", driver="pcie-pci-bridge", id=name, bus=bus)

    def do_del(self, name):
        self.manage("device_del", id=name)

    def do_reset(self):
        before = self.q.events.get("RESET", 0)
        self.manage("system_reset")
        self.q.wait_event("RESET", before)

    def do_number(self):
        """What firmware does after a reset"""
        self.number_buses()

    def do_stop(self):
        self.manage("stop")

    def do_cont(self):
        self.manage("cont")

    def do_migrate(self):
        """How it ended, or why it was refused"""
        path = os.path.join(self.host.folder, "stream")
        reply = self.manage("migrate", uri=f"file:{path}")
        if "error" in reply:
            return reply["error"]["desc"]
        until = time.monotonic() + HANG
        while time.monotonic() < until:
            status = self.q.order("query-migrate").get("return", {}).get("status")
            if status in ("completed", "failed", "cancelled"):
                return status
            time.sleep(0.005)
        raise Hung("a migration to a file does not come to its end")

    def do_settle(self):
        """What is freed after a grace period (RCU) has gone by then."""
        time.sleep(0.1)

    def do_query(self):
        self.q.order("query-smmuv3-accel")
        self.q.order("human-monitor-command", **{"command-line": "info smmuv3-accel"})

    def do_info(self, *words):
        self.q.order("human-monitor-command", **{"command-line": "info " + " ".join(words)})

    # The host

    def do_fail(self, call, nth, error):
        k, number = self.host.k, NUMBERS[call]
        k.fail_errno[number] = error
        k.fail_countdown[number] = nth

    def do_fine(self):
        k = self.host.k
        for i in range(len(k.fail_countdown)):
            k.fail_countdown[i] = 0
        for device in k.device:
            device.gone = 0

    def do_gone(self, device):
        self.host.k.device[device].gone = 1

    # Threads without the BQL

    def do_writer(self, number, smmu, log2size, step, pause):
        self.threads.start(number, "prod", self.base(smmu) + CMDQ_PROD, log2size=log2size, step=step, pause_us=pause)

    def do_reader(self, number, smmu, offset, pause):
        self.threads.start(number, "read", self.base(smmu) + offset, pause_us=pause)

    def do_mover(self, number, address, pause):
        if not self.machine.edu0:
            return
        self.threads.start(number, "dma", address, device=b"/machine/peripheral/edu0", pause_us=pause)

    def do_quiet(self):
        self.threads.stop()

    # The end

    def unplug_all(self):
        """False if a device is still open after that. Ports are found by numbers, which a guest can have made anything."""
        self.do_fine()
        self.q.order("cont")
        self.number_buses()
        until = time.monotonic() + HANG
        while any(device.open for device in self.host.k.device):
            for port in self.ports:
                self.do_power(port, "on")
                self.do_power(port, "off")
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def what_is_left(self):
        """Complaints about what the host still has, when all has been unplugged"""
        k = self.host.k
        if self.machine.cold:
            return []
        if not self.unplug_all():
            return ["a device stays open: " + " ".join(f"dev{i}" for i, d in enumerate(k.device) if d.open)]
        reply = self.q.order("object-del", id="iommufd0")
        complaints = [f"iommufd0 cannot be deleted: {reply['error']['desc']}"] if "error" in reply else []
        for name in ("iommufds", "leaked", "ioass", "parents", "viommus", "vdevices", "nested"):
            if getattr(k, name):
                complaints.append(f"{getattr(k, name)} {name} are left in the host")
        return complaints
