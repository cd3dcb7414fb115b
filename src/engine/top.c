/* SPDX-License-Identifier: Apache-2.0 */
/* engine/top.c: a container's processes as ps(1) shows them, read on the host: nothing is run in the container, and no ps
 * is needed on the host. Three forms are known: "-ef", "aux", and "-o" with a list of columns. */
#include "engine/lifecycle.h"

#include "base/parse.h"
#include "spec/schema.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/sysmacros.h>
#include <time.h>

enum { FIELD_TEXT_MAX = 4096, COLUMNS_MAX = 64, STAT_TEXT_MAX = 1024 };

/* --- one process --- */
struct process {
    pid_t pid, ppid, pgrp, session;
    char comm[64], state;
    int tty, nice, priority;
    unsigned threads;
    uint64_t utime, stime, start;   /* ticks */
    uint64_t vsize, rss;            /* bytes */
    uint64_t locked;
    pid_t foreground;
    uid_t uid, ruid;
    gid_t gid, rgid;
    char command[FIELD_TEXT_MAX];
};

struct host {
    long ticks, page;
    uint64_t memory;
    double uptime;
    time_t now, boot;
    FILE *passwd;                   /* the host's names; NULL: numbers only */
    uid_t cached_uid;
    char cached_name[64];
};

static void host_fini(struct host *h)
{
    file_closep(&h->passwd);
}

static void host_init(struct host *h)
{
    struct sysinfo s;
    struct timespec t = { 0 };
    h->ticks = sysconf(_SC_CLK_TCK);
    h->page = sysconf(_SC_PAGESIZE);
    h->memory = sysinfo(&s) == 0 ? (uint64_t)s.totalram * s.mem_unit : 0;
    (void)clock_gettime(CLOCK_BOOTTIME, &t);
    h->uptime = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
    h->now = time(NULL);
    h->boot = h->now - (time_t)h->uptime;
    h->passwd = fopen("/etc/passwd", "re");
    h->cached_uid = (uid_t)-1;
}

/* Not getpwuid: that loads name services, which a static program cannot. Long names are cut as ps does. */
static const char *user_name(struct host *h, uid_t uid)
{
    if (h->cached_uid == uid)
        return h->cached_name;
    (void)snprintf(h->cached_name, sizeof h->cached_name, "%u", (unsigned)uid);
    if (h->passwd != NULL) {
        rewind(h->passwd);
        for (struct passwd *p; (p = fgetpwent(h->passwd)) != NULL;) {
            if (p->pw_uid != uid)
                continue;
            bool cut = strlen(p->pw_name) > 8;
            (void)snprintf(h->cached_name, sizeof h->cached_name, "%.*s%s", cut ? 7 : 8, p->pw_name, cut ? "+" : "");
            break;
        }
    }
    h->cached_uid = uid;
    return h->cached_name;
}

static ssize_t file_read(int dir, const char *name, char *buf, size_t size)
{
    auto_fd fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, buf, size - 1) : -1;
    buf[n > 0 ? n : 0] = '\0';
    return n;
}

/* The fields of /proc/<pid>/stat behind the name, which may contain anything. */
static bool stat_parse(const char *text, const struct host *h, struct process *p)
{
    const char *open = strchr(text, '('), *close = strrchr(text, ')');
    unsigned long long utime, stime, start, vsize;
    long long rss;
    int pid, ppid, pgrp, session, foreground;
    if (open == NULL || close == NULL || close < open || sscanf(text, "%d", &pid) != 1)
        return false;
    if (sscanf(close + 1,
               " %c %d %d %d %d %d %*u %*u %*u %*u %*u %llu %llu %*d %*d %d %d %u %*d %llu %llu %lld", &p->state, &ppid,
               &pgrp, &session, &p->tty, &foreground, &utime, &stime, &p->priority, &p->nice, &p->threads, &start, &vsize,
               &rss) != 14)
        return false;
    (void)snprintf(p->comm, sizeof p->comm, "%.*s", (int)(close - open - 1), open + 1);
    p->pid = pid;
    p->ppid = ppid;
    p->pgrp = pgrp;
    p->session = session;
    p->foreground = foreground;
    p->utime = utime;
    p->stime = stime;
    p->start = start;
    p->vsize = vsize;
    p->rss = rss > 0 ? (uint64_t)rss * (uint64_t)h->page : 0;
    return true;
}

