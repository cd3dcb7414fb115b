/* SPDX-License-Identifier: Apache-2.0 */
/* runtime/cgroup_systemd.c: groups that systemd makes: a transient scope per container.
 *
 * systemd makes a scope for processes that exist, the container's first process is to be born in its group. So a keeper is
 * put in first: a process that does nothing, sees no descriptor and dies with us. When the container is in, it is ended;
 * when we are killed, it ends, the scope is empty, and systemd takes it away.
 *
 *   I1  The group is the one that systemd names (ControlGroup), not one that was guessed.
 *   I2  Delegate=yes: systemd lets what is below alone, and each limit that it writes itself is a property of the unit, so
 *       that a reload writes the same again. The files are written all the same (cgroup_plan.c).
 *   I3  A unit that exists and is not a failed one is somebody else's: CONFLICT.
 *
 * Not here: which properties stand for which limits (cgroup_property.c), names (systemd_name.c). */
#include "runtime/cgroup_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "runtime/dbus.h"
#include "runtime/systemd_name.h"
#include "runtime/systemd_property.h"
#include "sys/process.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { SYSTEMD_TIMEOUT_S = 30, JOBS_MAX = 8, JOB_PATH_MAX = 128 };

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"

struct manager {
    struct dbus *bus;
    bool user;              /* of a user, not the system's */
    int64_t deadline;
    struct systemd_facts facts;
    char *majors;           /* what facts.majors points to */
    char job[JOB_PATH_MAX]; /* that we wait for, once its name is known */
    struct { char path[JOB_PATH_MAX], result[32]; } ended[JOBS_MAX];   /* the last few jobs that did */
    size_t ended_count;
};

/* ------------------------------------------------------------------ connection */

