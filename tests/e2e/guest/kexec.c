/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kexec [--crash] IMAGE INITRAMFS COMMAND-LINE: another kernel in the place of
 * this one, at once, with whatever devices are doing; or, with --crash, loaded
 * for when this one panics. By kexec_file_load(2); busybox has no such command.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <unistd.h>

static int open_or_say(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        perror(path);
    }
    return fd;
}

int main(int argc, char **argv)
{
    unsigned long flags = 0;
    int kernel, initramfs;

    if (argc == 5 && !strcmp(argv[1], "--crash")) {
        flags = KEXEC_FILE_ON_CRASH;
        argv++;
    } else if (argc != 4) {
        fprintf(stderr,
                "usage: kexec [--crash] IMAGE INITRAMFS COMMAND-LINE\n");
        return 2;
    }
    kernel = open_or_say(argv[1]);
    initramfs = open_or_say(argv[2]);
    if (kernel < 0 || initramfs < 0) {
        return 1;
    }
    if (syscall(SYS_kexec_file_load, kernel, initramfs, strlen(argv[3]) + 1,
                argv[3], flags)) {
        perror("kexec_file_load");
        return 1;
    }
    if (flags) {
        return 0;
    }
    syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
            LINUX_REBOOT_CMD_KEXEC, NULL);
    perror("reboot");
    return 1;
}
