/* SPDX-License-Identifier: Apache-2.0 */
/* engine/events.c: creel_events. Events are rows; a follower reads those after the revision it has seen, then waits
 * for the store's bell (store_changed_fd) and reads again. The bell is hung up before the first read, and rings
 * after a commit can be seen, so nothing falls between. Each read is one snapshot whose rows are copied before they
 * are shown: a slow reader holds up nobody, and if it is so slow that rows were dropped meanwhile, it is told. */
#include "engine/engine.h"
#include "engine/filters.h"

#include "base/clock.h"

#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

enum { BATCH_MAX = 4096 };

struct follower {
    struct creel *e;
    struct creel_event_options o;
    struct filters filters;
    int64_t cursor;             /* events of this revision and below have been shown; -1 none */
    bool check_floor;           /* the cursor was given: a hole must be told */
    struct event_row *batch;
    size_t count, cap;
    int64_t snapshot_rev;
    bool more, failed;
};

static void drop_batch(struct follower *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->batch[i].type);
        free(f->batch[i].action);
        free(f->batch[i].actor_id);
        free(f->batch[i].attributes);
    }
    f->count = 0;
}

static void follower_fini(struct follower *f)
{
    drop_batch(f);
    free(f->batch);
    filters_fini(&f->filters);
}

/* --- filters --- */

static const char *text_or_empty(json_t *v)
{
    const char *s = json_string_value(v);
    return s != NULL ? s : "";
}

/* "exec_start: sh -c x" is an exec_start, "health_status: healthy" a health_status. */
static bool action_matches(const struct strv *want, const char *action)
{
    for (size_t i = 0; i < want->count; i++) {
        size_t n = strlen(want->items[i]);
        if (strncmp(action, want->items[i], n) == 0 && (action[n] == '\0' || action[n] == ':'))
            return true;
    }
    return false;
}

/* The object itself by id prefix or name. */
static bool actor_matches(const struct strv *want, const char *id, json_t *attributes)
{
    const char *name = text_or_empty(json_object_get(attributes, "name"));
    for (size_t i = 0; i < want->count; i++) {
        const char *w = want->items[i][0] == '/' ? want->items[i] + 1 : want->items[i];
        if (w[0] != '\0' && (strncmp(id, w, strlen(w)) == 0 || strcmp(name, w) == 0))
            return true;
    }
    return false;
}

/* "busybox" names every tag of it, "busybox:lab" that one. */
static bool same_image(const char *want, const char *ref)
{
    size_t n = strlen(want);
    if (n == 0 || strncmp(ref, want, n) != 0)
        return false;
    return ref[n] == '\0' || ref[n] == '@' || (ref[n] == ':' && strchr(ref + n, '/') == NULL);
}

/* Events of an image, and events of containers made from it. */
static bool image_matches(const struct strv *want, const struct event_row *ev, json_t *attributes)
{
    bool is_image = strcmp(ev->type, "image") == 0;
    const char *ref = text_or_empty(json_object_get(attributes, is_image ? "name" : "image"));
    if (!is_image && strcmp(ev->type, "container") != 0)
        return false;
    for (size_t i = 0; i < want->count; i++) {
        if (same_image(want->items[i], ref) || (is_image && same_image(want->items[i], ev->actor_id)))
            return true;
    }
    return false;
}

static bool matches(const struct filters *f, const struct event_row *ev)
{
    static const char *const objects[] = { "container", "daemon", "network", "volume" };
    if (f->count == 0)
        return true;
    const struct strv *v;
    json_t *attributes = json_loads(ev->attributes, 0, NULL);
    bool ok = (v = filters_get(f, "type")) == NULL || strv_has(v, ev->type);
    ok = ok && ((v = filters_get(f, "event")) == NULL || action_matches(v, ev->action));
    ok = ok && ((v = filters_get(f, "scope")) == NULL || strv_has(v, "local"));
    for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
        v = filters_get(f, objects[i]);
        ok = ok && (v == NULL || (strcmp(ev->type, objects[i]) == 0 && actor_matches(v, ev->actor_id, attributes)));
    }
    ok = ok && ((v = filters_get(f, "image")) == NULL || image_matches(v, ev, attributes));
    json_decref(attributes);
    return ok && filters_match_labels(filters_get(f, "label"), ev->attributes);
}

/* --- reading --- */

static char *copy_text(struct follower *f, const char *s)
{
    char *copy = strdup(s);
    f->failed = f->failed || copy == NULL;
    return copy;
}