int cgroup_systemd_check(struct creel_err *err)
{
    struct stat st;
    if (lstat("/run/systemd/system", &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return creel_fail(err, CREEL_UNSUPPORTED, 0, "systemd is not running on this host (there is no /run/systemd/system), "
                      "cannot use the systemd cgroup manager; use cgroupfs");
}

static bool for_user(void) { return geteuid() != 0 || cgroup_in_user_namespace(); }

/* The first line of uid_map says who we are outside. */
static unsigned long outer_uid(void)
{
    unsigned long inside = 0, outside = geteuid();
    auto_file FILE *f = fopen("/proc/self/uid_map", "re");
    if (f == NULL || fscanf(f, "%lu %lu", &inside, &outside) != 2 || inside > geteuid())
        return geteuid();
    return outside + (geteuid() - inside);
}

static int address_of(bool user, struct bytes *out, struct creel_err *err)
{
    const char *given = secure_getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
    const char *dir = secure_getenv("XDG_RUNTIME_DIR");
    if (given != NULL && given[0] != '\0')
        bytes_adds(out, given);
    else if (!user)
        bytes_adds(out, "unix:path=/run/dbus/system_bus_socket");
    else if (dir != NULL && dir[0] == '/')
        bytes_addf(out, "unix:path=%s/bus", dir);
    else
        bytes_addf(out, "unix:path=/run/user/%lu/bus", outer_uid());
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

/* JobRemoved(u id, o job, s unit, s result) */
static void note_signal(void *context, const struct dbus_message *s)
{
    struct manager *m = context;
    struct dbus_reader r = s->body;
    if (strcmp(s->member, "JobRemoved") != 0 || strcmp(s->interface, SYSTEMD_NAME ".Manager") != 0
        || strcmp(s->signature, "uoss") != 0)
        return;
    (void)dbus_get_u32(&r);
    const char *job = dbus_get_string(&r);
    (void)dbus_get_string(&r);
    const char *result = dbus_get_string(&r);
    if (r.bad || (m->job[0] != '\0' && strcmp(m->job, job) != 0))
        return;
    size_t at = m->ended_count++ % JOBS_MAX;
    (void)snprintf(m->ended[at].path, sizeof m->ended[at].path, "%s", job);     /* one that is cut is none of ours */
    (void)snprintf(m->ended[at].result, sizeof m->ended[at].result, "%s", result);
}

static struct dbus_call call_of(const char *path, const char *interface, const char *member, const char *signature)
{
    return (struct dbus_call){ .destination = SYSTEMD_NAME, .path = path, .interface = interface, .member = member,
                               .signature = signature };
}

/* A property that is a string. */
static int property_get(struct manager *m, const char *path, const char *interface, const char *name, struct bytes *out,
                        struct creel_err *err)
{
    struct dbus_call call = call_of(path, "org.freedesktop.DBus.Properties", "Get", "ss");
    struct dbus_message answer;
    auto_bytes body = BYTES_INIT;
    dbus_put_string(&body, interface);
    dbus_put_string(&body, name);
    if (!bytes_ok(&body))
        return creel_fail_nomem(err);
    if (dbus_call(m->bus, &call, &body, m->deadline, &answer, err) < 0)
        return creel_wrap(err, "ask systemd for %s", name);
    dbus_signals_from(m->bus, answer.sender);
    struct dbus_reader r = answer.body;
    bool text = strcmp(answer.signature, "v") == 0 && strcmp(dbus_get_signature(&r), "s") == 0;
    const char *value = text ? dbus_get_string(&r) : "";
    if (!text || r.bad)
        return creel_fail(err, CREEL_INTERNAL, 0, "systemd's %s is not a text", name);
    bytes_adds(out, value);
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}

/* "252.39-1~deb12u2" or "v257" */
static int version_get(struct manager *m, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT;
    if (property_get(m, SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "Version", &text, err) < 0)
        return -1;
    const char *p = bytes_str(&text) + strspn(bytes_str(&text), "v\"");
    unsigned v = 0;
    for (int digits = 0; *p >= '0' && *p <= '9' && digits < 6; p++, digits++)
        v = v * 10 + (unsigned)(*p - '0');
    if (v == 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "systemd has no version: \"%.40s\"", bytes_str(&text));
    m->facts.version = v;
    return 0;
}

/* Signals about jobs, please: to the connection and from the manager. */
static int subscribe(struct manager *m, struct creel_err *err)
{
    struct dbus_call match = { .destination = "org.freedesktop.DBus", .path = "/org/freedesktop/DBus",
                               .interface = "org.freedesktop.DBus", .member = "AddMatch", .signature = "s" };
    struct dbus_call call = call_of(SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "Subscribe", "");
    auto_bytes body = BYTES_INIT;
    dbus_put_string(&body, "type='signal',sender='" SYSTEMD_NAME "',path='" SYSTEMD_PATH "',interface='" SYSTEMD_NAME
                           ".Manager',member='JobRemoved'");
    call.no_reply = true;       /* without it the signal still comes to whoever asked for the job */
    return dbus_call(m->bus, &match, &body, m->deadline, NULL, err) < 0
                   || dbus_tell(m->bus, &call, NULL, m->deadline, err) < 0 ? -1 : 0;
}

static void manager_close(struct manager *m)
{
    dbus_close(m->bus);
    free(m->majors);
    *m = (struct manager){ .bus = NULL };
}
#define auto_manager auto_cleanup(manager_close) struct manager

static int manager_open(struct manager *m, struct creel_err *err)
{
    auto_bytes address = BYTES_INIT;
    *m = (struct manager){ .user = for_user(), .deadline = clock_mono_ns() + (int64_t)SYSTEMD_TIMEOUT_S * 1000000000 };
    if (cgroup_systemd_check(err) < 0 || address_of(m->user, &address, err) < 0
        || dbus_open(bytes_str(&address), m->deadline, &m->bus, err) < 0)
        return creel_wrap(err, "systemd cgroup manager");
    dbus_on_signal(m->bus, note_signal, m);
    return 0;
}

/* ------------------------------------------------------------------ jobs */

static bool job_ended(const struct manager *m, const char **ret_result)
{
    for (size_t i = 0; i < m->ended_count && i < JOBS_MAX; i++)
        if (strcmp(m->ended[i].path, m->job) == 0) {
            *ret_result = m->ended[i].result;
            return true;
        }
    return false;
}

/* A call that answers with a job; wait for its end. *ret_result: "done", "failed" …, valid while `m` is. */
static int job_run(struct manager *m, struct dbus_call *call, const struct bytes *body, const char **ret_result,
                   struct creel_err *err)
{
    struct dbus_message answer;
    m->job[0] = '\0';
    m->ended_count = 0;
    if (dbus_call(m->bus, call, body, m->deadline, &answer, err) < 0)
        return -1;
    dbus_signals_from(m->bus, answer.sender);
    struct dbus_reader r = answer.body;
    const char *job = strcmp(answer.signature, "o") == 0 ? dbus_get_string(&r) : "";
    size_t n = strlen(job);
    if (n == 0 || n >= sizeof m->job)
        return creel_fail(err, CREEL_INTERNAL, 0, "systemd answered %s without a job", call->member);
    memcpy(m->job, job, n + 1);
    while (!job_ended(m, ret_result))
        if (dbus_wait(m->bus, m->deadline, err) < 0)
            return -1;
    return 0;
}

static int unit_call(struct manager *m, const char *member, const char *unit, struct creel_err *err)
{
    struct dbus_call call = call_of(SYSTEMD_PATH, SYSTEMD_NAME ".Manager", member, "s");
    auto_bytes body = BYTES_INIT;
    dbus_put_string(&body, unit);
    return bytes_ok(&body) ? dbus_call(m->bus, &call, &body, m->deadline, NULL, err) : creel_fail_nomem(err);
}

static int unit_stop(struct manager *m, const char *unit, struct creel_err *err)
{
    struct dbus_call call = call_of(SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "StopUnit", "ss");
    const char *result;
    auto_bytes body = BYTES_INIT;
    dbus_put_string(&body, unit);
    dbus_put_string(&body, "replace");
    return bytes_ok(&body) ? job_run(m, &call, &body, &result, err) : creel_fail_nomem(err);
}

/* ------------------------------------------------------------------ keeper */

static void keeper_run(pid_t parent)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);     /* SIGKILL stays, and is all that is sent */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)prctl(PR_SET_NAME, "creel-keeper");
    (void)sys_close_range(0, ~0u, false);
    for (;;)
        (void)pause();
}

