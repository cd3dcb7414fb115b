/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes: no entry is without a key, none is longer than the input, and what was read reads back the same. */
#include "cli/env_file.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_strv first = STRV_INIT, second = STRV_INIT;
    auto_bytes text = BYTES_INIT;
    struct creel_err err = { 0 };
    if (env_file_parse((const char *)data, size, NULL, &first, &err) < 0) {
        assert(err.kind == CREEL_INVALID && err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < first.count; i++) {
        size_t key = strcspn(first.items[i], "=");
        assert(key > 0 && strcspn(first.items[i], " \t\v\f\r") >= key && strlen(first.items[i]) <= size);
        assert(first.items[i][0] != '#' && strchr(first.items[i], '\n') == NULL);
        bytes_adds(&text, first.items[i]);
        bytes_adds(&text, "\r\n"); /* so that a carriage return at the end of a value is not taken for the line's */
    }
    /* a byte order mark in front of the first key is one of the key there, and the file's when it comes first */
    if (!bytes_ok(&text) || (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0))
        return 0;
    assert(env_file_parse(bytes_str(&text), text.len, NULL, &second, &err) == 0);
    assert(first.count == second.count);
    for (size_t i = 0; i < first.count; i++)
        assert(strcmp(first.items[i], second.items[i]) == 0);
    return 0;
}
