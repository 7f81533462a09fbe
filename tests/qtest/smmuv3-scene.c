/*
 * A QEMU with an arm-smmuv3, and what a guest's driver does to it.
 * See smmuv3-scene.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "smmuv3-scene.h"

#include "qobject/qdict.h"
#include "qobject/qlist.h"

static void change_run_state(Scene *s, const char *command, const char *event)
{
    qtest_qmp_assert_success(s->qts, "{ 'execute': %s }", command);
    qtest_qmp_eventwait(s->qts, event);
}

void stop_machine(Scene *s)
{
    change_run_state(s, "stop", "STOP");
}

void resume_machine(Scene *s)
{
    change_run_state(s, "cont", "RESUME");
}

/* ---- Registers ---- */

uint32_t reg(Scene *s, uint32_t offset)
{
    return qtest_readl(s->qts, s->smmu + offset);
}

uint64_t reg64(Scene *s, uint32_t offset)
{
    return qtest_readq(s->qts, s->smmu + offset);
}

void set_reg(Scene *s, uint32_t offset, uint32_t value)
{
    qtest_writel(s->qts, s->smmu + offset, value);
}

void set_reg64(Scene *s, uint32_t offset, uint64_t value)
{
    qtest_writeq(s->qts, s->smmu + offset, value);
}

uint32_t cons(Scene *s)
{
    return reg(s, CMDQ_CONS) & 0xfffff;
}

uint32_t cerror(Scene *s)
{
    return extract32(reg(s, CMDQ_CONS), 24, 7);
}

bool cmdq_err(Scene *s)
{
    return (reg(s, GERROR) ^ reg(s, GERRORN)) & GERROR_CMDQ_ERR;
}

void acknowledge(Scene *s)
{
    set_reg(s, GERRORN, reg(s, GERROR));
}

void set_gbpa(Scene *s, uint32_t value)
{
    set_reg(s, GBPA, GBPA_UPDATE | value);
}

/* ---- The driver ---- */

static void set_cr0(Scene *s, uint32_t value)
{
    s->cr0 = value;
    set_reg(s, CR0, value);
    g_assert_cmphex(reg(s, CR0ACK), ==, value);
}

/* Every stream aborts until its STE is written: V is 0. */
static void make_strtab(Scene *s)
{
    qtest_memset(s->qts, STRTAB, 0, 64 << STRTAB_LOG2SIZE);
    set_reg64(s, STRTAB_BASE, STRTAB);
    set_reg(s, STRTAB_BASE_CFG, STRTAB_LOG2SIZE);
}

void enable_queue_at(Scene *s, uint64_t ring, unsigned log2size)
{
    s->ring = ring;
    s->log2size = log2size;
    s->prod = 0;
    set_reg64(s, CMDQ_BASE, ring | log2size);
    set_reg(s, CMDQ_PROD, 0);
    set_reg(s, CMDQ_CONS, 0);
    set_cr0(s, CR0_CMDQEN);
}

void enable_queue(Scene *s, unsigned log2size)
{
    make_strtab(s);
    enable_queue_at(s, RING, log2size);
}

void enable_smmu(Scene *s)
{
    set_cr0(s, s->cr0 | CR0_SMMUEN);
}

void disable_smmu(Scene *s)
{
    set_cr0(s, s->cr0 & ~CR0_SMMUEN);
}

void enable_events(Scene *s, unsigned log2size)
{
    set_reg64(s, EVENTQ_BASE, EVENTQ | log2size);
    s->cr0 |= CR0_EVENTQEN;
    set_reg(s, CR0, s->cr0);
}

void put_ste(Scene *s, uint32_t sid, uint64_t dw0, uint64_t dw1)
{
    uint64_t ste[8] = { cpu_to_le64(dw0), cpu_to_le64(dw1) };

    qtest_memwrite(s->qts, STRTAB + sid * sizeof(ste), ste, sizeof(ste));
}

uint64_t s1_dw0(unsigned context)
{
    return STE_S1 | (CONTEXTS + 64ull * context);
}

/* ---- The command queue ---- */

/* Writes a command at the ring index that @prod names. */
void put_at(Scene *s, uint32_t prod, uint64_t dw0, uint64_t dw1)
{
    uint64_t cmd[2] = { cpu_to_le64(dw0), cpu_to_le64(dw1) };
    uint32_t index = prod & ((1u << s->log2size) - 1);

    qtest_memwrite(s->qts, s->ring + index * sizeof(cmd), cmd, sizeof(cmd));
}

void put(Scene *s, uint64_t dw0, uint64_t dw1)
{
    put_at(s, s->prod, dw0, dw1);
    s->prod = (s->prod + 1) & ((2u << s->log2size) - 1);
}

