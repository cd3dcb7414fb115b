/* SPDX-License-Identifier: Apache-2.0 */
/* image/sha256.h: SHA-256 of small documents (image configurations, manifests), FIPS 180-4.
 *
 * The engine hashes documents of a few kilobytes; linking a cryptographic library for that would cost every command
 * its start-up time. Bulk data (layers, blobs) is hashed in creel-archive by OpenSSL. */
#ifndef CREEL_IMAGE_SHA256_H
#define CREEL_IMAGE_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32 };

void sha256(const void *data, size_t len, uint8_t out[SHA256_SIZE]);

#endif
