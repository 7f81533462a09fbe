/*
 * A guest in memory. See guest.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "guest.h"

static bool readable(const Guest *g, uint64_t addr, size_t len)
{
    if (addr < GUEST_BASE || len > GUEST_SIZE ||
        addr - GUEST_BASE > GUEST_SIZE - len) {
        return false;
    }
    for (guint i = 0; i < g->holes->len; i += 2) {
        if (addr < g_array_index(g->holes, uint64_t, i + 1) &&
            addr + len > g_array_index(g->holes, uint64_t, i)) {
            return false;
        }
    }
    return true;
}

static int guest_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
    Guest *g = opaque;

    g->reads++;
    if (!readable(g, addr, len)) {
        return -EFAULT;
    }
    memcpy(buf, g->mem + (addr - GUEST_BASE), len);
    if (g->after_read) {
        g->after_read(g, addr, len);
    }
    return 0;
}

/* Asserts alignment, because the engine has to see to that. */
static int guest_read_words(void *opaque, uint64_t addr, uint64_t *words,
                            size_t n)
{
    Guest *g = opaque;

    g_assert_false(g->quiet);
    g_assert_cmpuint(addr % 8, ==, 0);
    return guest_read(g, addr, words, n * sizeof(*words));
}

static void guest_sync_irq(void *opaque)
{
    Guest *g = opaque;

    g_assert_false(g->quiet);
    g->sync_irqs++;
    g->signalled_at = g->consumed;
    if (g->on_sync_irq) {
        g->on_sync_irq(g);
    }
}

int guest_msi(void *opaque, uint64_t addr, uint32_t data)
{
    Guest *g = opaque;
    uint32_t word = GUINT32_TO_LE(data);

    g_assert_cmpuint(addr % 4, ==, 0);
    g->msis++;
    g->signalled_at = g->consumed;
    if (g->on_msi) {
        g->on_msi(g, addr, data);
    }
    return guest_write(g, addr, &word, sizeof(word));
}

static int guest_store(void *opaque, uint64_t addr, const void *buf,
                       size_t len)
{
    Guest *g = opaque;

    return g->hooks && g->hooks->write
           ? g->hooks->write(g->hooks_opaque, addr, buf, len)
           : guest_write(g, addr, buf, len);
}

static void guest_irq(void *opaque, SMMUv3Irq irq)
{
    Guest *g = opaque;

    g_assert_true(g->hooks && g->hooks->irq);
    g->hooks->irq(g->hooks_opaque, irq);
}

static void guest_resume(void *opaque, unsigned delay_ms)
{
    Guest *g = opaque;

    g_assert_true(g->hooks && g->hooks->resume);
    g->hooks->resume(g->hooks_opaque, delay_ms);
}

static void guest_recorded(void *opaque, const SMMUv3EventRecord *records,
                           unsigned n, unsigned written, bool lost)
{
    Guest *g = opaque;

    if (g->hooks && g->hooks->recorded) {
        g->hooks->recorded(g->hooks_opaque, records, n, written, lost);
    }
}

void guest_hook(Guest *g, const GuestHooks *hooks, void *opaque)
{
    g->hooks = hooks;
    g->hooks_opaque = opaque;
}

static bool guest_msi_is_quiet(void *opaque, uint64_t addr)
{
    Guest *g = opaque;

    return addr != g->doorbell;
}

/* By opcode, 4.1.3 */
static SMMUv3CommandClass class_of(const SMMUv3Cmd *cmd)
{
    switch (cmd->dw[0] & 0xff) {
    case 0x01: case 0x02:
        return SMMUV3_CLASS_PREFETCH;
    case 0x03: case 0x04:
        return SMMUV3_CLASS_CFGI_STE;
    case 0x05: case 0x06:
        return SMMUV3_CLASS_CFGI_CD;
    case 0x40:
        return SMMUV3_CLASS_ATC_INV;
    case 0x46:
        return SMMUV3_CLASS_SYNC;
    default:
        return SMMUV3_CLASS_TLBI;
    }
}

static void guest_consumed(void *opaque, const SMMUv3Cmd *cmds, uint32_t n)
{
    Guest *g = opaque;

    g->consumed += n;
    for (uint32_t i = 0; i < n; i++) {
        g->classes[class_of(&cmds[i])]++;
    }
    if (g->on_consumed) {
        g->on_consumed(g, cmds, n);
    }
}

