/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read-into DISK MIB: the first MiB of the disk by direct I/O into every MiB of
 * as much memory, and whether each is the same. Prints how many are, of how
 * many. More MiB than were free before memory came reach what came.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1024u * 1024u)

int main(int argc, char **argv)
{
    unsigned long n, i, same = 0;
    unsigned char *memory;
    int disk;

    if (argc != 3 || !(n = strtoul(argv[2], NULL, 0))) {
        fprintf(stderr, "usage: read-into DISK MIB\n");
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
    }
    printf("%lu of %lu\n", same, n);
    return same != n;
}
