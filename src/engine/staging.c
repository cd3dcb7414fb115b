/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/staging.h"

#include "base/parse.h"
#include "engine/engine.h"
#include "sys/identity.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

const char *staging_name(const char *text, char *buf)
{
    int n = snprintf(buf, STAGING_NAME_MAX, "%d-%" PRIu64 "-%s", (int)getpid(), sys_self_start(), text);
    assert(n > 0 && n < STAGING_NAME_MAX && strchr(text, '/') == NULL);
    return buf;
}

/* Copy the digits up to the next '-' and step past it. */
static bool take_number(const char **p, uint64_t max, uint64_t *ret)
{
    char digits[24];
    size_t n = strcspn(*p, "-");
    if (n == 0 || n >= sizeof digits || (*p)[n] != '-')
        return false;
    memcpy(digits, *p, n);
    digits[n] = '\0';
    *p += n + 1;
    return parse_u64(digits, max, ret);
}

bool staging_alive(const char *name)
{
    uint64_t pid, start;
    return take_number(&name, INT_MAX, &pid) && take_number(&name, UINT64_MAX, &start)
           && sys_process_alive((pid_t)pid, start);
}

int staging_sweep(int dir_fd)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0)
        return -errno;
    auto_dir DIR *d = fdopendir(copy);
    if (d == NULL) {
        int e = errno;
        (void)close(copy);
        return -e;
    }
    int first = 0;
    for (;;) {
        errno = 0;
        struct dirent *ent = readdir(d);
        if (ent == NULL)
            return first != 0 ? first : -errno;
        if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0 || staging_alive(ent->d_name))
            continue;
        int r = tree_remove(dir_fd, ent->d_name);
        if (r < 0 && first == 0)
            first = r;
    }
}
