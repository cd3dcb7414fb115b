/* SPDX-License-Identifier: Apache-2.0 */
/* wire/exit_record.h: what a monitor leaves behind about the end of a run. Text, one fact per line in fixed order:
 *     creel-exit 1
 *     id <64 hex characters>
 *     run <n>
 *     started <Unix time in ns>
 *     finished <Unix time in ns>
 *     how code|signal|unknown
 *     number <n>
 *     oom 0|1
 *     sum <16 hex digits: FNV-1a of everything before this line>
 * There is exactly one text for each record, so that a torn, truncated or edited one is noticed. */
#ifndef CREEL_WIRE_EXIT_RECORD_H
#define CREEL_WIRE_EXIT_RECORD_H

#include <creel/container.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_RECORD_MAX = 512 };

struct exit_record {
    char id[65];
    int64_t run, started_ns;
    struct creel_exit exit;
};

/* buf holds EXIT_RECORD_MAX bytes. Returns the length. */
size_t exit_record_print(const struct exit_record *r, char *buf);
/* False unless `text` is what exit_record_print would print. */
bool exit_record_parse(const char *text, size_t len, struct exit_record *ret);

#endif
