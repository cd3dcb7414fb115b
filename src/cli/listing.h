/* SPDX-License-Identifier: Apache-2.0 */
/* cli/listing.h: a list of rows, printed as its table, as `table TEMPLATE`, as TEMPLATE per row, or as JSON per row.
 *
 * Rows are added as they come; everything is printed by listing_end, in one write. The default table asks only for
 * its own columns and parses no template, which is what makes a list of ten thousand rows cheap. */
#ifndef CREEL_CLI_LISTING_H
#define CREEL_CLI_LISTING_H

#include "cli/command.h"
#include "cli/template.h"

struct listing_column {
    const char *name;           /* in templates and JSON: "RunningFor" */
    const char *title;          /* in the header: "CREATED" */
};
struct listing_kind {
    const char *type_name;      /* of a row, in error texts */
    const struct listing_column *columns;       /* in the order of {{json .}}; ends with name NULL */
    /* Append the text of column number `column`. */
    void (*print)(void *row, size_t column, struct bytes *out);
    /* {{.Label "x"}}; may be NULL. A new reference, NULL if there is no such method. */
    json_t *(*call)(void *row, const char *name, const char *argument);
};
struct listing {
    const struct listing_kind *kind;
    const char *const
        *table; /* names of the default table's columns, ends with NULL; NULL: no header, one column (-q) */
    size_t table_columns[24];
    size_t table_count;
    struct template *template;
    bool aligned, with_header;
    bool escape;                /* for a terminal */
    struct bytes text, scratch;
    const char *names[32];
};

/* format: the value of --format (NULL none). table: the columns shown by default. quiet: only the column `quiet`,
 * without a header, unless there is a format. */
int listing_begin(struct listing *l, struct cli *c, const struct listing_kind *kind, const char *const *table,
                  const char *format, const char *quiet, struct creel_err *err);
int listing_row(struct listing *l, void *row, struct creel_err *err);
/* Print what was added (a header without rows, too) and forget it. */
int listing_flush(struct listing *l, struct cli *c, struct creel_err *err);
void listing_fini(struct listing *l);

static inline void listing_finip(struct listing *l) { int e = errno; listing_fini(l); errno = e; }
#define auto_listing auto_cleanup(listing_finip) struct listing

/* The options that lists share. */
#define LISTING_FORMAT_HELP "Print with a Go template, 'table TEMPLATE' or 'json'"

#endif
