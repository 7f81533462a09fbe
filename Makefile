# SPDX-License-Identifier: GPL-2.0-or-later
#
# A thin front: each target is a script of the same name (qemu is a few), which can as well be run by itself.
# Everything made goes to build/, or to $SMMUV3_BUILD.

.PHONY: help demo host-check check check-fast fuzz coverage qemu deb bench compare clean

help:
	@echo 'make demo         a guest with an accelerated SMMUv3, on an emulated host, from nothing'
	@echo 'make host-check   is this host able? With ARGS=0000:01:00.0: and is this device?'
	@echo 'make check-fast   the tests that need no QEMU'
	@echo 'make fuzz         libFuzzer on the engine, ten minutes for each target'
	@echo 'make coverage     what of the engine those tests reach'
	@echo 'make check        all tests, the box included'
	@echo 'make qemu         build/native/qemu-system-aarch64 (this machine, TCG), build/aarch64/... (arm64, KVM)'
	@echo 'make deb          that QEMU for arm64 as a Debian package, beside Debian'\''s, in build/deb/'
	@echo 'make bench        what a forwarded command costs in the engine'
	@echo 'make compare      ours beside Debian'\''s newest QEMU: conformance, random queues, bursts'
	@echo 'make clean        removes what was made; keeps what was downloaded'

demo check check-fast fuzz coverage deb bench compare:
	@scripts/$@

host-check:
	@scripts/host-check $(ARGS)

qemu:
	@scripts/qemu-build native
	@scripts/qemu-build aarch64

clean:
	@scripts/clean
