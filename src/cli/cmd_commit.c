/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_commit.c: an image from a container's changes. */
#include "cli/command.h"
#include "cli/json.h"

#include <creel/container.h>
#include <string.h>

/* "host:5000/name:tag": the tag is behind the last colon that no slash follows. */
static int put_name(json_t *o, const char *name, struct creel_err *err)
{
    const char *colon = strrchr(name, ':');
    bool tagged = colon != NULL && strchr(colon, '/') == NULL;
    auto_free char *repo = strndup(name, tagged ? (size_t)(colon - name) : strlen(name));
    if (repo == NULL)
        return creel_fail_nomem(err);
    if (json_put_text(o, "Repo", repo, "the image's name", err) < 0)
        return -1;
    return tagged ? json_put_text(o, "Tag", colon + 1, "the image's tag", err) : 0;
}

static int request(struct cli *c, char **ret, struct creel_err *err)
{
    const struct strv *args = cli_args(c), *changes = cli_list(c, "change");
    const char *author = cli_string(c, "author"), *message = cli_string(c, "message");
    auto_json *o = json_object();
    auto_json *list = json_array();
    if ((args->count > 1 && put_name(o, args->items[1], err) < 0)
        || (author != NULL && json_put_text(o, "Author", author, "--author", err) < 0)
        || (message != NULL && json_put_text(o, "Comment", message, "--message", err) < 0)
        || json_put(o, "Pause", json_boolean(cli_flag(c, "pause")), err) < 0)
        return -1;
    for (size_t i = 0; i < changes->count; i++)
        if (json_push_text(list, changes->items[i], "--change", err) < 0)
            return -1;
    if (json_put(o, "Changes", json_incref(list), err) < 0)
        return -1;
    *ret = json_dumps(o, JSON_COMPACT);
    return *ret == NULL ? creel_fail_nomem(err) : 0;
}

static int commit(struct cli *c)
{
    auto_free char *body = NULL;
    char id[72];
    struct creel_err err = { 0 };
    struct creel *e = cli_engine(c);
    if (e == NULL)
        return 1;
    if (request(c, &body, &err) < 0 || creel_container_commit(e, cli_args(c)->items[0], body, id, &err) < 0)
        return cli_fail(c, &err);
    (void)fprintf(cli_out(c), "%s\n", id); /* main looks at ferror */
    return 0;
}

static const struct cli_option options[] = {
    { .name = "author", .letter = 'a', .kind = CLI_STRING, .metavar = "TEXT", .help = "Author of the image" },
    { .name = "change", .letter = 'c', .kind = CLI_LIST, .metavar = "INSTRUCTION",
      .help = "Apply CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR" },
    { .name = "message", .letter = 'm', .kind = CLI_STRING, .metavar = "TEXT", .help = "Comment in the image's history" },
    { .name = "pause", .letter = 'p', .kind = CLI_FLAG, .help = "Pause the container meanwhile", .def = "true" },
    { .name = NULL },
};

const struct cli_command cli_cmd_commit = {
    .name = "commit",
    .alias = "container commit",
    .synopsis = "[OPTIONS] CONTAINER [NAME[:TAG]]",
    .summary = "Make an image from a container's changes",
    .description = "Makes an image of the container's image and one layer with what the container changed, and prints its "
                   "id. Mounts are not part of it.",
    .examples = "creel commit -m 'with tools' build tools:1\n"
                "creel commit -c 'CMD [\"/bin/httpd\"]' web web:2",
    .options = options,
    .min_args = 1,
    .max_args = 2,
    .complete = CLI_COMPLETE_CONTAINER,
    .run = commit,
    .group = CLI_GROUP_CONTAINER,
};
