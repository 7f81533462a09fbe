# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the QEMU with sanitizers has (scripts/qemu-build asan): the virt machine, and what operations.py and the nested
# cases put into it. Configured without default devices, because the rest would take longer to compile than to test.

CONFIG_ARM_VIRT=y
CONFIG_PCI_BRIDGE=y
CONFIG_PCIE_PORT=y
CONFIG_PCIE_PCI_BRIDGE=y
CONFIG_PXB=y
CONFIG_CXL=y
CONFIG_CXL_MEM_DEVICE=y
CONFIG_XIO3130=y
CONFIG_EDU=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_VFIO_PCI=y
CONFIG_IOMMUFD=y
