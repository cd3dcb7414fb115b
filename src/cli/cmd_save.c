/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_save.c: images as an archive that creel, Docker, podman and skopeo read. */
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/progress.h"

#include <creel/image.h>
#include <string.h>

static int save(struct cli *c)
{
    const char *format = cli_string(c, "format");
    auto_output_file out = OUTPUT_FILE_INIT;
    struct progress progress;
    struct creel_err err = { 0 };

    if (format == NULL)
        format = "docker-archive";
    if (strcmp(format, "docker-archive") != 0 && strcmp(format, "oci-archive") != 0)
        return cli_error(c, 1, "unknown format '%s': docker-archive or oci-archive", format);
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (output_file_open(&out, cli_string(c, "output"), "save", &err) < 0)
        return cli_fail(c, &err);
    progress_init(&progress, false);
    int rc = creel_image_save(e, (const char *const *)strv_argv(cli_args(c)), format, out.fd, progress_update,
                              &progress, &err);
    progress_clear(&progress);
    return rc < 0 || output_file_commit(&out, &err) < 0 ? cli_fail(c, &err) : 0;
}

static const struct cli_option options[] = {
    { .name = "format", .kind = CLI_STRING, .metavar = "FORMAT", .help = "Kind of archive", .def = "docker-archive",
      .complete = CLI_COMPLETE_WORDS, .words = "docker-archive oci-archive" },
    { .name = "output", .letter = 'o', .kind = CLI_STRING, .metavar = "FILE",
      .help = "Write to this file instead of standard output", .complete = CLI_COMPLETE_FILE },
    { .name = NULL },
};

const struct cli_command cli_cmd_save = {
    .name = "save",
    .alias = "image save",
    .synopsis = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Write images to an archive",
    .description = "Writes the images with their layers and names to one tar archive, which creel load, docker load, "
                   "podman and skopeo read.",
    .examples = "creel save -o busybox.tar busybox\n"
                "creel save --format oci-archive demo:1 demo:2 | zstd >demo.tar.zst",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .complete = CLI_COMPLETE_IMAGE,
    .run = save,
    .group = CLI_GROUP_IMAGE,
};
