// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Points about the command queue (Arm IHI 0070 3.5, 4.1, 6.3.26-28, 7.1) and
 * about single commands (4.2 to 4.7), for an SMMU with stage 1 only.
 */
#include "probe.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define LEGAL "consumed"
#define ILLEGAL "CERROR_ILL"

static bool promised(const struct smmu *s, uint32_t idr0_bit)
{
    return smmu_get(s, IDR0) & idr0_bit;
}

static uint32_t cons(const struct smmu *s)
{
    return smmu_get(s, CMDQ_CONS) & smmu_mask(s);
}

static void acknowledge(struct smmu *s)
{
    smmu_set(s, GERRORN, smmu_get(s, GERROR));
}

/* What became of the window; index is where the error has to be */
static const char *ending(struct smmu *s, uint32_t index)
{
    switch (smmu_wait(s)) {
    case SMMU_DONE:
        return LEGAL;
    case SMMU_STUCK:
        return "stuck";
    case SMMU_ERROR:
        break;
    }
    if (cons(s) != index) {
        return "an error at another command";
    }
    switch (smmu_error_code(s)) {
    case CERROR_ILL:
        return ILLEGAL;
    case CERROR_ABT:
        return "CERROR_ABT";
    default:
        return "an error with another code";
    }
}

/* One command between two CMD_SYNCs, in a queue of its own */
static const char *try(struct smmu *s, uint64_t w0, uint64_t w1)
{
    if (!smmu_restart(s, 4)) {
        return "no restart";
    }
    smmu_push(s, CMD_SYNC, 0);
    smmu_push(s, w0, w1);
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    return ending(s, 1);
}

static void opcode_is(struct smmu *s, uint64_t opcode, const char *want)
{
    expect_text(try(s, opcode, 0), want, "opcode %#llx",
                (unsigned long long)opcode);
}

/* ---- The queue ---- */

static void consumes_in_order(struct smmu *s)
{
    for (unsigned i = 0; i < 15; i++) {
        smmu_push(s, i & 1 ? CMD_SYNC : TLBI_NH_ALL, 0);
    }
    smmu_kick(s);
    expect_text(ending(s, 0), LEGAL, "15 commands");
    expect(cons(s), 15, "CONS");
}

static void enable_consumes(struct smmu *s)
{
    smmu_stop(s, 4);
    for (unsigned i = 0; i < 3; i++) {
        smmu_push(s, CMD_SYNC, 0);
    }
    smmu_kick(s);
    expect(cons(s), 0, "CONS while CMDQEN=0");
    expect(smmu_enable(s, CR0_CMDQEN), true, "CR0ACK.CMDQEN");
    expect_text(ending(s, 0), LEGAL, "3 commands, by CMDQEN alone");
}

static void disabled_consumes_nothing(struct smmu *s)
{
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    expect_text(ending(s, 0), LEGAL, "CMDQEN=1");
    smmu_enable(s, 0);
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    expect(cons(s), 1, "CONS after a PROD write with CMDQEN=0");
    smmu_enable(s, CR0_CMDQEN);
    expect_text(ending(s, 0), LEGAL, "CMDQEN=1 again");
}

static void wraps(struct smmu *s)
{
    smmu_restart(s, 3);
    for (unsigned i = 0; i < 25 && !failures(); i++) {
        for (unsigned n = 0; n < 5; n++) {
            smmu_push(s, n ? TLBI_NH_ALL : CMD_SYNC, 0);
        }
        smmu_kick(s);
        expect_text(ending(s, 0), LEGAL, "5 commands, the %u. time", i + 1);
        expect(cons(s), (5 * (i + 1)) & 0xf, "CONS with its wrap bit");
    }
}