static void status_parse(const char *text, struct process *p)
{
    const char *uid = strstr(text, "\nUid:"), *gid = strstr(text, "\nGid:"), *locked = strstr(text, "\nVmLck:");
    unsigned long long kb = 0;
    if (uid != NULL)
        (void)sscanf(uid, "\nUid: %u %u", &p->ruid, &p->uid); /* left 0 when the kernel's form changes */
    if (gid != NULL)
        (void)sscanf(gid, "\nGid: %u %u", &p->rgid, &p->gid);
    if (locked != NULL)
        (void)sscanf(locked, "\nVmLck: %llu", &kb);
    p->locked = kb;
}

/* Arguments joined by blanks; a process without any is its name in brackets. Control characters become "?". */
static void command_fill(int dir, struct process *p)
{
    ssize_t n = file_read(dir, "cmdline", p->command, sizeof p->command);
    while (n > 0 && p->command[n - 1] == '\0')
        n--;
    if (n <= 0) {
        (void)snprintf(p->command, sizeof p->command, "[%s]%s", p->comm, p->state == 'Z' ? " <defunct>" : "");
        return;
    }
    for (ssize_t i = 0; i < n; i++) {
        if (p->command[i] == '\0')
            p->command[i] = ' ';
        else if ((unsigned char)p->command[i] < 0x20 || p->command[i] == 0x7f)
            p->command[i] = '?';
    }
    p->command[n] = '\0';
}

/* 1 filled, 0 it has ended. */
static int process_read(pid_t pid, const struct host *h, struct process *p)
{
    char name[32], text[FIELD_TEXT_MAX];
    (void)snprintf(name, sizeof name, "/proc/%d", (int)pid);
    *p = (struct process){ .pid = pid };
    auto_fd dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || file_read(dir, "stat", text, STAT_TEXT_MAX) <= 0 || !stat_parse(text, h, p)
        || file_read(dir, "status", text, sizeof text) <= 0)
        return 0;
    status_parse(text, p);
    command_fill(dir, p);
    return 1;
}

/* --- columns --- */
static void ticks_print(const struct host *h, uint64_t ticks, char *buf)
{
    uint64_t s = ticks / (uint64_t)h->ticks;
    if (s >= 86400)
        (void)snprintf(buf, FIELD_TEXT_MAX, "%" PRIu64 "-%02u:%02u:%02u", s / 86400, (unsigned)(s / 3600 % 24),
                       (unsigned)(s / 60 % 60), (unsigned)(s % 60));
    else
        (void)snprintf(buf, FIELD_TEXT_MAX, "%02u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
                       (unsigned)(s % 60));
}

static double age_of(const struct host *h, const struct process *p)
{
    double age = h->uptime - (double)p->start / (double)h->ticks;
    return age > 0 ? age : 0;
}

static double cpu_of(const struct host *h, const struct process *p)
{
    double age = age_of(h, p), used = (double)(p->utime + p->stime) / (double)h->ticks;
    return age > 0 ? used * 100 / age : 0;
}

static void start_print(const struct host *h, const struct process *p, char *buf)
{
    time_t at = h->boot + (time_t)(p->start / (uint64_t)h->ticks);
    struct tm then, now;
    localtime_r(&at, &then);
    localtime_r(&h->now, &now);
    bool today = then.tm_year == now.tm_year && then.tm_yday == now.tm_yday;
    bool this_year = then.tm_year == now.tm_year;
    size_t n = today       ? strftime(buf, FIELD_TEXT_MAX, "%H:%M", &then)
               : this_year ? strftime(buf, FIELD_TEXT_MAX, "%b%d", &then)
                           : strftime(buf, FIELD_TEXT_MAX, "%Y", &then);
    buf[n] = '\0';
}

