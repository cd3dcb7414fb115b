/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_load.c: images from a Docker archive, an OCI archive or an OCI layout directory. */
#include "cli/command.h"
#include "cli/progress.h"

#include <creel/image.h>
#include <fcntl.h>
#include <string.h>

/* The argument of both callbacks: progress_update sees its first member. */
struct load {
    struct progress progress;
    struct cli *c;
};

static void say_image(void *arg, const char *id, const char *ref)
{
    struct load *l = arg;
    progress_clear(&l->progress);
    if (ref[0] != '\0')
        (void)fprintf(cli_out(l->c), "Loaded image: %s\n", ref); /* main looks at ferror */
    else
        (void)fprintf(cli_out(l->c), "Loaded image ID: %s\n", id); /* as above */
}

static int open_source(struct cli *c, int *ret)
{
    const char *input = cli_string(c, "input");
    if (input == NULL || strcmp(input, "-") == 0) {
        if (isatty(STDIN_FILENO) == 1)
            return cli_error(c, 1, "requested load from stdin, but stdin is a terminal: use -i or redirect");
        *ret = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        return *ret < 0 ? cli_error(c, 1, "use standard input: %s", strerror(errno)) : 0;
    }
    *ret = open(input, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return *ret < 0 ? cli_error(c, 1, "open %s: %s", input, strerror(errno)) : 0;
}

static int load(struct cli *c)
{
    struct load l = { .c = c };
    struct creel_err err = { 0 };
    auto_fd in = -1;

    if (open_source(c, &in) != 0)
        return 1;
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    progress_init(&l.progress, cli_flag(c, "quiet"));
    int rc = creel_image_load(e, in, progress_update, say_image, &l, &err);
    progress_clear(&l.progress);
    return rc < 0 ? cli_fail(c, &err) : 0;
}

static const struct cli_option options[] = {
    { .name = "input", .letter = 'i', .kind = CLI_STRING, .metavar = "FILE|DIR",
      .help = "Read this archive or OCI layout directory instead of standard input", .complete = CLI_COMPLETE_FILE },
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "Show no progress" },
    { .name = NULL },
};

const struct cli_command cli_cmd_load = {
    .name = "load",
    .alias = "image load",
    .synopsis = "[OPTIONS]",
    .summary = "Load images from an archive",
    .description =
        "Loads all images of a Docker archive or OCI archive, plain or compressed, or of an OCI layout "
        "directory, and prints their names. Every digest is verified; nothing is left behind when the archive "
        "is bad.",
    .examples = "creel load -i busybox.tar\n"
                "docker save busybox | creel load",
    .options = options,
    .min_args = 0,
    .max_args = 0,
    .run = load,
    .group = CLI_GROUP_IMAGE,
};