static void full_is_not_empty(struct smmu *s)
{
    smmu_restart(s, 3);
    for (unsigned i = 0; i < 8; i++) {
        smmu_push(s, CMD_SYNC, 0);
    }
    expect(s->prod, 8, "PROD: index 0, wrap bit set");
    smmu_kick(s);
    expect_text(ending(s, 0), LEGAL, "8 commands in a queue of 8");
    expect(cons(s), 8, "CONS");
    smmu_set(s, CMDQ_PROD, 8);
    expect(cons(s), 8, "CONS after the same PROD again");
}

static void queue_of_one(struct smmu *s)
{
    smmu_restart(s, 0);
    for (unsigned i = 0; i < 4; i++) {
        smmu_push(s, CMD_SYNC, 0);
        smmu_kick(s);
        expect_text(ending(s, 0), LEGAL, "command %u in a queue of 1", i);
    }
    smmu_put(s, 0, 0xff, 0);
    s->prod ^= 1;
    smmu_kick(s);
    expect_text(ending(s, s->prod ^ 1), ILLEGAL, "an unknown opcode");
}

/* CONS may follow, or stop; but the device has to come back */
static void prod_beyond_full(struct smmu *s)
{
    smmu_restart(s, 3);
    for (unsigned i = 0; i < 8; i++) {
        smmu_put(s, i, CMD_SYNC, 0);
    }
    s->prod = 0xf;
    smmu_kick(s);
    smmu_wait(s);
    smmu_set(s, CMDQ_PROD, 0xfffffff3);
    expect_text(try(s, CMD_SYNC, 0), LEGAL, "CMD_SYNC after a restart");
}

/* LOG2SIZE 31 counts as IDR1.CMDQS */
static void size_is_capped(struct smmu *s)
{
    unsigned most = smmu_get(s, IDR1) >> 21 & 0x1f;

    smmu_stop(s, 4);
    smmu_set64(s, CMDQ_BASE, (OUR_RAM + QUEUE_OFFSET) | 31);
    smmu_set(s, CMDQ_PROD, 0xffffffff);
    expect(smmu_get(s, CMDQ_PROD), (2u << most) - 1,
           "CMDQ_PROD with IDR1.CMDQS=%u", most);
    smmu_set(s, CMDQ_PROD, 0);
    smmu_set(s, CMDQ_CONS, 0);
    for (unsigned i = 0; i < 3; i++) {
        smmu_push(s, CMD_SYNC, 0);
    }
    smmu_enable(s, CR0_CMDQEN);
    smmu_kick(s);
    expect_text(ending(s, 0), LEGAL, "3 commands in the largest queue");
}

/* Bits of the base below the queue's size count as zero */
static void base_is_aligned(struct smmu *s)
{
    smmu_stop(s, 4);
    smmu_set64(s, CMDQ_BASE, (OUR_RAM + QUEUE_OFFSET + 0x60) | 4);
    for (unsigned i = 0; i < 16; i++) {
        smmu_put(s, i, i < 3 ? CMD_SYNC : 0xff, 0);
    }
    s->prod = 3;
    smmu_enable(s, CR0_CMDQEN);
    smmu_kick(s);
    expect_text(ending(s, 0), LEGAL, "3 commands at the aligned base");
}

/* ---- Errors ---- */

static void error_stops(struct smmu *s)
{
    uint32_t before = smmu_get(s, GERROR);

    smmu_push(s, CMD_SYNC, 0);
    smmu_push(s, 0xff, 0);
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    expect_text(ending(s, 1), ILLEGAL, "an unknown opcode at index 1");
    expect(smmu_get(s, GERROR) ^ before, GERROR_CMDQ_ERR,
           "what toggled in GERROR");
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    expect(smmu_get(s, CMDQ_CONS), 1 | CERROR_ILL << 24,
           "CONS after another PROD write");
    expect(smmu_get(s, GERROR) ^ before, GERROR_CMDQ_ERR,
           "what toggled in GERROR");
}

static void acknowledgement_resumes(struct smmu *s)
{
    error_stops(s);
    smmu_put(s, 1, CMD_SYNC, 0);
    smmu_barrier();
    acknowledge(s);
    expect_text(ending(s, 0), LEGAL, "the rest, by GERRORN alone");
}

