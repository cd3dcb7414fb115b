/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include "base/bytes.h"
#include "image/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D "\"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
#define DESC "{\"digest\":" D ",\"size\":5}"
#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"

static int parse(const char *text, const char *type, struct creel_err *err)
{
    auto_manifest m = { .count = 0 };
    return manifest_parse(text, strlen(text), type, &m, err);
}

static void a_manifest_and_an_index_are_told_apart(void **state)
{
    (void)state;
    auto_manifest m = { .count = 0 };
    auto_manifest index = { .count = 0 };
    static const char image[] = "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[" DESC "," DESC "]}";
    static const char list[] = "{\"schemaVersion\":2,\"manifests\":[{\"digest\":" D ",\"size\":1,\"platform\":{\"os\":\"linux\","
                               "\"architecture\":\"amd64\"},\"annotations\":{\"org.opencontainers.image.ref.name\":\"a/b:1\"}}]}";
    assert_int_equal(manifest_parse(image, strlen(image), OCI_MANIFEST, &m, NULL), 0);
    assert_false(m.is_index);
    assert_int_equal(m.count, 2);
    assert_int_equal(m.items[1].size, 5);
    assert_int_equal(manifest_parse(list, strlen(list), "", &index, NULL), 0);
    assert_true(index.is_index);
    assert_string_equal(index.items[0].name, "a/b:1");
    assert_ptr_equal(manifest_choose(&index, "linux", "amd64"), &index.items[0]);
    assert_null(manifest_choose(&index, "linux", "s390x"));
}

