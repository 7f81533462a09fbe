/*
 * What a guest's register writes set going: streams are driven, commands
 * consumed, errors reported.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#include <string.h>

#include "attach.h"
#include "cmdq.h"
#include "eventq.h"
#include "host-events.h"
#include "regfile.h"

static void regwrite_drive_streams(SMMUv3Engine *e)
{
    SMMUv3StreamRegs regs = {
        .cr0 = e->regs.cr0,
        .gbpa = e->regs.gbpa,
        .strtab_base = e->regs.strtab_base,
        .strtab_base_cfg = e->regs.strtab_base_cfg,
    };

    smmuv3_attach_all(e, &regs);
}

/* CONS and its ERR are set before GERROR shows the error, 7.1. */
static void regwrite_stop(SMMUv3Engine *e, SMMUv3CmdError cerror)
{
    e->regs.cmdq_cons &= ~SMMUV3_CMDQ_CONS_ERR;
    e->regs.cmdq_cons |= SMMUV3_PREP(SMMUV3_CMDQ_CONS_ERR, cerror);
    smmuv3_eventq_raise_gerror(e, SMMUV3_GERROR_CMDQ_ERR);
}

/* 7.1: no command is consumed while a CMDQ_ERR is not acknowledged. */
static bool regwrite_may_consume(const SMMUv3Engine *e)
{
    return !e->paused && !e->waiting && (e->regs.cr0 & SMMUV3_CR0_CMDQEN) &&
           !smmuv3_regfile_has_error(&e->regs, SMMUV3_GERROR_CMDQ_ERR);
}

static SMMUv3CmdqResult regwrite_run(SMMUv3Engine *e, bool quiet)
{
    SMMUv3Regs *r = &e->regs;
    SMMUv3CmdqRegs q = {
        .base = smmuv3_regfile_cmdq_base(r),
        .prod = r->cmdq_prod,
        .cons = r->cmdq_cons & SMMUV3_QUEUE_INDEX,
        .quiet = quiet, .restarted = e->restarted,
    };
    SMMUv3CmdqResult result = smmuv3_cmdq_run(e, &q);

    e->restarted = false;
    /* The event of an illegal STE comes before CONS passes its CFGI_STE. */
    if (result.events_due) {
        smmuv3_eventq_record_own(e);
    }
    r->cmdq_cons = (r->cmdq_cons & ~SMMUV3_QUEUE_INDEX) | q.cons;
    return result;
}

static void regwrite_act_upon(SMMUv3Engine *e, const SMMUv3CmdqResult *result)
{
    if (result->msi_aborted) {
        smmuv3_eventq_raise_gerror(e, SMMUV3_GERROR_MSI_CMDQ_ABT_ERR);
    }
    if (result->status == SMMUV3_CMDQ_STOPPED) {
        regwrite_stop(e, result->cerror);
    } else if (result->status == SMMUV3_CMDQ_MORE) {
        e->fe.resume(e->opaque, 0);
    } else if (result->status == SMMUV3_CMDQ_WAIT) {
        e->waiting = true;
        e->fe.resume(e->opaque, result->wait_ms);
    }
}

static void regwrite_consume(SMMUv3Engine *e)
{
    if (regwrite_may_consume(e)) {
        SMMUv3CmdqResult result = regwrite_run(e, false);

        regwrite_act_upon(e, &result);
    }
}

/* CR0ACK follows when the change is complete, 6.3.10. */
static void regwrite_cr0(SMMUv3Engine *e, uint64_t old)
{
    if ((e->regs.cr0 ^ old) & SMMUV3_CR0_SMMUEN) {
        regwrite_drive_streams(e);
    }
    e->restarted |= (e->regs.cr0 & ~old & SMMUV3_CR0_CMDQEN) != 0;
    smmuv3_host_events_want(e, e->regs.cr0 & SMMUV3_CR0_EVENTQEN);
    e->regs.cr0ack = e->regs.cr0;
    regwrite_consume(e);
}

/* GBPA means nothing while SMMUEN=1; regwrite_cr0() applies it at SMMUEN=0. */
static void regwrite_gbpa(SMMUv3Engine *e, uint64_t old)
{
    if (!(e->regs.cr0 & SMMUV3_CR0_SMMUEN) && e->regs.gbpa != old) {
        regwrite_drive_streams(e);
    }
}

static void regwrite_prod(SMMUv3Engine *e)
{
    e->stats.prod_writes++;
    regwrite_consume(e);
}