static void error_comes_again(struct smmu *s)
{
    uint32_t before;

    error_stops(s);
    before = smmu_get(s, GERROR);
    acknowledge(s);
    expect_text(ending(s, 1), ILLEGAL, "the same command, acknowledged only");
    expect(smmu_get(s, GERROR) ^ before, GERROR_CMDQ_ERR,
           "what toggled in GERROR");
}

/* Switching the queue off and on does not acknowledge */
static void error_outlives_disabling(struct smmu *s)
{
    error_stops(s);
    smmu_put(s, 1, CMD_SYNC, 0);
    smmu_enable(s, 0);
    smmu_enable(s, CR0_CMDQEN);
    expect(smmu_error_active(s), true, "GERROR.CMDQ_ERR is active");
    expect(cons(s), 1, "CONS");
    acknowledge(s);
    expect_text(ending(s, 0), LEGAL, "the rest, after acknowledging");
}

static void unreadable_queue(struct smmu *s)
{
    smmu_stop(s, 4);
    smmu_set64(s, CMDQ_BASE, NO_RAM | 4);
    s->prod = 2;
    smmu_enable(s, CR0_CMDQEN);
    smmu_kick(s);
    expect_text(ending(s, 0), "CERROR_ABT", "a queue where no memory is");
    expect_text(try(s, CMD_SYNC, 0), LEGAL, "CMD_SYNC after a restart");
}

/* ---- Commands ---- */

static void known_opcodes(struct smmu *s)
{
    static const uint8_t legal[] = {
        PREFETCH_CONFIG, PREFETCH_ADDR, CFGI_STE, CFGI_STE_RANGE, CFGI_CD,
        CFGI_CD_ALL, TLBI_NH_ALL, TLBI_NH_ASID, TLBI_NH_VA, TLBI_NH_VAA,
        TLBI_NSNH_ALL, CMD_SYNC,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(legal); i++) {
        opcode_is(s, legal[i], LEGAL);
    }
}

/* In the architecture's table at all; 4.1.1 */
static bool defined(unsigned opcode)
{
    switch (opcode) {
    case PREFETCH_CONFIG ... CFGI_CD_ALL:
    case TLBI_NH_ALL ... TLBI_NH_VAA:
    case TLBI_EL3_ALL:
    case TLBI_EL3_VA:
    case TLBI_EL2_ALL ... TLBI_EL2_VAA:
    case TLBI_S12_VMALL:
    case TLBI_S2_IPA:
    case TLBI_NSNH_ALL:
    case ATC_INV:
    case PRI_RESP:
    case RESUME:
    case STALL_TERM:
    case CMD_SYNC:
        return true;
    default:
        return false;
    }
}

static void unknown_opcodes(struct smmu *s)
{
    for (unsigned opcode = 0; opcode < 256 && failures() < 8; opcode++) {
        if (!defined(opcode)) {
            opcode_is(s, opcode, ILLEGAL);
        }
    }
}

static void ssec(struct smmu *s)
{
    for (uint64_t c = PREFETCH_CONFIG; c <= CFGI_CD_ALL; c++) {
        opcode_is(s, c | SSEC, ILLEGAL);
    }
}

static void stage_2(struct smmu *s)
{
    const char *want = promised(s, IDR0_S2P) ? LEGAL : ILLEGAL;

    opcode_is(s, TLBI_S12_VMALL, want);
    opcode_is(s, TLBI_S2_IPA, want);
}

static void el2(struct smmu *s)
{
    const char *want = promised(s, IDR0_HYP) ? LEGAL : ILLEGAL;

    for (unsigned c = TLBI_EL2_ALL; c <= TLBI_EL2_VAA; c++) {
        opcode_is(s, c, want);
    }
}

static void el3(struct smmu *s)
{
    opcode_is(s, TLBI_EL3_ALL, ILLEGAL);
    opcode_is(s, TLBI_EL3_VA, ILLEGAL);
}

