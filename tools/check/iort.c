/*
 * The ACPI table IORT (Arm DEN 0049): which SMMUv3s the firmware describes, and
 * which root complexes are coherent past all that a guest can say (CANWBS).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table is the firmware's, and root's to read. All offsets are checked, as
 * a table may be cut short. A root complex is found as Linux finds it, by its
 * segment, the first one that has it (iort_match_node_callback()).
 */
#include <string.h>

#include "check.h"

#define TABLE           "/sys/firmware/acpi/tables/IORT"

#define HEADER_NODES    36      /* how many nodes */
#define HEADER_FIRST    40      /* where the first one is */
#define HEADER_SIZE     48

#define NODE_TYPE       0       /* a byte */
#define NODE_LENGTH     1       /* two bytes */
#define NODE_HEADER     16
#define TYPE_ROOT_COMPLEX 2
#define TYPE_SMMUV3     4

#define RC_MEMORY_FLAGS (NODE_HEADER + 7)
#define RC_SEGMENT      (NODE_HEADER + 12)
#define RC_SIZE         (NODE_HEADER + 16)
#define CANWBS          (1 << 2)

typedef struct IortNode {
    const uint8_t *data;
    unsigned length;
} IortNode;

static uint32_t iort_u32(const uint8_t *at)
{
    uint32_t v;

    memcpy(&v, at, sizeof(v));
    return GUINT32_FROM_LE(v);
}

/* The node at *@offset, which moves on; false: there is no more. */
static bool iort_next(const uint8_t *table, size_t size, uint32_t *offset,
                      IortNode *node)
{
    const uint8_t *at = table + *offset;

    if (*offset > size || size - *offset < NODE_HEADER) {
        return false;
    }
    node->data = at;
    node->length = at[NODE_LENGTH] | at[NODE_LENGTH + 1] << 8;
    if (node->length < NODE_HEADER || node->length > size - *offset) {
        return false;
    }
    *offset += node->length;
    return true;
}

static uint8_t *iort_read(const Check *c, size_t *size)
{
    char *data = NULL;

    if (!check_read_bytes(c, TABLE, &data, size)) {
        return NULL;
    }
    if (*size < HEADER_SIZE || memcmp(data, "IORT", 4)) {
        g_clear_pointer(&data, g_free);
    }
    return (uint8_t *)data;
}

CheckIort check_iort(const Check *c)
{
    size_t size;
    g_autofree uint8_t *table = iort_read(c, &size);
    CheckIort iort = { .read = table != NULL };
    uint32_t offset, n;
    IortNode node;

    if (!table) {
        return iort;
    }
    n = iort_u32(table + HEADER_NODES);
    offset = iort_u32(table + HEADER_FIRST);
    for (; n && iort_next(table, size, &offset, &node); n--) {
        iort.smmus += node.data[NODE_TYPE] == TYPE_SMMUV3;
    }
    return iort;
}

int check_iort_canwbs(const Check *c, unsigned segment)
{
    size_t size;
    g_autofree uint8_t *table = iort_read(c, &size);
    uint32_t offset, n;
    IortNode node;

    if (!table) {
        return -1;
    }
    n = iort_u32(table + HEADER_NODES);
    offset = iort_u32(table + HEADER_FIRST);
    for (; n && iort_next(table, size, &offset, &node); n--) {
        if (node.data[NODE_TYPE] == TYPE_ROOT_COMPLEX &&
            node.length >= RC_SIZE &&
            iort_u32(node.data + RC_SEGMENT) == segment) {
            return !!(node.data[RC_MEMORY_FLAGS] & CANWBS);
        }
    }
    return -1;
}
