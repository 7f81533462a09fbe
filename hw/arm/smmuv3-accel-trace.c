/*
 * arm-smmuv3,accel=on: the engine's callbacks for tracing, as trace events.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "trace.h"

#include "smmuv3-accel.h"

static const char *accel_trace_kind(SMMUv3StreamKind kind)
{
    switch (kind) {
    case SMMUV3_STREAM_TRANSLATE:
        return "translate";
    case SMMUV3_STREAM_BYPASS:
        return "bypass";
    default:
        return "abort";
    }
}

void smmuv3_accel_trace_window(void *accel, const SMMUv3WindowInfo *w)
{
    SMMUv3Accel *a = accel;

    trace_smmuv3_accel_window(a->name, w->from, w->to, w->forwarded);
    if (w->cerror) {
        trace_smmuv3_accel_command_error(a->name, w->to,
                                         w->failed ? w->failed->dw[0] : 0,
                                         w->failed ? w->failed->dw[1] : 0,
                                         w->cerror);
    }
}

void smmuv3_accel_trace_batch(void *accel, const SMMUv3BatchInfo *b)
{
    SMMUv3Accel *a = accel;

    trace_smmuv3_accel_batch(a->name, b->forwarded, b->sent, b->calls,
                             b->cerror);
}

void smmuv3_accel_trace_stream(void *accel, const SMMUv3DeviceInfo *info)
{
    SMMUv3Accel *a = accel;
    SMMUv3AccelDevice *d = info->cookie;
    char vsid[] = "0xffffffff";

    if (!trace_event_get_state_backends(TRACE_SMMUV3_ACCEL_STREAM)) {
        return;
    }
    if (info->has_vsid) {
        snprintf(vsid, sizeof(vsid), "0x%x", info->vsid);
    }
    trace_smmuv3_accel_stream(a->name, d->name,
                              info->has_vsid ? vsid : "none",
                              accel_trace_kind(info->kind), info->hwpt,
                              info->event);
}

void smmuv3_accel_trace_hwpt(void *accel, const SMMUv3HwptInfo *h, bool made)
{
    SMMUv3Accel *a = accel;

    trace_smmuv3_accel_hwpt(a->name, made ? "new" : "freed", h->id,
                            accel_trace_kind(h->kind), h->ste[0], h->ste[1]);
}

static void accel_trace_event(const SMMUv3Accel *a, const char *what,
                              const SMMUv3EventRecord *record)
{
    uint64_t dw0 = le64_to_cpu(record->dw[0]);

    trace_smmuv3_accel_event(a->name, what,
                             SMMUV3_GET(SMMUV3_EVENT0_SID, dw0),
                             SMMUV3_GET(SMMUV3_EVENT0_TYPE, dw0),
                             le64_to_cpu(record->dw[1]),
                             le64_to_cpu(record->dw[2]),
                             le64_to_cpu(record->dw[3]));
}

void smmuv3_accel_trace_recorded(void *accel, const SMMUv3EventRecord *records,
                                 unsigned n, unsigned written, bool lost)
{
    SMMUv3Accel *a = accel;

    if (trace_event_get_state_backends(TRACE_SMMUV3_ACCEL_EVENT)) {
        for (unsigned i = 0; i < n; i++) {
            accel_trace_event(a, i < written ? "forwarded" : "dropped",
                              &records[i]);
        }
    }
    if (lost) {
        trace_smmuv3_accel_events_lost(a->name);
    }
}