static void atc_inv(struct smmu *s)
{
    opcode_is(s, ATC_INV | SID(OUR_SID),
              promised(s, IDR0_ATS) ? LEGAL : ILLEGAL);
    if (promised(s, IDR0_ATS)) {
        opcode_is(s, ATC_INV | SID(OUR_SID) | SSEC, ILLEGAL);
    }
}

static void pri_resp(struct smmu *s)
{
    opcode_is(s, PRI_RESP, promised(s, IDR0_PRI) ? LEGAL : ILLEGAL);
}

/* Stalls are off where IDR0.STALL_MODEL is 0b01 */
static void stalls(struct smmu *s)
{
    bool off = (smmu_get(s, IDR0) >> 24 & 3) == 1;

    opcode_is(s, RESUME, off ? ILLEGAL : LEGAL);
    opcode_is(s, STALL_TERM, off ? ILLEGAL : LEGAL);
}

static void sync_cs(struct smmu *s)
{
    for (uint64_t cs = 0; cs < 4; cs++) {
        opcode_is(s, CMD_SYNC | cs << 12, cs == 3 ? ILLEGAL : LEGAL);
    }
}

/* CS=SIG_IRQ with an address is a write of MSIData, where IDR0.MSI says so */
static void sync_msi(struct smmu *s)
{
    uint64_t to = OUR_RAM + MSI_OFFSET;
    uint32_t data = 0x5a17c0de;

    if (!promised(s, IDR0_MSI)) {
        skip("IDR0.MSI=0");
        return;
    }
    s->ram[MSI_OFFSET / 8] = 0;
    expect_text(try(s, CMD_SYNC | 1 << 12 | 3ull << 22 | 15ull << 24 |
                    (uint64_t)data << 32, to), LEGAL, "CMD_SYNC with an MSI");
    expect((uint32_t)s->ram[MSI_OFFSET / 8], data, "what it wrote");
}

/* ---- CFGI and what the tables say ---- */

static const char *try_cfgi(struct smmu *s, uint64_t w0, uint64_t w1)
{
    smmu_restart(s, 4);
    smmu_enable(s, CR0_CMDQEN | CR0_SMMUEN);
    smmu_push(s, w0, w1);
    smmu_push(s, CMD_SYNC, 0);
    smmu_kick(s);
    return ending(s, 0);
}

static void bad_ste(struct smmu *s)
{
    static const struct {
        const char *what;
        uint64_t w0, w1;
    } stes[] = {
        { "V=0", 0, 0 },
        { "V=1, Config=abort", 1, 0 },
        { "Config=stage 2", 1 | 6 << 1, 0 },
        { "Config=nested", 1 | 7 << 1 | OUR_RAM, 0 },
        { "Config=reserved", 1 | 2 << 1, 0 },
        { "S1Fmt=reserved", 1 | 5 << 1 | 3 << 4 | OUR_RAM, 0 },
        { "S1CDMax=31", 1 | 5 << 1 | 31ull << 59 | OUR_RAM, 0 },
        { "S1DSS=reserved", 1 | 5 << 1 | OUR_RAM, 3 },
        { "EATS=split", 1 | 5 << 1 | OUR_RAM, 2 << 28 },
        { "STRW=reserved", 1 | 5 << 1 | OUR_RAM, 3ull << 30 },
        { "all bits set", ~0ull, ~0ull },
        { "a CD where no memory is", 1 | 5 << 1 | NO_RAM, 0 },
    };

    smmu_enable(s, 0);
    smmu_use_linear_table(s);
    for (unsigned i = 0; i < ARRAY_SIZE(stes); i++) {
        smmu_write_ste(s, TABLE_OFFSET + OUR_SID * 64, stes[i].w0, stes[i].w1);
        expect_text(try_cfgi(s, CFGI_STE | SID(OUR_SID), LEAF), LEGAL,
                    "CFGI_STE, %s", stes[i].what);
    }
    smmu_enable(s, 0);
    smmu_use_linear_table(s);
}

