/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/env_list.h"

#include <stdint.h>
#include <string.h>

static size_t name_len(const char *entry)
{
    return strcspn(entry, "=");
}

static bool same_name(const char *a, const char *b)
{
    size_t n = name_len(a);
    return n == name_len(b) && memcmp(a, b, n) == 0;
}

/* Names of a list, for look-ups that do not cost list times list: open addressing, NULL is empty. Keys are borrowed. */
struct name_set {
    const char **slots;
    size_t *values;
    size_t mask;
};

static void name_set_fini(struct name_set *s)
{
    free(s->slots);
    free(s->values);
}
#define auto_name_set auto_cleanup(name_set_fini) struct name_set

static bool name_set_init(struct name_set *s, size_t entries)
{
    size_t size = 16;
    while (size < entries * 2)
        size *= 2;
    s->slots = calloc(size, sizeof *s->slots);
    s->values = calloc(size, sizeof *s->values);
    s->mask = size - 1;
    return s->slots != NULL && s->values != NULL;
}

static size_t name_set_slot(const struct name_set *s, const char *entry)
{
    size_t n = name_len(entry);
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)entry[i]) * 1099511628211u;
    size_t at = (size_t)(h ^ (h >> 32)) & s->mask;
    while (s->slots[at] != NULL && !same_name(s->slots[at], entry))
        at = (at + 1) & s->mask;
    return at;
}

json_t *env_list_merge_image(const json_t *user, const json_t *image)
{
    auto_json out = json_array();
    auto_name_set names = { 0 };
    size_t i;
    json_t *v;
    if (out == NULL || !name_set_init(&names, json_array_size(user)))
        return NULL;
    json_array_foreach((json_t *)user, i, v) {
        names.slots[name_set_slot(&names, json_string_value(v))] = json_string_value(v);
        if (json_array_append(out, v) < 0)
            return NULL;
    }
    json_array_foreach((json_t *)image, i, v) {
        const char *s = json_string_value(v);
        if (s == NULL || s[0] == '=' || strchr(s, '=') == NULL)
            continue;
        if (names.slots[name_set_slot(&names, s)] == NULL && json_array_append(out, v) < 0)
            return NULL;
    }
    return ptr_take(&out);
}

bool env_list_override(struct strv *list, const json_t *overrides)
{
    auto_name_set names = { 0 };
    auto_strv appended = STRV_INIT;
    size_t defaults = list->count, kept = 0, i;
    json_t *v;
    if (!name_set_init(&names, defaults))
        return false;
    auto_free bool *gone = calloc(defaults + 1, sizeof *gone);
    if (gone == NULL)
        return false;
    for (i = 0; i < defaults; i++) {
        size_t at = name_set_slot(&names, list->items[i]);
        names.slots[at] = list->items[i];
        names.values[at] = i;
    }
    json_array_foreach((json_t *)overrides, i, v) {
        const char *s = json_string_value(v);
        size_t at = name_set_slot(&names, s), index = names.values[at];
        bool known = names.slots[at] != NULL;
        if (strchr(s, '=') == NULL) {
            if (known)
                gone[index] = true;
        } else if (known) {
            char *copy = strdup(s);
            if (copy == NULL)
                return false;
            names.slots[at] = copy; /* same name, so the slot stays right */
            free(list->items[index]);
            list->items[index] = copy;
            gone[index] = false;
        } else if (!strv_add(&appended, s)) {
            return false;
        }
    }
    for (i = 0; i < defaults; i++) {
        if (gone[i])
            free(list->items[i]);
        else
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
    if (list->items != NULL)
        list->items[kept] = NULL;
    return strv_copy(list, &appended);
}

bool env_list_deduplicate(struct strv *list)
{
    auto_name_set names = { 0 };
    size_t kept = list->count;
    if (!name_set_init(&names, list->count))
        return false;
    for (size_t i = list->count; i-- > 0;) { /* from the end: the last one of each name stays */
        size_t at = name_set_slot(&names, list->items[i]);
        if (names.slots[at] != NULL) {
            free(list->items[i]);
            continue;
        }
        names.slots[at] = list->items[i];
        list->items[--kept] = list->items[i];
    }
    if (kept > 0) {
        memmove(list->items, list->items + kept, (list->count - kept) * sizeof *list->items);
        list->count -= kept;
        list->items[list->count] = NULL;
    }
    return true;
}

const char *env_list_get(const struct strv *list, const char *name)
{
    for (size_t i = list->count; i-- > 0;)
        if (same_name(list->items[i], name) && list->items[i][name_len(name)] == '=')
            return list->items[i] + name_len(name) + 1;
    return NULL;
}
