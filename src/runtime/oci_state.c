/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/oci_state.c: see runtime/oci_state.h. */
#include "runtime/oci_state.h"

void oci_state_add_string(struct bytes *out, const char *s)
{
    bytes_addc(out, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            bytes_addf(out, "\\%c", c);
        else if (c < 0x20)
            bytes_addf(out, "\\u%04x", c);
        else
            bytes_addc(out, (char)c);
    }
    bytes_addc(out, '"');
}

static void add_annotations(struct bytes *out, const struct oci_config *c)
{
    bytes_adds(out, ",\"annotations\":{");
    for (size_t i = 0; i < c->annotation_count; i++) {
        if (i > 0)
            bytes_addc(out, ',');
        oci_state_add_string(out, c->annotations[i].key);
        bytes_addc(out, ':');
        oci_state_add_string(out, c->annotations[i].value);
    }
    bytes_addc(out, '}');
}

int oci_state_print(const struct oci_config *c, const char *id, const char *bundle, const char *status,
                    char **ret_before_pid, char **ret_after_pid, struct creel_err *err)
{
    auto_bytes before = BYTES_INIT, after = BYTES_INIT;
    bytes_adds(&before, "{\"ociVersion\":");
    oci_state_add_string(&before, c->oci_version != NULL ? c->oci_version : "1.2.0");
    bytes_adds(&before, ",\"id\":");
    oci_state_add_string(&before, id);
    bytes_adds(&before, ",\"status\":");
    oci_state_add_string(&before, status);
    bytes_adds(&before, ",\"pid\":");
    bytes_adds(&after, ",\"bundle\":");
    oci_state_add_string(&after, bundle);
    if (c->annotation_count > 0)
        add_annotations(&after, c);
    bytes_addc(&after, '}');
    if (!bytes_ok(&before) || !bytes_ok(&after))
        return creel_fail_nomem(err);
    *ret_before_pid = bytes_take(&before);
    *ret_after_pid = bytes_take(&after);
    return 0;
}
