/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever parses, prints; what was printed parses to the same print. Validation may refuse, never crash. */
#include "base/cleanup.h"
#include "spec/oci_config.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct creel_err err = { 0 };
    auto_oci_config a = NULL;
    auto_oci_config b = NULL;
    auto_free char *first = NULL, *second = NULL;
    if (oci_config_parse((const char *)data, size, &a, &err) < 0) {
        assert(err.kind == CREEL_INVALID && err.text[0] != '\0');
        return 0;
    }
    int r = oci_config_print(a, &first, &err);
    assert(r == 0);
    r = oci_config_parse(first, strlen(first), &b, &err);
    assert(r == 0);
    r = oci_config_print(b, &second, &err);
    assert(r == 0 && strcmp(first, second) == 0);
    int valid = oci_config_validate(a, &err);
    assert(valid == oci_config_validate(b, &err));
    return 0;
}
