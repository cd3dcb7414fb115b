/* SPDX-License-Identifier: Apache-2.0 */
/* engine/exit.c: what a shell would report of an exit. */
#include <creel/container.h>

int creel_exit_shell(const struct creel_exit *x)
{
    switch (x->how) {
    case CREEL_EXIT_BY_CODE:
        return x->number;
    case CREEL_EXIT_BY_SIGNAL:
        return 128 + x->number;
    case CREEL_EXIT_UNKNOWN:
        break; /* never 0: unknown is not success */
    }
    return 255;
}
