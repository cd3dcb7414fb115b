/* SPDX-License-Identifier: Apache-2.0 */
/* image/reference.h: names of images, in the distribution reference grammar.
 *
 *   reference  = [domain "/"] path [":" tag] ["@" digest]
 *   domain     = host [":" port]; the first component is one when it contains "." or ":", or is "localhost", or has
 *   an
 *                upper-case letter; otherwise the domain is docker.io
 *   path       = component *("/" component); with docker.io a single component gets "library/" in front
 *   component  = [a-z0-9]+ separated by one of: "." "_" "__" or any number of "-"
 *   tag        = [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
 *
 * The canonical name ("docker.io/library/busybox:latest") is what the store keeps; the familiar one
 * ("busybox:latest") is what people see. Text ↔ struct only; nothing is looked up here. */
#ifndef CREEL_IMAGE_REFERENCE_H
#define CREEL_IMAGE_REFERENCE_H

#include "base/err.h"
#include "image/digest.h"

#include <stdbool.h>

enum {
    REFERENCE_NAME_MAX = 255,
    REFERENCE_TAG_MAX = 128,
    REFERENCE_TEXT_MAX = REFERENCE_NAME_MAX + REFERENCE_TAG_MAX + 80
};

struct reference {
    char name[REFERENCE_NAME_MAX + 1]; /* domain and path, canonical: "docker.io/library/busybox" */
    char tag[REFERENCE_TAG_MAX + 1];   /* "" when there is none */
    char digest[DIGEST_MAX];           /* "" when there is none */
};

/* Strict parse. INVALID "invalid reference format: …". No default tag is added. */
int reference_parse(const char *text, struct reference *ret, struct creel_err *err);
/* The same, and "latest" if there is neither tag nor digest. */
int reference_parse_tagged(const char *text, struct reference *ret, struct creel_err *err);
/* name[:tag], as the store keeps it (name@digest when there is no tag). buf: REFERENCE_TEXT_MAX. Returns buf. */
const char *reference_print(const struct reference *r, char *buf);
/* The same as people see it: without docker.io/ and library/. */
const char *reference_print_familiar(const struct reference *r, char *buf);
/* Familiar form of a canonical name without tag, borrowed from `name`. */
const char *reference_familiar_name(const char *name);
/* Docker's glob for the filter "reference": matched against the familiar name, name:tag, and the canonical ones.
 * Returns 1, 0, or -1 for a malformed pattern. */
int reference_matches(const struct reference *r, const char *pattern);

#endif
