/* SPDX-License-Identifier: Apache-2.0 */
/* cli/security_opt.h: --security-opt. A seccomp profile is read here and sent along, because the engine need not see
 * the caller's files; systempaths=unconfined becomes empty lists of masked and read-only paths. */
#ifndef CREEL_CLI_SECURITY_OPT_H
#define CREEL_CLI_SECURITY_OPT_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/strv.h"

#include <jansson.h>

enum { SECURITY_PROFILE_MAX = 4 << 20 };

/* Append JSON text without the blanks between its tokens. False when it cannot be a JSON object. */
bool security_profile_compact(const char *text, size_t len, struct bytes *out);
/* Fills host_config's SecurityOpt, MaskedPaths and ReadonlyPaths. */
int security_opt_apply(const struct strv *options, json_t *host_config, struct creel_err *err);

#endif
