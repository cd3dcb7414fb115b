/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: decoding any line stays inside it; what was encoded is decoded to the same bytes. */
#include "wire/log_cri.h"

#include "base/cleanup.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_clock clock = { 0 };
    struct log_record r;
    auto_free char *line = malloc(size + 1);
    assert(line != NULL);
    memcpy(line, data, size);
    line[size] = '\n';
    if (log_cri_decode(&clock, line, size, &r))
        assert(r.data >= line && r.data + r.len <= line + size + 1);

    struct log_cri_head h;
    log_cri_head_print(&h, size % 3 == 0 ? "stderr" : "stdout", 1475712429669794202);
    auto_free char *out = malloc(log_cri_bound(&h, size));
    assert(out != NULL);
    bool newline = size % 2 == 0;
    char *end = log_cri_encode(out, &h, (const char *)data, size, newline);
    assert((size_t)(end - out) <= log_cri_bound(&h, size));
    assert(log_cri_decode(&clock, out, (size_t)(end - out) - 1, &r));
    assert(r.time_ns == 1475712429669794202 && r.stream == (size % 3 == 0 ? 2 : 1));
    assert(r.len == size + (newline ? 1 : 0) && (size == 0 || memcmp(r.data, data, size) == 0));
    return 0;
}
