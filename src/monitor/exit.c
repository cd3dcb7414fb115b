/* SPDX-License-Identifier: Apache-2.0 */
/* monitor/exit.c: the end of a run.
 *
 *   init ends ─► its group is killed and removed ─► both streams drained ─► log closed
 *       claimed:    the claimer is told ─► the mounts go, while it commits ─► it releases ─► everybody told, over
 *                   (the claimer dies, or is stopped and does not release in time) ─► as unclaimed
 *       unclaimed:  the mounts go ─► record written and synced ─► everybody told ─► helper commits it ─► over
 *
 * A claimer needs no record: it has the exit, its commit is what makes it durable, and nobody else hears of it before. If
 * it dies, we are there to write one. A record that cannot be written is tried again until it can. */
#include "monitor/monitor.h"

#include "base/clock.h"
#include "monitor/external_runtime.h"
#include "sys/mnt.h"
#include "wire/exit_record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#define RESERVED_NAME "exit-record"
static const int64_t RETRY_FIRST_NS = INT64_C(1000000000), RETRY_LAST_NS = INT64_C(60000000000);
static const int64_t CLAIM_NS = INT64_C(10000000000);
static const int64_t LINGER_NS = INT64_C(5000000000);

static void record(struct monitor *m);

/* --- the record --- */

static void record_name(const struct monitor *m, char *buf, size_t size)
{
    (void)snprintf(buf, size, "%s.%" PRId64, m->launch.id, m->launch.run);
}

