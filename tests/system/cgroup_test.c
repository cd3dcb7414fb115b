/* SPDX-License-Identifier: Apache-2.0 */
/* cgroups on the kernel that runs this, whatever its version of them: limits bite, devices are refused, groups
 * freeze, die and go away, and nothing is left behind. Needs root; works below /creel-test-<pid> only. A limit that
 * the host cannot have must be refused; that is the other half of each of these tests. */
#include "../unit/check.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "runtime/cgroup_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

static char top[64];    /* "/creel-test-<pid>" */
static struct cgroup_layout layout;

static const char *path_of(const char *name)
{
    static char path[128];
    assert_true((size_t)snprintf(path, sizeof path, "%s/%s", top, name) < sizeof path);
    return path;
}

static bool host_has(const char *v1, const char *v2)
{
    for (size_t i = 0; i < layout.count; i++) {
        const struct cgroup_hierarchy *h = &layout.items[i];
        const char *name = h->v2 ? v2 : v1;
        if (name != NULL && cgroup_list_has(h->controllers, name))
            return true;
    }
    return false;
}

static struct cgroup *make(const char *name, const struct oci_resources *r)
{
    struct creel_err err = { 0 };
    struct cgroup *c = NULL;
    if (cgroup_create(path_of(name), CGROUP_AUTO, r, &c, &err) < 0)
        fail_msg("create %s: %s", name, err.text);
    return c;
}

static void unmake(struct cgroup *c)
{
    struct creel_err err = { 0 };
    if (cgroup_kill(c, SIGKILL, &err) < 0 || cgroup_destroy(c, &err) < 0)
        fail_msg("%s", err.text);
    cgroup_free(c);
}

/* A child in the group that runs fn(arg) and exits with its result. */
static pid_t spawn(struct cgroup *c, int (*fn)(void *), void *arg)
{
    struct creel_err err = { 0 };
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (cgroup_add(c, getpid(), &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            _exit(99);
        }
        _exit(fn(arg));
    }
    return pid;
}

static int status_of(pid_t pid)
{
    int status;
    pid_t r;
    do {
        r = waitpid(pid, &status, 0);
    } while (r < 0 && errno == EINTR);
    assert_int_equal(r, pid);
    return status;
}

/* Until the group has that many processes. */
static void wait_for_count(struct cgroup *c, size_t want)
{
    struct creel_err err = { 0 };
    for (size_t count = 0; count < want;) {
        pid_t *pids = NULL;
        assert_int_equal(cgroup_pids(c, &pids, &count, &err), 0);
        free(pids);
    }
}

