/*
 * The fake host's invalidations. See fake-host.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * As the arm-smmu-v3 driver of Linux 7.3 checks, issues and counts them.
 */
#include <errno.h>

#include "fake-host-internal.h"
#include "smmuv3/registers.h"

/* The bits that a command may have: arm_vsmmu_validate_range() */

static bool range_legal(const SMMUv3HostInfo *info, uint64_t dw0, uint64_t dw1)
{
    bool range = dw0 & (SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE);
    uint64_t ttl = SMMUV3_GET(SMMUV3_TLBI1_TTL, dw1);
    uint64_t tg = SMMUV3_GET(SMMUV3_TLBI1_TG, dw1);

    if (!tg) {
        return !range && !ttl;
    }
    if (tg == SMMUV3_TG_16K && ttl == 1 &&
        !(info->idr[5] & SMMUV3_IDR5_DS)) {
        return false;
    }
    return range || ttl;
}

/* An SMMU with 8-bit ASIDs treats the upper 8 bits as RES0. */
static uint64_t asid_mask(const SMMUv3HostInfo *info)
{
    return info->idr[0] & SMMUV3_IDR0_ASID16 ? SMMUV3_TLBI0_ASID
                                             : SMMUV3_BITS(55, 48);
}

static bool has_substreams(const SMMUv3HostInfo *info)
{
    return SMMUV3_GET(SMMUV3_IDR1_SSIDSIZE, info->idr[1]) != 0;
}

static bool allowed_va(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd,
                       uint64_t allowed[2])
{
    if (info->idr[3] & SMMUV3_IDR3_RIL) {
        if (!range_legal(info, cmd->dw[0], cmd->dw[1])) {
            return false;
        }
        allowed[0] |= SMMUV3_TLBI0_NUM | SMMUV3_TLBI0_SCALE;
        allowed[1] |= SMMUV3_TLBI1_TG | SMMUV3_TLBI1_TTL;
        if (!(info->idr[5] & SMMUV3_IDR5_DS)) {
            allowed[0] &= ~SMMUV3_BIT(25); /* SCALE above 31 */
        }
    }
    allowed[0] |= SMMUV3_TLBI0_VMID;
    allowed[1] |= SMMUV3_TLBI1_LEAF | SMMUV3_TLBI1_VA;
    return true;
}

static bool allowed_atc(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd,
                        uint64_t allowed[2])
{
    if (!(info->idr[0] & SMMUV3_IDR0_ATS) ||
        SMMUV3_GET(SMMUV3_ATC1_SIZE, cmd->dw[1]) > SMMUV3_ATC_SIZE_ALL) {
        return false;
    }
    if (has_substreams(info)) {
        allowed[0] |= SMMUV3_CMD0_SSV | SMMUV3_CMD0_SSID | SMMUV3_ATC0_GLOBAL;
    }
    allowed[0] |= SMMUV3_CMD0_SID;
    allowed[1] |= SMMUV3_ATC1_SIZE | SMMUV3_ATC1_ADDR;
    return true;
}

/* The bits that may be set, per opcode: arm_vsmmu_validate_user_cmd() */
static bool allowed_bits(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd,
                         uint64_t allowed[2])
{
    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_TLBI_NSNH_ALL:
        return true;
    case SMMUV3_CMD_TLBI_NH_VA:
        allowed[0] |= asid_mask(info);
        return allowed_va(info, cmd, allowed);
    case SMMUV3_CMD_TLBI_NH_VAA:
        return allowed_va(info, cmd, allowed);
    case SMMUV3_CMD_TLBI_NH_ASID:
        allowed[0] |= SMMUV3_TLBI0_VMID | asid_mask(info);
        return true;
    case SMMUV3_CMD_TLBI_NH_ALL:
        allowed[0] |= SMMUV3_TLBI0_VMID;
        return true;
    case SMMUV3_CMD_ATC_INV:
        return allowed_atc(info, cmd, allowed);
    case SMMUV3_CMD_CFGI_CD:
        allowed[0] |= has_substreams(info) ? SMMUV3_CMD0_SSID : 0;
        allowed[0] |= SMMUV3_CMD0_SID;
        allowed[1] |= SMMUV3_CFGI1_LEAF;
        return true;
    case SMMUV3_CMD_CFGI_CD_ALL:
        allowed[0] |= SMMUV3_CMD0_SID;
        return true;
    default:
        return false;
    }
}

bool fake_kernel_accepts(const SMMUv3HostInfo *info, const SMMUv3Cmd *cmd)
{
    uint64_t allowed[2] = { SMMUV3_CMD0_OPCODE, 0 };

    return allowed_bits(info, cmd, allowed) &&
           !(cmd->dw[0] & ~allowed[0]) && !(cmd->dw[1] & ~allowed[1]);
}

static bool names_stream(const SMMUv3Cmd *cmd)
{
    switch (cmd->dw[0] & SMMUV3_CMD0_OPCODE) {
    case SMMUV3_CMD_ATC_INV:
    case SMMUV3_CMD_CFGI_CD:
    case SMMUV3_CMD_CFGI_CD_ALL:
        return true;
    default:
        return false;
    }
}

