/* SPDX-License-Identifier: Apache-2.0 */
/* wire/log_cri.h: the log format of the Kubernetes container runtime interface:
 *     2016-10-06T00:17:09.669794202Z stdout F text
 * F ends a line, P is a piece of one. The text is raw bytes without newline. */
#ifndef CREEL_WIRE_LOG_CRI_H
#define CREEL_WIRE_LOG_CRI_H

#include "wire/log_record.h"

struct log_cri_head {
    char text[64];
    size_t len;
};
void log_cri_head_print(struct log_cri_head *h, const char *stream, int64_t time_ns);
static inline size_t log_cri_bound(const struct log_cri_head *h, size_t n)
{
    return n + h->len + 8;
}
/* One record with the file's newline; returns its end. */
char *log_cri_encode(char *out, const struct log_cri_head *h, const char *data, size_t len, bool newline);
/* Decode a line. line[len] is the file's newline and becomes part of a full record's text, so that ret's data ends
 * with it as in every format. Nothing is overwritten. False when it is not a record. */
bool log_cri_decode(struct log_clock *c, const char *line, size_t len, struct log_record *ret);

#endif
