/*
 * A guest in memory: its RAM, its stream table, its command queue.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * SMMUv3FrontendOps over a flat buffer at an IPA base, with holes that cannot
 * be read. A hook is called behind every read, because a guest may change its
 * memory at any time. Builders make STEs, descriptors and commands.
 */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include <glib.h>

#include "cmdq.h"
#include "smmuv3-decode.h"
#include "smmuv3-engine.h"
#include "smmuv3/ste.h"

#define GUEST_BASE UINT64_C(0x40000000)
#define GUEST_SIZE (16 * 1024 * 1024)

typedef struct Guest Guest;

/*
 * Callbacks for the effects of registers. write NULL is guest_write(). Without
 * irq or resume, a call of it fails the test.
 */
typedef struct GuestHooks {
    int (*write)(void *opaque, uint64_t addr, const void *buf, size_t len);
    void (*irq)(void *opaque, SMMUv3Irq irq);
    void (*resume)(void *opaque, unsigned delay_ms);
    void (*recorded)(void *opaque, const SMMUv3EventRecord *records,
                     unsigned n, unsigned written, bool lost);
} GuestHooks;

struct Guest {
    uint8_t *mem;
    GArray *holes;              /* pairs of addresses: first, end */
    GHashTable *vsids;          /* cookie -> vSID + 1 */
    unsigned reads;             /* calls of read() and read_words() */
    unsigned vsid_calls;
    unsigned sync_irqs;
    unsigned msis;              /* calls of guest_msi() */
    uint64_t doorbell;          /* MSIs there are not quiet */
    bool quiet;                 /* callbacks of loud runs fail the test */
    unsigned failures;          /* calls of stream_failed() */
    SMMUv3HostCall failed_call; /* of the last stream_failed() */
    unsigned waited_ms;         /* in queue_run(), for the host */
    unsigned consumed;          /* commands that consumed() was given */
    unsigned signalled_at;      /* consumed, when a CMD_SYNC was signalled */
    uint64_t classes[SMMUV3_CLASSES];   /* of consumed */
    int events_fd;              /* watched; -1: none */
    unsigned events_failures;   /* calls of events_failed() */
    void (*after_read)(Guest *g, uint64_t addr, size_t len);
    void (*on_sync_irq)(Guest *g);
    void (*on_msi)(Guest *g, uint64_t addr, uint32_t data);
    void (*on_consumed)(Guest *g, const SMMUv3Cmd *cmds, uint32_t n);
    void *hook_data;
    const GuestHooks *hooks;    /* NULL: none */
    void *hooks_opaque;
};

extern const SMMUv3FrontendOps guest_ops;

/* Copies into RAM; -EFAULT for a hole, or an address outside. */
int guest_write(Guest *g, uint64_t addr, const void *buf, size_t len);

/* SMMUv3FrontendOps.msi: stores a word in RAM. */
int guest_msi(void *opaque, uint64_t addr, uint32_t data);

/* @hooks and @opaque are borrowed. */
void guest_hook(Guest *g, const GuestHooks *hooks, void *opaque);

Guest *guest_new(void);
void guest_free(Guest *g);

/* A pointer into RAM. [addr, addr + len) must lie in it. */
void *guest_at(Guest *g, uint64_t addr, size_t len);
uint32_t guest_read32(Guest *g, uint64_t addr);
void guest_write64(Guest *g, uint64_t addr, uint64_t value);
void guest_hole(Guest *g, uint64_t addr, uint64_t len);
void guest_no_holes(Guest *g);
void guest_set_vsid(Guest *g, void *cookie, uint32_t vsid);
void guest_clear_vsid(Guest *g, void *cookie);

/* STEs, words 0 and 1 only. */
SMMUv3Ste ste_invalid(void);
SMMUv3Ste ste_config(unsigned config);
SMMUv3Ste ste_s1(uint64_t context_ptr);

/* Word 0 of the STEs that the engine makes for abort and bypass. */
#define ABORT_STE (ste_config(SMMUV3_STE_CONFIG_ABORT).dw[0])
#define BYPASS_STE (ste_config(SMMUV3_STE_CONFIG_BYPASS).dw[0])

/* Make a stream table, and fill @regs in, with SMMUEN=1. */
void strtab_linear(Guest *g, SMMUv3StreamRegs *regs, uint64_t addr,
                   unsigned log2size);
void strtab_2lvl(Guest *g, SMMUv3StreamRegs *regs, uint64_t addr,
                 unsigned log2size, unsigned split);
void strtab_set_l1(Guest *g, const SMMUv3StreamRegs *regs, uint32_t index,
                   uint64_t l2ptr, unsigned span);
/* Linear tables only. */
void strtab_set(Guest *g, const SMMUv3StreamRegs *regs, uint32_t sid,
                SMMUv3Ste ste);
void guest_write_ste(Guest *g, uint64_t addr, SMMUv3Ste ste);

/* Commands. */
SMMUv3Cmd cmd_raw(uint64_t dw0, uint64_t dw1);
SMMUv3Cmd cmd_sync(unsigned cs);
SMMUv3Cmd cmd_sync_msi(uint64_t addr, uint32_t data);
SMMUv3Cmd cmd_cfgi_ste(uint32_t sid);
SMMUv3Cmd cmd_cfgi_range(uint32_t sid, unsigned range);
SMMUv3Cmd cmd_cfgi_cd(uint32_t sid, uint32_t ssid);
SMMUv3Cmd cmd_tlbi_va(uint16_t asid, uint64_t va);
SMMUv3Cmd cmd_atc_inv(uint32_t sid, uint64_t addr, unsigned size);

/* A command queue; PROD and CONS carry the wrap bit at log2size. */
typedef struct GuestQueue {
    Guest *guest;
    uint64_t addr;
    unsigned log2size;
    SMMUv3CmdqRegs regs;
} GuestQueue;

void queue_init(GuestQueue *q, Guest *g, uint64_t addr, unsigned log2size);

/* Starts both indices at @at (with its wrap bit). The queue is empty. */
void queue_seek(GuestQueue *q, uint32_t at);
void queue_push(GuestQueue *q, SMMUv3Cmd cmd);

/* Overwrites the command @ahead of CONS, as a driver does on an error. */
void queue_patch(GuestQueue *q, uint32_t ahead, SMMUv3Cmd cmd);
uint32_t queue_pending(const GuestQueue *q);

/*
 * Runs one slice. Asserts that consumed() was given the commands that CONS has
 * passed, and that CONS has passed each CMD_SYNC that was signalled.
 */
SMMUv3CmdqResult queue_run_once(GuestQueue *q, SMMUv3Engine *e);

/* Runs slices for as long as the queue waits for the host. */
SMMUv3CmdqResult queue_run(GuestQueue *q, SMMUv3Engine *e);

#endif