static int keeper_start(struct cgroup *c, struct creel_err *err)
{
    bool in_cgroup;
    pid_t parent = getpid(), pid = sys_clone(0, -1, &c->keeper_pidfd, &in_cgroup);
    if (pid == 0)
        keeper_run(parent);
    if (pid < 0)
        return creel_fail(err, CREEL_INTERNAL, (int)-pid, "start the process that keeps a new scope alive");
    c->keeper = pid;
    return 0;
}

void cgroup_keeper_end(struct cgroup *c)
{
    int status;
    if (c->keeper <= 0)
        return;
    if (c->keeper_pidfd >= 0)
        (void)sys_pidfd_send_signal(c->keeper_pidfd, SIGKILL);
    else
        (void)kill(c->keeper, SIGKILL);     /* our unreaped child: the pid is still its own */
    (void)sys_wait_child(c->keeper, c->keeper_pidfd, &status);
    c->keeper = 0;
    fd_closep(&c->keeper_pidfd);
}

/* ------------------------------------------------------------------ start */

static int annotations_put(const struct cgroup_request *q, struct bytes *out, struct creel_err *err)
{
    const size_t n = strlen(SYSTEMD_PROPERTY_PREFIX);
    for (size_t i = 0; i < q->annotation_count; i++)
        if (strncmp(q->annotations[i].key, SYSTEMD_PROPERTY_PREFIX, n) == 0
            && systemd_property_parse(q->annotations[i].key + n, q->annotations[i].value, out, err) < 0)
            return -1;
    return 0;
}

static int properties_put(const struct manager *m, const struct cgroup *c, const struct cgroup_request *q,
                          const char *slice, struct bytes *out, struct creel_err *err)
{
    const char *about = q->description != NULL && dbus_text_valid(q->description) ? q->description : "creel container";
    systemd_put_text(out, "Description", about);
    systemd_put_text(out, "Slice", slice);
    systemd_put_bool(out, "Delegate", true);
    systemd_put_bool(out, "DefaultDependencies", false);
    systemd_put_pid(out, "PIDs", (uint32_t)c->keeper);
    systemd_put_bool(out, "MemoryAccounting", true);
    systemd_put_bool(out, "CPUAccounting", true);
    systemd_put_bool(out, m->facts.unified ? "IOAccounting" : "BlockIOAccounting", true);
    systemd_put_bool(out, "TasksAccounting", true);
    return cgroup_properties_build(&m->facts, q->resources, true, out, err) < 0 ? -1 : annotations_put(q, out, err);
}

