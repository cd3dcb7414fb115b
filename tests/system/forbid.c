/* SPDX-License-Identifier: Apache-2.0 */
/* tests/system/forbid.c: run a command in which some system calls do not exist.
 *
 *   runtime-forbid NUMBER[,NUMBER…] COMMAND…
 *
 * The numbers answer ENOSYS, as on a kernel from before them, so that the fallbacks are exercised on a newer one. */
#include "base/parse.h"
#include "base/strv.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
    auto_strv numbers = STRV_INIT;
    if (argc < 3 || !strv_split(&numbers, argv[1], ',')) {
        fputs("usage: runtime-forbid NUMBER[,NUMBER…] COMMAND…\n", stderr);
        return 2;
    }
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    if (f == NULL || seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0) != 0)
        return 2;
    for (size_t i = 0; i < numbers.count; i++) {
        uint64_t n;
        if (!parse_u64(numbers.items[i], 1000, &n) || seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), (int)n, 0) != 0)
            return 2;
    }
    if (seccomp_load(f) != 0)
        return 2;
    (void)execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 2;
}