static bool guest_vsid(void *opaque, void *cookie, uint32_t *vsid)
{
    Guest *g = opaque;
    guint found = GPOINTER_TO_UINT(g_hash_table_lookup(g->vsids, cookie));

    g_assert_false(g->quiet);
    g->vsid_calls++;
    if (found) {
        *vsid = found - 1;
    }
    return found != 0;
}

static void guest_stream_failed(void *opaque, void *cookie,
                                SMMUv3HostCall call, int err)
{
    Guest *g = opaque;

    g_assert_false(g->quiet);
    g_assert_nonnull(cookie);
    g_assert_cmpint(err, <, 0);
    g->failures++;
    g->failed_call = call;
}

static void guest_watch(void *opaque, int fd)
{
    Guest *g = opaque;

    g_assert_false(g->quiet);
    g->events_fd = fd;
}

static void guest_events_failed(void *opaque, int err)
{
    Guest *g = opaque;

    g_assert_false(g->quiet);
    g_assert_cmpint(err, <, 0);
    g->events_failures++;
}

const SMMUv3FrontendOps guest_ops = {
    .size = sizeof(SMMUv3FrontendOps),
    .write = guest_store,
    .irq = guest_irq,
    .resume = guest_resume,
    .recorded = guest_recorded,
    .read = guest_read,
    .read_words = guest_read_words,
    .sync_irq = guest_sync_irq,
    .msi = guest_msi,
    .msi_is_quiet = guest_msi_is_quiet,
    .stream_failed = guest_stream_failed,
    .vsid = guest_vsid,
    .consumed = guest_consumed,
    .watch = guest_watch,
    .events_failed = guest_events_failed,
};

Guest *guest_new(void)
{
    Guest *g = g_new0(Guest, 1);

    /* Pages cost only when touched; a fuzzer makes thousands of guests. */
    g->mem = mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(g->mem != MAP_FAILED);
    g->holes = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g->vsids = g_hash_table_new(NULL, NULL);
    g->events_fd = -1;
    return g;
}

void guest_free(Guest *g)
{
    g_assert_cmpint(g->events_fd, ==, -1);
    g_hash_table_destroy(g->vsids);
    g_array_free(g->holes, TRUE);
    munmap(g->mem, GUEST_SIZE);
    g_free(g);
}

int guest_write(Guest *g, uint64_t addr, const void *buf, size_t len)
{
    if (!readable(g, addr, len)) {
        return -EFAULT;
    }
    memcpy(g->mem + (addr - GUEST_BASE), buf, len);
    return 0;
}

void *guest_at(Guest *g, uint64_t addr, size_t len)
{
    g_assert_cmpuint(addr, >=, GUEST_BASE);
    g_assert_cmpuint(addr - GUEST_BASE + len, <=, GUEST_SIZE);
    return g->mem + (addr - GUEST_BASE);
}

uint32_t guest_read32(Guest *g, uint64_t addr)
{
    uint32_t word;

    memcpy(&word, guest_at(g, addr, sizeof(word)), sizeof(word));
    return GUINT32_FROM_LE(word);
}

void guest_write64(Guest *g, uint64_t addr, uint64_t value)
{
    uint64_t le = GUINT64_TO_LE(value);

    memcpy(guest_at(g, addr, sizeof(le)), &le, sizeof(le));
}

void guest_hole(Guest *g, uint64_t addr, uint64_t len)
{
    uint64_t end = addr + len;

    g_array_append_val(g->holes, addr);
    g_array_append_val(g->holes, end);
}

void guest_no_holes(Guest *g)
{
    g_array_set_size(g->holes, 0);
}

void guest_set_vsid(Guest *g, void *cookie, uint32_t vsid)
{
    g_hash_table_insert(g->vsids, cookie, GUINT_TO_POINTER(vsid + 1));
}

void guest_clear_vsid(Guest *g, void *cookie)
{
    g_hash_table_remove(g->vsids, cookie);
}

SMMUv3Ste ste_invalid(void)
{
    return (SMMUv3Ste) { { 0 } };
}

