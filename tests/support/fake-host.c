/*
 * The fake host as tests set it up: the journal, failures on request, hosts,
 * SMMUs and devices. See fake-host.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <errno.h>

#include "fake-host-internal.h"

/* The journal and failures on request. */

static bool countdown(SMMUv3Host *h, unsigned i)
{
    return h->fail_countdown[i] && !--h->fail_countdown[i];
}

int fake_called(SMMUv3Host *h, FakeCall call)
{
    bool one, any;
    int err;

    h->calls[call]++;
    h->all_calls[call]++;
    h->calls[FAKE_CALLS]++;
    one = countdown(h, call);
    any = countdown(h, FAKE_CALLS);
    if (one || any) {
        h->injected = true;
        return -h->fail_errno[one ? call : FAKE_CALLS];
    }
    err = h->fails ? h->fails(h, call) : 0;
    h->injected |= err != 0;
    return -err;
}

int fake_record(SMMUv3Host *h, FakeCall call, SMMUv3HostDevice *dev,
                SMMUv3HostId id, uint32_t n, int ret)
{
    FakeRecord r = {
        .call = call, .dev = dev, .id = id, .n = n, .ret = ret,
    };

    g_array_append_val(h->journal, r);
    if (h->watch) {
        h->watch(h, &r);
    }
    return ret;
}

int fake_broken(SMMUv3Host *h, int err)
{
    h->rule_breaks++;
    return -err;
}

void fake_reach(SMMUv3Host *h, const SMMUv3Cmd *cmds, uint32_t n)
{
    g_array_append_vals(h->reached, cmds, n);
    for (uint32_t i = 0; i < n; i++) {
        g_array_append_val(h->rounds, h->round);
    }
}

/* Hosts, SMMUs and devices. */

static FakeRules rules_of_environment(void)
{
    const char *version = g_getenv(FAKE_RULES_ENV);

    if (!version || !strcmp(version, "6.19")) {
        return FAKE_RULES_6_19;
    }
    if (!strcmp(version, "6.15")) {
        return FAKE_RULES_6_15;
    }
    if (strcmp(version, "6.13")) {
        g_error("%s: no such rules as those of %s", FAKE_RULES_ENV, version);
    }
    return FAKE_RULES_6_13;
}

SMMUv3Host *fake_host_new(void)
{
    SMMUv3Host *h = g_new0(SMMUv3Host, 1);

    h->rules = rules_of_environment();
    h->objects = g_hash_table_new_full(NULL, NULL, NULL, fake_free_object);
    h->devices = g_ptr_array_new_with_free_func(g_free);
    h->smmus = g_ptr_array_new_with_free_func(g_free);
    h->journal = g_array_new(FALSE, FALSE, sizeof(FakeRecord));
    h->issued = g_array_new(FALSE, FALSE, sizeof(SMMUv3Cmd));
    h->reached = g_array_new(FALSE, FALSE, sizeof(SMMUv3Cmd));
    h->rounds = g_array_new(FALSE, FALSE, sizeof(unsigned));
    return h;
}

void fake_host_discard(SMMUv3Host *h)
{
    g_hash_table_destroy(h->objects);
    g_ptr_array_free(h->devices, TRUE);
    g_ptr_array_free(h->smmus, TRUE);
    g_array_free(h->journal, TRUE);
    g_array_free(h->issued, TRUE);
    g_array_free(h->reached, TRUE);
    g_array_free(h->rounds, TRUE);
    g_free(h);
}

void fake_host_free(SMMUv3Host *h)
{
    fake_host_assert_clean(h);
    fake_host_discard(h);
}

FakeSmmu *fake_smmu_new(SMMUv3Host *h, const uint32_t idr[6])
{
    FakeSmmu *smmu = g_new0(FakeSmmu, 1);

    smmu->info.aidr = 2;        /* SMMUv3.2: it has S2FWB */
    for (int i = 0; i < 6; i++) {
        smmu->info.idr[i] = idr[i];
    }
    g_ptr_array_add(h->smmus, smmu);
    return smmu;
}

