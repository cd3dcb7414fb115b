/* SPDX-License-Identifier: Apache-2.0 */
/* cli/pathname.h: path texts, without looking at any file. A trailing "/" or "/." means "a directory, and what is in
 * it" to `creel cp`, so cleaning and joining say when they keep it. All returned strings are the caller's (free);
 * NULL means out of memory. */
#ifndef CREEL_CLI_PATHNAME_H
#define CREEL_CLI_PATHNAME_H

#include <stdbool.h>

/* The shortest path that means the same as text: no "//", ".", and ".." only at the start of a relative path.
 * "" becomes ".". */
char *pathname_clean(const char *path);
/* `path` made absolute against `base` (an absolute path) and cleaned. */
char *pathname_absolute(const char *base, const char *path);
/* The last component of the text: "b" for "/a/b/", "." for "/a/." and "", "/" for "/". */
char *pathname_base(const char *path);
/* The last path is `.`, i.e. the content of a directory is meant: ".", "/a/.". */
bool pathname_says_content(const char *path);
/* Ends in a slash or in "/.": the path must be a directory. */
bool pathname_says_directory(const char *path);
/* `cleaned`, with the "/." or "/" at its end that `original` has. */
char *pathname_keep_ending(const char *cleaned, const char *original);
/* Cleaned parent and last component, where "/a/b/." has the parent "/a/b" and the component ".". False: no memory. */
bool pathname_split(const char *path, char **ret_dir, char **ret_base);

#endif
