/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pathname.c: the text rules of `docker cp` and of host paths in options. Nothing here touches a file. */
#include "cli/pathname.h"

#include "base/bytes.h"
#include "base/strv.h"

#include <string.h>

/* Components of `path` that are left after cleaning. */
static bool pathname_components(const char *path, bool absolute, struct strv *out)
{
    for (const char *p = path; *p != '\0';) {
        const char *end = strchrnul(p, '/');
        size_t n = (size_t)(end - p);
        bool up = n == 2 && p[0] == '.' && p[1] == '.';
        if (n == 0 || (n == 1 && p[0] == '.')) {
            /* says nothing */
        } else if (up && out->count > 0 && strcmp(out->items[out->count - 1], "..") != 0) {
            strv_remove(out, out->count - 1);
        } else if (!(up && absolute) && !strv_addn(out, p, n)) {
            return false;
        }
        p = *end == '/' ? end + 1 : end;
    }
    return true;
}

char *pathname_clean(const char *path)
{
    bool absolute = path[0] == '/';
    auto_strv parts = STRV_INIT;
    auto_bytes text = BYTES_INIT;
    if (!pathname_components(path, absolute, &parts))
        return NULL;
    if (absolute)
        bytes_addc(&text, '/');
    for (size_t i = 0; i < parts.count; i++) {
        if (i > 0)
            bytes_addc(&text, '/');
        bytes_adds(&text, parts.items[i]);
    }
    if (bytes_ok(&text) && text.len == 0)
        bytes_addc(&text, '.');
    return bytes_ok(&text) ? bytes_take(&text) : NULL;
}

char *pathname_absolute(const char *base, const char *path)
{
    auto_bytes text = BYTES_INIT;
    if (path[0] == '/')
        return pathname_clean(path);
    bytes_addf(&text, "%s/%s", base, path);
    return bytes_ok(&text) ? pathname_clean(bytes_str(&text)) : NULL;
}

char *pathname_base(const char *path)
{
    size_t end = strlen(path);
    if (end == 0)
        return strdup(".");
    while (end > 1 && path[end - 1] == '/')
        end--;
    if (end == 1 && path[0] == '/')
        return strdup("/");
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return strndup(path + start, end - start);
}

bool pathname_says_content(const char *path)
{
    size_t n = strlen(path);
    return n > 0 && path[n - 1] == '.' && (n == 1 || path[n - 2] == '/');
}

bool pathname_says_directory(const char *path)
{
    size_t n = strlen(path);
    return (n > 0 && path[n - 1] == '/') || pathname_says_content(path);
}

char *pathname_keep_ending(const char *cleaned, const char *original)
{
    size_t n = strlen(cleaned), o = strlen(original);
    bool slash = n > 0 && cleaned[n - 1] == '/';
    auto_bytes text = BYTES_INIT;
    bytes_adds(&text, cleaned);
    if (pathname_says_content(original) && !pathname_says_content(cleaned)) {
        bytes_adds(&text, slash ? "." : "/.");
    } else if (o > 0 && original[o - 1] == '/' && !slash) {
        bytes_addc(&text, '/');
    }
    return bytes_ok(&text) ? bytes_take(&text) : NULL;
}

bool pathname_split(const char *path, char **ret_dir, char **ret_base)
{
    auto_free char *cleaned = pathname_clean(path);
    if (cleaned == NULL)
        return false;
    auto_free char *dir = NULL, *base = NULL;
    const char *slash = strrchr(cleaned, '/');
    if (pathname_says_content(path)) {
        dir = strdup(cleaned);
        base = strdup(".");
    } else if (strcmp(cleaned, "/") == 0) {
        dir = strdup("/");
        base = strdup("/");
    } else if (slash == NULL) {
        dir = strdup(".");
        base = strdup(cleaned);
    } else {
        dir = slash == cleaned ? strdup("/") : strndup(cleaned, (size_t)(slash - cleaned));
        base = strdup(slash + 1);
    }
    if (dir == NULL || base == NULL)
        return false;
    *ret_dir = ptr_take(&dir);
    *ret_base = ptr_take(&base);
    return true;
}
