/* SPDX-License-Identifier: Apache-2.0 */
/* engine/filters.h: the filter documents of list calls, and how values are matched. Pure.
 *
 * A document is a JSON object in one of Docker's two encodings: {"status":["exited"]} or {"status":{"exited":true}}.
 * NULL, "" and {} are no filter. Values of one key are alternatives (labels: all have to match); keys are all to
 * match. */
#ifndef CREEL_ENGINE_FILTERS_H
#define CREEL_ENGINE_FILTERS_H

#include "base/err.h"
#include "base/strv.h"

struct filter { char *key; struct strv values; };
struct filters { struct filter *items; size_t count; };
#define FILTERS_INIT { .items = NULL, .count = 0 }

/* known: accepted keys, NULL-terminated. INVALID "invalid filter 'x'" for another. *ret is empty on failure. */
int filters_parse(const char *json, const char *const *known, struct filters *ret, struct creel_err *err);
void filters_fini(struct filters *f);
#define auto_filters auto_cleanup(filters_fini) struct filters

/* The values of a key, or NULL when it was not given (or given without values). */
const struct strv *filters_get(const struct filters *f, const char *key);
/* A key with one boolean value (1, 0, true, false …). 1, 0, -1 not given, -2 error. */
int filters_bool(const struct filters *f, const char *key, struct creel_err *err);
/* INVALID "invalid filter 'key=value'". */
int filters_fail(struct creel_err *err, const char *key, const char *value);

/* Labels: "key" is present, "key=value" is equal. labels_json: object of strings, or NULL. All of `want`. */
bool filters_match_labels(const struct strv *want, const char *labels_json);
/* Whether one of `patterns` (unanchored extended regular expression; a plain substring if it does not compile or is
 * too costly) matches. */
struct filter_patterns;
int filter_patterns_new(const struct strv *patterns, struct filter_patterns **ret, struct creel_err *err);
bool filter_patterns_match(const struct filter_patterns *p, const char *text);
void filter_patterns_free(struct filter_patterns *p);
static inline void filter_patterns_freep(struct filter_patterns **p) { filter_patterns_free(*p); *p = NULL; }

/* "80", "80/tcp", "8000-8010/udp". False for anything else. */
struct filter_ports { int first, last; char proto[8]; };
bool filter_ports_parse(const char *text, struct filter_ports *ret);

#endif