SMMUv3Ste ste_config(unsigned config)
{
    SMMUv3Ste ste = { { 0 } };

    ste.dw[0] = SMMUV3_STE0_V | SMMUV3_PREP(SMMUV3_STE0_CONFIG, config);
    return ste;
}

/* As Linux writes it: one CD, write-back caches, inner shareable. */
SMMUv3Ste ste_s1(uint64_t context_ptr)
{
    SMMUv3Ste ste = ste_config(SMMUV3_STE_CONFIG_S1);

    ste.dw[0] |= context_ptr & SMMUV3_STE0_S1CONTEXTPTR;
    ste.dw[1] = SMMUV3_PREP(SMMUV3_STE1_S1CIR, 1) |
                SMMUV3_PREP(SMMUV3_STE1_S1COR, 1) |
                SMMUV3_PREP(SMMUV3_STE1_S1CSH, 3);
    return ste;
}

void strtab_linear(Guest *g, SMMUv3StreamRegs *regs, uint64_t addr,
                   unsigned log2size)
{
    size_t len = sizeof(SMMUv3Ste) << log2size;

    memset(guest_at(g, addr, len), 0, len);
    *regs = (SMMUv3StreamRegs) {
        .cr0 = SMMUV3_CR0_SMMUEN,
        .strtab_base = addr,
        .strtab_base_cfg = log2size,
    };
}

void strtab_2lvl(Guest *g, SMMUv3StreamRegs *regs, uint64_t addr,
                 unsigned log2size, unsigned split)
{
    size_t len = (size_t)SMMUV3_L1STD_SIZE << log2size;

    memset(guest_at(g, addr, len >> 6), 0, len >> 6);
    *regs = (SMMUv3StreamRegs) {
        .cr0 = SMMUV3_CR0_SMMUEN,
        .strtab_base = addr,
        .strtab_base_cfg =
            SMMUV3_PREP(SMMUV3_STRTAB_CFG_LOG2SIZE, log2size) |
            SMMUV3_PREP(SMMUV3_STRTAB_CFG_SPLIT, split) |
            SMMUV3_PREP(SMMUV3_STRTAB_CFG_FMT, SMMUV3_STRTAB_2LVL),
    };
}

void strtab_set_l1(Guest *g, const SMMUv3StreamRegs *regs, uint32_t index,
                   uint64_t l2ptr, unsigned span)
{
    guest_write64(g, regs->strtab_base + SMMUV3_L1STD_SIZE * index,
                  (l2ptr & SMMUV3_L1STD_L2PTR) | span);
}

void guest_write_ste(Guest *g, uint64_t addr, SMMUv3Ste ste)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ste.dw); i++) {
        guest_write64(g, addr + 8 * i, ste.dw[i]);
    }
}

void strtab_set(Guest *g, const SMMUv3StreamRegs *regs, uint32_t sid,
                SMMUv3Ste ste)
{
    guest_write_ste(g, regs->strtab_base + sizeof(ste) * sid, ste);
}

SMMUv3Cmd cmd_raw(uint64_t dw0, uint64_t dw1)
{
    return (SMMUv3Cmd) { .dw = { dw0, dw1 } };
}

SMMUv3Cmd cmd_sync(unsigned cs)
{
    return cmd_raw(SMMUV3_CMD_SYNC | SMMUV3_PREP(SMMUV3_SYNC0_CS, cs), 0);
}

/* CS=SIG_IRQ with shareability and attributes, which the SMMU may ignore. */
SMMUv3Cmd cmd_sync_msi(uint64_t addr, uint32_t data)
{
    return cmd_raw(0x46 | 1 << 12 | 3 << 22 | 15 << 24 | (uint64_t)data << 32,
                   addr);
}

SMMUv3Cmd cmd_cfgi_ste(uint32_t sid)
{
    return cmd_raw(SMMUV3_CMD_CFGI_STE | SMMUV3_PREP(SMMUV3_CMD0_SID, sid),
                   SMMUV3_CFGI1_LEAF);
}

SMMUv3Cmd cmd_cfgi_range(uint32_t sid, unsigned range)
{
    return cmd_raw(SMMUV3_CMD_CFGI_STE_RANGE |
                   SMMUV3_PREP(SMMUV3_CMD0_SID, sid), range);
}

