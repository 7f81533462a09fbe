/*
 * arm-smmuv3 in ACPI: what a guest that is started by firmware is told.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
