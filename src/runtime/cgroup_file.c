/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_file.c: reading and writing the files of a group, and understanding what is in them. */
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int cgroup_file_open(const struct cgroup *c, size_t hierarchy, const char *file, int flags)
{
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/%s", c->path + 1, file);
    if (n < 0 || (size_t)n >= sizeof path)
        return -ENAMETOOLONG;
    int fd = openat(c->nodes[hierarchy].mount, path, flags | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

int cgroup_file_read(const struct cgroup *c, size_t hierarchy, const char *file, char *buf, size_t cap)
{
    auto_fd fd = cgroup_file_open(c, hierarchy, file, O_RDONLY);
    if (fd < 0)
        return fd;
    size_t len = 0;
    while (len < cap - 1) {
        ssize_t n = read(fd, buf + len, cap - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    while (len > 0 && buf[len - 1] == '\n')
        len--;
    buf[len] = '\0';
    return (int)len;
}

int cgroup_file_write(const struct cgroup *c, size_t hierarchy, const char *file, const char *value)
{
    auto_fd fd = cgroup_file_open(c, hierarchy, file, O_WRONLY);
    if (fd < 0)
        return fd;
    size_t len = strlen(value);
    ssize_t n;
    do {
        n = write(fd, value, len);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;    /* the kernel takes all of a value or nothing */
}

bool cgroup_value_parse(const char *text, const char *key, uint64_t *ret)
{
    if (key != NULL) {
        size_t n = strlen(key);
        while (strncmp(text, key, n) != 0 || text[n] != ' ') {
            text = strchr(text, '\n');
            if (text == NULL)
                return false;
            text++;
        }
        text += n + 1;
    }
    if (strncmp(text, "max", 3) == 0 && (text[3] == '\0' || text[3] == '\n' || text[3] == ' ')) {
        *ret = UINT64_MAX;
        return true;
    }
    uint64_t v = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (unsigned)(*p - '0'), &v))
            return false;
    if (p == text || (*p != '\0' && *p != '\n' && *p != ' '))
        return false;
    *ret = v;
    return true;
}

enum { LIST_BITS = CGROUP_LIST_BYTES * 8 };
struct list_set { uint64_t words[LIST_BITS / 64]; };

static bool list_number(const char **p, unsigned *ret)
{
    unsigned v = 0;
    const char *s = *p;
    while (**p >= '0' && **p <= '9') {
        v = v * 10 + (unsigned)(**p - '0');
        if (v >= LIST_BITS)
            return false;
        (*p)++;
    }
    *ret = v;
    return *p != s;
}

static bool list_parse(const char *p, struct list_set *set)
{
    memset(set, 0, sizeof *set);
    while (*p != '\0' && *p != '\n') {
        unsigned from, to;
        if (*p == ',') {    /* the kernel takes empty parts, too */
            p++;
            continue;
        }
        if (!list_number(&p, &from))
            return false;
        to = from;
        if (*p == '-') {
            p++;
            if (!list_number(&p, &to) || to < from)
                return false;
        }
        for (unsigned i = from; i <= to; i++)
            set->words[i / 64] |= (uint64_t)1 << i % 64;
        if (*p != ',' && *p != '\0' && *p != '\n')
            return false;
    }
    return true;
}

bool cgroup_list_same(const char *a, const char *b)
{
    struct list_set x, y;
    return list_parse(a, &x) && list_parse(b, &y) && memcmp(&x, &y, sizeof x) == 0;
}

size_t cgroup_list_bits(const char *list, uint8_t bits[CGROUP_LIST_BYTES])
{
    struct list_set set;
    size_t len = 0;
    if (!list_parse(list, &set))
        return 0;
    for (size_t i = 0; i < CGROUP_LIST_BYTES; i++) {
        bits[i] = (uint8_t)(set.words[i / 8] >> i % 8 * 8);
        if (bits[i] != 0)
            len = i + 1;
    }
    return len;
}

static size_t find(const struct cgroup *c, bool v2, const char *controller)
{
    for (size_t i = 0; i < c->layout.count; i++)
        if (c->layout.items[i].v2 == v2 && cgroup_list_has(c->layout.items[i].controllers, controller))
            return i;
    return c->layout.count;
}

size_t cgroup_v1_find(const struct cgroup *c, const char *controller) { return find(c, false, controller); }
size_t cgroup_v2_find(const struct cgroup *c, const char *controller) { return find(c, true, controller); }
