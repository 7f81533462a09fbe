/*
 * The port in memory: a host kernel that keeps the rules and remembers.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stands in for IOMMUFD and the arm-smmu-v3 driver of Linux 7.3 behind
 * SMMUv3HostOps, or of older kernels where their rules differ (FakeRules). It
 * refuses what the kernel refuses, with the kernel's errno. It keeps a journal
 * of every call and of every command that reached the "hardware", and fails on
 * request. Its state is public, because tests read it.
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
    FAKE_CALLS,                 /* how many; to fail: any call */
} FakeCall;

typedef enum FakeKind {
    FAKE_PARENT,
    FAKE_VIOMMU,
    FAKE_VDEVICE,
    FAKE_NESTED,
    FAKE_VEVENTQ,
} FakeKind;

/*
 * Which nested HWPTs refuse a device without a vDEVICE, ENOENT, by version of
 * Linux: arm_smmu_attach_prepare_vmaster().
 */
typedef enum FakeRules {
    FAKE_RULES_6_19,            /* 6.19 on: HWPTs that translate */
    FAKE_RULES_6_15,            /* 6.15 to 6.18: all HWPTs */
    FAKE_RULES_6_13,            /* 6.13, 6.14: none; there is no vEVENTQ */
} FakeRules;

/* A new host's rules: "6.13", "6.15" or "6.19"; 6.19 if it is not set. */
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
    SMMUv3HostId of;            /* vIOMMU: its parent; others: its vIOMMU */
    SMMUv3HostDevice *dev;      /* vDEVICE */
    uint32_t vsid;              /* vDEVICE */
    uint64_t ste[2];            /* nested HWPT, as it was given */
    GArray *events;             /* vEVENTQ, here on: SMMUv3HostEvents */
    uint32_t depth;
    uint32_t sequence;          /* the next event's */
    bool fd_open;
} FakeObject;

/* One line of the journal. */
typedef struct FakeRecord {
    FakeCall call;
    SMMUv3HostDevice *dev;
    SMMUv3HostId id;            /* made, attached to or destroyed */
    uint32_t n;                 /* invalidate: its entries */
    int ret;
} FakeRecord;

struct SMMUv3HostDevice {
    SMMUv3Host *host;
    FakeSmmu *smmu;             /* NULL: behind an IOMMU of another kind */
    SMMUv3HostId parent;        /* the HWPT that it is attached to at first */
    SMMUv3HostId pt;            /* the HWPT it is attached to; 0: blocked */
    SMMUv3HostId vdevice;       /* 0: none */
    SMMUv3HostId tells;         /* the vIOMMU that gets its faults; 0: none */
    uint32_t tells_vsid;        /* the vSID of its faults */
    unsigned group;             /* set by the test: IOMMU group; 0: alone */
    bool no_ats;                /* set by the test */
    unsigned pasid_bits;        /* set by the test */
    bool pasid_exec, pasid_priv; /* set by the test */
};

struct SMMUv3Host {
    FakeRules rules;            /* the test may set it */
    GHashTable *objects;        /* id -> FakeObject */
    GPtrArray *devices;
    GPtrArray *smmus;
    SMMUv3HostId last_id;       /* ids are never handed out twice */

    GArray *journal;            /* FakeRecords */
    GArray *issued;             /* SMMUv3Cmds, as the caller wrote them */
    GArray *reached;            /* issued commands, and the kernel's own
                                   CFGI_STE of a vSID whose STE changed */
    GArray *rounds;             /* unsigned, the round of each in reached: all
                                   lower rounds were complete before it */
    unsigned round;
    unsigned calls[FAKE_CALLS + 1]; /* the last: of any kind */
    unsigned all_calls[FAKE_CALLS]; /* not emptied by fake_host_forget() */
    uint64_t all_entries;       /* of invalidates; not emptied either */
    unsigned rule_breaks;
    unsigned unknown_ids;       /* rule breaks: destroyed twice, or not made */
    unsigned busy_destroys;     /* rule breaks: destroyed while in use */

    unsigned fail_countdown[FAKE_CALLS + 1];
    int fail_errno[FAKE_CALLS + 1];
    bool injected;              /* a countdown, or fails(), failed a call */

    /* Called before each call: 0, or a positive errno to fail; may be NULL */
    int (*fails)(SMMUv3Host *h, FakeCall call);
    /* Called after each call, which has had its effect; may be NULL */
    void (*watch)(SMMUv3Host *h, const FakeRecord *r);
    void *hook_data;