static void unreadable_table(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_set64(s, STRTAB_BASE, NO_RAM);
    smmu_set(s, STRTAB_BASE_CFG, TABLE_LOG2);
    expect_text(try_cfgi(s, CFGI_STE | SID(OUR_SID), LEAF), LEGAL,
                "CFGI_STE, no memory at STRTAB_BASE");
    smmu_enable(s, 0);
    smmu_set(s, STRTAB_BASE_CFG, 1 << 16 | 6 << 6 | TABLE_LOG2);
    expect_text(try_cfgi(s, CFGI_STE | SID(OUR_SID), LEAF), LEGAL,
                "CFGI_STE, the same in two levels");
    smmu_enable(s, 0);
    smmu_use_linear_table(s);
    expect_text(try_cfgi(s, CFGI_STE | SID(0xffffffff), LEAF),
                LEGAL, "CFGI_STE of a StreamID beyond the table");
    smmu_enable(s, 0);
    smmu_set(s, STRTAB_BASE_CFG, 63);
    expect_text(try_cfgi(s, CFGI_STE | SID(0xffffffff), LEAF),
                LEGAL, "CFGI_STE, LOG2SIZE=63");
    smmu_enable(s, 0);
    smmu_use_linear_table(s);
}

static void cfgi_ranges(struct smmu *s)
{
    smmu_enable(s, 0);
    smmu_use_linear_table(s);
    for (uint64_t range = 0; range < 32 && failures() < 8; range++) {
        expect_text(try_cfgi(s, CFGI_STE_RANGE | SID(0xdeadbeef),
                             range), LEGAL, "Range=%llu",
                    (unsigned long long)range);
    }
    smmu_enable(s, 0);
}

/* With SMMUEN=0 nothing is cached, and nothing is wrong */
static void while_disabled(struct smmu *s)
{
    opcode_is(s, CFGI_STE | SID(OUR_SID), LEGAL);
    opcode_is(s, CFGI_CD | SID(OUR_SID), LEGAL);
    opcode_is(s, CFGI_CD_ALL | SID(0x7777), LEGAL);
    opcode_is(s, TLBI_NH_ASID | ASID(0xffff), LEGAL);
}

/* ---- Ranges ---- */

static void range_is(struct smmu *s, uint64_t num, uint64_t scale, uint64_t tg,
                     uint64_t ttl, const char *fate)
{
    uint64_t w0 = num << 12 | scale << 20;
    uint64_t w1 = 0x123450000000ull | tg << 10 | ttl << 8 | LEAF;

    expect_text(try(s, TLBI_NH_VA | ASID(1) | w0, w1), fate,
                "NH_VA NUM=%u SCALE=%u TG=%u TTL=%u", (unsigned)num,
                (unsigned)scale, (unsigned)tg, (unsigned)ttl);
    expect_text(try(s, TLBI_NH_VAA | w0, w1), fate,
                "NH_VAA NUM=%u SCALE=%u TG=%u TTL=%u", (unsigned)num,
                (unsigned)scale, (unsigned)tg, (unsigned)ttl);
}

static void range_is_legal(struct smmu *s, uint64_t num, uint64_t scale,
                           uint64_t tg, uint64_t ttl)
{
    range_is(s, num, scale, tg, ttl, LEGAL);
}

static void ranges(struct smmu *s)
{
    if (!(smmu_get(s, IDR3) & IDR3_RIL)) {
        skip("IDR3.RIL=0");
        return;
    }
    for (uint64_t tg = 1; tg < 4; tg++) {
        range_is_legal(s, 0, 0, tg, 3);
        range_is_legal(s, 31, 0, tg, 0);
        range_is_legal(s, 0, 5, tg, 2);
        range_is_legal(s, 31, 19, tg, 3);
    }
}

static void single_addresses(struct smmu *s)
{
    range_is_legal(s, 0, 0, 0, 0);
}

