/* SPDX-License-Identifier: Apache-2.0 */
/* spec/schema.h: checking JSON documents against tables of members.
 *
 * A schema lists every member a document may have, with its type, range and default. Normalising gives a document in the
 * table's order and spelling that holds only what differs from the defaults: null, and the default itself, are the same
 * as absent. Member names match without regard to case, as Go's decoder does, so that every Docker client is
 * understood; a member given twice, also in two spellings, is an error, and so is one that is not in the table.
 * Filling is the way back: every member, defaults included, as Docker's inspect shows them.
 *
 * Nothing here knows what a member means: that is for the files that own the tables. */
#ifndef CREEL_SPEC_SCHEMA_H
#define CREEL_SPEC_SCHEMA_H

#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum schema_kind {
    SCHEMA_STRING,
    SCHEMA_BOOL,
    SCHEMA_INT,         /* min..max */
    SCHEMA_STRINGS,     /* list of strings */
    SCHEMA_COMMAND,     /* list of strings, or one string that stands for a list of one */
    SCHEMA_STRING_MAP,  /* object of strings */
    SCHEMA_SET,         /* object whose values are empty objects (or null) */
    SCHEMA_INTS,        /* list of whole numbers, min..max */
    SCHEMA_OBJECT,      /* by `sub` */
    SCHEMA_OBJECTS,     /* list of objects, each by `sub` */
    SCHEMA_OBJECT_MAP,  /* object of objects, each by `sub` */
    SCHEMA_ANY_MAP,     /* object of anything; only useful together with `refuse` */
    SCHEMA_ANY_LIST,    /* list of anything; likewise */
};

struct schema;
struct schema_field {
    const char *name;
    enum schema_kind kind;
    bool keep;              /* present means set: 0, "", false and empty lists differ from absent; only null is absent */
    int64_t min, max;       /* SCHEMA_INT(S); both 0: the whole range of int64 */
    const struct schema *sub;
    const char *fill;       /* JSON text that schema_fill gives when absent; NULL: stays absent */
    const char *refuse;     /* not NULL: nothing but the default is accepted, and this says why */
};
struct schema {
    const struct schema_field *fields;
    size_t count;
};

/* Parse at most 16 MiB of JSON text whose top is an object, without duplicate keys and without anything behind it.
 * `what` names the document in messages ("create request"). */
int schema_parse(const char *what, const char *text, size_t len, json_t **ret, struct creel_err *err);
/* `where` is put in front of member names in messages: "HostConfig." or "". *ret: new reference.
 * Errors: INVALID naming the member · UNSUPPORTED for a member with `refuse` */
int schema_normalise(const struct schema *s, const char *where, const json_t *in, json_t **ret, struct creel_err *err);
/* A full copy of a normalised document. NULL when out of memory. */
json_t *schema_fill(const struct schema *s, const json_t *sparse);
/* The row for a member, or NULL. */
const struct schema_field *schema_find(const struct schema *s, const char *name);

/* Reading normalised documents: absent gives the zero value. Strings are borrowed. `o` may be NULL. */
const char *json_text(const json_t *o, const char *key);            /* "" when absent */
int64_t json_number(const json_t *o, const char *key);              /* 0 when absent */
bool json_flag(const json_t *o, const char *key);                   /* false when absent */

static inline void json_dropp(json_t **j) { int e = errno; json_decref(*j); *j = NULL; errno = e; }
#define auto_json auto_cleanup(json_dropp) json_t *

#endif
