/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_import.c: an image of one layer from the tar of a root file system. */
#include "cli/command.h"
#include "cli/progress.h"

#include <creel/image.h>
#include <fcntl.h>
#include <string.h>

static int open_source(struct cli *c, const char *source, int *ret)
{
    if (strncmp(source, "http://", 7) == 0 || strncmp(source, "https://", 8) == 0)
        return cli_error(c, 1, "cannot import from %s: download it and give the file, or pipe it to creel import -",
                         source);
    if (strcmp(source, "-") == 0) {
        if (isatty(STDIN_FILENO) == 1)
            return cli_error(c, 1, "standard input is a terminal: redirect a tar archive to it");
        *ret = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    } else {
        *ret = open(source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    return *ret < 0 ? cli_error(c, 1, "open %s: %s", source, strerror(errno)) : 0;
}

static int import(struct cli *c)
{
    const struct strv *args = cli_args(c);
    struct progress progress;
    struct creel_err err = { 0 };
    char id[72];
    auto_fd in = -1;

    if (open_source(c, args->items[0], &in) != 0)
        return 1;
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    progress_init(&progress, cli_flag(c, "quiet"));
    int rc = creel_image_import(e, in, args->count > 1 ? args->items[1] : NULL, cli_string(c, "message"),
                                (const char *const *)strv_argv(cli_list(c, "change")), progress_update, &progress, id,
                                &err);
    progress_clear(&progress);
    if (rc < 0)
        return cli_fail(c, &err);
    (void)fprintf(cli_out(c), "%s\n", id); /* main looks at ferror */
    return 0;
}

static const struct cli_option options[] = {
    { .name = "change", .letter = 'c', .kind = CLI_LIST, .metavar = "INSTRUCTION",
      .help = "Apply CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR" },
    { .name = "message", .letter = 'm', .kind = CLI_STRING, .metavar = "TEXT", .help = "Comment in the image's history" },
    { .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .help = "Show no progress" },
    { .name = NULL },
};

const struct cli_command cli_cmd_import = {
    .name = "import",
    .alias = "image import",
    .synopsis = "[OPTIONS] FILE|- [NAME[:TAG]]",
    .summary = "Make an image from a root file system tar",
    .description = "Reads a tar archive, plain or compressed with gzip, zstd, xz or bzip2, makes an image of one layer "
                   "from it and prints its id. Nothing is left behind when the archive is bad.",
    .examples = "creel import rootfs.tar.gz demo:1\n"
                "tar c -C rootfs . | creel import -c 'CMD [\"/bin/sh\"]' - demo",
    .options = options,
    .min_args = 1,
    .max_args = 2,
    .complete = CLI_COMPLETE_FILE,
    .run = import,
    .group = CLI_GROUP_IMAGE,
};
