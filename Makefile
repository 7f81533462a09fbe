# SPDX-License-Identifier: GPL-2.0-or-later
#
# A thin front: each target is a script of the same name (qemu is a few), which can as well be run by itself.
# Everything made goes to build/, or to $SMMUV3_BUILD.

.PHONY: help demo host-check check check-fast fuzz coverage qemu deb bench compare clean

help:
	@echo 'make demo         sets everything up, boots the box, lets a guest read and write an NVMe disk behind our SMMUv3'
	@echo 'make demo DEVICE=0000:01:00.0'
	@echo '                  the same on an arm64 server, as root: that PCI device, which nothing may use, is lent to a guest'
	@echo 'make host-check   builds and runs smmuv3-accel-check for this machine; ARGS are its arguments'
	@echo 'make check-fast   the tests that need no QEMU'
	@echo 'make fuzz         libFuzzer on the engine, ten minutes for each target'
	@echo 'make coverage     how much of engine/ the tests without QEMU reach'
	@echo 'make check        all tests, from nothing'
	@echo 'make qemu         build/native/qemu-system-aarch64 (this machine, TCG), build/aarch64/... (arm64, KVM)'
	@echo 'make deb          that QEMU for arm64 as a Debian package, beside Debian'\''s, in build/deb/'
	@echo 'make bench        what our SMMU costs, beside Debian'\''s newest QEMU and the bare host: about half an hour'
	@echo 'make compare      ours beside Debian'\''s newest QEMU: conformance, random queues, bursts'
	@echo 'make clean        removes what was made; keeps what was downloaded'

demo:
	@scripts/demo $(DEVICE)

check check-fast fuzz coverage deb bench compare:
	@scripts/$@

host-check:
	@scripts/host-check $(ARGS)

qemu:
	@scripts/qemu-build native
	@scripts/qemu-build aarch64

clean:
	@scripts/clean
