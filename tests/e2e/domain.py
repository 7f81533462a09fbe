# SPDX-License-Identifier: GPL-2.0-or-later
"""A domain XML of docs/libvirt, made to fit the box: the box's files instead of the reader's, its memory and
its devices. All that concerns the SMMU, PCI, IOMMUFD and the console stays as documented."""
import copy
import xml.etree.ElementTree as ET

PAYLOAD = "/payload"                    # as libvirt sees it in L1
QEMUS = "http://libvirt.org/schemas/domain/qemu/1.0"     # the namespace of <qemu:commandline>
MEMORY_MIB, VCPUS = 512, 2


def set_text(root, path, text, **attributes):
    node = root.find(path)
    node.text = text
    node.attrib.clear()
    node.attrib.update(attributes)


def set_source(hostdev, address):
    """address as in sysfs: 0000:01:00.0"""
    domain, bus, rest = address.split(":")
    slot, function = rest.split(".")
    node = hostdev.find("source/address")
    node.attrib.update(domain="0x" + domain, bus="0x" + bus, slot="0x" + slot, function="0x" + function)


def adapt(path, devices, append):
    """(the domain, a hostdev for virsh attach-device): the documented hostdevs get the first of the devices, in order.

    The guest boots from its initramfs, so its disk goes; the hostdev to be attached takes the disk's place, and the first
    device behind the others'.
    """
    ET.register_namespace("qemu", QEMUS)
    root = ET.parse(path).getroot()
    set_text(root, "memory", str(MEMORY_MIB), unit="MiB")
    set_text(root, "vcpu", str(VCPUS), placement="static")
    set_text(root, "os/kernel", PAYLOAD + "/Image")
    set_text(root, "os/initrd", PAYLOAD + "/l2.cpio")
    set_text(root, "os/cmdline", append)
    set_text(root, "devices/emulator", PAYLOAD + "/qemu-system-aarch64-smmuv3-accel")
    disk = root.find("devices/disk")
    root.find("devices").remove(disk)
    hostdevs = root.findall("devices/hostdev")
    late = copy.deepcopy(hostdevs[0])
    late.find("address").attrib.update(disk.find("address").attrib)
    for hostdev, address in zip([*hostdevs, late], devices):
        set_source(hostdev, address)
    return ET.tostring(root, encoding="unicode"), ET.tostring(late, encoding="unicode")