/* The body of StartTransientUnit (ssa(sv)a(sa(sv))) or, without `mode`, of SetUnitProperties (sba(sv)). */
static void unit_body(struct bytes *body, const char *unit, const char *mode, const struct bytes *properties)
{
    dbus_put_string(body, unit);
    if (mode != NULL)
        dbus_put_string(body, mode);
    else
        dbus_put_bool(body, true);      /* for as long as it runs */
    struct dbus_array a = dbus_array_begin(body, 8);
    if (bytes_ok(properties))
        bytes_add(body, properties->data, properties->len);
    else
        body->failed = true;
    dbus_array_end(body, a);
    if (mode != NULL)
        dbus_array_end(body, dbus_array_begin(body, 8));    /* no further units */
}

static int unit_start(struct manager *m, const char *unit, const struct bytes *properties, struct creel_err *err)
{
    struct dbus_call call = call_of(SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))");
    const char *result = "";
    struct creel_err first = { 0 };
    auto_bytes body = BYTES_INIT;
    unit_body(&body, unit, "replace", properties);
    if (!bytes_ok(&body))
        return creel_fail_nomem(err);
    int r = job_run(m, &call, &body, &result, &first);
    if (r < 0 && first.kind == CREEL_CONFLICT && unit_call(m, "ResetFailedUnit", unit, NULL) == 0)
        r = job_run(m, &call, &body, &result, &first);      /* what was in the way may have been a failed one */
    if (r < 0) {
        (void)creel_fail_as(err, &first);
        return creel_wrap(err, "start systemd unit %s", unit);
    }
    if (strcmp(result, "done") == 0)
        return 0;
    (void)unit_call(m, "ResetFailedUnit", unit, NULL);
    return creel_fail(err, CREEL_INTERNAL, 0, "start systemd unit %s: its job ended with \"%s\"", unit, result);
}

/* Where systemd has put it. */
static int group_get(struct manager *m, const char *unit, char **ret, struct creel_err *err)
{
    auto_bytes object = BYTES_INIT, group = BYTES_INIT;
    systemd_unit_object(unit, &object);
    if (!bytes_ok(&object))
        return creel_fail_nomem(err);
    if (property_get(m, bytes_str(&object), SYSTEMD_NAME ".Scope", "ControlGroup", &group, err) < 0)
        return -1;
    *ret = cgroup_path_clean(bytes_str(&group), err);
    return *ret == NULL ? creel_wrap(err, "systemd unit %s", unit) : 0;
}

