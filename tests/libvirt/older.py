# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/libvirt/*-older.xml through a libvirt that does not know arm-smmuv3: the tests of libvirt-test about it.

There <qemu:commandline> has the SMMU and the iommufd, and <qemu:override> gives the hostdev its iommufd. QEMU makes the
devices of a -device in its plain form before those in JSON, which is libvirt's: that is why the SMMU is there before the
hostdev, although it stands behind it. That the hostdev is then behind the SMMU takes a device: case libvirt-113 of the box.
"""
from libvirts import SANDBOX, adapted, devices, differences, document, objects, options, startable

NAMES = ("one-smmu-older", "two-smmus-older")
OVERRIDE = ("<qemu:override>", "</qemu:override>")


def smmu(name, bus):
    return f"arm-smmuv3,primary-bus={bus},id={name},accel=on"


def vfio(number, host, bus):
    """libvirt's own, with what <qemu:override> adds"""
    return {"driver": "vfio-pci", "host": host, "id": f"ua-device{number}", "bus": bus, "addr": "0x0",
            "iommufd": "iommufd0"}


# What each XML has to become: what -device has in its plain form, and the hostdevs; in this order
EXPECTED = {
    "one-smmu-older": ([smmu("smmu0", "pcie.0")], [vfio(0, "0000:01:00.0", "pci.2")]),
    "two-smmus-older": (["pxb-pcie,id=pxb0,bus_nr=64,bus=pcie.0,addr=0x1d", "pxb-pcie,id=pxb1,bus_nr=128,bus=pcie.0,addr=0x1e",
                         smmu("smmu0", "pxb0"), smmu("smmu1", "pxb1"),
                         "pcie-root-port,id=rp0,bus=pxb0,chassis=100", "pcie-root-port,id=rp1,bus=pxb1,chassis=101"],
                        [vfio(0, "0000:01:00.0", "rp0"), vfio(1, "0001:01:00.0", "rp1")]),
}


def smmus_of(name):
    """What a start has to have: {"id": ..., "accel": True} of each SMMU"""
    parts = [dict(p.split("=") for p in text.split(",")[1:]) for text in EXPECTED[name][0] if text.startswith("arm-smmuv3")]
    return [{"id": part["id"], "accel": True} for part in parts]


def converted(old, name):
    arguments, message = old.convert(adapted(document(name)))
    if message:
        return [message]
    plain, hostdevs = EXPECTED[name]
    wrong = differences("plain -device", [v for v in options(arguments, "-device") if not v.startswith("{")], plain)
    wrong += differences("hostdevs", devices(arguments, "vfio-pci"), hostdevs)
    wrong += differences("plain -object", [v for v in options(arguments, "-object") if not v.startswith("{")],
                         ["iommufd,id=iommufd0"])
    wrong += differences("libvirt's iommufd", [o for o in objects(arguments, "-object") if o["qom-type"] == "iommufd"], [])
    return wrong + differences("-sandbox", options(arguments, "-sandbox"), [SANDBOX])


def without_override(old):
    """The hostdev as libvirt makes it is not for this SMMU, and QEMU says what it lacks"""
    text = document("one-smmu-older")
    begin, end = (text.index(tag) for tag in OVERRIDE)
    arguments, message = old.convert(adapted(text[:begin] + text[end + len(OVERRIDE[1]):]))
    if message:
        return [message]
    return old.refused_by_qemu(startable(arguments), r"needs an iommufd")


def unknown(old):
    """What 12.8's XML becomes: libvirt drops pciBus and accel without a word"""
    arguments, message = old.convert(adapted(document("one-smmu")))
    if message:
        return [message]
    wrong = differences("SMMUs", devices(arguments, "arm-smmuv3"), [])
    given = options(arguments, "-machine")[0].split(",")
    return wrong + ([] if "iommu=smmuv3" in given else [f"no iommu=smmuv3: {given}"])


def tests(old):
    yield "older: one-smmu.xml is a machine-wide SMMU", lambda: unknown(old)
    for name in NAMES:
        yield f"{name}: valid", lambda n=name: old.valid(document(n))
        yield f"{name}: converted", lambda n=name: converted(old, n)
        yield f"{name}: started", lambda n=name: old.started(document(n), smmus_of(n))
    yield "older: the device refuses a hostdev without <qemu:override>", lambda: without_override(old)
