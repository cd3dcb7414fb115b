/* SPDX-License-Identifier: Apache-2.0 */
/* base/path.h: path text, without looking at any file system. */
#ifndef CREEL_BASE_PATH_H
#define CREEL_BASE_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Lexically: no repeated slashes, no "." and no ".." (at the top of an absolute path ".." stays there), no slash at the
 * end, one slash at the beginning: a relative path is taken from "/". Returns a new string, NULL when out of memory. */
char *path_clean(const char *path);
/* Both clean and absolute: is `path` `top` itself or something below it? */
bool path_is_within(const char *path, const char *top);
/* How many components a clean absolute path has; "/" has none. */
size_t path_depth(const char *path);

#endif
