/* SPDX-License-Identifier: Apache-2.0 */
/* Property: whatever one instruction makes of a configuration is one that images may have. */
#include "image/changes.h"
#include "image/manifest.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = strndup((const char *)data, size);
    json_t *config = json_pack("{s:[s,s],s:s}", "Env", "PATH=/bin", "A=b", "WorkingDir", "/w");
    const char *changes[] = { input, NULL };
    if (input != NULL && config != NULL && changes_apply(config, changes, NULL) == 0) {
        json_t *doc = json_pack("{s:O,s:{s:s,s:[]}}", "config", config, "rootfs", "type", "layers", "diff_ids");
        char *text = json_dumps(doc, JSON_COMPACT);
        struct image_config c;
        assert(text != NULL);
        if (strlen(text) < DOCUMENT_MAX) {
            assert(image_config_parse(text, strlen(text), &c, NULL) == 0);
            image_config_fini(&c);
        }
        free(text);
        json_decref(doc);
    }
    json_decref(config);
    free(input);
    return 0;
}
