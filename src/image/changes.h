/* SPDX-License-Identifier: Apache-2.0 */
/* image/changes.h: Dockerfile instructions that change an image's configuration ("--change").
 *
 * CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR, one per text, in shell
 * form or JSON form where Dockerfiles have both. Text to JSON; touches nothing else. $NAME and ${NAME} are replaced
 * from the configuration's own Env (never from the caller's environment) in ENV, EXPOSE, LABEL, STOPSIGNAL, USER,
 * VOLUME, WORKDIR. ADD, ARG, COPY, FROM, MAINTAINER and RUN make no sense on a finished image and are refused. */
#ifndef CREEL_IMAGE_CHANGES_H
#define CREEL_IMAGE_CHANGES_H

#include "base/err.h"

#include <jansson.h>

/* config: the "config" object of an image configuration, changed in place (on failure in part: work on a copy).
 * changes: NULL, or ended by NULL. INVALID names the instruction. */
int changes_apply(json_t *config, const char *const *changes, struct creel_err *err);

#endif
