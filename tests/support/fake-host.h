/*
 * The port in memory: a host kernel that keeps the rules and remembers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stands in for IOMMUFD and the arm-smmu-v3 driver of Linux 7.3 behind
 * SMMUv3HostOps, or for older ones where their rules differ (FakeRules). It
 * refuses what the kernel refuses, with the kernel's errno,
 * keeps a journal of every call and of every command that reached the
 * "hardware", and fails on request. All state is visible: tests read it.
 *
 * A request that breaks a rule without having been asked to fail is counted
 * in rule_breaks; a correct engine never raises that number.
 */
#ifndef TESTS_FAKE_HOST_H
#define TESTS_FAKE_HOST_H

#include <stdbool.h>
#include <glib.h>

#include "smmuv3-host.h"

typedef enum FakeCall {
    FAKE_GET_INFO,
    FAKE_VIOMMU_ALLOC,
    FAKE_VDEVICE_ALLOC,
    FAKE_HWPT_ALLOC,
    FAKE_ATTACH,
    FAKE_DETACH,
    FAKE_INVALIDATE,
    FAKE_VEVENTQ_ALLOC,
    FAKE_VEVENTQ_READ,
    FAKE_VEVENTQ_CLOSE,         /* cannot fail */
    FAKE_DESTROY,
    FAKE_CALLS,                 /* the number of kinds; "any" when failing */
} FakeCall;

typedef enum FakeKind {
    FAKE_PARENT,
    FAKE_VIOMMU,
    FAKE_VDEVICE,
    FAKE_NESTED,
    FAKE_VEVENTQ,
} FakeKind;

/*
 * Which nested HWPTs a device without a vDEVICE is not attached to, ENOENT:
 * arm_smmu_attach_prepare_vmaster() of three stretches of Linux.
 */
typedef enum FakeRules {
    FAKE_RULES_6_19,            /* and newer: those that translate */
    FAKE_RULES_6_15,            /* to 6.18: all, abort and bypass included */
    FAKE_RULES_6_13,            /* and 6.14: none; there is no vEVENTQ, too */
} FakeRules;

/* Of a new host: "6.13", "6.15" or "6.19", without which it is the last. */
#define FAKE_RULES_ENV "SMMUV3_HOST_RULES"

/* A physical SMMU. Owned by its host. */
typedef struct FakeSmmu {
    SMMUv3HostInfo info;
} FakeSmmu;

/* An IOMMUFD object. */
typedef struct FakeObject {
    FakeKind kind;
    SMMUv3HostId id;
    FakeSmmu *smmu;
    SMMUv3HostId of;            /* vIOMMU: its parent; the others: vIOMMU */
    SMMUv3HostDevice *dev;      /* vDEVICE */
    uint32_t vsid;              /* vDEVICE */
    uint64_t ste[2];            /* nested HWPT, as it was given */
    GArray *events;             /* vEVENTQ: of SMMUv3HostEvent */
    uint32_t depth;
    uint32_t sequence;          /* of its next event */
    bool fd_open;
} FakeObject;

/* One line of the journal. */
typedef struct FakeRecord {
    FakeCall call;
    SMMUv3HostDevice *dev;
    SMMUv3HostId id;            /* what was made, attached or destroyed */
    uint32_t n;                 /* entries of an invalidate */
    int ret;
} FakeRecord;

struct SMMUv3HostDevice {
    SMMUv3Host *host;
    FakeSmmu *smmu;             /* NULL: behind an IOMMU of another kind */
    SMMUv3HostId parent;        /* where the device starts */
    SMMUv3HostId pt;            /* attached to; 0: blocked */
    SMMUv3HostId vdevice;       /* 0: none */
    SMMUv3HostId tells;         /* the vIOMMU that learns of faults; 0: none */
    uint32_t tells_vsid;        /* ...under this number */
    unsigned group;             /* IOMMU group; 0: alone. Set by the test */
    bool no_ats;                /* set by the test, as what follows */
    unsigned pasid_bits;
    bool pasid_exec, pasid_priv;
};

struct SMMUv3Host {
    FakeRules rules;            /* the test may set it */
    GHashTable *objects;        /* id -> FakeObject */
    GPtrArray *devices;
    GPtrArray *smmus;
    SMMUv3HostId last_id;       /* ids are never handed out twice */

    GArray *journal;            /* of FakeRecord */
    GArray *issued;             /* of SMMUv3Cmd, as the caller wrote them */
    GArray *reached;            /* these, and a CFGI_STE of the kernel's own,
                                   with the vSID, for each STE it changed */
    GArray *rounds;             /* of unsigned, for each of those: all of lower
                                   rounds were complete before it began */
    unsigned round;
    unsigned calls[FAKE_CALLS + 1]; /* the last: of any kind */
    unsigned all_calls[FAKE_CALLS]; /* never forgotten, as what follows */
    uint64_t all_entries;       /* of invalidates */
    unsigned rule_breaks;
    unsigned unknown_ids;       /* of these: destroyed twice, or never made */
    unsigned busy_destroys;     /* of these: destroyed while in use */

