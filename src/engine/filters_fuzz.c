/* SPDX-License-Identifier: Apache-2.0 */
/* Filter documents, name patterns and port ranges, as clients send them. Properties: a document is taken whole or not at
 * all; what is taken prints to a document that means the same; a port range prints to itself; a pattern costs little. */
#include "engine/filters.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const known[] = { "label", "name", "status", "publish", NULL };

static char *print(const struct filters *f)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < f->count; i++) {
        json_t *values = json_array();
        for (size_t k = 0; k < f->items[i].values.count; k++)
            json_array_append_new(values, json_string(f->items[i].values.items[k]));
        json_object_set_new(doc, f->items[i].key, values);
    }
    char *text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    return text;
}

static void fuzz_document(const char *text)
{
    auto_filters f = FILTERS_INIT, again = FILTERS_INIT;
    struct creel_err err = { 0 };
    if (filters_parse(text, known, &f, &err) < 0) {
        assert(f.count == 0 && err.text[0] != '\0');
        return;
    }
    auto_free char *once = print(&f);
    assert(filters_parse(once, known, &again, NULL) == 0);
    auto_free char *twice = print(&again);
    assert(strcmp(once, twice) == 0);
    const struct strv *labels = filters_get(&f, "label");
    assert(labels == NULL || labels->count > 0);
    (void)filters_match_labels(labels, text);
}

static void fuzz_pattern(const char *text)
{
    auto_strv v = STRV_INIT;
    auto_cleanup(filter_patterns_freep) struct filter_patterns *p = NULL;
    assert(strv_add(&v, text) && filter_patterns_new(&v, &p, NULL) == 0);
    (void)filter_patterns_match(p, "/web-1.backend_of-the-service");
    (void)filter_patterns_match(p, text);
}

static void fuzz_ports(const char *text)
{
    struct filter_ports p, again;
    char buf[64];
    if (!filter_ports_parse(text, &p))
        return;
    assert(p.first >= 0 && p.first <= p.last && p.last <= 65535);
    (void)snprintf(buf, sizeof buf, "%d-%d/%s", p.first, p.last, p.proto);
    assert(filter_ports_parse(buf, &again) && again.first == p.first && again.last == p.last
           && strcmp(again.proto, p.proto) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = size < 4096 ? strndup((const char *)data, size) : NULL;
    if (text == NULL)
        return 0;
    fuzz_document(text);
    fuzz_pattern(text);
    fuzz_ports(text);
    return 0;
}
