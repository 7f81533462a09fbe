/*
 * Forwarded commands in the form in which no kernel refuses them.
 *
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * Linux 7.3 answers EIO to any bit that it does not know for an opcode, to
 * range fields where the host has no RIL, and to reserved ranges. A command
 * is therefore masked per opcode, and a range that would be refused becomes
 * TLBI_NH_ALL: widened, never narrowed. TLBI_NH_ASID would be narrower, as it
 * leaves global entries (4.4.2), which a TLBI_NH_VA drops.
 */
#ifndef ENGINE_FORWARD_H
#define ENGINE_FORWARD_H

#include "smmuv3-engine.h"

/*
 * @cmd's canonical form, for a guest promised @guest_idr on a host that reads
 * @host_idr. @cmd is one of TLBI_NH_*, TLBI_NSNH_ALL, CFGI_CD, CFGI_CD_ALL,
 * ATC_INV. *@widened is set if the result covers more than was asked. Pure.
 */
SMMUv3Cmd smmuv3_forward_canonical(SMMUv3Cmd cmd, const uint32_t guest_idr[6],
                                   const uint32_t host_idr[6], bool *widened);

#endif
