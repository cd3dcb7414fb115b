/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/log_writer.h"

#include "base/cleanup.h"
#include "monitor/log_compress.h"
#include "wire/log_cri.h"
#include "wire/log_json.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum {
    PENDING_SIZE = LOG_LINE_MAX + LOG_SLACK,
    OUT_SIZE = 256 * 1024,
    FILES_MAX = 1000,       /* more rotated files than anybody keeps: bounds the renames of one rotation */
};

struct log_stream {
    const char *name;
    struct log_json_tail json;
    struct log_cri_head cri;
    int64_t stamp_ns;       /* the time that json and cri carry now */
    char *pending;          /* the unfinished line */
    size_t pending_len;
    bool in_line;           /* a piece of the current line is out already … */
    int64_t line_ns;        /* … with this time, which its other pieces share */
};

struct log_writer {
    struct loop *loop;
    bool cri, compress;
    int64_t max_size, last_ns;
    int max_file;
    int dir_fd, fd;
    char *name;             /* of the current file, in dir_fd */
    int64_t size;
    char *memory;           /* out, then both pending buffers; one mapping, so that it can be given back */
    char *out;
    size_t out_len;
    struct log_stream streams[2];
    struct loop_child child;
    int compressing;        /* index of the file that the child works on; grows with rotations */
    struct log_writer_counts counts;
};

const struct log_writer_counts *log_writer_counts(const struct log_writer *w)
{
    return &w->counts;
}

/* --- names --- */

/* "<name>", "<name>.<index>", with suffix; into buf of NAME_MAX + 1 bytes. False when too long. */
static bool file_name(const struct log_writer *w, int index, const char *suffix, char *buf)
{
    int n = index == 0 ? snprintf(buf, NAME_MAX + 1, "%s%s", w->name, suffix)
                       : snprintf(buf, NAME_MAX + 1, "%s.%d%s", w->name, index, suffix);
    return n > 0 && n <= NAME_MAX;
}

static void unlink_index(struct log_writer *w, int index, const char *suffix)
{
    char name[NAME_MAX + 1];
    if (file_name(w, index, suffix, name))
        (void)unlinkat(w->dir_fd, name, 0);
}

/* 0 also when there was nothing to rename. */
static int rename_index(struct log_writer *w, int from, int to, const char *suffix)
{
    char a[NAME_MAX + 1], b[NAME_MAX + 1];
    if (!file_name(w, from, suffix, a) || !file_name(w, to, suffix, b))
        return -ENAMETOOLONG;
    return renameat(w->dir_fd, a, w->dir_fd, b) < 0 && errno != ENOENT ? -errno : 0;
}

/* --- compression --- */

static void compress_next(struct log_writer *w);

static void on_compressed(void *arg, const siginfo_t *how)
{
    struct log_writer *w = arg;
    char tmp[NAME_MAX + 1], done[NAME_MAX + 1];
    int index = w->compressing;
    w->compressing = 0;
    bool ok = how->si_code == CLD_EXITED && how->si_status == 0;
    if (!file_name(w, 0, ".gz.tmp", tmp) || !file_name(w, index, ".gz", done))
        return;
    if (!ok || renameat(w->dir_fd, tmp, w->dir_fd, done) < 0) {
        (void)unlinkat(w->dir_fd, tmp, 0);
        return;
    }
    unlink_index(w, index, ""); /* after the rename: a reader always finds one of the two */
    compress_next(w);
}

/* Compress the newest file that is not yet, unless a compression is running. */
static void compress_next(struct log_writer *w)
{
    char from[NAME_MAX + 1], tmp[NAME_MAX + 1];
    if (!w->compress || w->compressing != 0)
        return;
    for (int i = 1; i < w->max_file; i++) {
        if (!file_name(w, i, "", from) || !file_name(w, 0, ".gz.tmp", tmp))
            return;
        if (faccessat(w->dir_fd, from, F_OK, 0) < 0)
            continue;
        pid_t pid = log_compress_start(w->dir_fd, from, tmp, i == 1 ? w->last_ns : 0);
        if (pid < 0)
            return; /* it stays uncompressed until the next rotation */
        w->compressing = i;
        w->child.pid = pid;
        loop_child_add(w->loop, &w->child);
        return;
    }
}

