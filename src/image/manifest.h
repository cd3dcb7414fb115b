/* SPDX-License-Identifier: Apache-2.0 */
/* image/manifest.h: the documents that describe images: configuration, manifest, index, Docker's manifest.json.
 *
 * Strict and bounded (security.md P9, P12): at most DOCUMENT_MAX bytes, UTF-8, no duplicate members, digests by
 * grammar, sizes in range, at most LAYERS_MAX layers. A document that could be read as two kinds is refused
 * (CVE-2021-41190), as is one whose mediaType contradicts what refers to it. Text ↔ struct; opens nothing. */
#ifndef CREEL_IMAGE_MANIFEST_H
#define CREEL_IMAGE_MANIFEST_H

#include "base/err.h"
#include "base/strv.h"
#include "image/digest.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { DOCUMENT_MAX = 4 << 20, LAYERS_MAX = 127, MANIFESTS_MAX = 1000, REPO_TAGS_MAX = 1000 };

/* Parse a document of `what` ("manifest") as a JSON object or array. Caller: json_decref. */
int manifest_document_parse(const char *what, const char *text, size_t len, json_t **ret, struct creel_err *err);

struct descriptor {
    char digest[DIGEST_MAX];
    int64_t size;
    char media_type[128];       /* "" when not said */
    char os[32], architecture[32], variant[32]; /* "" when there is no platform */
    char *name;                 /* reference from its annotations, NULL none */
};

/* An image configuration: only what the engine needs to know of it. */
struct image_config {
    char (*diff_ids)[DIGEST_MAX];
    size_t count;
    int64_t created_ns;
    char os[32], architecture[32];
    json_t *document;           /* parsed */
};
int image_config_parse(const char *text, size_t len, struct image_config *ret, struct creel_err *err);
void image_config_fini(struct image_config *c);
/* Labels as a JSON object text, NULL when there are none (or out of memory: *ret_failed). */
char *image_config_labels(const struct image_config *c, bool *ret_failed);
#define auto_image_config auto_cleanup(image_config_fini) struct image_config

/* An OCI image manifest or Docker's schema 2; or an OCI index or Docker manifest list. */
struct manifest {
    bool is_index;
    struct descriptor config;   /* not in an index */
    struct descriptor *items;   /* layers, lowest first; or manifests */
    size_t count;
};
/* media_type: what referred to it as, "" unknown. */
int manifest_parse(const char *text, size_t len, const char *media_type, struct manifest *ret, struct creel_err *err);
void manifest_fini(struct manifest *m);
#define auto_manifest auto_cleanup(manifest_fini) struct manifest
/* The entry of an index for this host: the exact platform, or the only image in it. NULL: none. */
const struct descriptor *manifest_choose(const struct manifest *index, const char *os, const char *architecture);
/* This host's architecture in Go's spelling. */
const char *manifest_host_architecture(void);

/* Docker's manifest.json: one entry per image. */
struct docker_image { char *config; struct strv tags, layers; };
struct docker_manifest { struct docker_image *images; size_t count; };
int docker_manifest_parse(const char *text, size_t len, struct docker_manifest *ret, struct creel_err *err);
void docker_manifest_fini(struct docker_manifest *m);
#define auto_docker_manifest auto_cleanup(docker_manifest_fini) struct docker_manifest

#endif