SMMUv3Cmd cmd_cfgi_cd(uint32_t sid, uint32_t ssid)
{
    return cmd_raw(SMMUV3_CMD_CFGI_CD | SMMUV3_PREP(SMMUV3_CMD0_SID, sid) |
                   SMMUV3_PREP(SMMUV3_CMD0_SSID, ssid), SMMUV3_CFGI1_LEAF);
}

SMMUv3Cmd cmd_tlbi_va(uint16_t asid, uint64_t va)
{
    return cmd_raw(SMMUV3_CMD_TLBI_NH_VA |
                   SMMUV3_PREP(SMMUV3_TLBI0_ASID, asid),
                   (va & SMMUV3_TLBI1_VA) | SMMUV3_TLBI1_LEAF);
}

SMMUv3Cmd cmd_atc_inv(uint32_t sid, uint64_t addr, unsigned size)
{
    return cmd_raw(SMMUV3_CMD_ATC_INV | SMMUV3_PREP(SMMUV3_CMD0_SID, sid),
                   (addr & SMMUV3_ATC1_ADDR) | size);
}

void queue_init(GuestQueue *q, Guest *g, uint64_t addr, unsigned log2size)
{
    *q = (GuestQueue) {
        .guest = g, .addr = addr, .log2size = log2size,
        .regs = { .base = addr | log2size },
    };
    memset(guest_at(g, addr, sizeof(SMMUv3Cmd) << log2size), 0,
           sizeof(SMMUv3Cmd) << log2size);
}

void queue_seek(GuestQueue *q, uint32_t at)
{
    q->regs.prod = at;
    q->regs.cons = at;
}

static void put(GuestQueue *q, uint32_t at, SMMUv3Cmd cmd)
{
    uint64_t slot = q->addr +
                    sizeof(cmd) * (at & ((1u << q->log2size) - 1));

    guest_write64(q->guest, slot, cmd.dw[0]);
    guest_write64(q->guest, slot + 8, cmd.dw[1]);
}

static uint32_t wrap_mask(const GuestQueue *q)
{
    return (2u << q->log2size) - 1;
}

uint32_t queue_pending(const GuestQueue *q)
{
    return (q->regs.prod - q->regs.cons) & wrap_mask(q);
}

void queue_push(GuestQueue *q, SMMUv3Cmd cmd)
{
    g_assert_cmpuint(queue_pending(q), <, 1u << q->log2size);
    put(q, q->regs.prod, cmd);
    q->regs.prod = (q->regs.prod + 1) & wrap_mask(q);
}

void queue_patch(GuestQueue *q, uint32_t ahead, SMMUv3Cmd cmd)
{
    put(q, q->regs.cons + ahead, cmd);
}

SMMUv3CmdqResult queue_run_once(GuestQueue *q, SMMUv3Engine *e)
{
    uint32_t pending = queue_pending(q), before = q->guest->consumed;
    SMMUv3CmdqResult result;

    q->guest->signalled_at = before;
    result = smmuv3_cmdq_run(e, &q->regs);
    /* Not for a PROD beyond the queue, for which the engine moves CONS. */
    if ((q->regs.base & SMMUV3_CMDQ_BASE_LOG2SIZE) == q->log2size &&
        pending <= 1u << q->log2size) {
        uint32_t moved = pending - queue_pending(q);

        g_assert_cmpuint(q->guest->signalled_at - before, <=, moved);
        g_assert_cmpuint(q->guest->consumed - before, ==, moved);
    }
    g_assert_cmpint(result.status == SMMUV3_CMDQ_WAIT, ==, result.wait_ms != 0);
    return result;
}

/* Asserts that no command waits for more than SMMUV3_TRIES_MAX tries take. */
SMMUv3CmdqResult queue_run(GuestQueue *q, SMMUv3Engine *e)
{
    SMMUv3CmdqResult result;
    unsigned ms = 0;
    uint32_t before;

    do {
        before = queue_pending(q);
        result = queue_run_once(q, e);
        ms = queue_pending(q) == before ? ms + result.wait_ms : result.wait_ms;
        g_assert_cmpuint(ms, <=, 895);
        q->guest->waited_ms += result.wait_ms;
    } while (result.status == SMMUV3_CMDQ_WAIT);
    return result;
}
