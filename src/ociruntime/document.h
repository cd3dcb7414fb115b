/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/document.h: JSON for people: four spaces per level, members in the order they were given. Pure. */
#ifndef CREEL_OCIRUNTIME_DOCUMENT_H
#define CREEL_OCIRUNTIME_DOCUMENT_H

#include "base/bytes.h"
#include "base/err.h"

/* Append the same document, indented, with a line feed at the end. Errors: INVALID when `json` is none. Memory:
 * bytes_ok. */
int document_indent(const char *json, struct bytes *out, struct creel_err *err);

#endif
