/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever is accepted is exactly what is printed. A damaged copy of a good record is never accepted. */
#include "wire/exit_record.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct exit_record r;
    char buf[EXIT_RECORD_MAX];
    if (exit_record_parse((const char *)data, size, &r)) {
        assert(exit_record_print(&r, buf) == size && memcmp(buf, data, size) == 0);
        return 0;
    }
    struct exit_record good = { .run = 3, .started_ns = 5, .exit = { CREEL_EXIT_BY_CODE, 7, 0, 9 } };
    memset(good.id, 'a', 64);
    size_t n = exit_record_print(&good, buf);
    bool damaged = false;
    for (size_t i = 0; i + 1 < size; i += 2) {
        size_t at = data[i] % n;
        damaged |= data[i + 1] != 0;
        buf[at] = (char)(buf[at] ^ data[i + 1]);
    }
    struct exit_record same;
    if (exit_record_parse(buf, n, &same)) {
        char now[EXIT_RECORD_MAX];
        assert(exit_record_print(&good, now) == n);
        assert(!damaged || memcmp(now, buf, n) == 0);
    }
    return 0;
}
