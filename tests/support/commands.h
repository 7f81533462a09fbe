/*
 * Commands that tests of the queue push into a scene, and checks of the result.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef TESTS_COMMANDS_H
#define TESTS_COMMANDS_H

#include "scene.h"

/* Addresses that never merge into a range, because no two are neighbours. */
uint64_t nth_va(unsigned i);
SMMUv3Cmd nth_tlbi(unsigned i);

/* CFGI_CD_ALL, and an ATC_INV of the first device. */
SMMUv3Cmd cd_all(unsigned device);
SMMUv3Cmd some_atc_inv(void);

/* nth_tlbi(first), nth_tlbi(first + 1), ... */
void push_tlbis(Scene *s, unsigned first, unsigned n);

/* Pushes TLBIs of neighbouring pages, from 0 on. */
void push_pages(Scene *s, unsigned n);

/* scene_init_translating() with a queue of 16384, whose indices are not 0. */
void init_long_queue(Scene *s);

/* Is @cmd a TLBI of a range? */
bool is_range(const SMMUv3Cmd *cmd);

/* Was the host issued @cmd? */
bool is_issued(const Scene *s, SMMUv3Cmd cmd);

/* Asserts that nth_tlbi(first), nth_tlbi(first + 1), ... were issued. */
void expect_tlbis(const Scene *s, unsigned first, unsigned n);

/* Assert how a run ended, and where CONS is. */
void expect_drained(Scene *s, SMMUv3CmdqResult r);
void expect_stopped(Scene *s, SMMUv3CmdqResult r, uint32_t cons,
                    SMMUv3CmdError cerror);

/* Run the queue, then assert the same. */
void expect_drains(Scene *s);
void expect_stops(Scene *s, uint32_t cons, SMMUv3CmdError cerror);

#endif
