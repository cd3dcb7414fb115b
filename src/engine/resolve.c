/* SPDX-License-Identifier: Apache-2.0 */
/* engine/resolve.c: from what a person typed to an id. */
#include "engine/engine.h"

int creel_container_resolve(struct creel *e, const char *ref, char *ret_id, struct creel_err *err)
{
    return container_row_resolve(e->store, ref, ret_id, err);
}
