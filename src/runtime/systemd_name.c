/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/systemd_name.c: see systemd_name.h; the rules are those of systemd.unit(5) and systemd.slice(5). */
#include "runtime/systemd_name.h"

#include "base/err.h"
#include "runtime/cgroup_internal.h"

#include <string.h>

enum { UNIT_NAME_MAX = 255 };

static const char unit_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\";

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n > k && strcmp(s + n - k, suffix) == 0;
}

static bool unit_valid(const char *name)
{
    size_t n = strlen(name);
    return n <= UNIT_NAME_MAX && strspn(name, unit_chars) == n && name[0] != '.';
}

/* systemd puts a '_' in front of names that the kernel could take for files of its own. */
static bool needs_escape(const char *name)
{
    static const char *const taken[] = { "tasks", "notify_on_release", "release_agent" };
    static const char *const prefixes[] = { "cgroup.", "cpu.", "cpuacct.", "cpuset.", "io.", "blkio.", "memory.",
                                            "devices.", "pids.", "bpf-firewall.", "bpf-devices." };
    if (name[0] == '_' || name[0] == '.')
        return true;
    for (size_t i = 0; i < ARRAY_LEN(taken); i++)
        if (strcmp(name, taken[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void group_add(struct bytes *out, const char *name)
{
    bytes_addf(out, "/%s%s", needs_escape(name) ? "_" : "", name);
}

/* "a-b.slice" is below "a.slice". */
static int slice_expand(const char *slice, struct bytes *out, struct creel_err *err)
{
    size_t n = strlen(slice);
    if (!ends_with(slice, ".slice") || !unit_valid(slice) || strchr(slice, ':') != NULL)
        return creel_fail(err, CREEL_INVALID, 0, "\"%.100s\" is not the name of a systemd slice such as a-b.slice", slice);
    n -= strlen(".slice");
    if (n == 1 && slice[0] == '-')
        return 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && slice[i] != '-')
            continue;
        if (i == 0 || slice[i - 1] == '-')
            return creel_fail(err, CREEL_INVALID, 0, "slice \"%.100s\" has an empty part between its dashes", slice);
        char name[UNIT_NAME_MAX + 8];
        int k = snprintf(name, sizeof name, "%.*s.slice", (int)i, slice);
        if (k < 0 || (size_t)k >= sizeof name)
            return creel_fail(err, CREEL_INVALID, 0, "slice \"%.100s\" is too long", slice);
        group_add(out, name);
    }
    return 0;
}

bool systemd_scope_named(const char *path)
{
    const char *first = path[0] != '/' ? strchr(path, ':') : NULL;
    const char *second = first != NULL ? strchr(first + 1, ':') : NULL;
    return second != NULL && strchr(second + 1, ':') == NULL && strchr(path, '/') == NULL;
}

int systemd_scope_parse(const char *path, bool user, struct systemd_scope *ret, struct creel_err *err)
{
    auto_bytes group = BYTES_INIT, unit = BYTES_INIT, slice = BYTES_INIT;
    if (!systemd_scope_named(path))
        return creel_fail(err, CREEL_INVALID, 0, "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd "
                          "cgroups, got \"%.200s\" instead", path);
    const char *prefix = strchr(path, ':') + 1, *name = strchr(prefix, ':') + 1;
    bytes_add(&slice, path, (size_t)(prefix - 1 - path));
    if (slice.len == 0)
        bytes_adds(&slice, user ? "user.slice" : "system.slice");
    else if (strcmp(slice.data, "-") == 0)
        bytes_adds(&slice, ".slice");
    if (ends_with(name, ".slice"))
        return creel_fail(err, CREEL_INVALID, 0, "cgroupsPath \"%.200s\" names a slice; a container is a scope", path);
    bytes_add(&unit, prefix, (size_t)(name - prefix) - 1);
    bytes_addf(&unit, "-%s.scope", name);
    if (!bytes_ok(&slice) || !bytes_ok(&unit))
        return creel_fail_nomem(err);
    if (name[0] == '\0' || !unit_valid(unit.data))
        return creel_fail(err, CREEL_INVALID, 0, "\"%.300s\" is not the name of a systemd unit: letters, digits and "
                          ":-_.\\ only, at most %d of them", unit.data, UNIT_NAME_MAX);
    if (slice_expand(slice.data, &group, err) < 0)
        return -1;
    group_add(&group, unit.data);
    *ret = (struct systemd_scope){ .slice = bytes_take(&slice), .unit = bytes_take(&unit), .group = bytes_take(&group) };
    if (ret->slice == NULL || ret->unit == NULL || ret->group == NULL) {
        systemd_scope_fini(ret);
        return creel_fail_nomem(err);
    }
    return 0;
}

void systemd_scope_fini(struct systemd_scope *s)
{
    free(s->slice);
    free(s->unit);
    free(s->group);
    *s = (struct systemd_scope){ .slice = NULL };
}

char *systemd_unit_of_group(const char *group)
{
    const char *slash = strrchr(group, '/'), *name = slash != NULL ? slash + 1 : group;
    if (name[0] == '_')     /* see needs_escape */
        name++;
    return ends_with(name, ".scope") && unit_valid(name) ? strdup(name) : NULL;
}

void systemd_unit_object(const char *unit, struct bytes *out)
{
    bytes_adds(out, "/org/freedesktop/systemd1/unit/");
    for (const char *p = unit; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        if (letter || (*p >= '0' && *p <= '9' && p != unit))
            bytes_addc(out, *p);
        else
            bytes_addf(out, "_%02x", (unsigned char)*p);
    }
}
