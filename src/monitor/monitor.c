/* SPDX-License-Identifier: Apache-2.0 */
#include "monitor/monitor.h"

#include "monitor/external_runtime.h"
#include "sys/identity.h"
#include "wire/log_record.h"

#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static const int64_t IDLE_NS = INT64_C(1000000000);
enum { IO_BUFFER_SIZE = FRAME_HEADER + MONITOR_IO_CHUNK + LOG_SLACK };

/* SIGTERM is for the container: a host that goes down says it to everybody. The others must not end us. */
static void on_signal(void *arg, int signo)
{
    struct monitor *m = arg;
    struct creel_err ignored = { 0 };
    if (signo == SIGTERM)
        (void)session_signal(&m->container, SIGTERM, &ignored);
}

static void on_idle(void *arg)
{
    struct monitor *m = arg;
    if (m->busy) {
        m->busy = false;
        loop_timer_arm(&m->loop, &m->idle_timer, IDLE_NS);
        return;
    }
    (void)madvise(m->io_buffer, IO_BUFFER_SIZE, MADV_DONTNEED);
    if (m->log != NULL)
        log_writer_trim(m->log);
    monitor_slim();
}

void monitor_touch(struct monitor *m)
{
    if (m->idle_timer.armed) {
        m->busy = true;
        return;
    }
    loop_timer_arm(&m->loop, &m->idle_timer, IDLE_NS);
}

void monitor_slim(void)
{
    (void)malloc_trim(0);
}

static void after_each(void *arg)
{
    clients_purge(arg);
}

int monitor_init(struct monitor *m, struct creel_err *err)
{
    static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2 };
    sigset_t set;
    *m = (struct monitor){ .run_dir_fd = -1, .container_dir_fd = -1, .exits_fd = -1, .lock_fd = -1,
                           .ready = { .net = -1 }, .listen_io = LOOP_IO_INIT,
                           .oom_io = LOOP_IO_INIT };
    session_init(&m->container, m);
    m->idle_timer.fn = on_idle;
    m->idle_timer.arg = m;
    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        sigaddset(&set, signals[i]);
    if (loop_init(&m->loop, err) < 0 || loop_signals(&m->loop, &set, on_signal, m, err) < 0)
        return -1;
    m->loop.each_fn = after_each;
    m->loop.each_arg = m;
    void *p = mmap(NULL, IO_BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return creel_fail_nomem(err);
    m->io_buffer = p;
    return 0;
}

json_t *monitor_started_json(const struct monitor *m)
{
    return json_pack("{s:i,s:i,s:I,s:I,s:I}", "pid", (int)m->pid, "monitor_pid", (int)getpid(), "pid_start",
                     (json_int_t)m->pid_start, "monitor_start", (json_int_t)sys_self_start(), "started_ns",
                     (json_int_t)m->started_ns);
}

void monitor_fini(struct monitor *m)
{
    clients_close_all(m);
    while (m->execs != NULL)
        exec_free(m->execs);
    session_close(&m->container);
    log_writer_close(m->log);
    loop_io_remove(&m->loop, &m->oom_io);
    runtime_ready_fini(&m->ready);
    runtime_free(m->native);
    external_free(m->external);
    cgroup_free(m->external_cgroup);
    oci_config_free(m->config);
    launch_fini(&m->launch);
    listener_close(m);
    fd_closep(&m->run_dir_fd);
    fd_closep(&m->container_dir_fd);
    fd_closep(&m->exits_fd);
    seccomp_program_fini(&m->seccomp);
    if (m->io_buffer != NULL)
        (void)munmap(m->io_buffer, IO_BUFFER_SIZE);
    loop_fini(&m->loop);
    fd_closep(&m->lock_fd); /* last: until here we are alive */
}
