/* SPDX-License-Identifier: Apache-2.0 */
/* engine/logs.c: reading a container's log back, and following it.
 *
 * The tail is counted first, over all files; of what it leaves, everything before the first record at or after
 * `since` is skipped (time may go backwards later), and the first record after `until` ends it. Following waits on
 * inotify and on the monitor's word that the run is over; the monitor has written everything before it says so. */
#include "engine/lifecycle.h"

#include "base/clock.h"
#include "engine/log_file.h"
#include "wire/log_cri.h"
#include "wire/log_json.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

enum {
    BUFFER_SIZE = 256 * 1024,
    LINE_MAX_BYTES = 4 * 1024 * 1024,   /* longer lines are none of ours and are skipped */
};

typedef int (*log_each)(void *arg, int stream, int64_t time_ns, const char *attrs_json, const char *data, size_t len);

struct log_reader {
    struct creel_log_options o;
    int stop_fd;
    log_each each;
    void *arg;
    struct log_clock clock;
    bool since_reached, stop;
    int64_t skip;           /* lines of the tail's first file that do not belong to it */
    char *buf;              /* cap bytes and LOG_SLACK */
    size_t len, cap;
    bool overlong;          /* throwing away a line that does not fit */
};

/* --- records --- */

static void on_line(struct log_reader *r, char *line, size_t len)
{
    struct log_record rec;
    if (r->skip > 0) {
        r->skip--;
        return;
    }
    bool ok = len > 0 && line[0] == '{' ? log_json_decode(&r->clock, line, len, &rec)
                                        : log_cri_decode(&r->clock, line, len, &rec);
    if (!ok)
        return; /* torn by a crash or a full disk */
    if (!r->since_reached) {
        if (rec.time_ns < r->o.since_ns)
            return;
        r->since_reached = true;
    }
    if (r->o.until_ns != 0 && rec.time_ns > r->o.until_ns) {
        r->stop = true;
        return;
    }
    if (rec.stream == 2 ? r->o.want_stderr : r->o.want_stdout)
        r->stop = r->each(r->arg, rec.stream, rec.time_ns, rec.attrs, rec.data, rec.len) != 0;
}

/* Hand on the whole lines in the buffer; the rest moves to its beginning. */
static void on_bytes(struct log_reader *r, size_t fresh)
{
    char *at = r->buf, *end = r->buf + r->len, *look = end - fresh;
    for (char *nl; !r->stop && (nl = memchr(look, '\n', (size_t)(end - look))) != NULL; at = look = nl + 1) {
        if (r->overlong)
            r->overlong = false;
        else
            on_line(r, at, (size_t)(nl - at));
    }
    r->len = (size_t)(end - at);
    memmove(r->buf, at, r->len);
}

static int make_room(struct log_reader *r, struct creel_err *err)
{
    if (r->len < r->cap)
        return 0;
    size_t cap = r->cap == 0 ? BUFFER_SIZE : r->cap * 2;
    if (cap > LINE_MAX_BYTES) {
        r->overlong = true;
        r->len = 0;
        return 0;
    }
    char *buf = realloc(r->buf, cap + LOG_SLACK);
    if (buf == NULL)
        return creel_fail_nomem(err);
    r->buf = buf;
    r->cap = cap;
    return 0;
}

