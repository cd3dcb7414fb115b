/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include <stdlib.h>
#include <string.h>

char *path_clean(const char *path)
{
    char *out = malloc(strlen(path) + 2);
    size_t len = 0;
    if (out == NULL)
        return NULL;
    for (const char *p = path; *p != '\0';) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        if (n == 0 || (n == 1 && p[0] == '.')) {
            /* nothing to keep */
        } else if (n == 2 && p[0] == '.' && p[1] == '.') {
            while (len > 0 && out[len - 1] != '/')
                len--;
            len -= len > 0;
        } else {
            out[len++] = '/';
            memcpy(out + len, p, n);
            len += n;
        }
        p += n;
    }
    if (len == 0)
        out[len++] = '/';
    out[len] = '\0';
    return out;
}

bool path_is_within(const char *path, const char *top)
{
    size_t n = strlen(top);
    if (n == 1) /* "/" */
        return true;
    return strncmp(path, top, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

size_t path_depth(const char *path)
{
    size_t n = 0;
    for (const char *p = path; *p != '\0'; p++)
        n += *p == '/' && p[1] != '\0';
    return n;
}
