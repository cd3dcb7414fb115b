/* SPDX-License-Identifier: Apache-2.0 */
/* cli/document.h: JSON documents of the engine (inspect, info, version, events) printed as --format says. */
#ifndef CREEL_CLI_DOCUMENT_H
#define CREEL_CLI_DOCUMENT_H

#include "cli/template.h"

/* What Docker's types have in fields that the documents may leave out or have as null. */
extern const struct template_field document_fields[];

/* The parsed value of --format; NULL stays NULL for "no format" and for "json". */
int document_template(const char *format, struct template **ret, struct creel_err *err);
/* Append the document as the template prints it, and a newline. */
int document_print(const struct template *t, json_t *document, struct bytes *out, struct creel_err *err);
/* Parse what the engine returned. */
int document_parse(const char *text, json_t **ret, struct creel_err *err);

#endif