SMMUv3HostId fake_parent_new(SMMUv3Host *h, FakeSmmu *smmu)
{
    return fake_object_new(h, (FakeObject) {
        .kind = FAKE_PARENT, .smmu = smmu,
    });
}

SMMUv3HostDevice *fake_device_new(SMMUv3Host *h, FakeSmmu *smmu,
                                  SMMUv3HostId parent)
{
    SMMUv3HostDevice *dev = g_new0(SMMUv3HostDevice, 1);

    dev->host = h;
    dev->smmu = smmu;
    dev->parent = parent;
    dev->pt = parent;
    g_ptr_array_add(h->devices, dev);
    return dev;
}

void fake_host_fail_nth(SMMUv3Host *h, FakeCall call, unsigned nth, int err)
{
    h->fail_countdown[call] = nth;
    h->fail_errno[call] = err;
    h->injected = false;
}

void fake_host_fail_issue(SMMUv3Host *h, unsigned kth, int err)
{
    h->issue_countdown = kth;
    h->issue_errno = err;
    h->issue_for_good = false;
}

void fake_host_go_away(SMMUv3Host *h, unsigned kth, int err)
{
    fake_host_fail_issue(h, kth, err);
    h->issue_for_good = kth != 0;
    h->gone_errno = 0;
}

void fake_host_refuse(SMMUv3Host *h, uint64_t dw1)
{
    h->refusing = true;
    h->refused_dw1 = dw1;
}

void fake_host_accept(SMMUv3Host *h)
{
    h->refusing = false;
}

unsigned fake_calls_after_timeout(const SMMUv3Host *h)
{
    bool timed_out = false;
    unsigned n = 0;

    for (guint i = 0; i < h->journal->len; i++) {
        const FakeRecord *r = &g_array_index(h->journal, FakeRecord, i);

        if (r->call == FAKE_INVALIDATE) {
            n += timed_out;
            timed_out |= r->ret == -ETIMEDOUT;
        }
    }
    return n;
}

void fake_host_forget(SMMUv3Host *h)
{
    g_array_set_size(h->journal, 0);
    g_array_set_size(h->issued, 0);
    g_array_set_size(h->reached, 0);
    g_array_set_size(h->rounds, 0);
    for (int i = 0; i <= FAKE_CALLS; i++) {
        h->calls[i] = 0;
    }
}

unsigned fake_objects(const SMMUv3Host *h, FakeKind kind)
{
    GHashTableIter iter;
    gpointer value;
    unsigned n = 0;

    g_hash_table_iter_init(&iter, h->objects);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        n += ((FakeObject *)value)->kind == kind;
    }
    return n;
}

void fake_host_assert_clean(const SMMUv3Host *h)
{
    g_assert_cmpuint(fake_objects(h, FAKE_VIOMMU), ==, 0);
    g_assert_cmpuint(fake_objects(h, FAKE_VDEVICE), ==, 0);
    g_assert_cmpuint(fake_objects(h, FAKE_NESTED), ==, 0);
    g_assert_cmpuint(fake_objects(h, FAKE_VEVENTQ), ==, 0);
    for (guint i = 0; i < h->devices->len; i++) {
        SMMUv3HostDevice *dev = g_ptr_array_index(h->devices, i);

        g_assert_cmpuint(dev->vdevice, ==, 0);
        if (dev->pt) {
            g_assert_cmpuint(dev->pt, ==, dev->parent);
        }
    }
}

uint64_t fake_device_ste0(const SMMUv3HostDevice *dev)
{
    FakeObject *o = fake_object(dev->host, dev->pt);

    return o && o->kind == FAKE_NESTED ? o->ste[0] : 0;
}

bool fake_device_on_parent(const SMMUv3HostDevice *dev)
{
    return dev->pt && dev->pt == dev->parent;
}

const SMMUv3Cmd *fake_issued(const SMMUv3Host *h, guint i)
{
    g_assert_cmpuint(i, <, h->issued->len);
    return &g_array_index(h->issued, SMMUv3Cmd, i);
}
