/* SPDX-License-Identifier: Apache-2.0 */
/* spec/log_option.h: HostConfig.LogConfig, and the "attrs" that its options put into every record. */
#ifndef CREEL_SPEC_LOG_OPTION_H
#define CREEL_SPEC_LOG_OPTION_H

#include "spec/schema.h"

struct log_options {
    const char *driver;             /* "json-file", "cri", "none"; static */
    int64_t max_size;               /* bytes, -1 unlimited; 20 MB unless given */
    int max_file;                   /* 5 unless given */
    bool compress;
    const char *labels, *labels_regex, *env, *env_regex, *tag;  /* borrowed from the document, NULL: not given */
};
/* `host` is a normalised HostConfig. Errors: INVALID · UNSUPPORTED. */
int log_options_parse(const json_t *host, struct log_options *ret, struct creel_err *err);

/* labels: object of strings; env: list of "NAME=value". */
struct log_subject { const char *id, *name, *image_ref, *image_id; const json_t *labels, *env; };
/* The "attrs" object: the labels and variables that the options choose, and the tag. *ret: JSON text, or NULL when
 * there are none; caller frees. */
int log_attributes_print(const struct log_options *o, const struct log_subject *s, char **ret, struct creel_err *err);

#endif
