/* SPDX-License-Identifier: Apache-2.0 */
#include "image/tar_writer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

enum { BLOCK = 512 };

/* POSIX.1-1988 header ("ustar"), one block. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], uname[32], gname[32], devmajor[8], devminor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

static const char zeros[BLOCK];

void tar_writer_init(struct tar_writer *w, struct sink *sink)
{
    *w = (struct tar_writer){ .sink = sink, .pax = BYTES_INIT };
}

void tar_writer_fini(struct tar_writer *w)
{
    bytes_fini(&w->pax);
}

static int put(struct tar_writer *w, const void *data, size_t n, struct creel_err *err)
{
    w->written += n;
    return sink_write(w->sink, data, n, err);
}

static int put_padding(struct tar_writer *w, struct creel_err *err)
{
    size_t over = (size_t)(w->written % BLOCK);
    return over == 0 ? 0 : put(w, zeros, BLOCK - over, err);
}

/* Octal with leading zeros and a NUL; false when the number does not fit. */
static bool put_octal(char *field, size_t size, int64_t value)
{
    char text[32];
    int n = value < 0 ? -1 : snprintf(text, sizeof text, "%0*" PRIo64, (int)size - 1, (uint64_t)value);
    bool fits = n == (int)size - 1;
    if (!fits)
        (void)snprintf(text, sizeof text, "%0*o", (int)size - 1, 0u);
    memcpy(field, text, size);
    return fits;
}

/* "<length> <key>=<value>\n", where length counts itself. */
static void add_pax(struct tar_writer *w, const char *key, const void *value, size_t n)
{
    size_t rest = strlen(key) + n + 3, length = rest + 1; /* blank, equals sign, newline */
    for (size_t digits = 1, limit = 10; length >= limit; limit *= 10)
        length = rest + ++digits;
    bytes_addf(&w->pax, "%zu %s=", length, key);
    bytes_add(&w->pax, value, n);
    bytes_addc(&w->pax, '\n');
}

static void add_pax_number(struct tar_writer *w, const char *key, int64_t value)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRId64, value);
    add_pax(w, key, text, (size_t)n);
}

static void add_pax_time(struct tar_writer *w, const char *key, const struct timespec *t)
{
    char text[48];
    int64_t sec = t->tv_sec, nsec = t->tv_nsec;
    bool negative = sec < 0;
    if (negative && nsec > 0) { /* -1.25 is kept as -2 s + 0.75 s */
        sec += 1;
        nsec = 1000000000 - nsec;
    }
    int n = snprintf(text, sizeof text, "%s%" PRId64 ".%09" PRId64, negative ? "-" : "", negative ? -sec : sec, nsec);
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    add_pax(w, key, text, (size_t)n);
}

/* A name field: what fits stays, the rest is in the pax header. */
static void put_name(struct tar_writer *w, char *field, size_t size, const char *key, const char *name)
{
    size_t n = strlen(name);
    memcpy(field, name, n < size ? n : size);
    if (n > size)
        add_pax(w, key, name, n);
}

static void seal(struct header *h)
{
    memcpy(h->magic, "ustar", 6);
    memcpy(h->version, "00", 2);
    memset(h->checksum, ' ', sizeof h->checksum);
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof *h; i++)
        sum += ((const unsigned char *)h)[i];
    (void)put_octal(h->checksum, 7, sum);
    h->checksum[7] = ' ';
}

static int put_pax_header(struct tar_writer *w, struct creel_err *err)
{
    static const char name[] = "./PaxHeaders/creel";
    struct header h = { .type = 'x' };
    if (!bytes_ok(&w->pax))
        return creel_fail_nomem(err);
    memcpy(h.name, name, sizeof name - 1);
    (void)put_octal(h.mode, sizeof h.mode, 0644);
    (void)put_octal(h.uid, sizeof h.uid, 0);
    (void)put_octal(h.gid, sizeof h.gid, 0);
    (void)put_octal(h.size, sizeof h.size, (int64_t)w->pax.len);
    (void)put_octal(h.mtime, sizeof h.mtime, 0);
    seal(&h);
    return put(w, &h, sizeof h, err) < 0 || put(w, w->pax.data, w->pax.len, err) < 0 || put_padding(w, err) < 0 ? -1
                                                                                                                : 0;
}

