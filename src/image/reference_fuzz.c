/* SPDX-License-Identifier: Apache-2.0 */
/* Property: what is accepted prints to a text that is accepted and means the same. */
#include "image/reference.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reference r, again;
    char text[REFERENCE_TEXT_MAX], *input = strndup((const char *)data, size);
    if (input == NULL)
        return 0;
    if (reference_parse(input, &r, NULL) == 0) {
        assert(r.name[0] != '\0' && (r.digest[0] == '\0' || digest_ok(r.digest)));
        assert(reference_parse(reference_print(&r, text), &again, NULL) == 0 && strcmp(r.name, again.name) == 0);
        assert(reference_parse(reference_print_familiar(&r, text), &again, NULL) == 0
               && strcmp(r.name, again.name) == 0 && strcmp(r.tag, again.tag) == 0);
        (void)reference_matches(&r, input);
    }
    free(input);
    return 0;
}
