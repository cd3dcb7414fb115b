/* SPDX-License-Identifier: Apache-2.0 */
/* engine/staging.h: names of work in progress below <root>/tmp and <root>/trash.
 *
 * A name says who is at work: "<pid>-<start>-<text>" (decimal pid, decimal start time in ticks since boot). Whatever
 * is there and has no living maker is garbage, and "creel check --repair" removes it. After a reboot another process
 * may have the pid but hardly the start time as well. */
#ifndef CREEL_ENGINE_STAGING_H
#define CREEL_ENGINE_STAGING_H

#include <stdbool.h>
#include <stddef.h>

enum { STAGING_NAME_MAX = 128 };

/* A name for the calling process. `text` says what it is for ("layer", an id) and keeps two of one process apart; it
 * has no slash and at most 80 bytes. buf: STAGING_NAME_MAX bytes. Returns buf. */
const char *staging_name(const char *text, char *buf);
/* Whether the maker of such a name still lives. A name of another form has no maker. */
bool staging_alive(const char *name);
/* Remove what dead makers left below dir ("tmp" or "trash" opened by the caller); 0 or the first -errno. Living
 * makers' entries stay. */
int staging_sweep(int dir_fd);

#endif