/* Copies up to BATCH_MAX events, then to the end of that commit. */
static int collect(void *arg, const struct event_row *ev)
{
    struct follower *f = arg;
    if (f->count >= BATCH_MAX && ev->rev != f->batch[f->count - 1].rev) {
        f->more = true;
        f->snapshot_rev = f->batch[f->count - 1].rev;
        return 1;
    }
    if (!matches(&f->filters, ev))
        return 0;
    if (f->count == f->cap) {
        size_t cap = f->cap == 0 ? 32 : f->cap * 2;
        struct event_row *batch = realloc(f->batch, cap * sizeof *batch);
        if (batch == NULL) {
            f->failed = true;
            return 1;
        }
        f->batch = batch;
        f->cap = cap;
    }
    f->batch[f->count++] = (struct event_row){ .rev = ev->rev, .seq = ev->seq, .time_ns = ev->time_ns,
                                               .type = copy_text(f, ev->type), .action = copy_text(f, ev->action),
                                               .actor_id = copy_text(f, ev->actor_id),
                                               .attributes = copy_text(f, ev->attributes) };
    return f->failed;
}

static int check_floor(struct follower *f, struct creel_err *err)
{
    int64_t floor;
    if (!f->check_floor)
        return 0;
    if (event_row_floor(f->e->store, &floor, err) < 0)
        return -1;
    if (f->cursor >= floor)
        return 0;
    return creel_fail(err, CREEL_NOT_FOUND, 0,
                      "events up to revision %lld are no longer kept, but those after %lld were asked for; list the "
                      "objects again and go on from that revision",
                      (long long)floor, (long long)f->cursor);
}

static int read_batch(struct follower *f, struct creel_err *err)
{
    f->more = false;
    if (store_read_begin(f->e->store, &f->snapshot_rev, err) < 0)
        return -1;
    int r = check_floor(f, err);
    if (r == 0 && f->snapshot_rev > f->cursor)
        r = event_row_each(f->e->store, f->cursor, f->o.since_ns, f->o.until_ns, collect, f, err);
    store_read_end(f->e->store);
    return f->failed ? creel_fail_nomem(err) : r;
}

/* 1 when the caller has had enough. */
static int show_batch(struct follower *f, int (*each)(void *arg, const struct creel_event *ev), void *arg)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct event_row *b = &f->batch[i];
        const struct creel_event ev = { .rev = b->rev, .time_ns = b->time_ns, .type = b->type, .action = b->action,
                                        .actor_id = b->actor_id, .attributes_json = b->attributes };
        if (each(arg, &ev) != 0)
            return 1;
    }
    f->cursor = f->snapshot_rev;
    f->check_floor = true;
    drop_batch(f);
    return 0;
}

/* 1: look again; 0: the end (until, stop_fd). */
static int wait_for_more(struct follower *f, int bell, struct creel_err *err)
{
    struct pollfd fds[2] = { { .fd = bell, .events = POLLIN }, { .fd = f->o.stop_fd, .events = POLLIN } };
    for (;;) {
        int timeout = -1;
        if (f->o.until_ns != 0) {
            int64_t left = f->o.until_ns - clock_now_ns();
            if (left <= 0)
                return 0;
            int64_t ms = left / 1000000 + 1;
            timeout = ms > INT_MAX ? INT_MAX : (int)ms;
        }
        int n = poll(fds, 2, timeout);
        if (n < 0 && errno != EINTR)
            return creel_fail(err, CREEL_INTERNAL, errno, "wait for events");
        if (n > 0 && fds[1].revents != 0)
            return 0;
        if (n > 0 && fds[0].revents != 0) {
            store_changed_ack(f->e->store);
            return 1;
        }
    }
}

static int follow(struct follower *f, int (*each)(void *arg, const struct creel_event *ev), void *arg,
                  struct creel_err *err)
{
    int bell = f->o.follow ? store_changed_fd(f->e->store, err) : -1;
    if (f->o.follow && bell < 0)
        return -1;
    for (;;) {
        if (read_batch(f, err) < 0)
            return -1;
        if (show_batch(f, each, arg) != 0)
            return 0;
        if (f->more)
            continue;
        int go_on = f->o.follow ? wait_for_more(f, bell, err) : 0;
        if (go_on <= 0)
            return go_on;
    }
}

int creel_events(struct creel *e, const struct creel_event_options *options,
                 int (*each)(void *arg, const struct creel_event *ev), void *arg, struct creel_err *err)
{
    static const char *const known[] = { "container", "daemon", "event", "image", "label", "network", "scope", "type",
                                         "volume", NULL };
    auto_cleanup(follower_fini) struct follower f = {
        .e = e, .o = { .size = sizeof f.o, .after_rev = -1, .stop_fd = -1 }, .cursor = -1,
    };
    if (options != NULL)
        memcpy(&f.o, options, options->size < sizeof f.o ? options->size : sizeof f.o);
    if (f.o.until_ns != 0 && f.o.since_ns > f.o.until_ns)
        return creel_fail(err, CREEL_INVALID, 0, "the time range of the events ends before it begins");
    if (filters_parse(f.o.filters_json, known, &f.filters, err) < 0)
        return -1;
    f.cursor = f.o.after_rev;
    f.check_floor = f.o.after_rev >= 0;
    bool only_new = f.o.follow && f.o.after_rev < 0 && f.o.since_ns == 0 && f.o.until_ns == 0;
    if (only_new && store_rev(e->store, &f.cursor, err) < 0)
        return -1;
    return follow(&f, each, arg, err);
}
