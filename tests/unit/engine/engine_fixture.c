/* SPDX-License-Identifier: Apache-2.0 */
#include "../check.h"

#include "engine_fixture.h"

#include "store/image.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LAYER_DIGEST "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define IMAGE_ID "sha256:2222222222222222222222222222222222222222222222222222222222222222"
static char image_config[] =
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Env\":[\"PATH=/bin:/usr/bin\",\"FROM_IMAGE=1\","
    "\"NOVALUE\"],\"Cmd\":[\"sh\"],\"Labels\":{\"maker\":\"test\"},\"ExposedPorts\":{\"80/tcp\":{}},"
    "\"Volumes\":{\"/data\":{}}}}";

static void image_insert(struct creel *e)
{
    auto_tx tx = { 0 };
    struct creel_err err = { 0 };
    struct layer_row layer = { .diff_id = LAYER_DIGEST, .size = 100, .tar_size = 200, .blob = LAYER_DIGEST, .blob_size = 200,
                               .media_type = "application/vnd.oci.image.layer.v1.tar" };
    struct image_row image = { .id = IMAGE_ID, .config = image_config, .created_ns = 1, .size = 100 };
    struct image_layer of_image = { 0, LAYER_DIGEST };
    if (store_begin(e->store, &tx, &err) < 0 || layer_row_reserve(&tx, LAYER_DIGEST, &layer.n, &err) < 0
        || layer_row_ready(&tx, &layer, &of_image.n, &err) < 0
        || blob_row_put(&tx, LAYER_DIGEST, 200, layer.media_type, &err) < 0)
        fail_msg("%s", err.text);
    if (image_row_insert(&tx, &image, &of_image, 1, &err) < 0
        || image_name_put(&tx, "docker.io/library/busybox:latest", IMAGE_ID, 1, NULL, &err) < 0
        || store_commit(&tx, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(of_image.n, 1); /* the directory below is "1/fs" */
}

void engine_fixture_layer_file(struct engine_fixture *f, const char *path, const char *text)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s/root/layers/1/fs/%s", f->dir, path);
    FILE *out = fopen(full, "we");
    assert_non_null(out);
    assert_int_equal(fputs(text, out) < 0, 0);
    assert_int_equal(fclose(out), 0);
}

int engine_fixture_open(void **state)
{
    static const char *const dirs[] = { "layers/1", "layers/1/fs", "layers/1/fs/etc" };
    struct engine_fixture *f = calloc(1, sizeof *f);
    char root[80], run[80];
    struct creel_err err = { 0 };
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/creel-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(root, sizeof root, "%s/root", f->dir);
    (void)snprintf(run, sizeof run, "%s/run", f->dir);
    const struct creel_options o = { .size = sizeof o, .root = root, .run_root = run, .libexec = f->dir,
                                     .cgroup_manager = "cgroupfs" };
    if (creel_open(&o, &f->e, &err) < 0)
        fail_msg("%s", err.text);
    image_insert(f->e);
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
        assert_int_equal(mkdirat(f->e->root_fd, dirs[i], 0755), 0);
    engine_fixture_layer_file(f, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/srv/web:/bin/false\n");
    engine_fixture_layer_file(f, "etc/group", "root:x:0:\nwheel:x:10:root\nweb:x:33:\naudio:x:63:web\n");
    *state = f;
    return 0;
}

int engine_fixture_close(void **state)
{
    struct engine_fixture *f = *state;
    creel_close(f->e);
    int r = tree_remove(AT_FDCWD, f->dir);
    free(f);
    return r;
}

char *engine_fixture_read(const char *path)
{
    struct bytes b = BYTES_INIT;
    FILE *in = fopen(path, "re");
    if (in == NULL)
        fail_msg("cannot read %s", path);
    for (int c; (c = fgetc(in)) != EOF;)
        bytes_addc(&b, (char)c);
    assert_int_equal(fclose(in), 0);
    char *text = bytes_take(&b);
    assert_non_null(text);
    return text;
}
