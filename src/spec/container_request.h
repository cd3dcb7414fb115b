/* SPDX-License-Identifier: Apache-2.0 */
/* spec/container_request.h: what clients send to create, change and enter containers, in the form of the Docker Engine
 * API, checked and normalised (spec/schema.h: sparse, in table order).
 *
 * What is checked here needs neither the host nor the image: types, ranges, conflicts between members, names of things
 * (ulimits, capabilities, modes, signals, drivers). Members that mean something this version cannot do are accepted
 * while they say nothing, as Docker's clients send all of them, and otherwise refused by name (UNSUPPORTED).
 * Nothing is silently ignored. Messages are Docker's where clients match on them. */
#ifndef CREEL_SPEC_CONTAINER_REQUEST_H
#define CREEL_SPEC_CONTAINER_REQUEST_H

#include "base/strv.h"
#include "spec/schema.h"

/* All three are objects (never NULL after a successful parse) and owned. */
struct container_request {
    json_t *config, *host, *networking;
};
void container_request_fini(struct container_request *r);
static inline void container_request_finip(struct container_request *r) { container_request_fini(r); }
#define auto_container_request auto_cleanup(container_request_finip) struct container_request

/* A create body. warnings: sentences for things that are accepted and changed. Errors: INVALID · UNSUPPORTED. */
int container_request_parse(const char *text, size_t len, struct container_request *ret, struct strv *warnings,
                            struct creel_err *err);
/* Members as inspect shows them: new references, NULL when out of memory. */
json_t *container_config_fill(const json_t *config);
json_t *host_config_fill(const json_t *host);

/* An update body: only the members that may be updated; zero means "keep" and is left out (PidsLimit -1 or 0: none). */
int update_request_parse(const char *text, size_t len, json_t **ret, struct creel_err *err);
/* *ret: `host` with the members of `update` put over it (new reference). Errors: CONFLICT with what is stored. */
int update_request_merge(const json_t *host, const json_t *update, json_t **ret, struct creel_err *err);

/* An exec create body. Errors: INVALID "No exec command specified" … */
int exec_request_parse(const char *text, size_t len, json_t **ret, struct creel_err *err);

/* --- values inside --- */
/* Text without control characters. */
bool text_is_printable(const char *s);
/* argv or env: Errors INVALID naming the entry when one is longer than the kernel takes. */
int command_check(const char *what, const json_t *list, struct creel_err *err);

#endif
