/*
 * smmuv3-accel-check, the program. See check.h.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include <locale.h>

#include "check.h"

int main(int argc, char **argv)
{
    int status;

    setlocale(LC_ALL, "");
    status = check_main(argc, argv, &check_door, stdout, stderr);
    if (fflush(stdout)) {
        perror("smmuv3-accel-check: stdout");
        return CHECK_STATUS_USAGE;
    }
    return status;
}
