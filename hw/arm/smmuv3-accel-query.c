/*
 * arm-smmuv3,accel=on: what QMP and HMP tell of an instance.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
