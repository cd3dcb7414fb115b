/* SPDX-License-Identifier: Apache-2.0 */
/* cli/human.h: sizes and times for people, as Docker words them. */
#ifndef CREEL_CLI_HUMAN_H
#define CREEL_CLI_HUMAN_H

#include "base/bytes.h"

#include <stdint.h>

/* 1.23MB: powers of 1000, at most `digits` significant ones. */
void human_size(uint64_t bytes, int digits, struct bytes *out);
/* 1.5GiB: powers of 1024, four digits. */
void human_memory(uint64_t bytes, struct bytes *out);
/* "3 days ago"; `now` and `then` in ns. */
void human_ago(int64_t now, int64_t then, struct bytes *out);
/* "2024-01-02 03:04:05 +0000 UTC", local time */
void human_time(int64_t ns, struct bytes *out);
/* "2024-01-02T03:04:05Z" or with an offset, local time; nano: always nine fractional digits. */
void human_rfc3339(int64_t ns, int nano, struct bytes *out);

#endif
