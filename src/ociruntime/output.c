/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/output.c: see ociruntime/output.h. */
#include "ociruntime/output.h"

#include "sys/process.h"

int output_write(const struct bytes *text, struct creel_err *err)
{
    if (!bytes_ok(text))
        return creel_fail_nomem(err);
    int r = sys_write_all(STDOUT_FILENO, bytes_str(text), text->len);
    return r < 0 ? creel_fail(err, creel_kind_of_errno(-r), -r, "write to standard output") : 0;
}
