/* SPDX-License-Identifier: Apache-2.0 */
#include "ociruntime/ps_table.h"

#include "base/parse.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* The `at`th word of the line; NULL when there are fewer. */
static const char *word_at(const char *line, size_t end, size_t at, size_t *ret_len)
{
    size_t i = 0;
    for (size_t word = 0;; word++) {
        while (i < end && (line[i] == ' ' || line[i] == '\t'))
            i++;
        size_t from = i;
        while (i < end && line[i] != ' ' && line[i] != '\t')
            i++;
        if (i == from)
            return NULL;
        if (word == at) {
            *ret_len = i - from;
            return line + from;
        }
    }
}

static int find_pid_column(const char *head, size_t end, size_t *ret)
{
    const char *word;
    size_t len;
    for (size_t at = 0; (word = word_at(head, end, at, &len)) != NULL; at++)
        if (len == 3 && memcmp(word, "PID", 3) == 0) {
            *ret = at;
            return 0;
        }
    return -1;
}

static bool is_listed(const char *line, size_t end, size_t column, const pid_t *pids, size_t count)
{
    char text[24];
    uint64_t v;
    size_t len = 0;
    const char *word = word_at(line, end, column, &len);
    if (word == NULL || len >= sizeof text)
        return false;
    memcpy(text, word, len);
    text[len] = '\0';
    if (!parse_u64(text, INT_MAX, &v))
        return false;
    for (size_t i = 0; i < count; i++)
        if ((uint64_t)pids[i] == v)
            return true;
    return false;
}

int ps_table_filter(const char *text, const pid_t *pids, size_t count, struct bytes *out, struct creel_err *err)
{
    size_t column, end = strcspn(text, "\n");
    if (find_pid_column(text, end, &column) < 0)
        return creel_fail(err, CREEL_INVALID, 0, "couldn't find PID field in ps output");
    bytes_add(out, text, end);
    bytes_addc(out, '\n');
    for (const char *line = text + end; *line != '\0'; line += end) {
        line++; /* the line feed */
        end = strcspn(line, "\n");
        if (is_listed(line, end, column, pids, count)) {
            bytes_add(out, line, end);
            bytes_addc(out, '\n');
        }
        if (line[end] == '\0')
            break;
    }
    return 0;
}
