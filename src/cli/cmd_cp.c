/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_cp.c: files between a container and here. A tar stream goes from one side's helper to the other's through a
 * pipe; the local helper is driven by a second thread, which touches nothing but its end of it. */
#include "cli/command.h"
#include "cli/copy_local.h"
#include "cli/copy_plan.h"
#include "cli/json.h"
#include "cli/pathname.h"

#include <creel/archive.h>
#include <creel/container.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

/* --- the container's side --- */

struct remote {
    char *path, *rename;    /* as in struct copy_local */
    bool exists, is_dir;
};

static void remote_finip(struct remote *r)
{
    free(r->path);
    free(r->rename);
}
#define auto_remote auto_cleanup(remote_finip) struct remote

enum { GO_MODE_DIR = 1u << 31, GO_MODE_DEVICE = 1 << 26, GO_MODE_FIFO = 1 << 25, GO_MODE_SOCKET = 1 << 24 };

struct path_facts {
    uint32_t mode;          /* Go's bits */
    char *link;             /* absolute in the container; "" when it is no link */
};

static int path_stat(struct creel *e, const char *id, const char *path, struct path_facts *ret, struct creel_err *err)
{
    auto_free char *text = NULL;
    json_int_t mode = 0;
    const char *link = "";
    if (creel_container_path_stat(e, id, path, &text, err) < 0)
        return -1;
    auto_json *o = json_loads(text, 0, NULL);
    if (o == NULL || json_unpack(o, "{s:I, s?s}", "mode", &mode, "linkTarget", &link) < 0)
        return creel_fail(err, CREEL_INTERNAL, 0, "%s: its description has no mode", path);
    ret->mode = (uint32_t)mode;
    ret->link = strdup(link);
    return ret->link == NULL ? creel_fail_nomem(err) : 0;
}

