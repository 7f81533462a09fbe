/*
 * arm-smmuv3,accel=on: QMP and HMP of an emulator without the device.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qapi/qapi-commands-smmuv3-accel.h"

SMMUv3AccelInfoList *qmp_query_smmuv3_accel(Error **errp)
{
    return NULL;
}

void hmp_info_smmuv3_accel(Monitor *mon, const QDict *qdict)
{
    monitor_printf(mon, "No arm-smmuv3 with accel=on\n");
}