static void compress_cancel(struct log_writer *w)
{
    char tmp[NAME_MAX + 1];
    if (w->compressing == 0)
        return;
    (void)kill(w->child.pid, SIGKILL); /* not reaped yet, so this is still our child; the loop reaps it */
    loop_child_remove(w->loop, &w->child);
    if (file_name(w, 0, ".gz.tmp", tmp))
        (void)unlinkat(w->dir_fd, tmp, 0);
    w->compressing = 0;
}

/* --- the file --- */

static int open_current(struct log_writer *w, int flags)
{
    int fd =
        openat(w->dir_fd, w->name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0640);
    return fd < 0 ? -errno : fd;
}

/* Move the files up by one and open a new current one. */
static int rotate_files(struct log_writer *w)
{
    if (w->max_file <= 1) {
        if (unlinkat(w->dir_fd, w->name, 0) < 0 && errno != ENOENT)
            return -errno;
    } else {
        int last = w->max_file - 1;
        if (w->compressing == last)
            compress_cancel(w);
        unlink_index(w, last, "");
        unlink_index(w, last, ".gz");
        for (int i = last - 1; i >= 0; i--) {
            int r = rename_index(w, i, i + 1, "");
            if (r == 0 && i > 0)
                r = rename_index(w, i, i + 1, ".gz");
            if (r < 0)
                return r;
        }
        if (w->compressing != 0)
            w->compressing++;
    }
    return open_current(w, O_EXCL);
}

static void rotate(struct log_writer *w)
{
    int fd = rotate_files(w);
    if (fd < 0) { /* W2 */
        w->counts.failed_rotations++;
        w->counts.last_errno = -fd;
        if (ftruncate(w->fd, 0) == 0)
            w->size = 0;
        return;
    }
    fd_closep(&w->fd);
    w->fd = fd;
    w->size = 0;
    compress_next(w);
}

/* `done` bytes of the output buffer went to the file, the rest could not: W1, W3. */
static void write_failed(struct log_writer *w, size_t done, int why)
{
    const char *last = memrchr(w->out, '\n', done);
    size_t whole = last != NULL ? (size_t)(last - w->out) + 1 : 0;
    w->counts.failed_writes++;
    w->counts.last_errno = why;
    for (const char *p = w->out + whole, *end = w->out + w->out_len; (p = memchr(p, '\n', (size_t)(end - p))) != NULL;
         p++)
        w->counts.lost_records++;
    w->size += (int64_t)whole;
    if (done > whole && ftruncate(w->fd, w->size) < 0)
        w->size += (int64_t)(done - whole); /* a torn record stays; readers skip it */
}

static void flush(struct log_writer *w)
{
    size_t done = 0;
    while (done < w->out_len) {
        ssize_t n = write(w->fd, w->out + done, w->out_len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            write_failed(w, done, n < 0 ? errno : EIO);
            w->out_len = 0;
            return;
        }
        done += (size_t)n;
    }
    w->size += (int64_t)done;
    w->out_len = 0;
}

/* --- records --- */

static void stamp(struct log_writer *w, struct log_stream *s, int64_t ns)
{
    if (s->stamp_ns == ns)
        return;
    s->stamp_ns = ns;
    if (w->cri)
        log_cri_head_print(&s->cri, s->name, ns);
    else
        log_json_tail_time(&s->json, ns);
}

