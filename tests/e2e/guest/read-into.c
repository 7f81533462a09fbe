/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read-into DISK MIB [FROM]: the first MiB of the disk by direct I/O into every
 * MiB of as much memory, and whether each is the same. Prints how many are, of
 * how many, and how many of them start at the physical address FROM or above,
 * where the kernel has /proc/self/pagemap. More MiB than were free before
 * memory came reach what came.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1024u * 1024u)

/* /proc/self/pagemap: a word for each page, bits 54:0 the frame's number */
static unsigned long long physical_address(const void *p)
{
    unsigned long page = sysconf(_SC_PAGESIZE);
    unsigned long long entry = 0;
    int pagemap = open("/proc/self/pagemap", O_RDONLY);

    if (pagemap < 0 || pread(pagemap, &entry, sizeof(entry),
                             (unsigned long)p / page * sizeof(entry)) !=
                           sizeof(entry)) {
        perror("/proc/self/pagemap");
        exit(1);
    }
    close(pagemap);
    return (entry & ((1ULL << 55) - 1)) * page;
}

int main(int argc, char **argv)
{
    unsigned long n, i, same = 0, above = 0;
    unsigned char *memory;
    int disk;

    if (argc < 3 || argc > 4 || !(n = strtoul(argv[2], NULL, 0))) {
        fprintf(stderr, "usage: read-into DISK MIB [FROM]\n");
        return 2;
    }
    disk = open(argv[1], O_RDONLY | O_DIRECT);
    if (disk < 0) {
        perror(argv[1]);
        return 1;
    }
    memory = mmap(NULL, n * MIB, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    for (i = 0; i < n; i++) {
        if (pread(disk, memory + i * MIB, MIB, 0) != MIB) {
            perror("pread");
            return 1;
        }
    }
    for (i = 0; i < n; i++) {
        same += !memcmp(memory + i * MIB, memory, MIB);
        above += argc == 4 && physical_address(memory + i * MIB) >=
                              strtoull(argv[3], NULL, 0);
    }
    printf("%lu of %lu", same, n);
    if (argc == 4) {
        printf(", above: %lu", above);
    }
    printf("\n");
    return same != n;
}