void put_many(Scene *s, uint64_t dw0, unsigned n)
{
    g_autofree uint64_t *cmds = g_new0(uint64_t, 2 * n);

    for (unsigned i = 0; i < n; i++) {
        cmds[2 * i] = cpu_to_le64(dw0);
    }
    qtest_bufwrite(s->qts, s->ring, cmds, 2 * n * sizeof(*cmds));
    s->prod += n;
}

void ring_bell(Scene *s)
{
    set_reg(s, CMDQ_PROD, s->prod);
}

void run_one(Scene *s, uint64_t dw0, uint64_t dw1)
{
    put(s, dw0, dw1);
    ring_bell(s);
}

/* While the host refuses, the queue waits for it: a second at a command. */
static void wait_for_host(Scene *s)
{
    gint64 until = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    while (s->k && cons(s) != s->prod && !cmdq_err(s)) {
        g_assert_cmpint(g_get_monotonic_time(), <, until);
        g_usleep(1000);
    }
}

void expect_drained(Scene *s)
{
    wait_for_host(s);
    g_assert_cmphex(cons(s), ==, s->prod);
    g_assert_false(cmdq_err(s));
}

void expect_stopped(Scene *s, uint32_t at, uint32_t error)
{
    wait_for_host(s);
    g_assert_cmphex(cons(s), ==, at);
    g_assert_cmpuint(cerror(s), ==, error);
    g_assert_true(cmdq_err(s));
}

uint64_t nth_va(unsigned i)
{
    return 0x100000000 + 0x7000 * (uint64_t)i;
}

void put_tlbis(Scene *s, unsigned first, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        put(s, TLBI_NH_VA | ASID(1), nth_va(first + i) | LEAF);
    }
}

/* ---- Interrupts ---- */

#define GICD            0x08000000
#define GICD_ISPENDR    (GICD + 0x200)
#define GICD_ICPENDR    (GICD + 0x280)
#define GICD_ICFGR      (GICD + 0xc00)

/* The SMMU's are edges, 3.18: the GIC latches them if it expects edges. */
void watch_interrupts(Scene *s)
{
    for (unsigned irq = 32; irq < 256; irq += 16) {
        qtest_writel(s->qts, GICD_ICFGR + 4 * (irq / 16), 0xaaaaaaaa);
    }
}

bool is_pending(Scene *s, unsigned irq)
{
    return extract32(qtest_readl(s->qts, GICD_ISPENDR + 4 * (irq / 32)),
                     irq % 32, 1);
}

void clear_pending(Scene *s, unsigned irq)
{
    qtest_writel(s->qts, GICD_ICPENDR + 4 * (irq / 32), BIT(irq % 32));
}

bool take_pending(Scene *s, unsigned irq)
{
    bool pending = is_pending(s, irq);

    clear_pending(s, irq);
    return pending;
}

/* ---- What QMP tells ---- */

QDict *query_smmus(Scene *s, unsigned n, unsigned i, QDict **instance)
{
    QDict *reply = qtest_qmp(s->qts, "{ 'execute': 'query-smmuv3-accel' }");
    QList *list = qdict_get_qlist(reply, "return");
    const QListEntry *e;

    g_assert_nonnull(list);
    g_assert_cmpuint(qlist_size(list), ==, n);
    for (e = qlist_first(list); e && i; e = qlist_next(e)) {
        i--;
    }
    *instance = e ? qobject_to(QDict, qlist_entry_obj(e)) : NULL;
    return reply;
}

uint64_t query_stat(Scene *s, const char *name)
{
    QDict *instance, *reply = query_smmus(s, 1, 0, &instance);
    uint64_t n = qdict_get_int(qdict_get_qdict(instance, "stats"), name);

    qobject_unref(reply);
    return n;
}

uint64_t query_stat_sum(Scene *s, const char *name)
{
    QDict *instance, *reply = query_smmus(s, 1, 0, &instance);
    QDict *kinds = qdict_get_qdict(qdict_get_qdict(instance, "stats"), name);
    uint64_t n = 0;

    g_assert_nonnull(kinds);
    for (const QDictEntry *e = qdict_first(kinds); e;
         e = qdict_next(kinds, e)) {
        n += qdict_get_int(kinds, qdict_entry_key(e));
    }
    qobject_unref(reply);
    return n;
}

void wait_for_migration(Scene *s, const char *status)
{
    for (unsigned i = 0; i < 3000; i++) {
        QDict *reply = qtest_qmp_assert_success_ref(
            s->qts, "{ 'execute': 'query-migrate' }");
        const char *now = qdict_get_try_str(reply, "status");
        bool there = now && g_str_equal(now, status);

        qobject_unref(reply);
        if (there) {
            return;
        }
        g_usleep(10 * 1000);
    }
    g_assert_not_reached();
}