static void emit(struct log_writer *w, struct log_stream *s, int64_t now_ns, const char *data, size_t len,
                 bool newline)
{
    if (!newline && !s->in_line) {
        s->in_line = true;
        s->line_ns = now_ns;
    }
    stamp(w, s, s->in_line ? s->line_ns : now_ns);
    if (newline)
        s->in_line = false;
    if (w->max_size > 0 && w->size + (int64_t)w->out_len >= w->max_size) {
        flush(w);
        if (w->size >= w->max_size)
            rotate(w);
    }
    size_t bound = w->cri ? log_cri_bound(&s->cri, len) : log_json_bound(&s->json, len);
    if (bound > OUT_SIZE - w->out_len)
        flush(w);
    char *at = w->out + w->out_len;
    char *end = w->cri ? log_cri_encode(at, &s->cri, data, len, newline)
                       : log_json_encode(at, &s->json, data, len, newline);
    w->out_len = (size_t)(end - w->out);
}

/* How much of a full piece to log: less than all if it ends inside a UTF-8 character. */
static size_t piece_length(const char *p, size_t n)
{
    for (size_t k = 1; k <= 3 && k < n; k++) {
        unsigned char c = (unsigned char)p[n - k];
        if ((c & 0xc0) == 0x80)
            continue;
        size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        return need > k ? n - k : n;
    }
    return n;
}

/* Continue the unfinished line with what is at p. Returns how much was taken. */
static size_t feed_pending(struct log_writer *w, struct log_stream *s, int64_t now_ns, const char *p, size_t n)
{
    size_t room = LOG_LINE_MAX - s->pending_len, take = n < room ? n : room;
    const char *nl = memchr(p, '\n', take);
    if (nl != NULL)
        take = (size_t)(nl - p);
    memcpy(s->pending + s->pending_len, p, take);
    s->pending_len += take;
    if (nl != NULL) {
        emit(w, s, now_ns, s->pending, s->pending_len, true);
        s->pending_len = 0;
        return take + 1;
    }
    if (s->pending_len == LOG_LINE_MAX) {
        size_t cut = piece_length(s->pending, LOG_LINE_MAX);
        emit(w, s, now_ns, s->pending, cut, false);
        s->pending_len -= cut;
        memmove(s->pending, s->pending + cut, s->pending_len);
    }
    return take;
}

void log_writer_feed(struct log_writer *w, int stream, int64_t now_ns, const char *data, size_t n)
{
    struct log_stream *s = &w->streams[stream == 2];
    const char *p = data, *end = data + n;
    w->last_ns = now_ns;
    while (p < end) {
        size_t left = (size_t)(end - p);
        if (s->pending_len > 0) {
            p += feed_pending(w, s, now_ns, p, left);
            continue;
        }
        size_t look = left < LOG_LINE_MAX ? left : LOG_LINE_MAX;
        const char *nl = memchr(p, '\n', look);
        if (nl != NULL) {
            emit(w, s, now_ns, p, (size_t)(nl - p), true);
            p = nl + 1;
        } else if (look == LOG_LINE_MAX) {
            size_t cut = piece_length(p, LOG_LINE_MAX);
            emit(w, s, now_ns, p, cut, false);
            p += cut;
        } else {
            p += feed_pending(w, s, now_ns, p, left);
        }
    }
    flush(w);
}

void log_writer_end(struct log_writer *w, int stream, int64_t now_ns)
{
    struct log_stream *s = &w->streams[stream == 2];
    if (s->pending_len > 0)
        emit(w, s, now_ns, s->pending, s->pending_len, false);
    s->pending_len = 0;
    s->in_line = false;
    flush(w);
}

void log_writer_trim(struct log_writer *w)
{
    size_t keep = 0; /* an unfinished line stays */
    if (w->streams[0].pending_len > 0 || w->streams[1].pending_len > 0)
        keep = 2 * PENDING_SIZE;
    (void)madvise(w->memory, OUT_SIZE, MADV_DONTNEED);
    if (keep == 0)
        (void)madvise(w->memory + OUT_SIZE, 2 * PENDING_SIZE, MADV_DONTNEED);
}

