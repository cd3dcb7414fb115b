/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever ps prints: what comes out is its head and lines of it, in their order, and never more. */
#include "ociruntime/ps_table.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const pid_t pids[] = { 1, 7, 42, 4194304 };
    auto_bytes out = BYTES_INIT;
    struct creel_err err = { 0 };
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (ps_table_filter(text, pids, sizeof pids / sizeof *pids, &out, &err) == 0) {
        const char *at = text;
        for (const char *line = bytes_str(&out); *line != '\0'; line = strchr(line, '\n') + 1) {
            size_t n = strcspn(line, "\n");
            while (strcspn(at, "\n") != n || memcmp(at, line, n) != 0) {
                at += strcspn(at, "\n");
                assert(*at == '\n');
                at++;
            }
            at += n + (at[n] == '\n');
        }
    } else {
        assert(err.text[0] != '\0');
    }
    free(text);
    return 0;
}
