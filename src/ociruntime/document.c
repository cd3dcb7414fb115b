/* SPDX-License-Identifier: Apache-2.0 */
#include "ociruntime/document.h"

#include <jansson.h>

int document_indent(const char *json, struct bytes *out, struct creel_err *err)
{
    json_error_t why;
    json_t *doc = json_loads(json, JSON_REJECT_DUPLICATES, &why);
    if (doc == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "line %d: %.100s", why.line, why.text);
    auto_free char *text = json_dumps(doc, JSON_INDENT(4));
    json_decref(doc);
    if (text == NULL)
        return creel_fail_nomem(err);
    bytes_adds(out, text);
    bytes_addc(out, '\n');
    return 0;
}
