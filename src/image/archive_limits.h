/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_limits.h: how much an archive may ask for before it is refused.
 *
 * The defaults are far above what real images need and far below what hurts a host. $CREEL_ARCHIVE_LIMITS overrides
 * them for one command ("bytes=10g,entries=100000,ratio=1000"); names as in the table of archive_limits.c. */
#ifndef CREEL_IMAGE_ARCHIVE_LIMITS_H
#define CREEL_IMAGE_ARCHIVE_LIMITS_H

#include "base/err.h"

#include <jansson.h>
#include <stdint.h>

struct archive_limits {
    int64_t bytes;         /* one archive after decompression, and the sum of its files' sizes: 256 GiB */
    int64_t entries;       /* names in one archive: 4 million */
    int64_t ratio; /* expanded bytes per compressed byte, looked at once more than ratio_floor came out: 100 */
    int64_t ratio_floor;   /* 512 MiB */
    int64_t members;       /* files in an image archive (blobs, layers, documents): 20,000 */
    int64_t xattrs;        /* bytes of extended attributes of one entry: 128 KiB */
    int64_t memory;        /* address space of a worker: 768 MiB (xz -9 needs 65 MiB, a zstd window up to 128 MiB) */
    int64_t seconds;       /* processor time of a worker: 2 hours */
};
/* Not configurable: paths of at most 4095 bytes and components of 255 (the kernel's), pax records of 1 MiB and zstd
 * windows of 128 MiB (the libraries'), documents of 4 MiB (manifest.h), 127 layers (the overlay option page). */
enum { ARCHIVE_PATH_MAX = 4095 };

extern const struct archive_limits archive_limits_default;

/* Defaults, then `text` (NULL or ""): INVALID names the word that is wrong. */
int archive_limits_parse(const char *text, struct archive_limits *ret, struct creel_err *err);
json_t *archive_limits_print(const struct archive_limits *l);               /* a JSON object, NULL out of memory */
int archive_limits_read(const json_t *object, struct archive_limits *ret);  /* -1: not what _print makes */

#endif