/* Reserved: more may be invalidated, but a queue that stops helps nobody */
static void reserved_ranges(struct smmu *s)
{
    range_is_legal(s, 0, 0, 0, 1);
    range_is_legal(s, 0, 0, 0, 3);
    range_is_legal(s, 31, 63, 0, 0);
    range_is_legal(s, 31, 63, 1, 0);
    range_is_legal(s, 31, 40, 3, 2);
    range_is_legal(s, 31, 63, 2, 1);
}

/* A granule alone; TTL=1 of 16K tables is none without IDR5.DS */
static void granule_alone(struct smmu *s)
{
    if (!(smmu_get(s, IDR3) & IDR3_RIL)) {
        skip("IDR3.RIL=0");
        return;
    }
    for (uint64_t tg = 1; tg < 4; tg++) {
        range_is(s, 0, 0, tg, 0, ILLEGAL);
    }
    range_is(s, 0, 0, 2, 1, ILLEGAL);
}

const struct point command_points[] = {
    { "3.5", "15 commands by one PROD write", consumes_in_order },
    { "3.5.1", "CONS carries the wrap bit, many times around", wraps },
    { "3.5.1", "a full queue is not an empty one", full_is_not_empty },
    { "3.5.1", "a queue of one command", queue_of_one },
    { "3.5.1", "a PROD beyond a full queue is survived", prod_beyond_full },
    { "6.3.9", "CMDQEN 0->1 consumes what is queued", enable_consumes },
    { "6.3.9", "CMDQEN=0 consumes nothing", disabled_consumes_nothing },
    { "6.3.26", "LOG2SIZE is capped by IDR1.CMDQS", size_is_capped },
    { "6.3.26", "the base is aligned to the queue's size", base_is_aligned },
    { "7.1", "an error stops the queue, GERROR toggles once", error_stops },
    { "7.1", "acknowledging resumes without a PROD write",
      acknowledgement_resumes },
    { "7.1", "acknowledging alone meets the error again", error_comes_again },
    { "7.1", "an error outlives CMDQEN=0", error_outlives_disabling },
    { "7.1", "a queue that cannot be read is CERROR_ABT", unreadable_queue },
    { "4.1", "the commands of stage 1 are legal", known_opcodes },
    { "4.1", "unknown opcodes are CERROR_ILL, all of them", unknown_opcodes },
    { "4.1.6", "SSec=1 is CERROR_ILL, PREFETCH_* too", ssec },
    { "4.3.1", "CFGI_STE never fails for what the STE says", bad_ste },
    { "4.3.1", "CFGI_STE never fails for where the table is",
      unreadable_table },
    { "4.3.2", "CFGI_STE_RANGE with every Range", cfgi_ranges },
    { "4.3", "CFGI_* and TLBI_* are legal while SMMUEN=0", while_disabled },
    { "4.4", "TLBI_S12_VMALL, TLBI_S2_IPA need stage 2", stage_2 },
    { "4.4", "TLBI_EL2_* need Hyp", el2 },
    { "4.4", "TLBI_EL3_* are CERROR_ILL", el3 },
    { "4.4.1", "TLBI with NUM, SCALE, TG and TTL", ranges },
    { "4.4.1", "TLBI with TG=0 is a single address", single_addresses },
    { "4.4.1", "reserved ranges do not stop the queue (choice)",
      reserved_ranges },
    { "4.4.1.1", "TG without NUM, SCALE and TTL is CERROR_ILL", granule_alone },
    { "4.5.1", "ATC_INV needs IDR0.ATS", atc_inv },
    { "4.5.2", "PRI_RESP needs IDR0.PRI", pri_resp },
    { "4.7.1", "RESUME, STALL_TERM need stalls", stalls },
    { "4.7.3", "CMD_SYNC CS=0b11 is CERROR_ILL", sync_cs },
    { "4.7.3", "CMD_SYNC writes its MSI", sync_msi },
};
const unsigned n_command_points = ARRAY_SIZE(command_points);