/* Sets going what the write @w asks for. */
static void regwrite_set_going(SMMUv3Engine *e, const SMMUv3RegWrite *w)
{
    switch (w->reg) {
    case SMMUV3_REG_CMDQ_PROD:
        regwrite_prod(e);
        break;
    case SMMUV3_REG_GERRORN:
        /* An acknowledged CMDQ_ERR resumes the queue. */
        regwrite_consume(e);
        break;
    case SMMUV3_REG_CR0:
        regwrite_cr0(e, w->old);
        break;
    case SMMUV3_REG_GBPA:
        regwrite_gbpa(e, w->old);
        break;
    default:
        break;
    }
}

bool smmuv3_engine_read(const SMMUv3Engine *e, uint64_t offset, unsigned size,
                        uint64_t *value)
{
    return smmuv3_regfile_read(&e->regs, offset, size, value);
}

bool smmuv3_engine_write(SMMUv3Engine *e, uint64_t offset, unsigned size,
                         uint64_t value)
{
    SMMUv3RegWrite written[2];

    if (!smmuv3_regfile_write(&e->regs, offset, size, value, written)) {
        return false;
    }
    regwrite_set_going(e, &written[0]);
    regwrite_set_going(e, &written[1]);
    return true;
}

void smmuv3_engine_write_prod(SMMUv3Engine *e, uint32_t prod)
{
    e->regs.cmdq_prod = prod & SMMUV3_QUEUE_INDEX;
    regwrite_prod(e);
}

/* Not after an unsettled run, because smmuv3_engine_settle() sees to it. */
static void regwrite_resume_later(SMMUv3Engine *e)
{
    if (!e->unsettled && regwrite_may_consume(e)) {
        e->fe.resume(e->opaque, 0);
    }
}

void smmuv3_engine_post_prod(SMMUv3Engine *e, uint32_t prod)
{
    e->regs.cmdq_prod = prod & SMMUV3_QUEUE_INDEX;
    e->stats.prod_writes++;
    regwrite_resume_later(e);
}

bool smmuv3_engine_write_prod_quiet(SMMUv3Engine *e, uint32_t prod)
{
    e->regs.cmdq_prod = prod & SMMUV3_QUEUE_INDEX;
    e->stats.prod_writes++;
    if (!e->unsettled && regwrite_may_consume(e)) {
        e->rest = regwrite_run(e, true);
        e->unsettled = e->rest.status != SMMUV3_CMDQ_DRAINED ||
                       e->rest.msi_aborted;
    }
    return !e->unsettled;
}

void smmuv3_engine_settle(SMMUv3Engine *e)
{
    if (e->unsettled) {
        e->unsettled = false;
        regwrite_act_upon(e, &e->rest);
        if (e->rest.status != SMMUV3_CMDQ_MORE) {
            regwrite_consume(e);
        }
    }
}

void smmuv3_engine_resume(SMMUv3Engine *e)
{
    e->waiting = false;
    regwrite_consume(e);
}

void smmuv3_engine_pause(SMMUv3Engine *e, bool paused)
{
    e->paused = paused;
    regwrite_resume_later(e);
}

void smmuv3_engine_reset(SMMUv3Engine *e, const uint32_t idr[6])
{
    e->unsettled = false;
    e->waiting = false;
    smmuv3_regfile_reset(&e->regs, idr);
    smmuv3_features_set(e, idr);
    smmuv3_host_events_want(e, false);
    regwrite_drive_streams(e);
}

uint64_t smmuv3_engine_cmdq_ring(const SMMUv3Engine *e, uint64_t *addr)
{
    return smmuv3_cmdq_ring(smmuv3_regfile_cmdq_base(&e->regs), addr);
}

const SMMUv3Regs *smmuv3_engine_state(const SMMUv3Engine *e)
{
    return &e->regs;
}

/* 6.3.1 to 6.3.8: the identification registers, by which others are read. */
static bool regwrite_same_promise(const SMMUv3Regs *a, const SMMUv3Regs *b)
{
    return !memcmp(a->idr, b->idr, sizeof(a->idr)) && a->iidr == b->iidr &&
           a->aidr == b->aidr;
}

bool smmuv3_engine_set_state(SMMUv3Engine *e, const SMMUv3Regs *from)
{
    if (!regwrite_same_promise(&e->regs, from)) {
        return false;
    }
    e->unsettled = false;
    e->waiting = false;
    smmuv3_regfile_load(&e->regs, from);
    regwrite_drive_streams(e);
    smmuv3_host_events_want(e, e->regs.cr0 & SMMUV3_CR0_EVENTQEN);
    regwrite_resume_later(e);
    return true;
}
