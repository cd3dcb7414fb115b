/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_rmi.c: creel rmi and creel tag. */
#include "cli/command.h"

#include <creel/image.h>

#include <string.h>

static void say(void *arg, const char *what, const char *name)
{
    struct cli *c = arg;
    (void)fprintf(cli_out(c), "%s: %s\n", strcmp(what, "untagged") == 0 ? "Untagged" : "Deleted",
                  name); /* main looks at ferror */
}

static int rmi(struct cli *c)
{
    struct creel *e = cli_engine(c);
    bool force = cli_flag(c, "force");
    int code = 0;
    if (e == NULL)
        return 1;
    for (size_t i = 0; i < cli_args(c)->count; i++) {
        struct creel_err err = { 0 };
        if (creel_image_remove(e, cli_args(c)->items[i], force, cli_flag(c, "no-prune"), say, c, &err) == 0)
            continue;
        (void)cli_fail(c, &err);
        if (!(force && err.kind == CREEL_NOT_FOUND)) /* with --force, what is gone already is no failure */
            code = 1;
    }
    return code;
}

static const struct cli_option rmi_options[] = {
    { .name = "force",
      .letter = 'f',
      .kind = CLI_FLAG,
      .help = "Remove also an image with several names, or that a stopped container uses" },
    { .name = "no-prune", .kind = CLI_FLAG, .help = "Keep parents that have no name" },
    { .name = NULL },
};

const struct cli_command cli_cmd_rmi = {
    .name = "rmi",
    .alias = "image rm,image remove",
    .synopsis = "[OPTIONS] IMAGE...",
    .summary = "Remove images",
    .description = "Takes the name off each image; with its last name the image and the layers that only it uses are "
                   "deleted. An image "
                   "that a running container uses stays.",
    .examples = "creel rmi busybox:old",
    .options = rmi_options,
    .min_args = 1,
    .max_args = -1,
    .group = CLI_GROUP_IMAGE,
    .complete = CLI_COMPLETE_IMAGE,
    .run = rmi,
};

static int tag(struct cli *c)
{
    struct creel *e = cli_engine(c);
    struct creel_err err = { 0 };
    if (e == NULL)
        return 1;
    return creel_image_tag(e, cli_args(c)->items[0], cli_args(c)->items[1], &err) < 0 ? cli_fail(c, &err) : 0;
}

const struct cli_command cli_cmd_tag = {
    .name = "tag",
    .alias = "image tag",
    .synopsis = "IMAGE[:TAG] NAME[:TAG]",
    .summary = "Give an image another name",
    .description = "Gives an image another name. A name that another image has moves to this one.",
    .examples = "creel tag busybox registry.example.com/base:1",
    .min_args = 2, .max_args = 2, .group = CLI_GROUP_IMAGE, .complete = CLI_COMPLETE_IMAGE, .run = tag,
};
