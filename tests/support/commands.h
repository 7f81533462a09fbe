/*
 * What tests of the command queue push into a scene, and expect of it.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_COMMANDS_H
#define TESTS_COMMANDS_H

#include "scene.h"

/* No two of these are neighbours, so no two could become one range. */
uint64_t nth_va(unsigned i);
SMMUv3Cmd nth_tlbi(unsigned i);

/* CFGI_CD_ALL, and an ATC_INV of the first device. */
SMMUv3Cmd cd_all(unsigned device);
SMMUv3Cmd some_atc_inv(void);

/* nth_tlbi(first), nth_tlbi(first + 1), ... */
void push_tlbis(Scene *s, unsigned first, unsigned n);

/* TLBIs of one page behind the other, from 0 on. */
void push_pages(Scene *s, unsigned n);

/* scene_init_translating() with a queue of 16384, not at its begin. */
void init_long_queue(Scene *s);

/* Is @cmd a TLBI of a range? */
bool is_range(const SMMUv3Cmd *cmd);

/* Was the host issued @cmd? */
bool is_issued(const Scene *s, SMMUv3Cmd cmd);

/* The issued commands are nth_tlbi(first), nth_tlbi(first + 1), ... */
void expect_tlbis(const Scene *s, unsigned first, unsigned n);

/* How a run ended, and where CONS is. */
void expect_drained(Scene *s, SMMUv3CmdqResult r);
void expect_stopped(Scene *s, SMMUv3CmdqResult r, uint32_t cons,
                    SMMUv3CmdError cerror);

/* The same of a run that is made here. */
void expect_drains(Scene *s);
void expect_stops(Scene *s, uint32_t cons, SMMUv3CmdError cerror);

#endif
