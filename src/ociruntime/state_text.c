/* SPDX-License-Identifier: Apache-2.0 */
/* ociruntime/state_text.c: the file `state`, text to struct and back; see ociruntime/state.h. Pure.
 *
 * One line of JSON about the container, and after it the configuration as it was read. The line says how many bytes of
 * configuration there are, so that a file that was cut short is told from a whole one. */
#include "ociruntime/state.h"

#include "base/bytes.h"
#include "spec/json_reader.h"

#include <string.h>

static const char *const manager_names[] = { [CGROUP_AUTO] = "auto", [CGROUP_FS] = "cgroupfs",
                                             [CGROUP_SYSTEMD] = "systemd", [CGROUP_DISABLED] = "disabled" };

static int read_manager(struct json_reader *r, struct state *s)
{
    auto_free char *name = NULL;
    if (json_read_string(r, &name) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(manager_names); i++)
        if (strcmp(manager_names[i], name) == 0) {
            s->manager = (enum cgroup_manager)i;
            return 0;
        }
    return json_fail(r, "\"%s\" is no manager of control groups", name);
}

static int read_text(struct json_reader *r, char **to)
{
    if (*to != NULL)
        return json_fail(r, "is given twice");
    return json_read_string(r, to);
}

static int read_member(struct json_reader *r, const char *key, size_t len, struct state *s, uint64_t *config_bytes)
{
    const struct { const char *name; char **text; bool *flag; } members[] = {
        { "bundle", &s->bundle, NULL },        { "rootfs", &s->rootfs, NULL },
        { "created", &s->created, NULL },      { "cgroup", &s->cgroup, NULL },
        { "rootless", NULL, &s->rootless },    { "noNewKeyring", NULL, &s->no_new_keyring },
        { "noPivot", NULL, &s->no_pivot },    { "notifies", NULL, &s->notifies },
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (strlen(members[i].name) == len && memcmp(members[i].name, key, len) == 0)
            return members[i].text != NULL ? read_text(r, members[i].text) : json_bool(r, members[i].flag);
    if (len == 13 && memcmp(key, "cgroupManager", len) == 0)
        return read_manager(r, s);
    if (len == 11 && memcmp(key, "configBytes", len) == 0)
        return json_u64(r, JSON_TEXT_MAX, config_bytes);
    return json_skip(r);
}

static int read_line(const char *text, size_t len, struct state *s, uint64_t *config_bytes, struct creel_err *err)
{
    struct json_reader r;
    char scratch[64];
    const char *key;
    size_t key_len;
    int more;
    if (json_reader_init(&r, "container state", text, len, err) < 0 || json_object_begin(&r) < 0)
        return -1;
    while ((more = json_object_next(&r, &key, &key_len, scratch, sizeof scratch)) > 0)
        if (read_member(&r, key, key_len, s, config_bytes) < 0)
            return -1;
    return more < 0 ? -1 : json_end(&r);
}

int state_parse(const char *text, size_t len, struct state *ret, struct creel_err *err)
{
    uint64_t config_bytes = UINT64_MAX;
    const char *end = len > 0 ? memchr(text, '\n', len) : NULL;
    if (len > STATE_TEXT_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "container state: %zu bytes are too many", len);
    if (end == NULL)
        return creel_fail(err, CREEL_INVALID, 0, "container state: no whole line");
    if (read_line(text, (size_t)(end - text), ret, &config_bytes, err) < 0)
        return -1;
    if (ret->bundle == NULL || ret->rootfs == NULL || ret->created == NULL || ret->cgroup == NULL
        || config_bytes == UINT64_MAX)
        return creel_fail(err, CREEL_INVALID, 0, "container state: a member is missing");
    if ((size_t)(text + len - end - 1) != config_bytes)
        return creel_fail(err, CREEL_INVALID, 0, "container state: the configuration is cut short");
    ret->config_len = config_bytes;
    ret->config_text = malloc(config_bytes + 1);
    if (ret->config_text == NULL)
        return creel_fail_nomem(err);
    memcpy(ret->config_text, end + 1, config_bytes);
    ret->config_text[config_bytes] = '\0';
    return 0;
}

static void add_member(struct bytes *out, const char *name, const char *value, bool *ok)
{
    bytes_addf(out, ",\"%s\":", name);
    *ok = json_add_string(out, value) && *ok;
}

int state_print(const struct state *s, struct bytes *out, struct creel_err *err)
{
    bool ok = true;
    bytes_addf(out, "{\"creel\":\"%s\"", CREEL_VERSION);
    add_member(out, "bundle", s->bundle, &ok);
    add_member(out, "rootfs", s->rootfs, &ok);
    add_member(out, "created", s->created, &ok);
    add_member(out, "cgroup", s->cgroup, &ok);
    add_member(out, "cgroupManager", manager_names[s->manager], &ok);
    if (s->rootless)
        bytes_adds(out, ",\"rootless\":true");
    if (s->no_new_keyring)
        bytes_adds(out, ",\"noNewKeyring\":true");
    if (s->no_pivot)
        bytes_adds(out, ",\"noPivot\":true");
    if (s->notifies)
        bytes_adds(out, ",\"notifies\":true");
    bytes_addf(out, ",\"configBytes\":%zu}\n", s->config_len);
    bytes_add(out, s->config_text, s->config_len);
    if (!ok)
        return creel_fail(err, CREEL_INVALID, 0, "a path of container %s is not valid UTF-8", s->id);
    return bytes_ok(out) ? 0 : creel_fail_nomem(err);
}
