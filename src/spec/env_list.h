/* SPDX-License-Identifier: Apache-2.0 */
/* spec/env_list.h: lists of "NAME=value", and how they are put over one another (moby-container.md, section 11). */
#ifndef CREEL_SPEC_ENV_LIST_H
#define CREEL_SPEC_ENV_LIST_H

#include "base/strv.h"
#include "spec/schema.h"

/* The user's entries first, then those of the image whose name the user did not mention ("NAME" alone mentions it too).
 * Image entries that are not NAME=value are dropped: only a client may ask for names without a value. New reference;
 * NULL when out of memory. Either list may be NULL. */
json_t *env_list_merge_image(const json_t *user, const json_t *image);
/* Put `overrides` over `list`: "NAME=value" replaces the entry of that name, else is appended; "NAME" alone removes the
 * entry of that name. Entries appended by this call are not looked at again: a new name given twice stays twice.
 * False when out of memory. */
bool env_list_override(struct strv *list, const json_t *overrides);
/* Of entries with the same name only the last stays, at its place. False when out of memory. */
bool env_list_deduplicate(struct strv *list);
/* The value of NAME in the list (the last one), or NULL. */
const char *env_list_get(const struct strv *list, const char *name);

#endif
