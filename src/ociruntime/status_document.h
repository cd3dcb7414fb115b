/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/status_document.h: a container as `state` and `list` print it, and hooks get it. */
#ifndef CREEL_OCIRUNTIME_STATUS_DOCUMENT_H
#define CREEL_OCIRUNTIME_STATUS_DOCUMENT_H

#include "base/bytes.h"
#include "ociruntime/state.h"

enum { OWNER_TEXT_MAX = 64 };

/* The name of s->owner after /etc/passwd, or "#<uid>". */
void status_document_owner(const struct state *s, char owner[OWNER_TEXT_MAX]);
/* {ociVersion,id,pid,status,bundle,rootfs,created,annotations,owner}: a line for each member when `pretty`. Reads the configuration for the version and the annotations. */
int status_document_print(const struct state *s, enum container_status status, bool pretty, struct bytes *out,
                          struct creel_err *err);

#endif
