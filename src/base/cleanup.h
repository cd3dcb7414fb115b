/* SPDX-License-Identifier: Apache-2.0 */
/* base/cleanup.h: scope-owned resources (docs/style: scope owns, ownership leaves by a named move).
 * Every clean-up function keeps errno and accepts the empty value (-1, NULL). */
#ifndef CREEL_BASE_CLEANUP_H
#define CREEL_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* "unused": holding it until the end of the scope is a use that clang does not see */
#define auto_cleanup(fn) __attribute__((cleanup(fn), unused))

static inline void fd_closep(int *fd)
{
    int saved = errno;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    errno = saved;
}

static inline int fd_take(int *fd)
{
    int v = *fd;
    *fd = -1;
    return v;
}

static inline void mem_freep(void *p)
{
    int saved = errno;
    free(*(void **)p);
    *(void **)p = NULL;
    errno = saved;
}

static inline void file_closep(FILE **f)
{
    int saved = errno;
    if (*f != NULL)
        (void)fclose(*f);
    *f = NULL;
    errno = saved;
}

static inline void dir_closep(DIR **d)
{
    int saved = errno;
    if (*d != NULL)
        (void)closedir(*d);
    *d = NULL;
    errno = saved;
}

#define auto_fd auto_cleanup(fd_closep) int
#define auto_free auto_cleanup(mem_freep)
#define auto_file auto_cleanup(file_closep)
#define auto_dir auto_cleanup(dir_closep)

/* Ownership leaves the scope: `*ret = ptr_take(&p);` */
#define ptr_take(p)                                                                                                   \
    __extension__({                                                                                                   \
        __typeof__(*(p)) ptr_take_value_ = *(p);                                                                      \
        *(p) = NULL;                                                                                                  \
        ptr_take_value_;                                                                                              \
    })

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))

#endif