static bool asked_to_stop(const struct log_reader *r)
{
    struct pollfd p = { .fd = r->stop_fd, .events = POLLIN };
    return r->stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

/* Everything that is in the file now. */
static int read_file(struct log_reader *r, struct log_file *f, struct creel_err *err)
{
    while (!r->stop) {
        if (make_room(r, err) < 0)
            return -1;
        ssize_t n = log_file_read(f, r->buf + r->len, r->cap - r->len, err);
        if (n <= 0)
            return (int)n;
        r->len += (size_t)n;
        on_bytes(r, (size_t)n);
        r->stop = r->stop || asked_to_stop(r);
    }
    return 0;
}

/* The file is complete: what is left without a newline is a torn record. */
static void end_file(struct log_reader *r)
{
    r->len = 0;
    r->overlong = false;
}

/* --- what there is --- */

/* The file (index in `f`, newest first) with which the tail begins; it is positioned, and r->skip set. -1: none. */
static int find_tail(struct log_reader *r, struct log_files *f, ssize_t *ret, struct creel_err *err)
{
    int64_t wanted = r->o.tail;
    *ret = (ssize_t)f->count - 1;
    if (wanted < 0)
        return 0;
    for (size_t i = 0; i < f->count; i++) {
        off_t offset;
        int64_t lines;
        if (log_file_tail(&f->items[i], wanted, &offset, &lines, err) < 0
            || log_file_rewind(&f->items[i], offset, err) < 0)
            return -1;
        if (offset == 0 && lines > wanted)
            r->skip = lines - wanted;
        wanted -= lines < wanted ? lines : wanted;
        if (wanted == 0) {
            *ret = (ssize_t)i;
            return 0;
        }
    }
    return 0;
}

/* Oldest first; the last one read is the current file. */
static int read_existing(struct log_reader *r, struct log_files *f, struct creel_err *err)
{
    ssize_t from;
    if (find_tail(r, f, &from, err) < 0)
        return -1;
    for (ssize_t i = from; i >= 0 && !r->stop; i--) {
        if (read_file(r, &f->items[i], err) < 0)
            return -1;
        if (i > 0)
            end_file(r);
    }
    return 0;
}

/* --- following --- */

struct follower {
    struct log_reader *r;
    struct log_files *files;
    struct log_file current;    /* a descriptor of its own */
    int inotify_fd, file_watch;
    struct monitor_link *link;
    bool over;                  /* the run is; what is in the files now is all there will be */
};

static int watch_current(struct follower *w, struct creel_err *err)
{
    char path[64];
    if (w->file_watch >= 0)
        (void)inotify_rm_watch(w->inotify_fd, w->file_watch);
    w->file_watch = -1;
    if (w->current.fd < 0)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", w->current.fd);
    w->file_watch = inotify_add_watch(w->inotify_fd, path, IN_MODIFY | IN_MOVE_SELF | IN_ATTRIB);
    if (w->file_watch < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "watch the log");
    return 0;
}

static int follow_begin(struct follower *w, struct creel *e, const char *id, struct creel_err *err)
{
    char path[64];
    struct creel_err none = { 0 };
    w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", w->files->dir_fd);
    if (w->inotify_fd < 0 || inotify_add_watch(w->inotify_fd, path, IN_CREATE | IN_MOVED_TO) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "watch the log's directory");
    /* no monitor: nobody writes */
    if (lifecycle_connect(e, id, &w->link, &none) < 0 || monitor_watch_exit(w->link, &none) < 0)
        w->over = true;
    return 0;
}

/* Read to the end of the newest file, over rotations. */
static int catch_up(struct follower *w, struct creel_err *err)
{
    for (;;) {
        struct log_file next = { .fd = -1 };
        /* asked before reading: once there is a next file this one does not grow any more */
        int more = log_files_next(w->files, &w->current, &next, err);
        if (more < 0 || (w->current.fd >= 0 && read_file(w->r, &w->current, err) < 0)) {
            log_file_close(&next);
            return -1;
        }
        if (more == 0 || w->r->stop) {
            log_file_close(&next);
            return 0;
        }
        end_file(w->r);
        log_file_close(&w->current);
        w->current = next;
        if (watch_current(w, err) < 0)
            return -1;
    }
}

static int until_ms(const struct log_reader *r)
{
    if (r->o.until_ns == 0)
        return -1;
    int64_t ms = (r->o.until_ns - clock_now_ns()) / 1000000 + 1;
    return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

static int wait_for_more(struct follower *w, struct creel_err *err)
{
    char events[4096];
    struct creel_exit ignored;
    struct creel_err why = { 0 };
    struct pollfd p[3] = { { .fd = w->inotify_fd, .events = POLLIN }, { .fd = w->r->stop_fd, .events = POLLIN },
                           { .fd = monitor_link_fd(w->link), .events = POLLIN } };
    int n = poll(p, 3, until_ms(w->r));
    if (n < 0 && errno != EINTR)
        return creel_fail(err, CREEL_INTERNAL, errno, "wait for more of the log");
    if (n == 0 || (n > 0 && p[1].revents != 0))
        w->r->stop = n > 0 || clock_now_ns() > w->r->o.until_ns;
    while (n > 0 && p[0].revents != 0 && read(w->inotify_fd, events, sizeof events) > 0)
        ; /* that there was something is all we need to know */
    if (n > 0 && p[2].revents != 0)
        w->over = monitor_wait_exit(w->link, 0, &ignored, &why) == 0 || why.kind != CREEL_TIMEOUT;
    return 0;
}

static int follow(struct follower *w, struct creel_err *err)
{
    if (watch_current(w, err) < 0)
        return -1;
    for (;;) {
        bool over = w->over; /* as of before reading */
        if (catch_up(w, err) < 0)
            return -1;
        if (over || w->r->stop)
            return 0;
        /* all that is there has been told: time to flush */
        if (w->r->each(w->r->arg, 0, 0, NULL, NULL, 0) != 0)
            return 0;
        if (wait_for_more(w, err) < 0)
            return -1;
    }
}

static void follow_end(struct follower *w)
{
    log_file_close(&w->current);
    fd_closep(&w->inotify_fd);
    monitor_link_close(w->link);
}

/* The current file leaves the list, so that it can be replaced by its successors. */
static void take_current(struct log_files *f, struct log_file *ret)
{
    *ret = (struct log_file){ .fd = -1 };
    if (f->count == 0)
        return;
    *ret = f->items[0];
    f->items[0].fd = -1;
    f->items[0].inflate = NULL;
}

static int read_log(struct log_reader *r, struct creel *e, const struct container_row *row, struct creel_err *err)
{
    auto_cleanup(log_files_closep) struct log_files files = { .dir_fd = -1 };
    if (log_files_open(row->log_path, &files, err) < 0)
        return -1;
    if (!r->o.follow)
        return read_existing(r, &files, err);
    struct follower w = { .r = r, .files = &files, .current = { .fd = -1 }, .inotify_fd = -1, .file_watch = -1 };
    int n = follow_begin(&w, e, row->id, err);
    if (n == 0)
        n = read_existing(r, &files, err);
    if (n == 0 && !r->stop) {
        take_current(&files, &w.current);
        n = follow(&w, err);
    }
    follow_end(&w);
    return n;
}

int creel_container_logs(struct creel *e, const char *ref, const struct creel_log_options *o, int stop_fd,
                         log_each each, void *arg, struct creel_err *err)
{
    char id[65];
    auto_row row = { 0 };
    struct log_reader r = { .stop_fd = stop_fd, .each = each, .arg = arg, .o = { .tail = -1 } };
    memcpy(&r.o, o, o->size < sizeof r.o ? o->size : sizeof r.o);
    r.since_reached = r.o.since_ns == 0;
    if (container_row_resolve(e->store, ref, id, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (!r.o.want_stdout && !r.o.want_stderr)
        return creel_fail(err, CREEL_INVALID, 0, "you must choose at least one stream");
    if (row.log_path == NULL || row.log_path[0] == '\0')
        return creel_fail(err, CREEL_UNSUPPORTED, 0, "configured logging driver does not support reading");
    if (row.run == 0) /* never started: nothing was written */
        return 0;
    int n = read_log(&r, e, &row, err);
    free(r.buf);
    return n < 0 ? creel_wrap(err, "logs of container %s", row.name) : 0;
}
