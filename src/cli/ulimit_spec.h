/* SPDX-License-Identifier: Apache-2.0 */
/* cli/ulimit_spec.h: --ulimit NAME=SOFT[:HARD], -1 unlimited, to {"Name","Soft","Hard"}. */
#ifndef CREEL_CLI_ULIMIT_SPEC_H
#define CREEL_CLI_ULIMIT_SPEC_H

#include "base/err.h"

#include <jansson.h>

int ulimit_spec_parse(const char *text, json_t **ret, struct creel_err *err);

#endif
