/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/seccomp_cache.c: compiled seccomp programs in files. Does not use libseccomp, so that the monitor need not.
 *
 * A file: header, key text, instructions. Its name is a hash of the key; what counts is the key itself, compared byte
 * for byte, and the checksum over everything. Anything unexpected is a miss. */
#include "runtime/seccomp.h"

#include "base/bytes.h"
#include "sys/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

/* Changes whenever seccomp.c makes another program from the same description. */
#define BUILDER "creel seccomp 3"
enum { FILE_MAX = 4 << 20, STALE_S = 60 };
static const char magic[8] = "creelbpf";

struct header { char magic[8]; uint64_t checksum; uint32_t key_len, insn_count, flags, reserved; };
static_assert(sizeof(struct header) == 32, "written to files");

/* Against damage, not against intent: the directory is the engine's own. Eight bytes at a time, because this is on
 * the way of every start. */
static uint64_t hash(uint64_t h, const void *data, size_t n)
{
    const char *p = data;
    h ^= n;
    while (n > 0) {
        uint64_t word = 0;
        size_t len = n < sizeof word ? n : sizeof word;
        memcpy(&word, p, len);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
        p += len;
        n -= len;
    }
    return h;
}
static const uint64_t hash_start = UINT64_C(0xcbf29ce484222325);

static uint64_t checksum(const struct header *h, const char *body, size_t n)
{
    const uint32_t fields[] = { h->key_len, h->insn_count, h->flags, h->reserved };
    return hash(hash(hash_start, fields, sizeof fields), body, n);
}

static int key_make(const struct oci_seccomp *s, struct bytes *key, char *name, size_t cap, struct creel_err *err)
{
    struct utsname u;
    char *text = NULL;
    struct oci_seccomp plain = *s;      /* the listener is not part of the program */
    plain.listener_path = plain.listener_metadata = NULL;
    if (uname(&u) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "uname");
    if (oci_seccomp_print(&plain, &text, err) < 0)
        return -1;
    bytes_addf(key, BUILDER "\n%s %d\n%s", u.machine, (int)sizeof(void *), text);
    free(text);
    if (!bytes_ok(key))
        return creel_fail_nomem(err);
    (void)snprintf(name, cap, "%016" PRIx64, hash(hash_start, key->data, key->len));     /* 16 digits */
    return 0;
}

static bool read_exact(int fd, void *to, size_t n)
{
    for (char *p = to; n > 0;) {
        ssize_t r = read(fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        p += r;
        n -= (size_t)r;
    }
    return true;
}

static bool file_load(int fd, const struct bytes *key, struct seccomp_program *ret)
{
    struct header h;
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX || !read_exact(fd, &h, sizeof h))
        return false;
    size_t insns = (size_t)h.insn_count * sizeof(struct sock_filter);
    if (memcmp(h.magic, magic, sizeof magic) != 0 || h.insn_count == 0 || h.insn_count > BPF_MAXINSNS ||
        h.key_len != key->len || (uint64_t)st.st_size != sizeof h + h.key_len + insns)
        return false;
    auto_free char *body = malloc(h.key_len + insns);
    if (body == NULL || !read_exact(fd, body, h.key_len + insns) ||
        checksum(&h, body, h.key_len + insns) != h.checksum || memcmp(body, key->data, key->len) != 0)
        return false;
    struct sock_filter *filter = malloc(insns);
    if (filter == NULL)
        return false;
    memcpy(filter, body + h.key_len, insns);
    *ret =
        (struct seccomp_program){.fprog = {.len = (unsigned short)h.insn_count, .filter = filter}, .flags = h.flags};
    return true;
}

int seccomp_program_cached(const struct oci_seccomp *s, int cache_fd, struct seccomp_program *ret,
                           struct creel_err *err)
{
    auto_bytes key = BYTES_INIT;
    char name[32];
    if (cache_fd < 0)
        return 0;
    if (key_make(s, &key, name, sizeof name, err) < 0)
        return -1;
    auto_fd fd = openat(cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT && errno != ELOOP) /* a link is nobody's program of ours */
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open the compiled seccomp filter %s in the cache", name);
    return fd >= 0 && file_load(fd, &key, ret);
}

/* One temporary name per key, so that killed writers cannot fill the directory. Whoever finds it taken leaves the
 * work to the other writer, or, when that one is long gone, clears the way for the next. */
static int temporary_open(int dir, const char *name)
{
    struct stat st;
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_mtime + STALE_S < time(NULL))
        (void)unlinkat(dir, name, 0);
    return fd;
}

void seccomp_cache_store(const struct oci_seccomp *s, int cache_fd, const struct seccomp_program *p)
{
    auto_bytes key = BYTES_INIT;
    char name[32], temporary[40];
    if (cache_fd < 0 || key_make(s, &key, name, sizeof name, NULL) < 0)
        return;
    struct header h = { .key_len = (uint32_t)key.len, .insn_count = p->fprog.len, .flags = p->flags };
    memcpy(h.magic, magic, sizeof magic);
    bytes_add(&key, p->fprog.filter, p->fprog.len * sizeof *p->fprog.filter);
    if (!bytes_ok(&key))
        return;
    h.checksum = checksum(&h, key.data, key.len);
    (void)snprintf(temporary, sizeof temporary, ".%s.new", name);  /* name has 16 characters */
    auto_fd fd = temporary_open(cache_fd, temporary);
    if (fd < 0)
        return;
    /* Not synced: a file that a power cut leaves half-written fails its checksum. */
    if (sys_write_all(fd, &h, sizeof h) < 0 || sys_write_all(fd, key.data, key.len) < 0 ||
        renameat(cache_fd, temporary, cache_fd, name) < 0)
        (void)unlinkat(cache_fd, temporary, 0);
}

void seccomp_program_fini(struct seccomp_program *p)
{
    free(p->fprog.filter);
    *p = (struct seccomp_program){ .flags = 0 };
}
