/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/exit_record.h"

#include "base/ident.h"
#include "base/parse.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *const how_names[] = {
    [CREEL_EXIT_BY_CODE] = "code", [CREEL_EXIT_BY_SIGNAL] = "signal", [CREEL_EXIT_UNKNOWN] = "unknown",
};

static uint64_t fnv1a(const char *p, size_t n)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)p[i]) * UINT64_C(1099511628211);
    return h;
}

size_t exit_record_print(const struct exit_record *r, char *buf)
{
    int n = snprintf(buf, EXIT_RECORD_MAX,
                     "creel-exit 1\nid %.64s\nrun %" PRId64 "\nstarted %" PRId64 "\nfinished %" PRId64
                     "\nhow %s\nnumber %d\noom %d\n",
                     r->id, r->run, r->started_ns, r->exit.finished_ns, how_names[r->exit.how], r->exit.number,
                     r->exit.oom_killed != 0);
    /* the longest possible text is about 250 bytes, so neither call can truncate */
    int m = snprintf(buf + n, EXIT_RECORD_MAX - (size_t)n, "sum %016" PRIx64 "\n", fnv1a(buf, (size_t)n));
    return (size_t)n + (size_t)m;
}

/* The value of the next line if its name is `name`; NULL otherwise. Lines are NUL-terminated by the caller. */
static const char *next_value(char **at, const char *name)
{
    char *line = *at, *nl = strchr(line, '\n');
    size_t n = strlen(name);
    if (nl == NULL || strncmp(line, name, n) != 0 || line[n] != ' ')
        return NULL;
    *nl = '\0';
    *at = nl + 1;
    return line + n + 1;
}

static bool next_number(char **at, const char *name, int64_t min, int64_t max, int64_t *ret)
{
    const char *s = next_value(at, name);
    return s != NULL && parse_i64(s, min, max, ret);
}

bool exit_record_parse(const char *text, size_t len, struct exit_record *ret)
{
    char copy[EXIT_RECORD_MAX], again[EXIT_RECORD_MAX];
    if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    struct exit_record r = { 0 };
    char *at = copy;
    const char *s = next_value(&at, "creel-exit");
    if (s == NULL || strcmp(s, "1") != 0)
        return false;
    s = next_value(&at, "id");
    if (s == NULL || !ident_is_full(s))
        return false;
    memcpy(r.id, s, sizeof r.id);
    int64_t number, oom;
    if (!next_number(&at, "run", 0, INT64_MAX, &r.run) ||
        !next_number(&at, "started", INT64_MIN, INT64_MAX, &r.started_ns) ||
        !next_number(&at, "finished", INT64_MIN, INT64_MAX, &r.exit.finished_ns))
        return false;
    s = next_value(&at, "how");
    if (s == NULL)
        return false;
    r.exit.how = CREEL_EXIT_BY_CODE;
    while (strcmp(s, how_names[r.exit.how]) != 0)
        if (r.exit.how++ == CREEL_EXIT_UNKNOWN)
            return false;
    if (!next_number(&at, "number", INT_MIN, INT_MAX, &number) || !next_number(&at, "oom", 0, 1, &oom))
        return false;
    r.exit.number = (int)number;
    r.exit.oom_killed = (int)oom;
    /* the sum, the order and every spelling are checked by printing it again */
    if (exit_record_print(&r, again) != len || memcmp(again, text, len) != 0)
        return false;
    *ret = r;
    return true;
}
