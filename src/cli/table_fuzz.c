/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a name: escaped they hold no control character and are what they were when escaped again; the
 * shortened text has at most as many characters as asked for; a table keeps its lines. */
#include "cli/json_out.h"
#include "cli/table.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(const char *s, size_t len, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += s[i] == c;
    return n;
}

static size_t characters(const char *s, size_t len)
{
    size_t n = 0;
    int32_t code;
    for (size_t i = 0; i < len; n++)
        i += text_char(s + i, len - i, &code);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;
    auto_bytes safe = BYTES_INIT, again = BYTES_INIT, cut = BYTES_INIT, lines = BYTES_INIT, out = BYTES_INIT,
               json = BYTES_INIT;
    text_escape(&safe, s, size, TEXT_ESCAPE_ALL);
    for (size_t i = 0; i < safe.len; i++)
        assert((unsigned char)safe.data[i] >= 0x20 && safe.data[i] != 0x7f);
    text_escape(&again, bytes_str(&safe), safe.len, TEXT_ESCAPE_ALL);
    assert(again.len == safe.len && memcmp(bytes_str(&again), bytes_str(&safe), safe.len) == 0);

    text_ellipsis(&cut, s, size, 5);
    assert(characters(bytes_str(&cut), cut.len) <= 5);

    text_escape(&lines, s, size, TEXT_ESCAPE_LINES);
    table_align(&out, bytes_str(&lines), lines.len, 10);
    size_t want = count(bytes_str(&lines), lines.len, '\n') + (lines.len > 0 && lines.data[lines.len - 1] != '\n' &&
                                                              lines.data[lines.len - 1] != '\t');
    assert(count(bytes_str(&out), out.len, '\n') == want);

    json_out_string(s, size, &json);
    json_t *j = json_loads(bytes_str(&json), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert(json_is_string(j));
    json_decref(j);
    json_out_indent(s, size, 4, &json);
    return 0;
}
