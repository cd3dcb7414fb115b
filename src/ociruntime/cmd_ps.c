/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_ps.c: the processes of a container, from its control group, so that one that took another name,
 * session or namespace is listed as well. For people ps(1) prints them. */
#include "ociruntime/command.h"
#include "ociruntime/output.h"
#include "ociruntime/ps_table.h"
#include "ociruntime/state.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

enum { PS_OUTPUT_MAX = 64 << 20 };

extern char **environ;

/* Those of a container that has ended are none; its group may be gone as well. */
static int find_pids(const struct state *s, pid_t **ret, size_t *ret_count, struct creel_err *err)
{
    struct creel_err why = { 0 };
    auto_cgroup group = NULL;
    *ret = NULL;
    *ret_count = 0;
    if (state_cgroup(s, &group, &why) < 0)
        return why.kind == CREEL_NOT_FOUND ? 0 : creel_fail_as(err, &why);
    if (group == NULL)
        return creel_fail(err, CREEL_UNSUPPORTED, 0,
                          "container %s runs without a control group, so its processes are not known", s->id);
    return cgroup_pids(group, ret, ret_count, err);
}

static int show_json(const pid_t *pids, size_t count, struct creel_err *err)
{
    auto_bytes out = BYTES_INIT;
    bytes_addc(&out, '[');
    for (size_t i = 0; i < count; i++)
        bytes_addf(&out, "%s%d", i > 0 ? "," : "", (int)pids[i]);
    bytes_adds(&out, "]\n");
    return output_write(&out, err);
}

/* ------------------------------------------------------------------ ps(1) */

static int spawn_ps(struct invocation *in, int output, pid_t *ret, struct creel_err *err)
{
    auto_strv argv = STRV_INIT;
    posix_spawn_file_actions_t actions;
    bool ok = strv_add(&argv, "ps");
    for (size_t i = 1; ok && i < in->args.count; i++)
        ok = strv_add(&argv, in->args.items[i]);
    if (ok && in->args.count < 2)
        ok = strv_add(&argv, "-ef");
    if (!ok || posix_spawn_file_actions_init(&actions) != 0)
        return creel_fail_nomem(err);
    int r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (r == 0)
        r = posix_spawnp(ret, "ps", &actions, NULL, strv_argv(&argv), environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return r == 0 ? 0 : creel_fail(err, creel_kind_of_errno(r), r, "run ps");
}

/* Everything until the end; more than PS_OUTPUT_MAX is not kept, and then bytes_ok says so. */
static int read_output(int fd, struct bytes *out)
{
    char piece[8192];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        bytes_add(out, piece, (size_t)n);
    }
}

static int run_ps(struct invocation *in, struct bytes *out, struct creel_err *err)
{
    int ends[2], status;
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return creel_fail(err, CREEL_INTERNAL, errno, "make a pipe");
    auto_fd from = ends[0], to = ends[1];
    if (spawn_ps(in, to, &pid, err) < 0)
        return -1;
    fd_closep(&to);
    int r = read_output(from, out);
    fd_closep(&from);           /* so that it cannot wait for us */
    int w = sys_wait_child(pid, -1, &status);
    if (r < 0 || w < 0)
        return creel_fail(err, CREEL_INTERNAL, r < 0 ? -r : -w, "run ps");
    if (!bytes_ok(out))
        return creel_fail(err, CREEL_EXHAUSTED, 0, "ps printed more than %d bytes", PS_OUTPUT_MAX);
    if (WIFSIGNALED(status))
        return creel_fail(err, CREEL_INTERNAL, 0, "ps was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return creel_fail(err, CREEL_INVALID, 0, "exit status %d: %.300s", WEXITSTATUS(status), bytes_str(out));
    return 0;
}

static int show_table(struct invocation *in, const pid_t *pids, size_t count, struct creel_err *err)
{
    auto_bytes text = BYTES_INIT, out = BYTES_INIT;
    bytes_init_max(&text, PS_OUTPUT_MAX);
    if (run_ps(in, &text, err) < 0 || ps_table_filter(bytes_str(&text), pids, count, &out, err) < 0)
        return -1;
    return output_write(&out, err);
}

static int run(struct invocation *in, struct creel_err *err)
{
    auto_free char *root = NULL;
    auto_free pid_t *pids = NULL;
    auto_state s = STATE_INIT;
    size_t count;
    const char *format = option_string(in, "format");
    bool json = strcmp(format, "json") == 0;
    if (!json && strcmp(format, "table") != 0)
        return creel_fail(err, CREEL_INVALID, 0, "invalid format option");
    if (invocation_root(in, &root, err) < 0 || state_load(root, invocation_arg(in, 0), &s, err) < 0
        || find_pids(&s, &pids, &count, err) < 0)
        return -1;
    return json ? show_json(pids, count, err) : show_table(in, pids, count, err);
}

static const struct option options[] = {
    { .name = "format", .letter = 'f', .kind = OPTION_STRING, .metavar = "FORMAT", .def = "table",
      .help = "select one of: table or json" },
    { .name = NULL },
};

const struct command command_ps = {
    .name = "ps", .synopsis = "[options] <container-id> [ps options]",
    .summary = "ps displays the processes running inside a container",
    .description = "What follows the container goes to ps(1), \"-ef\" if nothing does; its output must have a column "
                   "PID. With \"json\" the pids alone are printed, as the host numbers them.",
    .options = options, .min_args = 1, .max_args = -1, .stop_at_operand = true, .run = run,
};
