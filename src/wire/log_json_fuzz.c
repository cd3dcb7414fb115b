/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: decoding any line stays inside it; what was encoded is decoded to the same bytes, except that bytes
 * which are not UTF-8 have become U+FFFD, and encoding that again changes nothing. */
#include "wire/log_json.h"

#include "base/cleanup.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_anything(const uint8_t *data, size_t size)
{
    auto_free char *line = malloc(size + LOG_SLACK);
    assert(line != NULL);
    memcpy(line, data, size);
    memset(line + size, 0, LOG_SLACK);
    struct log_clock clock = { 0 };
    struct log_record r;
    if (!log_json_decode(&clock, line, size, &r))
        return;
    assert(r.len == 0 || (r.data >= line && r.data + r.len <= line + size));
    assert(r.attrs == NULL || (r.attrs >= line && r.attrs + strlen(r.attrs) < line + size));
}

static size_t round_trip(const char *text, size_t len, bool newline, char **ret)
{
    struct log_json_tail t;
    struct log_clock clock = { 0 };
    struct log_record r;
    assert(log_json_tail_init(&t, "stderr", "{\"a\":\"}\\\"\"}"));
    log_json_tail_time(&t, 1432897262000000003);
    char *out = malloc(log_json_bound(&t, len) + LOG_SLACK);
    assert(out != NULL);
    char *end = log_json_encode(out, &t, text, len, newline);
    assert((size_t)(end - out) + LOG_SLACK <= log_json_bound(&t, len) && end[-1] == '\n');
    assert(memchr(out, '\n', (size_t)(end - out)) == end - 1);
    assert(log_json_decode(&clock, out, (size_t)(end - out) - 1, &r));
    assert(r.stream == 2 && r.time_ns == 1432897262000000003 && strcmp(r.attrs, "{\"a\":\"}\\\"\"}") == 0);
    assert(!newline || (r.len > 0 && r.data[r.len - 1] == '\n'));
    *ret = malloc(r.len + LOG_SLACK);
    assert(*ret != NULL);
    memcpy(*ret, r.data, r.len);
    memset(*ret + r.len, 0xff, LOG_SLACK);
    size_t n = r.len - (newline ? 1 : 0);
    free(out);
    log_json_tail_fini(&t);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    decode_anything(data, size);
    auto_free char *text = malloc(size + LOG_SLACK);
    assert(text != NULL);
    memcpy(text, data, size);
    memset(text + size, '"', LOG_SLACK);
    auto_free char *once = NULL, *twice = NULL;
    bool newline = size % 2 == 0;
    size_t n = round_trip(text, size, newline, &once);
    size_t m = round_trip(once, n, newline, &twice);
    assert(n == m && memcmp(once, twice, n) == 0);
    if (n == size && memchr(data, 0xff, size) == NULL)
        for (size_t i = 0; i < size; i++)
            assert(data[i] >= 0x80 || (char)data[i] == once[i]);
    return 0;
}
