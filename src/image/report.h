/* SPDX-License-Identifier: Apache-2.0 */
/* image/report.h: the worker's side of the conversation described in worker.h. */
#ifndef CREEL_IMAGE_REPORT_H
#define CREEL_IMAGE_REPORT_H

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

/* Read the request line from the control descriptor. Caller: json_decref. */
int report_request(json_t **ret, struct creel_err *err);
/* Work done so far; sent at most once per few megabytes, so it may be called for each block. */
void report_progress(uint64_t done, uint64_t total);
/* "Preparations are over": the first progress line, at once. */
void report_started(void);
/* The result; takes `ok` over (NULL: an empty object). Returns 0, or -1 when nobody listens any more. */
int report_ok(json_t *ok);
int report_error(const struct creel_err *err);
/* Replace what a terminal could obey and what is not UTF-8, so that a hostile name can be part of a message. Returns
 * buf. */
const char *report_printable(const char *s, char *buf, size_t size);

#endif
