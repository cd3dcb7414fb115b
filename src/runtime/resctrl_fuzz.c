/* SPDX-License-Identifier: Apache-2.0 */
/* Where resctrl is mounted, of any mountinfo: a path or nothing. */
#include "runtime/resctrl.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *where = resctrl_find(text);
    assert(where == NULL || strlen(where) <= size);
    free(where);
    free(text);
    return 0;
}
