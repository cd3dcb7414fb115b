/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/resources.h: the limits that `update` is asked for, from its options or a document, and how they
 * change those that a container has. Pure, apart from reading the document. */
#ifndef CREEL_OCIRUNTIME_RESOURCES_H
#define CREEL_OCIRUNTIME_RESOURCES_H

#include "ociruntime/command.h"
#include "spec/oci_config.h"

/* What is asked for. With --resources the other limits are not looked at, as runc has it. Values that say "not
 * given" are kept out; kernel memory, which no kernel limits any more, is warned of and left out, and so are
 * device rules, which an update never changes. Errors: INVALID, naming the option or member; what reading the file
 * gives. *ret: oci_resources_fini, also after failure. */
int resources_requested(const struct invocation *in, struct oci_resources *ret, struct creel_err *err);

/* Make `to` what it is after an update with `from`: members that are given replace, rows of lists (devices, page
 * sizes, interfaces, unified) replace the row of the same key or are added. */
int resources_merge(struct oci_resources *to, const struct oci_resources *from, struct creel_err *err);

#endif