static int run(struct cgroup *c, int (*fn)(void *), void *arg)
{
    int status = status_of(spawn(c, fn, arg));
    if (!WIFEXITED(status))
        fail_msg("the child died of signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* ------------------------------------------------------------------ limits */

static int fork_until_refused(void *arg)
{
    int *count = arg;
    for (*count = 0; *count < 100; (*count)++) {
        pid_t pid = fork();
        if (pid < 0)
            return errno == EAGAIN ? 0 : 1;
        if (pid == 0) {
            (void)pause();
            _exit(0);
        }
    }
    return 2;
}

static void pids_limit_stops_forks(void **state)
{
    (void)state;
    if (!host_has("pids", "pids"))
        skip();
    struct oci_resources r = { .pids_limit = { true, 7 } };
    struct cgroup *c = make("pids", &r);
    int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_int_equal(run(c, fork_until_refused, count), 0);
    assert_int_equal(*count, 6);
    assert_int_equal(munmap(count, 4096), 0);
    unmake(c);
}

static int use_memory(void *arg)
{
    (void)arg;
    size_t size = (size_t)200 << 20;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    for (size_t i = 0; i < size; i += 4096)
        p[i] = 1;
    return 0;
}

static void memory_limit_kills_and_is_reported(void **state)
{
    (void)state;
    if (!host_has("memory", "memory"))
        skip();
    struct oci_resources r = { .memory = { .limit = { true, 32 << 20 }, .swap = { true, 32 << 20 } } };
    struct cgroup *c = make("memory", &r);
    struct pollfd p = { .fd = cgroup_oom_fd(c), .events = cgroup_oom_events(c) };
    struct cgroup_stats s;
    struct creel_err err = { 0 };
    assert_true(p.fd >= 0);
    assert_false(cgroup_oom_happened(c));
    assert_int_equal(poll(&p, 1, 0), 0);
    int status = status_of(spawn(c, use_memory, NULL));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_true(cgroup_oom_happened(c));
    assert_int_equal(cgroup_stats_read(c, &s, &err), 0);
    assert_true(s.memory_limit == 32 << 20 && s.swap_limit == 0);
    unmake(c);
}

static int burn(void *arg)
{
    int64_t until = clock_mono_ns() + *(int64_t *)arg;
    while (clock_mono_ns() < until)
        ;
    return 0;
}

static void cpu_quota_throttles(void **state)
{
    (void)state;
    if (!host_has("cpu", "cpu"))
        skip();
    struct oci_resources r = {.cpu = {.quota = {true, 10000}, .period = {true, 50000}, .shares = {true, 512}}};
    struct cgroup *c = make("cpu", &r);
    struct cgroup_stats s;
    struct creel_err err = { 0 };
    int64_t wall = INT64_C(600000000);
    assert_int_equal(run(c, burn, &wall), 0);
    assert_int_equal(cgroup_stats_read(c, &s, &err), 0);
    assert_true(s.throttled_periods > 3 && s.throttled_ns > 0);
    if (s.cpu_ns > (uint64_t)wall / 2)  /* a fifth, and room for coarse clocks */
        fail_msg("%llu ns used", (unsigned long long)s.cpu_ns);
    unmake(c);
}

static int affinity(void *arg)
{
    (void)arg;
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) < 0 ? 99 : CPU_COUNT(&set) == 1 && CPU_ISSET(0, &set) ? 0 : 1;
}

static void cpuset_binds(void **state)
{
    (void)state;
    if (!host_has("cpuset", "cpuset"))
        skip();
    char cpus[] = "0", none[] = "4000";
    struct oci_resources r = { .cpu = { .cpus = cpus } };
    struct cgroup *c = make("cpuset", &r), *bad = NULL;
    assert_int_equal(run(c, affinity, NULL), 0);
    unmake(c);
    struct creel_err err = { 0 };
    r.cpu.cpus = none;
    assert_int_equal(cgroup_create(path_of("cpuset"), CGROUP_AUTO, &r, &bad, &err), -1);
    assert_non_null(strstr(err.text, "CPU set"));
    assert_int_equal(cgroup_open(path_of("cpuset"), CGROUP_AUTO, &bad, &err), -1);
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
}

/* Each limit is either set, which the plan's reading back shows, or refused by name. */
static void every_limit_is_in_force_or_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"memory\":{\"limit\":67108864}}",
        "{\"memory\":{\"limit\":67108864,\"swap\":134217728}}",
        "{\"memory\":{\"reservation\":33554432}}",
        "{\"memory\":{\"swappiness\":10}}",
        "{\"memory\":{\"disableOOMKiller\":true}}",
        "{\"memory\":{\"kernelTCP\":1048576}}",
        "{\"cpu\":{\"shares\":300}}",
        "{\"cpu\":{\"quota\":20000,\"period\":40000,\"burst\":1000}}",
        "{\"cpu\":{\"idle\":1}}",
        "{\"cpu\":{\"cpus\":\"0\",\"mems\":\"0\"}}",
        "{\"cpu\":{\"realtimePeriod\":1000000,\"realtimeRuntime\":1000}}",
        "{\"pids\":{\"limit\":20}}",
        "{\"blockIO\":{\"weight\":200}}",
        "{\"blockIO\":{\"leafWeight\":200}}",
        "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
        "{\"hugepageLimits\":[{\"pageSize\":\"3MB\",\"limit\":4194304}]}",
        "{\"network\":{\"classID\":1048577}}",
        "{\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":2}]}}",
        "{\"rdma\":{\"nosuch0\":{\"hcaHandles\":1}}}",
        "{\"unified\":{\"memory.high\":\"67108864\"}}",
        "{\"unified\":{\"cgroup.max.depth\":\"2\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct oci_resources r = { 0 };
        struct creel_err err = { 0 };
        struct cgroup *c = NULL, *gone = NULL;
        assert_int_equal(oci_resources_parse(texts[i], strlen(texts[i]), &r, &err), 0);
        if (cgroup_create(path_of("each"), CGROUP_AUTO, &r, &c, &err) == 0) {
            print_message("set      %s\n", texts[i]);
            unmake(c);
        } else {
            print_message("refused  %s: %s\n", texts[i], err.text);
            assert_true(err.kind == CREEL_UNSUPPORTED || err.kind == CREEL_INVALID);
        }
        assert_int_equal(cgroup_open(path_of("each"), CGROUP_AUTO, &gone, &err), -1);
        assert_int_equal(err.kind, CREEL_NOT_FOUND);
        oci_resources_fini(&r);
    }
}