static void fill_header(struct tar_writer *w, const struct tar_entry *e, struct header *h)
{
    static const char types[] = { [TAR_FILE] = '0', [TAR_DIR] = '5', [TAR_SYMLINK] = '2', [TAR_HARDLINK] = '1',
                                  [TAR_CHAR] = '3', [TAR_BLOCK] = '4', [TAR_FIFO] = '6' };
    h->type = types[e->type];
    put_name(w, h->name, sizeof h->name, "path", e->path);
    if (e->type == TAR_SYMLINK || e->type == TAR_HARDLINK)
        put_name(w, h->link, sizeof h->link, "linkpath", e->link);
    (void)put_octal(h->mode, sizeof h->mode, e->mode);
    if (!put_octal(h->uid, sizeof h->uid, e->uid))
        add_pax_number(w, "uid", e->uid);
    if (!put_octal(h->gid, sizeof h->gid, e->gid))
        add_pax_number(w, "gid", e->gid);
    int64_t size = e->type == TAR_FILE ? e->size : 0;
    if (!put_octal(h->size, sizeof h->size, size))
        add_pax_number(w, "size", size);
    if (!put_octal(h->mtime, sizeof h->mtime, e->mtime.tv_sec) || e->mtime.tv_nsec != 0)
        add_pax_time(w, "mtime", &e->mtime);
    if (e->type == TAR_CHAR || e->type == TAR_BLOCK) {
        (void)put_octal(h->devmajor, sizeof h->devmajor, major(e->device)); /* at most 12 and 20 bits: they fit */
        (void)put_octal(h->devminor, sizeof h->devminor, minor(e->device));
    }
}

int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct creel_err *err)
{
    struct header h = { .type = 0 };
    assert(w->left == 0);
    bytes_reset(&w->pax);
    fill_header(w, e, &h);
    for (size_t i = 0; i < e->xattr_count; i++) {
        char key[300];
        int n = snprintf(key, sizeof key, "SCHILY.xattr.%s", e->xattrs[i].name);
        if (n > 0 && (size_t)n < sizeof key && strchr(key, '=') == NULL)
            add_pax(w, key, e->xattrs[i].value, e->xattrs[i].size);
    }
    if ((w->pax.len > 0 || !bytes_ok(&w->pax)) && put_pax_header(w, err) < 0)
        return -1;
    seal(&h);
    w->left = e->type == TAR_FILE ? e->size : 0;
    return put(w, &h, sizeof h, err);
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t n, struct creel_err *err)
{
    assert((int64_t)n <= w->left);
    w->left -= (int64_t)n;
    if (put(w, data, n, err) < 0)
        return -1;
    return w->left == 0 ? put_padding(w, err) : 0;
}

int tar_writer_pad(struct tar_writer *w, struct creel_err *err)
{
    while (w->left > 0)
        if (tar_writer_data(w, zeros, w->left < BLOCK ? (size_t)w->left : BLOCK, err) < 0)
            return -1;
    return 0;
}

int tar_writer_text(struct tar_writer *w, const char *path, const char *text, size_t len, struct creel_err *err)
{
    struct tar_entry e = { .type = TAR_FILE, .mode = 0644, .size = (int64_t)len };
    int n = snprintf(e.path, sizeof e.path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof e.path)
        return creel_fail(err, CREEL_INVALID, 0, "the name %.100s… is too long", path);
    if (tar_writer_entry(w, &e, err) < 0)
        return -1;
    return len > 0 ? tar_writer_data(w, text, len, err) : 0;
}

int tar_writer_end(struct tar_writer *w, struct creel_err *err)
{
    assert(w->left == 0);
    return put(w, zeros, BLOCK, err) < 0 ? -1 : put(w, zeros, BLOCK, err);
}