void exit_reserve(struct monitor *m)
{
    static const char blank[EXIT_RECORD_MAX];
    auto_fd fd =
        openat(m->container_dir_fd, RESERVED_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* if this fails there is still a chance at the end */
    if (fd >= 0 && write(fd, blank, sizeof blank) < 0)
        (void)unlinkat(m->container_dir_fd, RESERVED_NAME, 0);
}

static int fill_record(struct monitor *m, int fd)
{
    struct exit_record r = { .run = m->launch.run, .started_ns = m->started_ns, .exit = m->exit };
    char text[EXIT_RECORD_MAX];
    memcpy(r.id, m->launch.id, sizeof r.id);
    size_t len = exit_record_print(&r, text);
    ssize_t n = pwrite(fd, text, len, 0); /* into the reserved place, if there is one */
    if (n != (ssize_t)len)
        return n < 0 ? -errno : -ENOSPC;
    if (ftruncate(fd, (off_t)len) < 0)
        return -errno;
    return fdatasync(fd) < 0 ? -errno : 0;
}

static int write_record(struct monitor *m, int dir, const char *name)
{
    auto_fd fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : fill_record(m, fd);
}

/* A file that gets its name when it is whole, so that nobody finds half of one. */
static int write_unnamed(struct monitor *m, const char *name)
{
    char self[SYS_FD_PATH_MAX];
    auto_fd fd = openat(m->exits_fd, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = fill_record(m, fd);
    if (r == 0 && linkat(AT_FDCWD, sys_fd_path(fd, self), m->exits_fd, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
        r = -errno;
    return r;
}

/* Under its final name, whole. */
static int place_record(struct monitor *m)
{
    char name[128];
    record_name(m, name, sizeof name);
    int r = write_record(m, m->container_dir_fd, RESERVED_NAME);
    if (r == 0 && renameat(m->container_dir_fd, RESERVED_NAME, m->exits_fd, name) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    /* the container's directory is on another file system, full, or gone */
    r = write_unnamed(m, name);
    if (r != -EOPNOTSUPP)
        return r;
    char tmp[136];
    (void)snprintf(tmp, sizeof tmp, ".%s.tmp", name);
    r = write_record(m, m->exits_fd, tmp);
    if (r == 0 && renameat(m->exits_fd, tmp, m->exits_fd, name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(m->exits_fd, tmp, 0);
    return r;
}

/* Its name; what it says was synced before. A disk that refuses to sync cannot be helped from here; the helper's commit
 * is the next chance. */
static void make_durable(struct monitor *m)
{
    (void)fsync(m->exits_fd);
    m->record_durable = true;
}

/* --- telling --- */

static void tell_all(struct monitor *m)
{
    for (struct client *c = m->clients; c != NULL; c = c->next)
        if (!c->dead && (c->waits || c->session == &m->container))
            client_event_exit(c, &m->exit);
}

static void on_linger_end(void *arg)
{
    loop_stop(&((struct monitor *)arg)->loop);
}

/* Nothing is left to do but to deliver what is queued, and the ends of execs, which died with init. Nobody can find
 * us any more. */
static void over(struct monitor *m)
{
    m->phase = PHASE_OVER;
    (void)unlinkat(m->run_dir_fd, PROTOCOL_SOCKET_NAME, 0);
    listener_close(m);
    fd_closep(&m->lock_fd);
    m->linger_timer = (struct loop_timer){ .fn = on_linger_end, .arg = m };
    loop_timer_arm(&m->loop, &m->linger_timer, LINGER_NS);
}

/* --- committing --- */

static void on_reaper(void *arg, const siginfo_t *how)
{
    (void)how; /* if it failed, the record stays for whoever opens the store next */
    over(arg);
}

static pid_t spawn_reaper(char *const argv[])
{
    static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    char *env[] = { path, NULL };
    sigset_t none;
    sigemptyset(&none);
    pid_t pid = vfork();
    if (pid != 0)
        return pid;
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execve(argv[0], argv, env);
    _exit(127);
}

void exit_report_exec(struct monitor *m, const struct session *s)
{
    char code[16];
    struct strv argv = STRV_INIT;
    (void)snprintf(code, sizeof code, "%d", creel_exit_shell(&s->exit));
    bool ok = m->launch.reap_argv.count > 0;
    for (size_t i = 0; ok && i < m->launch.reap_argv.count; i++)
        ok = strv_add(&argv, m->launch.reap_argv.items[i]);
    if (ok && strv_add(&argv, s->exec_id) && strv_add(&argv, code))
        (void)spawn_reaper(strv_argv(&argv)); /* the loop waits for it; an event that cannot be told is missing */
    strv_fini(&argv);
}

/* The record is written. */
static void unclaimed(struct monitor *m)
{
    make_durable(m);
    m->phase = PHASE_REAPING;
    tell_all(m);
    pid_t pid = m->launch.reap_argv.count > 0 ? spawn_reaper(strv_argv(&m->launch.reap_argv)) : -1;
    if (pid < 0) {
        over(m);
        return;
    }
    m->reaper = (struct loop_child){ .pid = pid, .fn = on_reaper, .arg = m };
    loop_child_add(&m->loop, &m->reaper);
}

void exit_claimer_gone(struct monitor *m)
{
    if (m->phase != PHASE_CLAIMED)
        return;
    loop_timer_disarm(&m->loop, &m->claim_timer);
    record(m);
}

/* Whoever claimed it is perhaps only suspended, but others wait. Committing twice is harmless. */
static void on_claim_late(void *arg)
{
    struct monitor *m = arg;
    m->claimer = NULL;
    exit_claimer_gone(m);
}

void exit_release(struct monitor *m, struct client *c)
{
    (void)unlinkat(m->container_dir_fd, RESERVED_NAME, 0); /* there was no need for it */
    m->claimer = NULL;
    m->record_durable = true;
    loop_timer_disarm(&m->loop, &m->claim_timer);
    over(m);
    tell_all(m);
    client_kill(c);
}

/* --- the sequence --- */

static void on_record_retry(void *arg)
{
    record(arg);
}

static void record(struct monitor *m)
{
    if (place_record(m) < 0) {
        m->record_retry_ns = m->record_retry_ns == 0 ? RETRY_FIRST_NS : m->record_retry_ns * 2;
        if (m->record_retry_ns > RETRY_LAST_NS)
            m->record_retry_ns = RETRY_LAST_NS;
        m->record_timer = (struct loop_timer){ .fn = on_record_retry, .arg = m };
        loop_timer_arm(&m->loop, &m->record_timer, m->record_retry_ns);
        return;
    }
    unclaimed(m);
}

static void release_mounts(struct monitor *m)
{
    if (m->native != NULL)
        runtime_release_mounts(m->native);
}

static void run_is_over(struct monitor *m)
{
    if (m->claimer == NULL) {
        release_mounts(m);
        record(m);
        return;
    }
    m->phase = PHASE_CLAIMED;
    m->claim_timer = (struct loop_timer){ .fn = on_claim_late, .arg = m };
    loop_timer_arm(&m->loop, &m->claim_timer, CLAIM_NS);
    client_event_exit(m->claimer, &m->exit);
    release_mounts(m);
}

void session_done(struct session *s)
{
    struct monitor *m = s->m;
    if (s->is_exec) {
        bool told = false;
        for (struct client *c = m->clients; c != NULL; c = c->next) {
            if (c->dead || c->session != s)
                continue;
            client_event_exit(c, &s->exit);
            told = true;
        }
        if (!told)
            exit_report_exec(m, s);
        exec_free(s);
        return;
    }
    log_writer_close(m->log);
    m->log = NULL;
    run_is_over(m);
}

void exit_on_init(void *arg, const siginfo_t *how)
{
    struct monitor *m = arg;
    struct creel_err ignored = { 0 };
    m->phase = PHASE_DRAINING;
    m->exit = session_exit_of(how);
    m->exit.oom_killed = oom_seen(m);
    loop_timer_disarm(&m->loop, &m->settle_timer);
    /* What init leaves behind ends with it. A group that cannot be removed is found by the engine's check. */
    if (m->native != NULL)
        (void)runtime_destroy(m->native, &ignored);
    else if (m->external != NULL)
        external_delete(m->external);
    session_drain(&m->container, &m->exit);
}
