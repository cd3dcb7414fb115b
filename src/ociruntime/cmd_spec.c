/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/cmd_spec.c: write config.json to start from. A file that is there is never touched. */
#include "ociruntime/command.h"
#include "ociruntime/example.h"
#include "runtime/cgroup.h"
#include "sys/process.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const char file[] = "config.json";

static int write_new(const char *bundle, const struct bytes *text, struct creel_err *err)
{
    auto_fd dir = open(bundle != NULL && bundle[0] != '\0' ? bundle : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "open bundle %s", bundle);
    auto_fd fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return creel_fail(err, CREEL_CONFLICT, 0, "File %s exists. Remove it first", file);
    if (fd < 0)
        return creel_fail(err, creel_kind_of_errno(errno), errno, "make %s", file);
    int r = bytes_ok(text) ? sys_write_all(fd, bytes_str(text), text->len) : -ENOMEM;
    if (r == 0)
        return 0;
    (void)unlinkat(dir, file, 0);   /* half a configuration is worse than none; the error is reported */
    return creel_fail(err, creel_kind_of_errno(-r), -r, "write %s", file);
}

static int run(struct invocation *in, struct creel_err *err)
{
    struct cgroup_layout layout;
    auto_bytes text = BYTES_INIT;
    if (cgroup_layout_load(NULL, &layout, err) < 0)
        return -1;
    const struct example_host host = { .unified = layout.unified, .rootless = option_flag(in, "rootless"),
                                       .uid = geteuid(), .gid = getegid() };
    cgroup_layout_fini(&layout);
    return example_print(&host, &text, err) < 0 ? -1 : write_new(option_string(in, "bundle"), &text, err);
}

static const struct option options[] = {
    { .name = "bundle", .letter = 'b', .kind = OPTION_STRING, .metavar = "DIR",
      .help = "path to the root of the bundle directory; default: the current one" },
    { .name = "rootless", .kind = OPTION_FLAG, .help = "generate a configuration for a rootless container" },
    { .name = NULL },
};

const struct command command_spec = {
    .name = "spec", .synopsis = "[options]",
    .summary = "create a new specification file",
    .description = "Writes config.json: a starting point to be edited. It runs \"sh\" in the root file system "
                   "\"rootfs\" of the bundle, read-only, on a terminal, with few capabilities.",
    .options = options, .min_args = 0, .max_args = 0, .run = run,
};