/* The container's path made absolute ("" is its root), with its ending. */
static int remote_absolute(const char *path, char **ret, struct creel_err *err)
{
    auto_free char *clean = pathname_absolute("/", path);
    *ret = clean == NULL ? NULL : pathname_keep_ending(clean, path[0] == '\0' ? "/" : path);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

static int remote_source(struct creel *e, const char *id, const char *path, bool follow, struct remote *ret,
                         struct creel_err *err)
{
    struct path_facts facts = { 0 };
    if (remote_absolute(path, &ret->path, err) < 0 || path_stat(e, id, ret->path, &facts, err) < 0)
        return -1;
    auto_free char *link = facts.link;
    if (follow && link[0] != '\0') {
        auto_free char *asked = ptr_take(&ret->path);
        if (copy_follow(asked, link, &ret->path, &ret->rename, err) < 0)
            return -1;
        facts.link = NULL;
        if (path_stat(e, id, ret->path, &facts, err) < 0)
            return -1;
        free(facts.link);
    }
    ret->exists = true;
    ret->is_dir = (facts.mode & GO_MODE_DIR) != 0;
    return 0;
}

static int remote_target(struct creel *e, const char *id, const char *path, struct remote *ret, struct creel_err *err)
{
    struct path_facts facts = { 0 };
    if (remote_absolute(path, &ret->path, err) < 0)
        return -1;
    if (path_stat(e, id, ret->path, &facts, err) < 0)
        return err->kind == CREEL_NOT_FOUND ? 0 : -1; /* the container itself was found before */
    auto_free char *link = facts.link;
    if (link[0] != '\0') {
        free(ret->path);
        ret->path = strdup(link);
        if (ret->path == NULL)
            return creel_fail_nomem(err);
        facts.link = NULL;
        if (path_stat(e, id, ret->path, &facts, err) < 0)
            return err->kind == CREEL_NOT_FOUND ? 0 : -1;
        free(facts.link);
    }
    if (facts.mode & (GO_MODE_DEVICE | GO_MODE_FIFO | GO_MODE_SOCKET))
        return creel_fail(err, CREEL_INVALID, 0, "destination \"%s\" must be a directory or a regular file", path);
    ret->exists = true;
    ret->is_dir = (facts.mode & GO_MODE_DIR) != 0;
    return 0;
}

/* --- two helpers and a pipe --- */

struct local_end {
    struct creel *e;
    const struct copy_plan *plan;       /* unpack */
    const char *source;                 /* pack */
    const char *rename;
    bool keep_owner;
    int fd;                             /* this side's end of the pipe; closed when it is done */
    int result;
    struct creel_err err;
};

static int open_dir(const char *path, int *ret, struct creel_err *err)
{
    *ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret < 0 ? creel_fail(err, creel_kind_of_errno(errno), errno, "open %s", path) : 0;
}

static int pack(struct local_end *l, struct creel_err *err)
{
    auto_free char *dir = NULL, *base = NULL;
    auto_fd fd = -1;
    const struct creel_pack_options o = { .size = sizeof o, .rename_to = l->rename };
    if (!pathname_split(l->source, &dir, &base))
        return creel_fail_nomem(err);
    if (open_dir(dir, &fd, err) < 0)
        return -1;
    return creel_archive_pack(l->e, fd, strcmp(base, "/") == 0 ? "." : base, &o, l->fd, err);
}

static void *pack_thread(void *arg)
{
    struct local_end *l = arg;
    l->result = pack(l, &l->err);
    fd_closep(&l->fd);
    return NULL;
}

static void *unpack_thread(void *arg)
{
    struct local_end *l = arg;
    auto_fd dir = -1;
    const struct creel_unpack_options o = { .size = sizeof o, .rename_to = l->plan->rename,
                                            .keep_owner = l->keep_owner, .no_overwrite_dir_non_dir = 1 };
    l->result = open_dir(l->plan->dir, &dir, &l->err);
    if (l->result == 0)
        l->result = creel_archive_unpack(l->e, dir, l->fd, &o, &l->err);
    fd_closep(&l->fd);
    return NULL;
}

static int pipe_and_thread(struct local_end *l, bool local_reads, void *(*thread)(void *), pthread_t *ret_thread,
                           int *ret_fd, struct creel_err *err)
{
    int ends[2];
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || pipe2(ends, O_CLOEXEC) < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make a pipe");
    l->fd = ends[local_reads ? 0 : 1];
    *ret_fd = ends[local_reads ? 1 : 0];
    int r = pthread_create(ret_thread, NULL, thread, l);
    if (r == 0)
        return 0;
    fd_closep(&l->fd);
    fd_closep(ret_fd);
    return creel_fail(err, CREEL_EXHAUSTED, r, "start a thread");
}

/* The packer that is CANCELED only saw its reader go: the reader knows why, and may have had all that it needed. An
 * unpacker that fails behind a packer that failed only saw the stream's early end. */
static int both_results(int packed, const struct creel_err *pack_err, int unpacked,
                        const struct creel_err *unpack_err, struct creel_err *err)
{
    bool pack_failed = packed < 0 && pack_err->kind != CREEL_CANCELED;
    if (pack_failed || unpacked < 0) {
        *err = pack_failed ? *pack_err : *unpack_err;
        return -1;
    }
    return 0;
}

/* --- the two directions --- */

struct request {
    struct cli *c;
    struct creel *e;
    char id[65];
    const char *local, *path;
    bool follow, archive;
};

static int stream_out(const struct request *r, const struct remote *from, struct creel_err *err)
{
    if (isatty(STDOUT_FILENO) == 1)
        return creel_fail(err, CREEL_INVALID, 0, "refusing to write an archive to a terminal: redirect the output");
    return creel_container_copy_out(r->e, r->id, from->path, 0, STDOUT_FILENO, err);
}

static int copy_out(const struct request *r, struct creel_err *err)
{
    auto_remote from = { 0 };
    auto_copy_local to = { 0 };
    auto_copy_plan plan = { 0 };
    struct local_end local = { .e = r->e, .plan = &plan, .keep_owner = r->archive, .fd = -1 };
    struct creel_err remote_err = { 0 };
    pthread_t thread;
    auto_fd fd = -1;

    if (strcmp(r->local, "-") != 0 && copy_local_target(r->local, &to, err) < 0)
        return -1;
    if (remote_source(r->e, r->id, r->path, r->follow, &from, err) < 0)
        return -1;
    if (strcmp(r->local, "-") == 0)
        return stream_out(r, &from, err);
    const struct copy_source source = { .path = from.path, .rename = from.rename, .is_dir = from.is_dir };
    const struct copy_target target = { .path = to.path, .exists = to.exists, .is_dir = to.is_dir };
    if (copy_plan_make(&source, &target, &plan, err) < 0
        || pipe_and_thread(&local, true, unpack_thread, &thread, &fd, err) < 0)
        return -1;
    int result = creel_container_copy_out(r->e, r->id, from.path, 0, fd, &remote_err);
    fd_closep(&fd);
    (void)pthread_join(thread, NULL); /* a thread of ours, joined once */
    return both_results(result, &remote_err, local.result, &local.err, err);
}

static int stream_in(const struct request *r, const struct remote *to, struct creel_err *err)
{
    const struct creel_copy_in_options o = { .size = sizeof o, .no_overwrite_dir_non_dir = 1,
                                             .copy_uidgid = r->archive };
    if (!to->exists || !to->is_dir)
        return creel_fail(err, CREEL_INVALID, 0, "destination \"%s\" must be a directory", r->path);
    return creel_container_copy_in(r->e, r->id, to->path, STDIN_FILENO, &o, err);
}

static int copy_in(const struct request *r, struct creel_err *err)
{
    auto_copy_local from = { 0 };
    auto_remote to = { 0 };
    auto_copy_plan plan = { 0 };
    struct local_end local = { .e = r->e, .fd = -1 };
    struct creel_err remote_err = { 0 };
    pthread_t thread;
    auto_fd fd = -1;

    if (remote_target(r->e, r->id, r->path, &to, err) < 0)
        return -1;
    if (strcmp(r->local, "-") == 0)
        return stream_in(r, &to, err);
    if (copy_local_source(r->local, r->follow, &from, err) < 0)
        return -1;
    const struct copy_source source = { .path = from.path, .rename = from.rename, .is_dir = from.is_dir };
    const struct copy_target target = { .path = to.path, .exists = to.exists, .is_dir = to.is_dir };
    if (copy_plan_make(&source, &target, &plan, err) < 0)
        return -1;
    local.source = from.path;
    local.rename = plan.rename;
    if (pipe_and_thread(&local, false, pack_thread, &thread, &fd, err) < 0)
        return -1;
    const struct creel_copy_in_options o = { .size = sizeof o, .no_overwrite_dir_non_dir = 1,
                                             .copy_uidgid = r->archive };
    int result = creel_container_copy_in(r->e, r->id, plan.dir, fd, &o, &remote_err);
    fd_closep(&fd);
    (void)pthread_join(thread, NULL); /* a thread of ours, joined once */
    return both_results(local.result, &local.err, result, &remote_err, err);
}

/* All calls name the container by its id, so that a rename meanwhile changes nothing; who reads of it called it `ref`. */
static void name_as_given(struct creel_err *err, const char *id, const char *ref)
{
    const struct creel_err e = *err;
    const char *at = id[0] != '\0' ? strstr(e.text, id) : NULL;
    if (at != NULL)
        (void)snprintf(err->text, sizeof err->text, "%.*s%.255s%s", (int)(at - e.text), e.text, ref, at + strlen(id));
}

static int cp(struct cli *c)
{
    const struct strv *args = cli_args(c);
    auto_free char *from = NULL, *from_path = NULL, *to = NULL, *to_path = NULL;
    struct request r = { .c = c, .follow = cli_flag(c, "follow-link"), .archive = cli_flag(c, "archive") };
    struct creel_err err = { 0 };

    if (args->items[0][0] == '\0')
        return cli_error(c, 1, "source can not be empty");
    if (args->items[1][0] == '\0')
        return cli_error(c, 1, "destination can not be empty");
    if (copy_argument_split(args->items[0], &from, &from_path, &err) < 0
        || copy_argument_split(args->items[1], &to, &to_path, &err) < 0)
        return cli_fail(c, &err);
    if (from != NULL && to != NULL)
        return cli_error(c, 1, "copying between containers is not supported");
    if (from == NULL && to == NULL)
        return cli_error(c, 1, "must specify at least one container source");
    r.local = from == NULL ? from_path : to_path;
    r.path = from == NULL ? to_path : from_path;
    r.e = cli_engine(c);
    if (r.e == NULL)
        return 1;
    const char *ref = from == NULL ? to : from;
    if (creel_container_resolve(r.e, ref, r.id, &err) < 0
        || (from != NULL ? copy_out(&r, &err) : copy_in(&r, &err)) < 0) {
        name_as_given(&err, r.id, ref);
        return cli_fail(c, &err);
    }
    return 0;
}

static const struct cli_option options[] = {
    { .name = "archive", .letter = 'a', .kind = CLI_FLAG,
      .help = "Keep owners when copying out; give files to the container's user when copying in" },
    { .name = "follow-link", .letter = 'L', .kind = CLI_FLAG, .help = "Copy what a link names instead of the link" },
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "Show no progress" },
    { .name = NULL },
};

const struct cli_command cli_cmd_cp = {
    .name = "cp",
    .alias = "container cp",
    .synopsis = "[OPTIONS] CONTAINER:PATH LOCAL|- | LOCAL|- CONTAINER:PATH",
    .summary = "Copy files between a container and the host",
    .description =
        "Copies a file or a directory with everything in it, out of or into a container that runs or not. If the "
        "destination is a directory, the copy is made in it; if it does not exist, the copy gets its name. A source that "
        "ends in /. stands for the content of a directory. With - as the local side a tar archive is written to standard "
        "output or read from standard input.",
    .examples = "creel cp web:/etc/hosts .\n"
                "creel cp site/. web:/srv/www\n"
                "creel cp web:/var/log - | tar t",
    .options = options,
    .min_args = 2,
    .max_args = 2,
    .complete = CLI_COMPLETE_FILE,
    .run = cp,
    .group = CLI_GROUP_CONTAINER,
};