/* --- opening --- */

static int open_directory(struct log_writer *w, const char *path, struct creel_err *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash[1] == '\0' || strlen(slash + 1) > NAME_MAX - 16)
        return creel_fail(err, CREEL_INVALID, 0, "\"%s\" is not an absolute path of a log file", path);
    auto_free char *dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    w->name = strdup(slash + 1);
    if (dir == NULL || w->name == NULL)
        return creel_fail_nomem(err);
    w->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (w->dir_fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open the log directory %s", dir);
    return 0;
}

/* Continue an existing file. If its last record is torn (its writer was killed), end it, so that ours stands alone.
 */
static int continue_file(struct log_writer *w, const char *path, struct creel_err *err)
{
    struct stat st;
    char last;
    w->fd = open_current(w, 0);
    if (w->fd < 0 || fstat(w->fd, &st) < 0)
        return creel_fail(err, creel_kind_of_errno(w->fd < 0 ? -w->fd : errno), w->fd < 0 ? -w->fd : errno,
                          "open the log file %s", path);
    if (!S_ISREG(st.st_mode))
        return creel_fail(err, CREEL_INVALID, 0, "the log file %s is not a regular file", path);
    w->size = st.st_size;
    if (w->size > 0 && pread(w->fd, &last, 1, w->size - 1) == 1 && last != '\n' && write(w->fd, "\n", 1) == 1)
        w->size++;
    return 0;
}

static int make_buffers(struct log_writer *w, const char *attrs, struct creel_err *err)
{
    void *p = mmap(NULL, OUT_SIZE + 2 * PENDING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return creel_fail_nomem(err);
    w->memory = w->out = p;
    static const char *const names[] = { "stdout", "stderr" };
    for (int i = 0; i < 2; i++) {
        struct log_stream *s = &w->streams[i];
        s->name = names[i];
        s->pending = w->memory + OUT_SIZE + (size_t)i * PENDING_SIZE;
        s->stamp_ns = INT64_MIN;
        if (!w->cri && !log_json_tail_init(&s->json, s->name, attrs))
            return creel_fail_nomem(err);
        /* the largest record has to fit into the output buffer */
        if (!w->cri && log_json_bound(&s->json, LOG_LINE_MAX) > OUT_SIZE)
            return creel_fail(err, CREEL_INVALID, 0, "the labels and environment to log with each line are too long");
    }
    return 0;
}

int log_writer_open(const struct log_writer_options *o, struct loop *loop, struct log_writer **ret,
                    struct creel_err *err)
{
    struct log_writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return creel_fail_nomem(err);
    w->loop = loop;
    w->dir_fd = w->fd = -1;
    w->cri = strcmp(o->driver, "cri") == 0;
    w->max_size = o->max_size;
    w->max_file = o->max_file < 1 ? 1 : o->max_file > FILES_MAX ? FILES_MAX : o->max_file;
    w->compress = o->compress && w->max_file > 1;
    w->child.fn = on_compressed;
    w->child.arg = w;
    int r = 0;
    if (!w->cri && strcmp(o->driver, "json-file") != 0)
        r = creel_fail(err, CREEL_INVALID, 0, "unknown log format \"%s\"", o->driver);
    if (r < 0 || open_directory(w, o->path, err) < 0 || continue_file(w, o->path, err) < 0
        || make_buffers(w, o->attrs, err) < 0) {
        log_writer_close(w);
        return -1;
    }
    *ret = w;
    return 0;
}

void log_writer_close(struct log_writer *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0 && w->out_len > 0)
        flush(w);
    compress_cancel(w);
    if (w->memory != NULL)
        (void)munmap(w->memory, OUT_SIZE + 2 * PENDING_SIZE);
    for (int i = 0; i < 2; i++)
        log_json_tail_fini(&w->streams[i].json);
    fd_closep(&w->fd);
    fd_closep(&w->dir_fd);
    free(w->name);
    free(w);
}
