/* SPDX-License-Identifier: Apache-2.0 */
/* cli/detach_keys.h: checking --detach-keys before anything starts. */
#ifndef CREEL_CLI_DETACH_KEYS_H
#define CREEL_CLI_DETACH_KEYS_H

#include <stdbool.h>

/* Comma-separated: a character, ctrl- and one of a-z @ [ \ ] ^ _, or DEL. Empty: no keys. */
bool detach_keys_ok(const char *keys);

#endif