    unsigned fail_countdown[FAKE_CALLS + 1];
    int fail_errno[FAKE_CALLS + 1];
    bool injected;              /* a countdown has run out; fails() did */

    /* NULL, or asked before each call: a positive errno to fail, or 0 */
    int (*fails)(SMMUv3Host *h, FakeCall call);
    /* NULL, or told after each call, its effect included */
    void (*watch)(SMMUv3Host *h, const FakeRecord *r);
    void *hook_data;

    uint32_t nomem_from;        /* so many entries: ENOMEM; 0: never */
    bool atc_timeout;           /* a block with an ATC_INV in it times out */
    uint32_t atc_dead[4];       /* the same for ATC_INVs of these vSIDs... */
    unsigned n_atc_dead;        /* ...so many; 0: all answer */
    unsigned issue_countdown;   /* the k-th command from now takes its... */
    int issue_errno;            /* ...block with it */
    bool issue_for_good;        /* ...and every invalidate from then on */
    int gone_errno;             /* so it is now; 0: it is not */
    bool lying;                 /* a failed invalidate counts this many */
    uint32_t lie;
    bool refusing;              /* EIO for a command whose word 1 equals... */
    uint64_t refused_dw1;
    bool (*refuses)(const SMMUv3Cmd *cmd); /* NULL; EIO where it says so */
};

extern const SMMUv3HostOps fake_host_ops;

SMMUv3Host *fake_host_new(void);

/* Asserts fake_host_assert_clean() first. */
void fake_host_free(SMMUv3Host *h);

/* Frees whatever is left. For tests that failed a destroy on purpose. */
void fake_host_discard(SMMUv3Host *h);

FakeSmmu *fake_smmu_new(SMMUv3Host *h, const uint32_t idr[6]);
SMMUv3HostId fake_parent_new(SMMUv3Host *h, FakeSmmu *smmu);

/*
 * Whether another device is in the group of @dev. What attaches, replaces or
 * detaches one of a group does it to all of them: iommufd/device.c.
 */
bool fake_device_shares_group(const SMMUv3HostDevice *dev);

/* Attached to @parent. @smmu NULL: no SMMUv3 (then @parent is 0). */
SMMUv3HostDevice *fake_device_new(SMMUv3Host *h, FakeSmmu *smmu,
                                  SMMUv3HostId parent);

/*
 * The @nth (from 1) call of kind @call from now on, FAKE_CALLS for any, fails
 * once with @err (positive errno) and changes nothing. 0 disarms.
 */
void fake_host_fail_nth(SMMUv3Host *h, FakeCall call, unsigned nth, int err);

/* The block with the @kth command (from 1) from now on is lost, once. */
void fake_host_fail_issue(SMMUv3Host *h, unsigned kth, int err);

/* From that block on no invalidate works; 0 brings the host back. */
void fake_host_go_away(SMMUv3Host *h, unsigned kth, int err);

/* Refuses each command with this word 1 until told otherwise. */
void fake_host_refuse(SMMUv3Host *h, uint64_t dw1);
void fake_host_accept(SMMUv3Host *h);

/*
 * A fault of @dev, record as the SMMU would write it, but for the StreamID:
 * the kernel puts the vSID there that @dev had when it was attached (its
 * vmaster). False if nobody could be told.
 */
bool fake_host_fault(SMMUv3Host *h, SMMUv3HostDevice *dev,
                     SMMUv3EventRecord record);

/* The object behind a vEVENTQ's descriptor. */
#define FAKE_VEVENTQ_FD(id) (1000 + (int)(id))

/*
 * Linux' count of an invalidate of @n that failed with @ret, a negative errno,
 * in its first block or before: see smmuv3-host.h.
 */
uint32_t fake_failed_count(int ret, uint32_t n);

/*
 * How many invalidates the journal has behind the first that timed out: each
 * may take a second.
 */
unsigned fake_calls_after_timeout(const SMMUv3Host *h);

/* Empties the journal, the issued commands and the counters. */
void fake_host_forget(SMMUv3Host *h);

/*
 * Only parents exist, no device has a vDEVICE, and each device is attached to
 * its parent or blocked.
 */
void fake_host_assert_clean(const SMMUv3Host *h);

FakeObject *fake_object(const SMMUv3Host *h, SMMUv3HostId id);
unsigned fake_objects(const SMMUv3Host *h, FakeKind kind);

/* Where @dev is attached; the word 0 of the STE, 0 unless it is nested. */
uint64_t fake_device_ste0(const SMMUv3HostDevice *dev);
bool fake_device_on_parent(const SMMUv3HostDevice *dev);

const SMMUv3Cmd *fake_issued(const SMMUv3Host *h, guint i);

/* Would Linux 7.3 take @cmd on @info's SMMU? vSIDs are not looked at. */
bool fake_kernel_accepts(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd);

#endif
