/*
 * What the parts of the fake host share. See fake-host.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_FAKE_HOST_INTERNAL_H
#define TESTS_FAKE_HOST_INTERNAL_H

#include "fake-host.h"

/* Counts the call. 0, or the negative errno with which it is to fail. */
int fake_called(SMMUv3Host *h, FakeCall call);

/* Adds a line to the journal; returns @ret. */
int fake_record(SMMUv3Host *h, FakeCall call, SMMUv3HostDevice *dev,
                SMMUv3HostId id, uint32_t n, int ret);

/* Counts a broken rule; returns -@err. */
int fake_broken(SMMUv3Host *h, int err);

/* Hands @cmds to the hardware, in the present round. */
void fake_reach(SMMUv3Host *h, const SMMUv3Cmd *cmds, uint32_t n);

/* fake-objects.c */
SMMUv3HostId fake_object_new(SMMUv3Host *h, FakeObject o);
void fake_free_object(gpointer p);
FakeObject *fake_object_of_kind(SMMUv3Host *h, SMMUv3HostId id,
                                FakeKind kind);
FakeObject *fake_find_vdevice(const SMMUv3Host *h, SMMUv3HostId viommu,
                              uint32_t vsid);

/* SMMUv3HostOps.invalidate; fake-invalidate.c */
int fake_invalidate(SMMUv3Host *h, SMMUv3HostId viommu, const SMMUv3Cmd *cmds,
                    uint32_t n, uint32_t *done);

#endif
