/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/status_document.c: see ociruntime/status_document.h. */
#include "ociruntime/status_document.h"

#include "base/parse.h"
#include "spec/json_reader.h"

#include <stdio.h>
#include <string.h>

/* "name:x:1000:…": not through the C library, which would load modules into a static program. */
void status_document_owner(const struct state *s, char owner[OWNER_TEXT_MAX])
{
    char line[1024];
    auto_file FILE *f = fopen("/etc/passwd", "re");
    (void)snprintf(owner, OWNER_TEXT_MAX, "#%u", (unsigned)s->owner);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        uint64_t uid;
        char *save, *name = strtok_r(line, ":", &save), *password = strtok_r(NULL, ":", &save);
        const char *number = strtok_r(NULL, ":", &save);
        if (name == NULL || password == NULL || number == NULL || !parse_u64(number, UINT32_MAX, &uid) || uid != s->owner)
            continue;
        if (strlen(name) < OWNER_TEXT_MAX)
            (void)snprintf(owner, OWNER_TEXT_MAX, "%s", name);
        return;
    }
}

struct printer { struct bytes *out; bool pretty, ok, any; };

static void key(struct printer *p, const char *name, int depth)
{
    bytes_adds(p->out, p->any ? "," : "");
    if (p->pretty)
        bytes_addf(p->out, "\n%*s", 2 * depth, "");
    p->any = true;
    p->ok = json_add_string(p->out, name) && p->ok;
    bytes_adds(p->out, p->pretty ? ": " : ":");
}

static void text(struct printer *p, const char *name, const char *value, int depth)
{
    key(p, name, depth);
    p->ok = json_add_string(p->out, value) && p->ok;
}

static void annotations(struct printer *p, const struct oci_config *c)
{
    if (c->annotation_count == 0)
        return;
    key(p, "annotations", 1);
    bytes_addc(p->out, '{');
    p->any = false;
    for (size_t i = 0; i < c->annotation_count; i++)
        text(p, c->annotations[i].key, c->annotations[i].value, 2);
    bytes_adds(p->out, p->pretty ? "\n  }" : "}");
    p->any = true;
}

int status_document_print(const struct state *s, enum container_status status, bool pretty, struct bytes *out,
                          struct creel_err *err)
{
    struct printer p = { .out = out, .pretty = pretty, .ok = true };
    char owner[OWNER_TEXT_MAX];
    auto_oci_config config = NULL;
    if (state_config(s, &config, err) < 0)
        return -1;
    status_document_owner(s, owner);
    bytes_addc(out, '{');
    text(&p, "ociVersion", config->oci_version != NULL ? config->oci_version : "1.2.0", 1);
    text(&p, "id", s->id, 1);
    key(&p, "pid", 1);
    bytes_addf(out, "%d", status == CONTAINER_STOPPED ? 0 : (int)s->pid);
    text(&p, "status", container_status_name(status), 1);
    text(&p, "bundle", s->bundle, 1);
    text(&p, "rootfs", s->rootfs, 1);
    text(&p, "created", s->created, 1);
    annotations(&p, config);
    text(&p, "owner", owner, 1);
    bytes_adds(out, pretty ? "\n}" : "}");
    if (!p.ok)
        return creel_fail(err, CREEL_INVALID, 0, "container %s: a text is not valid UTF-8", s->id);
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}
