/* SPDX-License-Identifier: Apache-2.0 */
/* cli/json.h: owning JSON values by scope, and filling objects without losing a failure. */
#ifndef CREEL_CLI_JSON_H
#define CREEL_CLI_JSON_H

#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>

static inline void json_freep(json_t **j)
{
    int saved = errno;
    json_decref(*j);
    *j = NULL;
    errno = saved;
}
#define auto_json auto_cleanup(json_freep) json_t

/* object[key] = value. Takes `value` over also on failure; NULL (a value that could not be made) is a failure. */
static inline int json_put(json_t *object, const char *key, json_t *value, struct creel_err *err)
{
    if (json_object_set_new(object, key, value) < 0)
        return creel_fail_nomem(err);
    return 0;
}

/* The same at the end of an array. */
static inline int json_push(json_t *array, json_t *value, struct creel_err *err)
{
    if (json_array_append_new(array, value) < 0)
        return creel_fail_nomem(err);
    return 0;
}

/* object[key] = text. JSON carries UTF-8 only, so anything else is the caller's mistake; `what` names it. */
static inline int json_put_text(json_t *object, const char *key, const char *text, const char *what,
                                struct creel_err *err)
{
    json_t *value = json_string(text);
    if (value == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "%s is not valid UTF-8", what);
    return json_put(object, key, value, err);
}

static inline int json_push_text(json_t *array, const char *text, const char *what, struct creel_err *err)
{
    json_t *value = json_string(text);
    if (value == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "%s is not valid UTF-8", what);
    return json_push(array, value, err);
}

#endif