static void elapsed_print(const struct host *h, const struct process *p, char *buf)
{
    unsigned long s = (unsigned long)age_of(h, p);
    if (s >= 86400)
        (void)snprintf(buf, FIELD_TEXT_MAX, "%lu-%02lu:%02lu:%02lu", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
    else if (s >= 3600)
        (void)snprintf(buf, FIELD_TEXT_MAX, "%02lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        (void)snprintf(buf, FIELD_TEXT_MAX, "%02lu:%02lu", s / 60, s % 60);
}

static void tty_print(const struct process *p, char *buf)
{
    unsigned maj = ((unsigned)p->tty >> 8) & 0xfff, min = ((unsigned)p->tty & 0xff) | (((unsigned)p->tty >> 12) & 0xfff00);
    if (p->tty == 0)
        (void)snprintf(buf, FIELD_TEXT_MAX, "?");
    else if (maj >= 136 && maj <= 143)
        (void)snprintf(buf, FIELD_TEXT_MAX, "pts/%u", (maj - 136) * 256 + min);
    else if (maj == 4)
        (void)snprintf(buf, FIELD_TEXT_MAX, "tty%s%u", min < 64 ? "" : "S", min < 64 ? min : min - 64);
    else
        (void)snprintf(buf, FIELD_TEXT_MAX, "%u:%u", maj, min);
}

static void stat_print(const struct process *p, char *buf)
{
    (void)snprintf(buf, FIELD_TEXT_MAX, "%c%s%s%s%s%s", p->state, p->nice < 0 ? "<" : p->nice > 0 ? "N" : "",
                   p->locked > 0 ? "L" : "", p->session == p->pid ? "s" : "", p->threads > 1 ? "l" : "",
                   p->foreground == p->pgrp && p->foreground > 0 ? "+" : "");
}

enum column {
    COL_USER, COL_RUSER, COL_UID, COL_GID, COL_PID, COL_PPID, COL_PGID, COL_SID, COL_C, COL_CPU, COL_MEM, COL_VSZ, COL_RSS,
    COL_TTY, COL_STAT, COL_STATE, COL_STIME, COL_TIME, COL_ETIME, COL_ETIMES, COL_NICE, COL_PRI, COL_NLWP, COL_COMM,
    COL_ARGS,
};
static const struct { const char *name; enum column column; const char *title; } columns[] = {
    { "user", COL_USER, "USER" },     { "euser", COL_USER, "EUSER" },   { "ruser", COL_RUSER, "RUSER" },
    { "uid", COL_UID, "UID" },        { "euid", COL_UID, "EUID" },      { "gid", COL_GID, "GID" },
    { "pid", COL_PID, "PID" },        { "ppid", COL_PPID, "PPID" },     { "pgid", COL_PGID, "PGID" },
    { "pgrp", COL_PGID, "PGRP" },     { "sid", COL_SID, "SID" },        { "sess", COL_SID, "SESS" },
    { "session", COL_SID, "SESS" },   { "c", COL_C, "C" },              { "%cpu", COL_CPU, "%CPU" },
    { "pcpu", COL_CPU, "%CPU" },      { "%mem", COL_MEM, "%MEM" },      { "pmem", COL_MEM, "%MEM" },
    { "vsz", COL_VSZ, "VSZ" },        { "vsize", COL_VSZ, "VSZ" },      { "rss", COL_RSS, "RSS" },
    { "rssize", COL_RSS, "RSS" },     { "tty", COL_TTY, "TT" },         { "tt", COL_TTY, "TT" },
    { "tname", COL_TTY, "TTY" },      { "stat", COL_STAT, "STAT" },     { "state", COL_STATE, "S" },
    { "s", COL_STATE, "S" },          { "stime", COL_STIME, "STIME" },  { "start_time", COL_STIME, "START" },
    { "bsdstart", COL_STIME, "START" }, { "time", COL_TIME, "TIME" },   { "cputime", COL_TIME, "TIME" },
    { "etime", COL_ETIME, "ELAPSED" }, { "etimes", COL_ETIMES, "ELAPSED" }, { "ni", COL_NICE, "NI" },
    { "nice", COL_NICE, "NI" },       { "pri", COL_PRI, "PRI" },        { "nlwp", COL_NLWP, "NLWP" },
    { "thcount", COL_NLWP, "THCNT" }, { "comm", COL_COMM, "COMMAND" },  { "ucmd", COL_COMM, "CMD" },
    { "args", COL_ARGS, "COMMAND" },  { "command", COL_ARGS, "COMMAND" }, { "cmd", COL_ARGS, "CMD" },
};

static void field_print(struct host *h, const struct process *p, enum column c, char *buf)
{
#define NUMBER(form, value) (void)snprintf(buf, FIELD_TEXT_MAX, form, value)
    switch (c) {
    case COL_USER: NUMBER("%s", user_name(h, p->uid)); break;
    case COL_RUSER: NUMBER("%s", user_name(h, p->ruid)); break;
    case COL_UID: NUMBER("%u", (unsigned)p->uid); break;
    case COL_GID: NUMBER("%u", (unsigned)p->gid); break;
    case COL_PID: NUMBER("%d", (int)p->pid); break;
    case COL_PPID: NUMBER("%d", (int)p->ppid); break;
    case COL_PGID: NUMBER("%d", (int)p->pgrp); break;
    case COL_SID: NUMBER("%d", (int)p->session); break;
    case COL_C: NUMBER("%d", (int)(cpu_of(h, p) > 99 ? 99 : cpu_of(h, p))); break;
    case COL_CPU: NUMBER("%.1f", cpu_of(h, p)); break;
    case COL_MEM: NUMBER("%.1f", h->memory > 0 ? (double)p->rss * 100 / (double)h->memory : 0.0); break;
    case COL_VSZ: NUMBER("%" PRIu64, p->vsize / 1024); break;
    case COL_RSS: NUMBER("%" PRIu64, p->rss / 1024); break;
    case COL_TTY: tty_print(p, buf); break;
    case COL_STAT: stat_print(p, buf); break;
    case COL_STATE: NUMBER("%c", p->state); break;
    case COL_STIME: start_print(h, p, buf); break;
    case COL_TIME: ticks_print(h, p->utime + p->stime, buf); break;
    case COL_ETIME: elapsed_print(h, p, buf); break;
    case COL_ETIMES: NUMBER("%lu", (unsigned long)age_of(h, p)); break;
    case COL_NICE: NUMBER("%d", p->nice); break;
    case COL_PRI: NUMBER("%d", 39 - p->priority); break;
    case COL_NLWP: NUMBER("%u", p->threads); break;
    case COL_COMM: NUMBER("%s", p->comm); break;
    case COL_ARGS: NUMBER("%s", p->command); break;
    }
#undef NUMBER
}

/* --- what to show --- */
struct view { enum column columns[COLUMNS_MAX]; const char *titles[COLUMNS_MAX]; size_t count; };

static void view_add(struct view *v, enum column c, const char *title)
{
    v->columns[v->count] = c;
    v->titles[v->count++] = title;
}

static int view_add_list(struct view *v, const char *list, struct creel_err *err)
{
    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, ", "), at = 0;
        while (n > 0 && at < ARRAY_LEN(columns)
               && (strlen(columns[at].name) != n || strncasecmp(columns[at].name, p, n) != 0))
            at++;
        if (n > 0 && at == ARRAY_LEN(columns))
            return creel_fail(err, CREEL_UNSUPPORTED, 0, "ps column \"%.*s\" is not known; processes are listed on the "
                              "host without ps, with the columns of -ef, aux or -o", (int)(n < 64 ? n : 64), p);
        if (n > 0 && v->count == COLUMNS_MAX)
            return creel_fail(err, CREEL_INVALID, 0, "more than %d ps columns", COLUMNS_MAX);
        if (n > 0)
            view_add(v, columns[at].column, columns[at].title);
        p += n + (p[n] != '\0');
    }
    return 0;
}

