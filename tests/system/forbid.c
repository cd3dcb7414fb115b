/* SPDX-License-Identifier: Apache-2.0 */
/* tests/system/forbid.c: run a command in which some system calls do not exist.
 *
 *   runtime-forbid [ANSWER:]CALL[,CALL…] COMMAND…
 *
 * The calls (names or numbers) answer ENOSYS, as on a kernel from before them, so that the fallbacks are exercised on a newer
 * one; or, as filters from before them do, EPERM; or EINVAL, or KILL the process. Who may not have filters runs below the
 * one that there is already, or not at all. */
#include "base/parse.h"
#include "base/strv.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

static const struct { const char *name; uint32_t action; } answers[] = {
    { "ENOSYS", SCMP_ACT_ERRNO(ENOSYS) }, { "EPERM", SCMP_ACT_ERRNO(EPERM) }, { "EINVAL", SCMP_ACT_ERRNO(EINVAL) },
    { "KILL", SCMP_ACT_KILL_PROCESS },
};

static int call_number(const char *text)
{
    uint64_t n;
    return parse_u64(text, 1000, &n) ? (int)n : seccomp_syscall_resolve_name(text);
}

/* "EPERM:name,name": 0, -1 if it makes no sense. */
static int forbid(scmp_filter_ctx f, const char *what)
{
    auto_strv names = STRV_INIT;
    const char *colon = strchr(what, ':');
    uint32_t action = answers[0].action;
    for (size_t i = 0; colon != NULL && i < ARRAY_LEN(answers); i++)
        if (strlen(answers[i].name) == (size_t)(colon - what) && strncmp(what, answers[i].name, (size_t)(colon - what)) == 0)
            action = answers[i].action;
    if (!strv_split(&names, colon != NULL ? colon + 1 : what, ','))
        return -1;
    for (size_t i = 0; i < names.count; i++) {
        int n = call_number(names.items[i]);
        if (n == __NR_SCMP_ERROR || seccomp_rule_add(f, action, n, 0) != 0)
            return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: runtime-forbid [ANSWER:]CALL[,CALL…] COMMAND…\n", stderr);
        return 2;
    }
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    if (f == NULL || seccomp_attr_set(f, SCMP_FLTATR_CTL_NNP, 0) != 0 || forbid(f, argv[1]) < 0
        || (seccomp_load(f) != 0 && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != SECCOMP_MODE_FILTER)) {
        fprintf(stderr, "runtime-forbid: cannot forbid %s\n", argv[1]);
        return 2;
    }
    (void)execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 2;
}