    uint32_t nomem_from;        /* ENOMEM from so many entries on; 0: never */
    bool atc_timeout;           /* a block with any ATC_INV times out */
    uint32_t atc_dead[4];       /* a block with an ATC_INV of these does */
    unsigned n_atc_dead;        /* how many vSIDs there are in atc_dead */
    unsigned issue_countdown;   /* the k-th command from now fails its block */
    int issue_errno;            /* the errno of that failure */
    bool issue_for_good;        /* from then on every invalidate fails */
    int gone_errno;             /* every invalidate fails now; 0: none does */
    bool lying;                 /* a failed invalidate reports lie as count */
    uint32_t lie;
    bool refusing;              /* EIO for commands with refused_dw1 */
    uint64_t refused_dw1;
    bool (*refuses)(const SMMUv3Cmd *cmd); /* true: EIO; may be NULL */
};

extern const SMMUv3HostOps fake_host_ops;

SMMUv3Host *fake_host_new(void);

/* Asserts fake_host_assert_clean() first. */
void fake_host_free(SMMUv3Host *h);

/* Asserts nothing, for tests that failed a destroy on purpose. */
void fake_host_discard(SMMUv3Host *h);

FakeSmmu *fake_smmu_new(SMMUv3Host *h, const uint32_t idr[6]);
SMMUv3HostId fake_parent_new(SMMUv3Host *h, FakeSmmu *smmu);

/*
 * Is another device in the group of @dev? Attaching, replacing or detaching one
 * device of a group does so for all: iommufd/device.c.
 */
bool fake_device_shares_group(const SMMUv3HostDevice *dev);

/* A device attached to @parent. @smmu NULL: no SMMUv3 (then @parent is 0). */
SMMUv3HostDevice *fake_device_new(SMMUv3Host *h, FakeSmmu *smmu,
                                  SMMUv3HostId parent);

/*
 * Has the @nth (from 1) call of kind @call from now on, FAKE_CALLS for any,
 * fail once with @err (positive errno) and change nothing. @nth 0 disarms.
 */
void fake_host_fail_nth(SMMUv3Host *h, FakeCall call, unsigned nth, int err);

/* Has the block with the @kth command (from 1) from now on fail once. */
void fake_host_fail_issue(SMMUv3Host *h, unsigned kth, int err);

/* Has all invalidates from that block on fail; @kth 0 brings the host back. */
void fake_host_go_away(SMMUv3Host *h, unsigned kth, int err);

/* Refuses each command with word 1 @dw1 until fake_host_accept(). */
void fake_host_refuse(SMMUv3Host *h, uint64_t dw1);
void fake_host_accept(SMMUv3Host *h);

/*
 * A fault of @dev, with @record as the SMMU would write it, except for the
 * StreamID: the kernel puts the vSID there that @dev had when it was attached
 * (its vmaster). False: no vEVENTQ could take it.
 */
bool fake_host_fault(SMMUv3Host *h, SMMUv3HostDevice *dev,
                     SMMUv3EventRecord record);

/* The descriptor of the vEVENTQ @id. */
#define FAKE_VEVENTQ_FD(id) (1000 + (int)(id))

/*
 * Linux' count of an invalidate of @n that failed with @ret, a negative errno,
 * in its first block or before: see smmuv3-host.h.
 */
uint32_t fake_failed_count(int ret, uint32_t n);

/*
 * How many invalidates the journal has behind the first that timed out. They
 * are bounded, because each may take a second.
 */
unsigned fake_calls_after_timeout(const SMMUv3Host *h);

/* Empties the journal, the issued commands and the counters. */
void fake_host_forget(SMMUv3Host *h);

/*
 * Asserts that only parents exist, no device has a vDEVICE, and each device is
 * attached to its parent or blocked.
 */
void fake_host_assert_clean(const SMMUv3Host *h);

FakeObject *fake_object(const SMMUv3Host *h, SMMUv3HostId id);
unsigned fake_objects(const SMMUv3Host *h, FakeKind kind);

/* Word 0 of the STE of the nested HWPT that @dev is attached to; else 0. */
uint64_t fake_device_ste0(const SMMUv3HostDevice *dev);
bool fake_device_on_parent(const SMMUv3HostDevice *dev);

const SMMUv3Cmd *fake_issued(const SMMUv3Host *h, guint i);

/* Would Linux 7.3 take @cmd on @info's SMMU, whatever its vSID? */
bool fake_kernel_accepts(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd);

#endif
