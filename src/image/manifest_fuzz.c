/* SPDX-License-Identifier: Apache-2.0 */
/* Properties: no document is accepted both as an image and as an index, digests that come out are digests, counts are
 * bounded. */
#include "image/manifest.h"

#include <assert.h>
#include <stdint.h>

static int parse_as(const char *text, size_t size, const char *type)
{
    struct manifest m;
    if (manifest_parse(text, size, type, &m, NULL) < 0)
        return -1;
    int index = m.is_index;
    assert(m.count <= (index ? MANIFESTS_MAX : LAYERS_MAX) && (index || digest_ok(m.config.digest)));
    for (size_t i = 0; i < m.count; i++)
        assert(digest_ok(m.items[i].digest) && m.items[i].size >= 0);
    (void)manifest_choose(&m, "linux", "amd64");
    manifest_fini(&m);
    return index;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct image_config c;
    struct docker_manifest d;
    int image = parse_as(text, size, "application/vnd.oci.image.manifest.v1+json");
    int index = parse_as(text, size, "application/vnd.oci.image.index.v1+json");
    assert(image < 0 || index < 0);
    (void)parse_as(text, size, "");
    if (image_config_parse(text, size, &c, NULL) == 0) {
        assert(c.count <= LAYERS_MAX);
        image_config_fini(&c);
    }
    if (docker_manifest_parse(text, size, &d, NULL) == 0) {
        assert(d.count > 0 && d.count <= MANIFESTS_MAX);
        docker_manifest_fini(&d);
    }
    return 0;
}
