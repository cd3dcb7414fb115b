/* SPDX-License-Identifier: Apache-2.0 */
/* What comes from a bus: a message with texts that end, or an error; its body can be walked by its signature and stays
 * within its bytes. */
#include "runtime/dbus_message.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_body(const struct dbus_message *m)
{
    struct dbus_reader quiet = m->body, aloud = m->body;
    auto_bytes text = BYTES_INIT;
    const char *s = m->signature, *t = m->signature;
    while (s != NULL && *s != '\0') {
        s = dbus_skip(&quiet, s);
        dbus_value_print(&aloud, t, &text);
        assert(quiet.bad == aloud.bad && quiet.at == aloud.at && quiet.at <= quiet.len);
        t = s;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    struct dbus_message m;
    if (dbus_message_parse(data, size, &m, &err) < 0) {
        assert(err.text[0] != '\0');
        return 0;
    }
    assert(m.body.len <= size && m.type != 0);
    const char *const texts[] = { m.path, m.interface, m.member, m.error_name, m.sender, m.signature };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert(texts[i] != NULL && strlen(texts[i]) < size);
    check_body(&m);
    return 0;
}
