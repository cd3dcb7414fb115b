/* SPDX-License-Identifier: Apache-2.0 */
/* image/archive_unpack.c: one layer, from a stream to a directory and a blob, in one pass. */
#include "image/archive_op.h"

#include "image/confine.h"
#include "image/extract.h"
#include "image/sink.h"
#include "image/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { LAYER_FD = WORKER_FIRST_FD, BLOB_FD };

/* What the layer is offered as. What we compressed ourselves is offered as the plain tar it came as: not every reader
 * knows zstd. */
static const char *media_type(enum compression kept_as)
{
    switch (kept_as) {
    case COMPRESSION_GZIP: return "application/vnd.oci.image.layer.v1.tar+gzip";
    case COMPRESSION_ZSTD: return "application/vnd.oci.image.layer.v1.tar+zstd";
    case COMPRESSION_NONE: case COMPRESSION_BZIP2: case COMPRESSION_XZ: break;
    }
    return "application/vnd.oci.image.layer.v1.tar";
}

static int read_layer(struct source *src, int root, int64_t *ret_bytes, int64_t *ret_entries, struct creel_err *err)
{
    struct tar_reader r;
    struct extract x;
    extract_init(&x, root, EXTRACT_LAYER | EXTRACT_OWNER, NULL);
    int got = tar_reader_open(&r, src, err);
    if (got == 0)
        got = extract_all(&x, &r, err);
    *ret_bytes = r.bytes;
    *ret_entries = r.entries;
    extract_fini(&x);
    tar_reader_close(&r);
    return got;
}

static int blob_open(struct source *src, struct sink *blob, bool wanted, struct creel_err *err)
{
    if (!wanted)
        return 0;
    bool keep = src->compression == COMPRESSION_GZIP || src->compression == COMPRESSION_ZSTD;
    if (sink_open(blob, BLOB_FD, !keep, err) < 0)
        return -1;
    if (keep)
        src->raw_sink = blob;
    else
        src->plain_sink = blob;
    return 0;
}

static int blob_report(struct source *src, struct sink *blob, json_t *ok, struct creel_err *err)
{
    char digest[DIGEST_MAX];
    if (sink_finish(blob, err) < 0 || hasher_digest(&blob->written, digest, err) < 0)
        return -1;
    json_t *o = json_pack("{s:s,s:I,s:s}", "digest", digest, "size", (json_int_t)blob->written.bytes, "media_type",
                          media_type(src->raw_sink != NULL ? src->compression : COMPRESSION_NONE));
    return o == NULL || json_object_set_new(ok, "blob", o) < 0 ? creel_fail_nomem(err) : 0;
}

static int unpack(struct source *src, struct sink *blob, bool blob_wanted, int root, json_t **ret_ok,
                  struct creel_err *err)
{
    char diff_id[DIGEST_MAX], raw[DIGEST_MAX];
    int64_t bytes = 0, entries = 0;
    if (blob_open(src, blob, blob_wanted, err) < 0 || read_layer(src, root, &bytes, &entries, err) < 0)
        return -1;
    uint64_t plain_size = src->plain.bytes, raw_size = src->raw.bytes;
    if (source_digests(src, raw, diff_id, err) < 0)
        return -1;
    json_t *ok = json_pack("{s:s,s:I,s:s,s:I,s:I,s:I}", "diff_id", diff_id, "plain_size", (json_int_t)plain_size,
                           "raw_digest", raw, "raw_size", (json_int_t)raw_size, "content_size", (json_int_t)bytes,
                           "entries", (json_int_t)entries);
    if (ok == NULL)
        return creel_fail_nomem(err);
    if (blob_wanted && blob_report(src, blob, ok, err) < 0) {
        json_decref(ok);
        return -1;
    }
    *ret_ok = ok;
    return 0;
}

int archive_op_unpack(const struct archive_op_args *a, json_t **ret_ok, struct creel_err *err)
{
    struct confine c = { .tree = -1, .trusted_xattrs = true, .limits = &a->limits };
    bool blob_wanted = fcntl(BLOB_FD, F_GETFD) >= 0;
    c.tree = confine_tree(LAYER_FD, false, false, err);
    if (c.tree < 0)
        return -1;
    (void)close(LAYER_FD); /* the directory as the host sees it */
    if (confine_enter(&c, err) < 0)
        return -1;
    auto_fd root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "opening the layer's directory");
    struct source src;
    struct sink blob = SINK_INIT;
    int r = source_open(&src, STDIN_FILENO, &a->limits, err);
    if (r == 0)
        r = unpack(&src, &blob, blob_wanted, root, ret_ok, err);
    sink_close(&blob);
    source_close(&src);
    return r;
}