static void update_changes_limits_or_nothing(void **state)
{
    (void)state;
    if (!host_has("memory", "memory") || !host_has("pids", "pids") || !host_has("cpu", "cpu"))
        skip();
    struct oci_resources r = {.memory = {.limit = {true, 64 << 20}, .swap = {true, 128 << 20}},
                              .pids_limit = {true, 10}};
    struct cgroup *c = make("update", &r);
    struct cgroup_stats s;
    struct creel_err err = { 0 };
    /* up: memory+swap has to move first on version 1 */
    r.memory.limit.value = 256 << 20;
    r.memory.swap.value = 512 << 20;
    if (cgroup_update(c, &r, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(cgroup_stats_read(c, &s, &err), 0);
    assert_true(s.memory_limit == 256 << 20 && s.swap_limit == 256 << 20 && s.pids_limit == 10);
    /* and down again */
    r.memory.limit.value = 32 << 20;
    r.memory.swap.value = 48 << 20;
    r.pids_limit.value = -1;
    if (cgroup_update(c, &r, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(cgroup_stats_read(c, &s, &err), 0);
    assert_true(s.memory_limit == 32 << 20 && s.swap_limit == 16 << 20 && s.pids_limit == UINT64_MAX);
    /* the last of the three is refused by the kernel: the others go back */
    r.memory.limit.value = 16 << 20;
    r.memory.swap.value = 16 << 20;
    r.cpu.quota = (struct opt_i64){ true, 10 };
    assert_int_equal(cgroup_update(c, &r, &err), -1);
    assert_non_null(strstr(err.text, "CPU quota"));
    assert_int_equal(cgroup_stats_read(c, &s, &err), 0);
    assert_true(s.memory_limit == 32 << 20 && s.swap_limit == 16 << 20);
    unmake(c);
}

static int hold_memory(void *arg)
{
    int *ready = arg;
    size_t size = (size_t)20 << 20;
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return 1;
    memset(p, 1, size);
    if (write(*ready, "x", 1) != 1)
        return 1;
    (void)pause();
    return 0;
}

static void update_can_check_the_usage_first(void **state)
{
    (void)state;
    if (!host_has("memory", "memory"))
        skip();
    struct oci_resources r = { .memory = { .limit = { true, 64 << 20 } } };
    struct creel_err err = { 0 };
    struct cgroup *c = make("check", &r);
    int ready[2];
    char byte;
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = spawn(c, hold_memory, &ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    r.memory.limit.value = 8 << 20;
    r.memory.check_before_update = (struct opt_bool){ true, true };
    assert_int_equal(cgroup_update(c, &r, &err), -1);
    assert_int_equal(err.kind, CREEL_CONFLICT);
    unmake(c);
    (void)status_of(pid);
    assert_int_equal(close(ready[0]), 0);
    assert_int_equal(close(ready[1]), 0);
}

/* ------------------------------------------------------------------ devices */

struct nodes { char dir[64]; int null, other; _Atomic int *stop; };

static int nodes_try(void *arg)
{
    const struct nodes *n = arg;
    char path[128];
    (void)snprintf(path, sizeof path, "%s/null", n->dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int null = fd >= 0 ? close(fd) : errno;
    (void)snprintf(path, sizeof path, "%s/other", n->dir);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int other = fd >= 0 ? close(fd) : errno;
    (void)snprintf(path, sizeof path, "%s/made", n->dir);
    int made = mknod(path, S_IFBLK | 0600, makedev(8, 0)) < 0 ? errno : 0;
    (void)unlink(path);
    return (null == 0 ? 1 : 0) | (other != EPERM ? 2 : 0) | (made == 0 ? 4 : 0);
}

/* While rules change, what is always allowed must open and what is never allowed must not. */
static int nodes_watch(void *arg)
{
    const struct nodes *n = arg;
    while (*n->stop == 0)
        if (nodes_try(arg) != (1 | 4))
            return 1;
    return 0;
}

static void nodes_make(struct nodes *n)
{
    char path[128];
    (void)snprintf(n->dir, sizeof n->dir, "/dev/shm/creel-test-XXXXXX");
    if (mkdtemp(n->dir) == NULL) {
        (void)snprintf(n->dir, sizeof n->dir, "/tmp/creel-test-XXXXXX");
        assert_non_null(mkdtemp(n->dir));
    }
    (void)snprintf(path, sizeof path, "%s/null", n->dir);
    assert_int_equal(mknod(path, S_IFCHR | 0666, makedev(1, 3)), 0);
    (void)snprintf(path, sizeof path, "%s/other", n->dir);
    assert_int_equal(mknod(path, S_IFCHR | 0666, makedev(10, 237)), 0);     /* loop-control; need not exist */
    n->stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(n->stop != MAP_FAILED);
    /* the file system itself must allow device nodes, or the test would show nothing */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    assert_true(fd >= 0 || errno == ENXIO || errno == ENODEV);
    if (fd >= 0)
        assert_int_equal(close(fd), 0);
}

static void nodes_remove(struct nodes *n)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/null", n->dir);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof path, "%s/other", n->dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(n->dir), 0);
    assert_int_equal(munmap((void *)n->stop, 4096), 0);
}

static void device_rules_hold_before_and_after_updates(void **state)
{
    (void)state;
    struct nodes n;
    struct creel_err err = { 0 };
    char type[] = "c", read_only[] = "r", all[] = "rwm";
    struct oci_device_rule deny = { .allow = false, .access = all };
    struct oci_device_rule more[] = {
        deny, {.allow = true, .type = type, .major = {true, 10}, .minor = {true, 237}, .access = read_only}};
    struct oci_device_rule fuse[] = {
        deny, {.allow = true, .type = type, .major = {true, 10}, .minor = {true, 229}, .access = all}};
    struct oci_resources r = { .devices = &deny, .device_count = 1 }, pids = { .pids_limit = { true, 50 } };
    nodes_make(&n);
    struct cgroup *c = make("devices", &r);
    assert_int_equal(run(c, nodes_try, &n), 1 | 4);
    if (host_has("pids", "pids") && cgroup_update(c, &pids, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(run(c, nodes_try, &n), 1 | 4);     /* an update of something else keeps the rules */
    pid_t watcher = spawn(c, nodes_watch, &n);
    for (int i = 0; i < 200; i++) {
        r = (struct oci_resources){ .devices = i % 2 ? &deny : fuse, .device_count = i % 2 ? 1 : 2 };
        if (cgroup_update(c, &r, &err) < 0)
            fail_msg("%s", err.text);
    }
    *n.stop = 1;
    int status = status_of(watcher);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    r = (struct oci_resources){ .devices = more, .device_count = 2 };
    assert_int_equal(cgroup_update(c, &r, &err), 0);
    assert_int_equal(run(c, nodes_try, &n), 1 | 2 | 4);
    r = (struct oci_resources){ .devices = &deny, .device_count = 1 };
    assert_int_equal(cgroup_update(c, &r, &err), 0);
    assert_int_equal(run(c, nodes_try, &n), 1 | 4);
    unmake(c);
    nodes_remove(&n);
}

/* ------------------------------------------------------------------ freeze, kill, remove */

static int count_up(void *arg)
{
    _Atomic unsigned *n = arg;
    while (*n + 1 != 0)
        (*n)++;
    return 0;
}

static void frozen_groups_stand_still(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    _Atomic unsigned *n = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct cgroup *c = make("freeze", NULL);
    pid_t pid = spawn(c, count_up, (void *)n);
    while (*n == 0)
        (void)sched_yield();
    for (int round = 0; round < 20; round++) {
        if (cgroup_freeze(c, true, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(cgroup_is_frozen(c), 1);
        unsigned before = *n;
        struct timespec t = { .tv_nsec = 5000000 };
        (void)nanosleep(&t, NULL);
        assert_int_equal(*n, before);
        if (cgroup_freeze(c, false, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(cgroup_is_frozen(c), 0);
        while (*n == before)
            (void)sched_yield();
    }
    assert_int_equal(cgroup_freeze(c, true, &err), 0);
    unmake(c);      /* a frozen group can be killed */
    assert_true(WIFSIGNALED(status_of(pid)));
    assert_int_equal(munmap((void *)n, 4096), 0);
}

static void a_group_in_a_frozen_one_is_refused(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *parent = make("ice", NULL), *c = NULL;
    for (size_t i = 0; i < parent->layout.count; i++) {
        bool v2 = parent->layout.items[i].v2;
        if (v2 || cgroup_list_has(parent->layout.items[i].controllers, "freezer"))
            assert_int_equal(
                cgroup_file_write(parent, i, v2 ? "cgroup.freeze" : "freezer.state", v2 ? "1" : "FROZEN"), 0);
    }
    assert_int_equal(cgroup_create(path_of("ice/cube"), CGROUP_AUTO, NULL, &c, &err), -1);
    assert_int_equal(err.kind, CREEL_CONFLICT);
    assert_non_null(strstr(err.text, "frozen"));
    assert_int_equal(cgroup_open(path_of("ice/cube"), CGROUP_AUTO, &c, &err), -1);
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
    assert_int_equal(cgroup_freeze(parent, false, &err), 0);
    unmake(parent);
}

static void a_threaded_group_is_refused(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *parent = make("loom", NULL), *c = NULL;
    char thread[160];
    if (parent->v2 == parent->layout.count) {
        unmake(parent);
        skip();
    }
    assert_true((size_t)snprintf(thread, sizeof thread, "%s/thread", parent->path + 1) < sizeof thread);
    assert_int_equal(mkdirat(parent->nodes[parent->v2].mount, thread, 0755), 0);
    assert_int_equal(cgroup_file_write(parent, parent->v2, "thread/cgroup.type", "threaded"), 0);
    assert_int_equal(cgroup_create(path_of("loom/thread"), CGROUP_AUTO, NULL, &c, &err), -1);
    assert_int_equal(err.kind, CREEL_CONFLICT);
    assert_non_null(strstr(err.text, "threaded"));
    unmake(parent);
}

/* Names of systemd's scopes mean what they say only where systemd was chosen and is there. */
static void scopes_need_systemd(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *c = NULL;
    assert_int_equal(cgroup_create("system.slice:creel:x", CGROUP_AUTO, NULL, &c, &err), -1);
    assert_int_equal(err.kind, CREEL_INVALID);
    if (cgroup_manager_check(CGROUP_SYSTEMD, &err) == 0)
        return;
    assert_int_equal(err.kind, CREEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "use cgroupfs"));
    assert_int_equal(cgroup_create("system.slice:creel:x", CGROUP_SYSTEMD, NULL, &c, &err), -1);
    assert_int_equal(err.kind, CREEL_UNSUPPORTED);
}

static int wait_for_end(void *arg)
{
    (void)arg;
    (void)pause();
    return 0;
}

static void a_group_with_processes_is_not_taken_over(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *c = make("taken", NULL), *other = NULL;
    pid_t pid = spawn(c, wait_for_end, NULL);
    pid_t *pids = NULL;
    size_t count = 0;
    wait_for_count(c, 1);
    assert_int_equal(cgroup_pids(c, &pids, &count, &err), 0);
    assert_true(count == 1 && pids[0] == pid);
    free(pids);
    assert_int_equal(cgroup_create(path_of("taken"), CGROUP_AUTO, NULL, &other, &err), -1);
    assert_int_equal(err.kind, CREEL_CONFLICT);
    assert_int_equal(cgroup_destroy(c, &err), -1);      /* not while it lives */
    assert_int_equal(err.kind, CREEL_CONFLICT);
    assert_int_equal(cgroup_open(path_of("taken"), CGROUP_AUTO, &other, &err), 0);
    cgroup_free(other);
    unmake(c);
    assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
}

static int fork_for_ever(void *arg)
{
    (void)arg;
    (void)signal(SIGCHLD, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    for (;;) {
        (void)setsid();
        if (fork() < 0 && errno != EAGAIN)
            return 1;
    }
}

static void kill_outruns_forks(void **state)
{
    (void)state;
    if (!host_has("pids", "pids"))
        skip();
    struct oci_resources r = { .pids_limit = { true, 60 } };
    for (int round = 0; round < 5; round++) {
        struct creel_err err = { 0 };
        struct cgroup *c = make("bomb", &r);
        pid_t pid = spawn(c, fork_for_ever, NULL), *pids = NULL;
        size_t count = 0;
        wait_for_count(c, 20);
        if (cgroup_kill(c, SIGKILL, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(cgroup_pids(c, &pids, &count, &err), 0);
        assert_int_equal(count, 0);
        free(pids);
        assert_int_equal(cgroup_destroy(c, &err), 0);
        cgroup_free(c);
        (void)status_of(pid);
    }
}

static void groups_below_are_removed_too(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *c = make("tree", NULL), *below = make("tree/a/b/c", NULL), *gone = NULL;
    pid_t pid = spawn(below, wait_for_end, NULL);
    wait_for_count(c, 1);
    cgroup_free(below);
    unmake(c);
    (void)status_of(pid);
    assert_int_equal(cgroup_open(path_of("tree"), CGROUP_AUTO, &gone, &err), -1);
    assert_int_equal(err.kind, CREEL_NOT_FOUND);
}

static int kill_own_group(void *arg)
{
    struct creel_err err = { 0 };
    return cgroup_kill(arg, SIGKILL, &err) == -1 && err.kind == CREEL_CONFLICT && cgroup_destroy(arg, &err) == -1
           && err.kind == CREEL_CONFLICT ? 0 : 1;
}

static void nobody_kills_the_group_they_are_in(void **state)
{
    (void)state;
    struct cgroup *c = make("own", NULL);
    assert_int_equal(run(c, kill_own_group, c), 0);
    unmake(c);
}

static void children_are_listed_once_without_dots(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *a = make("list/b", NULL), *b = make("list/a", NULL), *dot = make("list/.monitor", NULL);
    auto_strv names = STRV_INIT;
    assert_int_equal(cgroup_list_children(path_of("list"), &names, &err), 0);
    assert_int_equal(names.count, 2);
    assert_string_equal(names.items[0], "a");
    assert_string_equal(names.items[1], "b");
    unmake(a);
    unmake(b);
    unmake(dot);
    struct cgroup *list = NULL;
    assert_int_equal(cgroup_open(path_of("list"), CGROUP_AUTO, &list, &err), 0);
    unmake(list);
}

static int enter_v1(void *arg)
{
    struct cgroup *c = arg;
    char text[4096];
    /* on version 1 the child writes to the descriptors that were opened for it */
    int fds[CGROUP_V1_MAX];
    size_t count = cgroup_v1_task_fds(c, fds);
    for (size_t i = 0; i < count; i++)
        if (write(fds[i], "0", 1) != 1)
            return 2;
    auto_fd self = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(self, text, sizeof text - 1);
    if (n <= 0)
        return 3;
    text[n] = '\0';
    for (char *line = text, *end; *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        bool v2 = strncmp(line, "0::", 3) == 0;
        if (!v2 && strstr(line, cgroup_path(c)) == NULL && strncmp(strchr(line, ':') + 1, "misc", 4) != 0) {
            fprintf(stderr, "not in the group: %s\n", line);
            return 4;
        }
    }
    return 0;
}

static void child_enters(struct cgroup *c)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(enter_v1(c));
    int status = status_of(pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Of a new group as of one that was opened later, for an exec: a process that stays outside escapes every limit. */
static void a_child_enters_by_the_prepared_descriptors(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *c = make("enter", NULL), *again = NULL;
    child_enters(c);
    assert_int_equal(cgroup_open(path_of("enter"), CGROUP_AUTO, &again, &err), 0);
    child_enters(again);
    assert_int_equal(cgroup_v2_fd(c) >= 0, cgroup_v2_fd(again) >= 0);
    cgroup_free(again);
    unmake(c);
}

static int setup(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    if (geteuid() != 0 || cgroup_layout_load(NULL, &layout, &err) < 0 || layout.count == 0) {
        printf("1..0 # skipped: needs root and cgroups (%s)\n", err.text);
        exit(77);
    }
    return snprintf(top, sizeof top, "/creel-test-%d", (int)getpid()) < 0;
}

static int teardown(void **state)
{
    (void)state;
    struct creel_err err = { 0 };
    struct cgroup *c = NULL;
    if (cgroup_open(top, CGROUP_AUTO, &c, &err) == 0) {
        if (cgroup_kill(c, SIGKILL, &err) < 0 || cgroup_destroy(c, &err) < 0)
            fprintf(stderr, "%s\n", err.text);
        cgroup_free(c);
    }
    cgroup_layout_fini(&layout);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_enters_by_the_prepared_descriptors),
        cmocka_unit_test(pids_limit_stops_forks),
        cmocka_unit_test(memory_limit_kills_and_is_reported),
        cmocka_unit_test(cpu_quota_throttles),
        cmocka_unit_test(cpuset_binds),
        cmocka_unit_test(every_limit_is_in_force_or_refused),
        cmocka_unit_test(update_changes_limits_or_nothing),
        cmocka_unit_test(update_can_check_the_usage_first),
        cmocka_unit_test(device_rules_hold_before_and_after_updates),
        cmocka_unit_test(frozen_groups_stand_still),
        cmocka_unit_test(a_group_in_a_frozen_one_is_refused),
        cmocka_unit_test(a_threaded_group_is_refused),
        cmocka_unit_test(scopes_need_systemd),
        cmocka_unit_test(a_group_with_processes_is_not_taken_over),
        cmocka_unit_test(kill_outruns_forks),
        cmocka_unit_test(groups_below_are_removed_too),
        cmocka_unit_test(nobody_kills_the_group_they_are_in),
        cmocka_unit_test(children_are_listed_once_without_dots),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