/* CVE-2021-41190: one document, two meanings. */
static void ambiguous_documents_are_refused(void **state)
{
    (void)state;
    static const struct { const char *text, *type; } bad[] = {
        { "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[],\"manifests\":[]}", "" },
        { "{\"schemaVersion\":2,\"layers\":[],\"manifests\":[]}", OCI_INDEX },
        { "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[]}", OCI_INDEX },
        { "{\"schemaVersion\":2,\"manifests\":[]}", OCI_MANIFEST },
        { "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX "\",\"config\":" DESC ",\"layers\":[]}", "" },
        { "{\"schemaVersion\":2,\"mediaType\":\"" OCI_MANIFEST "\",\"manifests\":[]}", "" },
        { "{\"schemaVersion\":2,\"mediaType\":\"text/plain\",\"manifests\":[]}", "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct creel_err err = { 0 };
        if (parse(bad[i].text, bad[i].type, &err) == 0)
            fail_msg("accepted: %s", bad[i].text);
        assert_int_equal(err.kind, CREEL_INVALID);
    }
}

static void malformed_documents_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "null", "{", "{}", "{\"schemaVersion\":1,\"layers\":[]}", "{\"schemaVersion\":2}", "{\"schemaVersion\":2,\"layers\":[]}",
        "{\"schemaVersion\":2,\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[]}",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":{}}",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[{\"digest\":\"sha256:../../x\",\"size\":1}]}",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[{\"digest\":" D "}]}",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[{\"digest\":" D ",\"size\":-1}]}",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[{\"digest\":" D ",\"size\":1e999}]}",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[]} trailing",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[\"\xff\"]}",
        "{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[{\"digest\":" D ",\"size\":1,\"mediaType\":\"a\\u0000b\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct creel_err err = { 0 };
        if (parse(bad[i], "", &err) == 0)
            fail_msg("accepted: %s", bad[i]);
    }
}

static char *repeated(const char *before, const char *item, size_t count, const char *after)
{
    struct bytes text = BYTES_INIT;
    bytes_adds(&text, before);
    for (size_t i = 0; i < count; i++)
        bytes_addf(&text, "%s%s", i > 0 ? "," : "", item);
    bytes_adds(&text, after);
    assert_true(bytes_ok(&text));
    return bytes_take(&text);
}

static void counts_and_depths_are_bounded(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    char *most = repeated("{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[", DESC, LAYERS_MAX, "]}");
    char *over = repeated("{\"schemaVersion\":2,\"config\":" DESC ",\"layers\":[", DESC, LAYERS_MAX + 1, "]}");
    assert_int_equal(parse(most, "", &err), 0);
    assert_int_equal(parse(over, "", &err), -1);
    assert_int_equal(err.kind, CREEL_EXHAUSTED);
    free(most);
    free(over);
    char *deep = malloc(200001);
    assert_non_null(deep);
    memset(deep, '[', 200000);
    deep[200000] = '\0';
    assert_int_equal(parse(deep, "", &err), -1);
    free(deep);
    char *large = malloc(DOCUMENT_MAX + 2);
    assert_non_null(large);
    memset(large, ' ', DOCUMENT_MAX + 1);
    large[DOCUMENT_MAX + 1] = '\0';
    assert_int_equal(parse(large, "", &err), -1);
    assert_int_equal(err.kind, CREEL_EXHAUSTED);
    free(large);
}

static int parse_config(const char *text, struct creel_err *err)
{
    auto_image_config c = { .count = 0 };
    return image_config_parse(text, strlen(text), &c, err);
}

static void configurations_are_checked(void **state)
{
    (void)state;
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[" D "]}"
    static const char *const good[] = {
        "{" ROOTFS "}", "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":null}}", "{\"os\":\"linux\",\"config\":null," ROOTFS "}",
        "{\"created\":\"2024-01-02T03:04:05.123456789Z\",\"config\":{\"Env\":[\"A=b\"],\"Labels\":{\"x\":\"y\"}}," ROOTFS "}",
    };
    static const struct { const char *text; enum creel_kind kind; } bad[] = {
        { "[]", CREEL_INVALID }, { "{}", CREEL_INVALID }, { "{\"rootfs\":{\"type\":\"x\",\"diff_ids\":[]}}", CREEL_INVALID },
        { "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"x\"]}}", CREEL_INVALID },
        { "{\"os\":\"windows\"," ROOTFS "}", CREEL_UNSUPPORTED }, { "{\"created\":\"yesterday\"," ROOTFS "}", CREEL_INVALID },
        { "{\"config\":{\"Env\":\"A=b\"}," ROOTFS "}", CREEL_INVALID }, { "{\"config\":{\"Env\":[1]}," ROOTFS "}", CREEL_INVALID },
        { "{\"config\":{\"Labels\":{\"a\":1}}," ROOTFS "}", CREEL_INVALID }, { "{\"config\":[]," ROOTFS "}", CREEL_INVALID },
        { "{\"layers\":[]," ROOTFS "}", CREEL_INVALID }, { "{\"manifests\":[]," ROOTFS "}", CREEL_INVALID },
        { "{\"architecture\":\"a\\u001b[31m\"," ROOTFS "}", CREEL_INVALID },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct creel_err err = { 0 };
        if (parse_config(good[i], &err) < 0)
            fail_msg("%s: %s", good[i], err.text);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct creel_err err = { 0 };
        if (parse_config(bad[i].text, &err) == 0)
            fail_msg("accepted: %s", bad[i].text);
        assert_int_equal(err.kind, bad[i].kind);
    }
}

static void docker_manifests_are_checked(void **state)
{
    (void)state;
    static const char good[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"a:1\",\"b:2\"],\"Layers\":[\"l/layer.tar\"]},"
                               "{\"Config\":\"d.json\",\"RepoTags\":null,\"Layers\":null}]";
    static const char *const bad[] = { "{}", "[]", "[{}]", "[{\"Config\":\"\"}]", "[{\"Config\":1}]", "[{\"Config\":\"c\",\"Layers\":[1]}]",
                                       "[{\"Config\":\"c\",\"Layers\":{}}]", "[{\"Config\":\"c\",\"RepoTags\":\"x\"}]" };
    auto_docker_manifest m = { .count = 0 };
    assert_int_equal(docker_manifest_parse(good, strlen(good), &m, NULL), 0);
    assert_int_equal(m.count, 2);
    assert_string_equal(m.images[0].tags.items[1], "b:2");
    assert_string_equal(m.images[0].layers.items[0], "l/layer.tar");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct docker_manifest other = { .count = 0 };
        if (docker_manifest_parse(bad[i], strlen(bad[i]), &other, NULL) == 0)
            fail_msg("accepted: %s", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manifest_and_an_index_are_told_apart),
        cmocka_unit_test(ambiguous_documents_are_refused),
        cmocka_unit_test(malformed_documents_are_refused),
        cmocka_unit_test(counts_and_depths_are_bounded),
        cmocka_unit_test(configurations_are_checked),
        cmocka_unit_test(docker_manifests_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