/* arm_vsmmu_convert_user_cmd() */
static int convert(SMMUv3Host *h, const FakeObject *viommu,
                   const SMMUv3Cmd *cmd)
{
    if ((h->refusing && cmd->dw[1] == h->refused_dw1) ||
        (h->refuses && h->refuses(cmd))) {
        return -EIO;
    }
    if (!fake_kernel_accepts(&viommu->smmu->info, cmd)) {
        return fake_broken(h, EIO);
    }
    if (names_stream(cmd) &&
        !fake_find_vdevice(h, viommu->id,
                           SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]))) {
        return fake_broken(h, EIO);
    }
    return 0;
}

static bool is_atc_inv(const SMMUv3Cmd *cmd)
{
    return (cmd->dw[0] & SMMUV3_CMD0_OPCODE) == SMMUV3_CMD_ATC_INV;
}

/* Is @cmd an ATC_INV whose device does not answer? */
static bool hangs(const SMMUv3Host *h, const SMMUv3Cmd *cmd)
{
    if (!is_atc_inv(cmd)) {
        return false;
    }
    for (unsigned i = 0; i < h->n_atc_dead; i++) {
        if (SMMUV3_GET(SMMUV3_CMD0_SID, cmd->dw[0]) == h->atc_dead[i]) {
            return true;
        }
    }
    return h->atc_timeout;
}

/*
 * 4.7.3: in a block that times out the ATC_INVs of other devices are complete,
 * because those devices answer. Its other commands need not be.
 */
static bool times_out(SMMUv3Host *h, const SMMUv3Cmd *cmds, uint32_t n)
{
    bool hung = false;

    for (uint32_t i = 0; i < n; i++) {
        hung |= hangs(h, &cmds[i]);
    }
    for (uint32_t i = 0; hung && i < n; i++) {
        if (is_atc_inv(&cmds[i]) && !hangs(h, &cmds[i])) {
            g_array_append_val(h->issued, cmds[i]);
            fake_reach(h, &cmds[i], 1);
        }
    }
    return hung;
}

/* __arm_smmu_cmdq_issue_cmdlist() with its CMD_SYNC */
static int issue(SMMUv3Host *h, const SMMUv3Cmd *cmds, uint32_t n)
{
    unsigned countdown = h->issue_countdown;

    h->issue_countdown -= MIN(countdown, n);
    if (countdown && countdown <= n) {
        h->gone_errno = h->issue_for_good ? h->issue_errno : 0;
        return -h->issue_errno;
    }
    if (times_out(h, cmds, n)) {
        return -ETIMEDOUT;
    }
    g_array_append_vals(h->issued, cmds, n);
    fake_reach(h, cmds, n);
    return 0;
}

/* arm_vsmmu_cache_invalidate(), its miscounting included */
static int cache_invalidate(SMMUv3Host *h, const FakeObject *viommu,
                            const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    uint32_t cur = 0, last = 0;
    int ret = 0;

    while (cur != n) {
        SMMUv3Cmd cmd = {
            .dw = { GUINT64_FROM_LE(cmds[cur].dw[0]),
                    GUINT64_FROM_LE(cmds[cur].dw[1]) },
        };

        ret = convert(h, viommu, &cmd);
        if (ret) {
            break;
        }
        cur++;
        if (cur != n && cur - last != SMMUV3_HOST_BLOCK) {
            continue;
        }
        ret = issue(h, cmds + last, cur - last);
        if (ret) {
            cur--;
            break;
        }
        last = cur;
    }
    *done = cur;
    return ret;
}

uint32_t fake_failed_count(int ret, uint32_t n)
{
    return ret == -ENOMEM ? n
           : ret == -ETIMEDOUT ? MIN(n, SMMUV3_HOST_BLOCK) - 1 : 0;
}

static int do_invalidate(SMMUv3Host *h, SMMUv3HostId viommu,
                         const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    FakeObject *v = fake_object_of_kind(h, viommu, FAKE_VIOMMU);

    if (!n || n > SMMUV3_HOST_INVALIDATE_MAX) {
        *done = 0;
        return fake_broken(h, EINVAL);
    }
    if (!v) {
        *done = 0;
        return fake_broken(h, ENOENT);
    }
    if (h->gone_errno) {
        *done = fake_failed_count(-h->gone_errno, n);
        return -h->gone_errno;
    }
    if (h->nomem_from && n >= h->nomem_from) {
        *done = n;
        return -ENOMEM;
    }
    return cache_invalidate(h, v, cmds, n, done);
}

int fake_invalidate(SMMUv3Host *h, SMMUv3HostId viommu,
                    const SMMUv3Cmd *cmds, uint32_t n, uint32_t *done)
{
    int ret = fake_called(h, FAKE_INVALIDATE);

    /* One round a call, because no caller may rely on the blocks' length. */
    h->round++;
    h->all_entries += n;
    if (ret) {
        *done = fake_failed_count(ret, n);
    } else {
        ret = do_invalidate(h, viommu, cmds, n, done);
    }
    if (ret && h->lying) {
        *done = h->lie;
    }
    return fake_record(h, FAKE_INVALIDATE, NULL, viommu, n, ret);
}
