/* SPDX-License-Identifier: Apache-2.0 */
/* Limits that are asked for, merged into others: what comes out can be printed and understood again, the same; asking for the
 * same once more changes nothing. The same way for the process that an exec is given. */
#include "ociruntime/resources.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_resources(const char *text, size_t size)
{
    struct oci_resources from = { 0 }, to = { 0 };
    struct creel_err err = { 0 };
    auto_free char *once = NULL, *twice = NULL;
    if (oci_resources_parse(text, size, &from, &err) < 0) {
        assert(err.kind != CREEL_OK && err.text[0] != '\0');
    } else if (resources_merge(&to, &from, &err) == 0) {
        assert(oci_resources_print(&to, &once, &err) == 0);
        assert(resources_merge(&to, &from, &err) == 0 && oci_resources_print(&to, &twice, &err) == 0);
        assert(strcmp(once, twice) == 0);
    } else {
        assert(err.text[0] != '\0');
    }
    oci_resources_fini(&from);
    oci_resources_fini(&to);
}

static void check_process(const char *text, size_t size)
{
    struct oci_process a = { 0 }, b = { 0 };
    struct creel_err err = { 0 };
    auto_free char *once = NULL, *twice = NULL;
    if (oci_process_parse(text, size, &a, &err) < 0) {
        assert(err.kind != CREEL_OK && err.text[0] != '\0');
    } else {
        (void)oci_process_validate(&a, &err);
        assert(oci_process_print(&a, &once, &err) == 0);
        assert(oci_process_parse(once, strlen(once), &b, &err) == 0 && oci_process_print(&b, &twice, &err) == 0);
        assert(strcmp(once, twice) == 0);
    }
    oci_process_fini(&a);
    oci_process_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] == 'p')
        check_process((const char *)data + 1, size - 1);
    else
        check_resources((const char *)data, size);
    return 0;
}