static void facts_gather(struct manager *m, const struct cgroup *c)
{
    m->facts.unified = c->layout.unified;
    if (!m->facts.unified) {
        auto_fd fd = open("/proc/devices", O_RDONLY | O_CLOEXEC);
        size_t len = 0;
        m->majors = calloc(1, CGROUP_FILE_MAX);
        if (m->majors != NULL && fd >= 0 && sys_read_all(fd, m->majors, CGROUP_FILE_MAX - 1, &len) < 0)
            m->majors[0] = '\0';    /* rules for whole drivers are left out then */
        m->facts.majors = m->majors;
    } else if (!m->user && c->v2 < c->layout.count) {
        /* every group but the root has the file, if the scheduler is there */
        m->facts.bfq = faccessat(c->nodes[c->v2].mount, "init.scope/io.bfq.weight", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    }
}

static int start(struct manager *m, struct cgroup *c, const struct cgroup_request *q, const struct systemd_scope *scope,
                 struct creel_err *err)
{
    auto_bytes properties = BYTES_INIT;
    if (version_get(m, err) < 0 || keeper_start(c, err) < 0
        || properties_put(m, c, q, scope->slice, &properties, err) < 0 || subscribe(m, err) < 0
        || unit_start(m, scope->unit, &properties, err) < 0)
        return -1;
    c->unit = strdup(scope->unit);
    if (c->unit == NULL)
        return creel_fail_nomem(err);
    char *group = NULL;
    if (group_get(m, scope->unit, &group, err) < 0)
        return -1;
    free(c->path);
    c->path = group;
    return 0;
}

int cgroup_systemd_start(struct cgroup *c, const struct cgroup_request *q, struct creel_err *err)
{
    struct systemd_scope scope;
    auto_manager m = { .bus = NULL };
    if (manager_open(&m, err) < 0 || systemd_scope_parse(q->path, m.user, &scope, err) < 0)
        return -1;
    facts_gather(&m, c);
    int r = start(&m, c, q, &scope, err);
    if (r < 0) {
        cgroup_keeper_end(c);
        if (c->unit != NULL)
            (void)unit_stop(&m, scope.unit, NULL);  /* it is empty and would go by itself */
    }
    systemd_scope_fini(&scope);
    return r;
}

/* ------------------------------------------------------------------ path, update, stop */

int cgroup_systemd_path(const char *named, char **ret, struct creel_err *err)
{
    struct systemd_scope scope;
    bool user = for_user();
    if (systemd_scope_parse(named, user, &scope, err) < 0)
        return -1;
    auto_bytes path = BYTES_INIT;
    auto_manager m = { .bus = NULL };
    int r = 0;
    if (user)
        r = manager_open(&m, err) < 0
                    || property_get(&m, SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "ControlGroup", &path, err) < 0 ? -1 : 0;
    bytes_adds(&path, scope.group);
    systemd_scope_fini(&scope);
    if (r < 0)
        return -1;
    *ret = cgroup_path_clean(bytes_str(&path), err);
    return *ret == NULL ? -1 : 0;
}

int cgroup_systemd_update(struct cgroup *c, const struct oci_resources *r, struct creel_err *err)
{
    struct dbus_call call = call_of(SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "SetUnitProperties", "sba(sv)");
    auto_bytes properties = BYTES_INIT, body = BYTES_INIT;
    auto_manager m = { .bus = NULL };
    if (manager_open(&m, err) < 0 || version_get(&m, err) < 0)
        return -1;
    facts_gather(&m, c);
    if (cgroup_properties_build(&m.facts, r, false, &properties, err) < 0)
        return -1;
    if (properties.len == 0)
        return 0;
    unit_body(&body, c->unit, NULL, &properties);
    if (!bytes_ok(&body))
        return creel_fail_nomem(err);
    return dbus_call(m.bus, &call, &body, m.deadline, NULL, err) < 0
               ? creel_wrap(err, "set properties of systemd unit %s", c->unit) : 0;
}

int cgroup_systemd_attach(struct cgroup *c, pid_t pid, struct creel_err *err)
{
    struct dbus_call call = call_of(SYSTEMD_PATH, SYSTEMD_NAME ".Manager", "AttachProcessesToUnit", "ssau");
    auto_bytes body = BYTES_INIT;
    auto_manager m = { .bus = NULL };
    if (manager_open(&m, err) < 0)
        return -1;
    dbus_put_string(&body, c->unit);
    dbus_put_string(&body, "");     /* no group below it */
    struct dbus_array a = dbus_array_begin(&body, 4);
    dbus_put_u32(&body, (uint32_t)pid);
    dbus_array_end(&body, a);
    if (!bytes_ok(&body))
        return creel_fail_nomem(err);
    return dbus_call(m.bus, &call, &body, m.deadline, NULL, err) < 0
               ? creel_wrap(err, "put process %d into systemd unit %s", (int)pid, c->unit) : 0;
}

void cgroup_forget(const char *path, enum cgroup_manager manager)
{
    struct systemd_scope scope = { .unit = NULL };
    auto_manager m = { .bus = NULL };
    if (manager != CGROUP_SYSTEMD)
        return;
    if (systemd_scope_named(path))
        (void)systemd_scope_parse(path, for_user(), &scope, NULL);
    else
        scope.unit = systemd_unit_of_group(path);
    if (scope.unit != NULL && manager_open(&m, NULL) == 0)
        (void)unit_call(&m, "ResetFailedUnit", scope.unit, NULL);   /* NoSuchUnit: there is none, as usual */
    systemd_scope_fini(&scope);
}

void cgroup_systemd_stop(struct cgroup *c)
{
    auto_manager m = { .bus = NULL };
    if (c->unit == NULL || manager_open(&m, NULL) < 0)
        return;
    (void)subscribe(&m, NULL);
    (void)unit_stop(&m, c->unit, NULL);     /* NoSuchUnit: it went with its last process */
    (void)unit_call(&m, "ResetFailedUnit", c->unit, NULL);
}
