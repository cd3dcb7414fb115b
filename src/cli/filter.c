/* SPDX-License-Identifier: Apache-2.0 */
/* cli/filter.c: see filter.h. */
#include "cli/filter.h"

#include "cli/json.h"

#include <ctype.h>
#include <string.h>

static int add(json_t *all, const char *filter, struct creel_err *err)
{
    const char *eq = strchr(filter, '=');
    if (eq == NULL)
        return creel_fail(err, CREEL_INVALID, 0,
                          "invalid argument \"%.200s\" for \"-f, --filter\" flag: expected name=value", filter);
    const char *start = filter, *end = eq;
    while (start < end && isspace((unsigned char)*start))
        start++;
    while (end > start && isspace((unsigned char)end[-1]))
        end--;
    auto_free char *key = strndup(start, (size_t)(end - start));
    if (key == NULL)
        return creel_fail_nomem(err);
    for (char *p = key; *p != '\0'; p++)
        *p = (char)tolower((unsigned char)*p);
    auto_json *probe = json_string(key);
    if (probe == NULL || key[0] == '\0')
        return creel_fail(err, CREEL_INVALID, 0, "invalid filter '%.200s'", filter);
    json_t *values = json_object_get(all, key);
    if (values == NULL) {
        values = json_array();
        if (json_put(all, key, values, err) < 0)
            return -1;
    }
    return json_push_text(values, eq + 1, "the filter's value", err);
}

int filter_json(const struct strv *filters, char **ret, struct creel_err *err)
{
    *ret = NULL;
    if (filters->count == 0)
        return 0;
    auto_json *all = json_object();
    if (all == NULL)
        return creel_fail_nomem(err);
    for (size_t i = 0; i < filters->count; i++)
        if (add(all, filters->items[i], err) < 0)
            return -1;
    *ret = json_dumps(all, JSON_COMPACT);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}