static void view_full(struct view *v)
{
    view_add(v, COL_USER, "UID");
    view_add(v, COL_PID, "PID");
    view_add(v, COL_PPID, "PPID");
    view_add(v, COL_C, "C");
    view_add(v, COL_STIME, "STIME");
    view_add(v, COL_TTY, "TTY");
    view_add(v, COL_TIME, "TIME");
    view_add(v, COL_ARGS, "CMD");
}

static void view_brief(struct view *v)
{
    view_add(v, COL_PID, "PID");
    view_add(v, COL_TTY, "TTY");
    view_add(v, COL_TIME, "TIME");
    view_add(v, COL_COMM, "CMD");
}

static void view_aux(struct view *v)
{
    view_add(v, COL_USER, "USER");
    view_add(v, COL_PID, "PID");
    view_add(v, COL_CPU, "%CPU");
    view_add(v, COL_MEM, "%MEM");
    view_add(v, COL_VSZ, "VSZ");
    view_add(v, COL_RSS, "RSS");
    view_add(v, COL_TTY, "TTY");
    view_add(v, COL_STAT, "STAT");
    view_add(v, COL_STIME, "START");
    view_add(v, COL_TIME, "TIME");
    view_add(v, COL_ARGS, "COMMAND");
}

static int not_known(const char *args, struct creel_err *err)
{
    return creel_fail(err, CREEL_UNSUPPORTED, 0,
                      "ps arguments \"%.200s\" are not known; processes are listed on the host without ps, as by -ef, aux "
                      "or -o COLUMN,…",
                      args);
}

