/* SPDX-License-Identifier: Apache-2.0 */
/* engine/warnings.c: warnings as front doors pass them on. */
#include "engine/engine.h"

#include <jansson.h>

int engine_warnings_json(const struct strv *warnings, char **ret, struct creel_err *err)
{
    json_t *a = json_array();
    bool ok = a != NULL;
    for (size_t i = 0; ok && i < warnings->count; i++)
        ok = json_array_append_new(a, json_string(warnings->items[i])) == 0;
    char *text = ok ? json_dumps(a, JSON_COMPACT) : NULL;
    json_decref(a);
    if (text == NULL)
        return creel_fail_nomem(err);
    *ret = text;
    return 0;
}