/* Selecting letters say nothing here: what is shown is what is in the container. */
static int view_parse(const char *args, struct view *v, struct creel_err *err)
{
    auto_strv words = STRV_INIT;
    bool full = false, listed = false, user_format = false;
    if (!strv_split(&words, args, ' '))
        return creel_fail_nomem(err);
    for (size_t i = 0; i < words.count; i++) {
        const char *w = words.items[i];
        bool dash = w[0] == '-', bsd = !dash;
        for (const char *p = w + dash; *p != '\0'; p++) {
            if (*p == 'o') {
                const char *list = p[1] != '\0' ? p + 1 : i + 1 < words.count ? words.items[++i] : "";
                if (list[0] == '\0')
                    return not_known(args, err);
                if (view_add_list(v, list, err) < 0)
                    return -1;
                listed = true;
                break;
            }
            if (*p == 'f' && dash)
                full = true;
            else if (*p == 'u')
                user_format = true;
            else if (strchr(bsd ? "axw" : "eAawx", *p) == NULL)
                return not_known(args, err);
        }
    }
    if (!listed && full)
        view_full(v);
    else if (!listed && user_format)
        view_aux(v);
    else if (!listed)
        view_brief(v);
    for (size_t i = 0; i < v->count; i++)
        if (v->columns[i] == COL_PID)
            return 0;
    return creel_fail(err, CREEL_INVALID, 0, "Couldn't find PID field in ps output");
}

/* Text from the host that JSON must be able to hold. */
static json_t *text_json(char *s)
{
    json_t *j = json_string(s);
    for (char *p = s; j == NULL && *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    return j != NULL ? j : json_string(s);
}

static int row_add(struct host *h, const struct view *v, const struct process *p, json_t *list, struct creel_err *err)
{
    auto_json row = json_array();
    char text[FIELD_TEXT_MAX];
    for (size_t i = 0; i < v->count; i++) {
        field_print(h, p, v->columns[i], text);
        if (row == NULL || json_array_append_new(row, text_json(text)) < 0)
            return creel_fail_nomem(err);
    }
    return json_array_append(list, row) < 0 ? creel_fail_nomem(err) : 0;
}

static int compare_pids(const void *a, const void *b)
{
    pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
    return (x > y) - (x < y);
}

static int processes_list(const struct view *v, pid_t *pids, size_t count, json_t *list, struct creel_err *err)
{
    auto_cleanup(host_fini) struct host h = { 0 };
    auto_free struct process *p = malloc(sizeof *p);
    if (p == NULL)
        return creel_fail_nomem(err);
    host_init(&h);
    qsort(pids, count, sizeof *pids, compare_pids);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && pids[i] == pids[i - 1])
            continue;
        if (process_read(pids[i], &h, p) > 0 && row_add(&h, v, p, list, err) < 0)
            return -1;
    }
    return 0;
}

static json_t *titles_print(const struct view *v)
{
    auto_json titles = json_array();
    for (size_t i = 0; i < v->count; i++)
        if (titles == NULL || json_array_append_new(titles, json_string(v->titles[i])) < 0)
            return NULL;
    return ptr_take(&titles);
}

int creel_container_top(struct creel *e, const char *ref, const char *ps_args, char **ret_json, struct creel_err *err)
{
    char id[65];
    auto_row row = { 0 };
    auto_cgroup group = NULL;
    auto_free pid_t *pids = NULL;
    size_t count = 0;
    struct view view = { .count = 0 };
    struct creel_err failure = { 0 };
    if (view_parse(ps_args != NULL && ps_args[0] != '\0' ? ps_args : "-ef", &view, err) < 0
        || container_row_resolve(e->store, ref, id, err) < 0 || container_row_get(e->store, id, &row, err) < 0)
        return -1;
    if (!lifecycle_is_up(&row) || row.cgroup_path == NULL)
        return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is not running", row.id);
    if (cgroup_open(row.cgroup_path, e->cgroup_manager, &group, &failure) < 0
        || cgroup_pids(group, &pids, &count, &failure) < 0) {
        if (failure.kind == CREEL_NOT_FOUND)
            return creel_fail(err, CREEL_CONFLICT, 0, "Container %s is not running", row.id);
        return creel_fail(err, failure.kind, 0, "processes of container %s: %s", row.name, failure.text);
    }
    auto_json list = json_array();
    if (list == NULL)
        return creel_fail_nomem(err);
    if (processes_list(&view, pids, count, list, err) < 0)
        return -1;
    auto_json o = json_pack("{s:o,s:O}", "Titles", titles_print(&view), "Processes", list);
    *ret_json = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
    return *ret_json == NULL ? creel_fail_nomem(err) : 0;
}
